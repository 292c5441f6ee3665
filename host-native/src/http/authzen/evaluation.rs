//! `/access/v1/evaluation` and `/access/v1/evaluations`.

use std::sync::Arc;

use understudy_calls::{
    authzen::batch::{Batch, Decided},
    refusal::Refusal,
};
use understudy_wire::authzen::{Decision, DecisionContext, Evaluations, ItemError};

use super::{converse, read};
use crate::http::{
    reply::Reply,
    service::Arrived,
    state::{State, mismatch, now_s},
    tally::Tally,
};

/// One decision.
pub async fn evaluation(state: &State, arrived: &Arrived) -> Result<Reply, Reply> {
    decide(state, arrived, Batch::single(&read(arrived)?, &state.authzen.terms, now_s())?).await
}

/// Several decisions, as of one generation and one point in time.
pub async fn evaluations(state: &State, arrived: &Arrived) -> Result<Reply, Reply> {
    decide(state, arrived, Batch::read(&read(arrived)?, &state.authzen.terms, now_s())?).await
}

async fn decide(state: &State, arrived: &Arrived, batch: Batch) -> Result<Reply, Reply> {
    let batch = Arc::new(batch);
    let told = converse(state, arrived.asker, batch.clone()).await?;
    let mut decisions = batch.decisions(&told).into_iter();
    if batch.is_single() {
        let Decided { decision, reason } = decisions.next().ok_or_else(mismatch)?;
        let decision = decision?;
        return Ok(Reply::ok(&Decision { decision, context: because(reason) }).counted(Tally::decision(decision)));
    }
    let mut tally = Tally::default();
    let evaluations = decisions.map(|decided| {
        match &decided.decision {
            Ok(true) => tally.n_allowed += 1,
            Ok(false) => tally.n_denied += 1,
            Err(refusal) => tally.refused.push(refusal.code),
        }
        item(decided)
    });
    let evaluations = evaluations.collect();
    Ok(Reply::ok(&Evaluations { evaluations }).counted(tally))
}

/// What can't be decided is a denial that says why.
fn item(Decided { decision, reason }: Decided) -> Decision {
    match decision {
        Ok(decision) => Decision { decision, context: because(reason) },
        Err(Refusal { code, message }) => {
            let error = ItemError { status: code.status(), message };
            Decision { decision: false, context: Some(DecisionContext { error: Some(error), reason: None }) }
        }
    }
}

fn because(reason: Option<String>) -> Option<DecisionContext> {
    reason.map(|reason| DecisionContext { error: None, reason: Some(reason) })
}
