//! The engine as a component without imports, and the same code as a core module with flat exports.
//!
//! Enters: WIT calls (`wit/`), flat calls (`wit/RAW.md`). Leaves: answers, errors. Never: decides anything; asks its host.
#![cfg(target_arch = "wasm32")]
// The component ABI: exported symbols, and the one window of memory that the host fills.
#![allow(unsafe_code)]

mod convert;
mod flat;
mod instance;
mod reasons;
mod typed;

/// Generated from `wit/`.
mod bindings {
    #![allow(missing_docs, clippy::all)]
    wit_bindgen::generate!({
        world: "understudy",
        path: "../../wit",
        generate_all,
    });
}

use typed::Component;
bindings::export!(Component with_types_in bindings);
