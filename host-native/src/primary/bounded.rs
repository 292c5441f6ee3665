//! Answers under a plan's limits: how many context facts a question may bring, how many results an answer may have.

use std::sync::Arc;

use understudy_core::model::{Answer, Fact, Pattern, Request};
use understudy_wire::Code;

use super::limits::Limits;
use crate::http::{
    refusal::Refusal,
    state::{Answers, CallError, Metadata, Pending},
};

/// Those of `answers` that are within the limits. What is over one is refused whole, never shortened.
pub struct Bounded {
    /// Who answers.
    pub answers: Arc<dyn Answers>,
    /// Only `context_facts_max` and `results_max` count here.
    pub limits: Limits,
}

impl Bounded {
    fn results(&self, n: usize) -> Result<(), CallError> {
        refuse(n, self.limits.results_max, "results", "ask for fewer")
    }
}

impl Answers for Bounded {
    fn ask(&self, worker: usize, requests: Vec<Request>) -> Pending<'_, Result<Vec<Answer>, CallError>> {
        Box::pin(async move {
            let n_facts = requests.iter().map(|request| request.context_facts.len()).max().unwrap_or(0);
            refuse(n_facts, self.limits.context_facts_max, "context facts", "send fewer, or store them")?;
            let answers = self.answers.ask(worker, requests).await?;
            for answer in &answers {
                self.results(match answer {
                    Answer::Decision(_) => 1,
                    Answer::Ids(ids) => ids.len(),
                    Answer::Facts(rows) => rows.len(),
                    Answer::Bindings { rows, .. } => rows.len(),
                })?;
            }
            Ok(answers)
        })
    }

    fn facts(
        &self,
        worker: usize,
        predicate: Option<String>,
        args: Vec<Pattern>,
    ) -> Pending<'_, Result<Vec<Fact>, CallError>> {
        Box::pin(async move {
            let facts = self.answers.facts(worker, predicate, args).await?;
            self.results(facts.len()).map(|()| facts)
        })
    }

    fn metadata(&self, worker: usize) -> Pending<'_, Result<Option<Metadata>, CallError>> {
        self.answers.metadata(worker)
    }

    fn is_serving(&self) -> bool {
        self.answers.is_serving()
    }
}

fn refuse(n: usize, max: Option<usize>, what: &str, advice: &str) -> Result<(), CallError> {
    match max {
        Some(max) if n > max => {
            let message = format!("{n} {what}: this primary allows {max} at once, {advice}");
            Err(CallError::Refused(Refusal::new(Code::TooLarge, message)))
        }
        _ => Ok(()),
    }
}
