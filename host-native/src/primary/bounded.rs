//! Answers under a plan's limits: how many context facts a question may bring, how many results an answer may have.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use understudy_calls::dialogue::{Dialogue, Step, Told};
use understudy_core::{
    model::{Answer, Fact, Pattern, Reasons, Request},
    vocabulary::Vocabulary,
};
use understudy_wire::Code;

use super::limits::Limits;
use crate::http::{
    refusal::Refusal,
    state::{Answers, Asked, Asker, CallError, Metadata, Pending},
};

/// Those of `answers` that are within the limits. What is over one is refused whole, never shortened.
pub struct Bounded {
    /// Who answers.
    pub answers: Arc<dyn Answers>,
    /// Only `context_facts_max` and `results_max` count here.
    pub limits: Limits,
}

impl Bounded {
    fn context_facts(&self, n: usize) -> Result<(), CallError> {
        refuse(n, self.limits.context_facts_max, "context facts", "send fewer, or store them")
    }

    fn answer(&self, answer: &Answer) -> Result<(), CallError> {
        self.results(match answer {
            Answer::Decision(_) => 1,
            Answer::Ids(ids) => ids.len(),
            Answer::Facts(rows) => rows.len(),
            Answer::Bindings { rows, .. } => rows.len(),
        })
    }

    fn results(&self, n: usize) -> Result<(), CallError> {
        refuse(n, self.limits.results_max, "results", "ask for fewer")
    }
}

impl Answers for Bounded {
    fn ask(&self, asker: Asker, asked: Asked) -> Pending<'_, Result<Vec<Answer>, CallError>> {
        Box::pin(async move {
            self.context_facts(asked.context_facts.len())?;
            let answers = self.answers.ask(asker, asked).await?;
            answers.iter().try_for_each(|answer| self.answer(answer))?;
            Ok(answers)
        })
    }

    fn explain(&self, asker: Asker, request: Request) -> Pending<'_, Result<Reasons, CallError>> {
        Box::pin(async move {
            self.context_facts(request.context_facts.len())?;
            self.answers.explain(asker, request).await
        })
    }

    fn converse(&self, asker: Asker, dialogue: Arc<dyn Dialogue>) -> Pending<'_, Result<Vec<Told>, CallError>> {
        Box::pin(async move {
            let max = self.limits.context_facts_max.unwrap_or(usize::MAX);
            let counted =
                Arc::new(Counted { dialogue, max, n_over: AtomicUsize::new(0), universe: AtomicUsize::new(0) });
            let told = self.answers.converse(asker, counted.clone()).await?;
            self.context_facts(counted.n_over.load(Ordering::Relaxed))?;
            let universe = counted.universe.load(Ordering::Relaxed);
            told.iter().zip(1..).try_for_each(|(told, number)| match told {
                Told::Answer(answer) => self.answer(answer),
                Told::Names(Some(names)) if number == universe => self.results(names.len()),
                Told::Failed(_) | Told::Names(_) | Told::Reasons(_) | Told::Skipped => Ok(()),
            })?;
            Ok(told)
        })
    }

    fn facts(
        &self,
        asker: Asker,
        predicate: Option<String>,
        args: Vec<Pattern>,
    ) -> Pending<'_, Result<Vec<Fact>, CallError>> {
        Box::pin(async move {
            let facts = self.answers.facts(asker, predicate, args).await?;
            self.results(facts.len()).map(|()| facts)
        })
    }

    fn metadata(&self, asker: Asker) -> Pending<'_, Result<Option<Metadata>, CallError>> {
        self.answers.metadata(asker)
    }

    fn is_serving(&self) -> bool {
        self.answers.is_serving()
    }
}

/// A dialogue that is over with the first question of more context facts than `max`.
struct Counted {
    dialogue: Arc<dyn Dialogue>,
    max: usize,
    /// How many that question has; 0: there was none.
    n_over: AtomicUsize,
    /// Number of the step, from 1, that asks what stands for "any": results too; 0: there was none.
    universe: AtomicUsize,
}

impl Dialogue for Counted {
    fn step(&self, told: &[Told]) -> Option<Step> {
        let step = self.dialogue.step(told)?;
        match &step {
            Step::Ask(request) if request.context_facts.len() > self.max => {
                self.n_over.store(request.context_facts.len(), Ordering::Relaxed);
                None
            }
            Step::Names(Vocabulary::Ids { .. } | Vocabulary::Actions { .. }) => {
                self.universe.store(told.len() + 1, Ordering::Relaxed);
                Some(step)
            }
            _ => Some(step),
        }
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
