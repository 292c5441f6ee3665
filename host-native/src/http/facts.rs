//! `GET /api/facts`: stored facts, no rules. Without parameters: all of them.

use understudy_wire as wire;

use super::{
    convert,
    refusal::Unreadable,
    reply::Reply,
    state::{Asker, State},
};

/// Facts that fit the query string.
pub async fn facts(state: &State, asker: Asker, query: &str) -> Result<Reply, Reply> {
    let query = wire::FactsQuery::parse(query).map_err(Unreadable)?;
    let facts = state.answers.facts(asker, query.predicate, convert::patterns(&query.args)?).await?;
    Ok(Reply::ok(&facts.into_iter().map(convert::wire_fact).collect::<Vec<_>>()))
}
