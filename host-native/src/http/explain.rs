//! `/api/explain`: why a call is answered as it is.

use understudy_calls::explain::{self, Form};
use understudy_core::model::Request;
use understudy_wire::Code;

use super::{
    limits::{EXPLAIN_BYTES_MAX, EXPLAIN_UNITS_MAX},
    reply::{Reply, ReplyBody},
    state::{Asker, State, now_s},
};

/// The short form of the reasons, and the long one where it is asked for.
pub async fn explain(state: &State, asker: Asker, body: &[u8]) -> Result<Reply, Reply> {
    if !state.explains {
        return Err(Reply::error(
            Code::Forbidden,
            "explanations are turned off here: start the server with OSO_EXPLAIN=true",
        ));
    }
    let asked = explain::read(body)?;
    let form = asked.form;
    let request =
        Request { ask: asked.ask, context_facts: asked.context_facts, now_s: now_s(), budget: EXPLAIN_UNITS_MAX };
    let reasons = state.answers.explain(asker, request).await?;
    let reply = Reply::ok(&explain::result(&reasons, form));
    match &reply.body {
        ReplyBody::Bytes(Some(bytes)) if form == Form::Full && bytes.len() > EXPLAIN_BYTES_MAX => Err(Reply::error(
            Code::TooLarge,
            format!("the tree has more than {EXPLAIN_BYTES_MAX} bytes: ask for `\"form\": \"short\"`"),
        )),
        _ => Ok(reply),
    }
}
