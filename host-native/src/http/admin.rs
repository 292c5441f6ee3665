//! `/healthcheck`, `/api/healthcheck`, `/metrics`: for machines that watch, without a key.

use understudy_wire::Code;

use super::{reply::Reply, state::State};

/// 200 only while serving, else 503.
pub fn healthcheck(state: &State) -> Reply {
    if state.answers.is_serving() {
        Reply::bytes(200, "application/json", r#"{"status":"ok"}"#)
    } else {
        Reply::error(Code::Unavailable, "not serving: no policy and facts have arrived yet")
    }
}

/// Everything counted.
pub fn metrics(state: &State) -> Reply {
    Reply::bytes(200, "text/plain; version=0.0.4; charset=utf-8", state.observe.metrics())
}
