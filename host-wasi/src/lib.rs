//! The check API as a `wasi:http` component: the engine is linked in, the snapshot lies in a preopened folder.
//!
//! Enters: HTTP requests, one file, four variables (`settings`). Leaves: replies, each JSON with an `X-Request-ID`.
//! Never: follows an upstream, writes anything, asks anybody over the network, turns an error into an allow. What it has in
//! common with the native node (bodies, statuses, keys, page tokens) is not here but in `sdk-shim/calls`.
#![cfg(target_arch = "wasm32")]
// The component ABI: what `export!` expands to.
#![allow(unsafe_code)]

mod exchange;
mod reply;
mod routes;
mod settings;
mod source;

use wasip2::{
    exports::http::incoming_handler::Guest,
    http::types::{IncomingRequest, ResponseOutparam},
};

/// Stands for the instance in the exported code.
struct Component;

impl Guest for Component {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let request_id = exchange::request_id(&request);
        let reply = exchange::read(&request).map(|arrived| routes::reply(&arrived));
        exchange::send(out, &request_id, &reply.unwrap_or_else(Into::into));
    }
}

wasip2::http::proxy::export!(Component);
