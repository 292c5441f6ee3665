//! What a key that may only read gets of the primary besides answers: counts of facts; agents' events are taken and dropped.

use understudy_wire as wire;

use super::{ledger::Ledger, store::FactCounts};
use crate::http::{convert, reply::Reply};

/// `GET /api/stats`.
pub fn stats(ledger: &Ledger) -> Result<Reply, Reply> {
    let FactCounts { n_roles, n_relations, n_facts } = ledger.counts()?;
    Ok(Reply::ok(&wire::Stats { num_roles: n_roles, num_relations: n_relations, num_facts: n_facts }))
}

/// `POST /api/agents/event/…`: read, so that a mistake is told; nothing answers by it.
pub fn agent_event(body: &[u8]) -> Result<Reply, Reply> {
    convert::body::<wire::AgentEvent>(body)?;
    Ok(Reply::message(200, "noted"))
}
