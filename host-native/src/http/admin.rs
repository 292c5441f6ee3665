//! `/healthcheck`, `/api/healthcheck`, `/livez`, `/readyz`, `/metrics`: for machines that watch, without a key.

use understudy_wire::Code;

use super::{
    reply::{METRICS_TYPE, Reply},
    service::Arrived,
    state::State,
};

/// 200 only while serving, else 503.
pub fn healthcheck(state: &State) -> Reply {
    if !state.ready.is_ready() {
        Reply::error(Code::Unavailable, "not ready: it is about to stop")
    } else if state.answers.is_serving() {
        Reply::bytes(200, "application/json", r#"{"status":"ok"}"#)
    } else {
        Reply::error(Code::Unavailable, "not serving: no policy and facts have arrived yet")
    }
}

/// 200 as long as the process answers at all: whether to start it anew.
pub fn livez() -> Reply {
    Reply::bytes(200, "application/json", r#"{"status":"ok"}"#)
}

/// 200 while it serves and goes on serving, else 503: whether to send it requests.
pub fn readyz(state: &State, arrived: &Arrived) -> Reply {
    if *arrived.draining.borrow() {
        return Reply::error(Code::Unavailable, "not ready: it is about to stop");
    }
    healthcheck(state)
}

/// Everything counted.
pub fn metrics(state: &State) -> Reply {
    Reply::bytes(200, METRICS_TYPE, state.observe.metrics())
}
