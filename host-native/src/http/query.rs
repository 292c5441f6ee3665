//! `/api/query` and `/api/evaluate_query`.

use understudy_core::model::{Answer, Ask};
use understudy_wire as wire;

use super::{
    convert,
    reply::Reply,
    state::{Asker, State, mismatch},
};

/// Solutions of one predicate.
pub async fn query(state: &State, asker: Asker, body: &[u8]) -> Result<Reply, Reply> {
    let asked: wire::QueryRequest = convert::body(body)?;
    let predicate = asked.fact.predicate;
    let ask = Ask::Query {
        predicate: predicate.clone(),
        args: convert::patterns(&asked.fact.args).map_err(|error| error.at("fact"))?,
    };
    match state.ask(asker, ask, convert::facts(&asked.context_facts)?).await? {
        Answer::Facts(rows) => {
            let results = rows.into_iter().map(|row| convert::wire_solution(&predicate, row)).collect();
            Ok(Reply::ok(&wire::QueryResult { results }))
        }
        _ => Err(mismatch().into()),
    }
}

/// A conjunction over variables.
pub async fn evaluate_query(state: &State, asker: Asker, body: &[u8]) -> Result<Reply, Reply> {
    let asked: wire::EvaluateRequest = convert::body(body)?;
    let context_facts = convert::facts(&asked.context_facts)?;
    match state.ask(asker, convert::evaluate(asked)?, context_facts).await? {
        Answer::Bindings { variables, rows } => {
            let row = |ids: Vec<Option<String>>| variables.iter().cloned().zip(ids).collect();
            Ok(Reply::ok(&wire::EvaluateResult { results: rows.into_iter().map(row).collect() }))
        }
        _ => Err(mismatch().into()),
    }
}
