//! What a key that may only read gets of the primary besides answers: counts of facts; agents' events are taken and dropped.

use understudy_wire as wire;

use super::ledger::Ledger;
use crate::http::{convert, reply::Reply, state::CallError};

/// `GET /api/stats`.
pub fn stats(ledger: &Ledger) -> Result<Reply, Reply> {
    let counts = ledger.counts().map_err(|error| Reply::from(CallError::Failed(error.to_string())))?;
    let (num_roles, num_relations, num_facts) = (counts.n_roles, counts.n_relations, counts.n_facts);
    Ok(Reply::ok(&wire::Stats { num_roles, num_relations, num_facts }))
}

/// `POST /api/agents/event/…`: read, so that a mistake is told; nothing answers by it.
pub fn agent_event(body: &[u8]) -> Result<Reply, Reply> {
    convert::body::<wire::AgentEvent>(body)?;
    Ok(Reply::message(200, "noted"))
}
