//! `/.well-known/authzen-configuration`: what is offered where.

use hyper::header::CACHE_CONTROL;
use understudy_wire::Code;

use crate::http::{reply::Reply, service::Arrived, state::State};

/// The metadata document; 404 where no base URL is configured or it has another path.
pub fn configuration(state: &State, arrived: &Arrived) -> Reply {
    match &state.authzen.configuration {
        Some((at, document)) if *at == arrived.path => Reply::ok(document).with(CACHE_CONTROL, "max-age=3600"),
        Some(_) => Reply::error(Code::NotFound, "not found: this service has another base URL"),
        None => Reply::error(Code::NotFound, "this service doesn't know its own address: set OSO_AUTHZEN_URL"),
    }
}
