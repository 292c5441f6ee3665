//! The AuthZEN Authorization API 1.0: evaluations, searches, metadata.
//!
//! Enters: requests. Leaves: replies. Never: answers a part of a request from another generation than the rest; makes its
//! own address of a `Host` header. What bodies mean is in `sdk-shim/calls`.

mod configuration;
mod evaluation;
mod search;
pub mod settings;

use std::sync::Arc;

use hyper::header::{CONTENT_TYPE, RETRY_AFTER};
use understudy_calls::{
    authzen::json::{self, Object},
    dialogue::{Dialogue, Told},
};
use understudy_wire::Code;

pub use configuration::configuration;
pub use evaluation::{evaluation, evaluations};
pub use search::{actions, resources, subjects};

use super::{
    reply::Reply,
    service::Arrived,
    state::{Asker, CallError, State},
};

/// Seconds after which to ask again where there is no answer now.
const RETRY_AFTER_S: &str = "1";

/// The body of a POST: first its type, then its text.
fn read(arrived: &Arrived) -> Result<Object, Reply> {
    let content_type = arrived.header(&CONTENT_TYPE).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        return Err(Reply::error(
            Code::BadRequest,
            "the header `content-type` isn't application/json: send JSON as such",
        ));
    }
    Ok(json::read(&arrived.body)?)
}

/// What was told of every step, or why nothing can be told now.
async fn converse(state: &State, asker: Asker, dialogue: Arc<dyn Dialogue>) -> Result<Vec<Told>, Reply> {
    state.answers.converse(asker, dialogue).await.map_err(|error| {
        let may_come_again = matches!(error, CallError::NotServing | CallError::Busy);
        let reply = Reply::from(error);
        if may_come_again { reply.with(RETRY_AFTER, RETRY_AFTER_S) } else { reply }
    })
}
