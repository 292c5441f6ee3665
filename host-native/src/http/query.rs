//! `/api/query` and `/api/evaluate_query`.

use serde::{Serialize, Serializer};
use understudy_core::model::Answer;
use understudy_wire as wire;

use super::{
    convert, question,
    reply::Reply,
    state::{Asker, State, mismatch},
};

/// Solutions of one predicate.
pub async fn query(state: &State, asker: Asker, body: &[u8]) -> Result<Reply, Reply> {
    let asked: wire::QueryRequest = convert::question(body)?;
    let ask = question::query(&asked)?;
    let predicate = asked.fact.predicate;
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
    let asked: wire::EvaluateRequest = convert::question(body)?;
    let context_facts = convert::facts(&asked.context_facts)?;
    match state.ask(asker, convert::evaluate(asked)?, context_facts).await? {
        Answer::Bindings { variables, rows } => Ok(Reply::ok(&Bindings { results: Rows { variables, rows } })),
        _ => Err(mismatch().into()),
    }
}

/// `EvaluateResult` as it is written, without a map for every row.
#[derive(Serialize)]
struct Bindings {
    results: Rows,
}

struct Rows {
    /// Sorted, as the map's keys are.
    variables: Vec<String>,
    rows: Vec<Vec<Option<String>>>,
}

impl Serialize for Rows {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.rows.iter().map(|ids| OneRow { variables: &self.variables, ids }))
    }
}

struct OneRow<'a> {
    variables: &'a [String],
    ids: &'a [Option<String>],
}

impl Serialize for OneRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.variables.iter().zip(self.ids))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn rows_are_written_as_the_wire_has_them() {
        let variables = vec!["a".to_owned(), "b".to_owned()];
        let rows = vec![vec![Some("1".to_owned()), None], vec![None, Some("\"".to_owned())]];
        let row = |ids: &Vec<Option<String>>| variables.iter().cloned().zip(ids.iter().cloned()).collect();
        let expected = wire::EvaluateResult { results: rows.iter().map(row).collect() };
        let written =
            serde_json::to_string(&Bindings { results: Rows { variables: variables.clone(), rows } }).unwrap();
        assert_eq!(written, serde_json::to_string(&expected).unwrap());
    }
}
