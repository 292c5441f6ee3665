//! What one request asks of an instance, step by step: between two steps others may have their turn, and it may be called off.

use std::sync::Arc;

use understudy_calls::dialogue::{Dialogue, Told};
use understudy_core::{
    limits::WORK_UNITS_PER_REQUEST,
    model::{Answer, Ask, AskError, Request},
    raw::{Call, Refusal, Reply},
};

use super::{
    instance::{Failure, Instance},
    steps,
};
use crate::http::state::Asked;

/// What became of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There are more.
    More,
    /// It was the last one.
    Done,
    /// It is nothing for a lane where checks wait.
    Long,
}

/// Everything that one request asks.
pub trait Work: Send + 'static {
    /// Takes the next step. `quick_units`: most that a question may spend where checks wait.
    fn step(&mut self, instance: &mut Instance, quick_units: Option<u64>) -> Result<Progress, Failure>;
    /// Forgets what came of the steps so far: the next one is the first. What was spent stays spent.
    fn begin_anew(&mut self);
}

/// Questions with the same context facts, of one account.
pub struct Questions {
    asks: Vec<Ask>,
    /// The question under way: context facts are written once.
    call: Call,
    units_left: u64,
    /// So far, in order.
    pub answers: Vec<Answer>,
}

impl Questions {
    /// None asked yet.
    pub fn new(asked: Asked) -> Self {
        Questions::within(asked, WORK_UNITS_PER_REQUEST)
    }

    /// The same, with so many units for all of them.
    pub fn within(asked: Asked, units_left: u64) -> Self {
        let Asked { asks, context_facts, now_s } = asked;
        let ask = asks.first().cloned().unwrap_or_else(|| Ask::Query { predicate: String::new(), args: Vec::new() });
        let call = Call::Ask(Request { ask, context_facts, now_s, budget: 0 });
        Questions { asks, call, units_left, answers: Vec::new() }
    }
}

impl Work for Questions {
    fn step(&mut self, instance: &mut Instance, quick_units: Option<u64>) -> Result<Progress, Failure> {
        let (Some(ask), Call::Ask(request)) = (self.asks.get(self.answers.len()), &mut self.call) else {
            return Ok(Progress::Done);
        };
        request.ask = ask.clone();
        request.budget = quick_units.map_or(self.units_left, |units| units.min(self.units_left));
        let is_cut = request.budget < self.units_left;
        match instance.call(&self.call) {
            Ok(Reply::Answer(answer)) => self.answers.push(answer),
            Ok(_) => return Err(another_kind()),
            Err(Failure::Refused(Refusal::Ask(AskError::Budget { .. }))) if is_cut => return Ok(Progress::Long),
            // Of the whole request: what was left for this question says nothing to whoever asked.
            Err(Failure::Refused(Refusal::Ask(AskError::Budget { .. }))) => {
                return Err(Failure::Refused(Refusal::Ask(AskError::Budget { units: WORK_UNITS_PER_REQUEST })));
            }
            Err(failure) => return Err(failure),
        }
        if self.answers.len() == self.asks.len() {
            return Ok(Progress::Done);
        }
        self.units_left = self.units_left.saturating_sub(instance.spent()?);
        Ok(Progress::More)
    }

    fn begin_anew(&mut self) {
        self.answers.clear();
    }
}

/// A dialogue: a question without an answer doesn't end it.
pub struct Talk {
    dialogue: Arc<dyn Dialogue>,
    units_left: u64,
    /// What came of its steps so far.
    pub told: Vec<Told>,
}

impl Talk {
    /// Nothing said yet.
    pub fn new(dialogue: Arc<dyn Dialogue>) -> Self {
        Talk { dialogue, units_left: WORK_UNITS_PER_REQUEST, told: Vec::new() }
    }
}

impl Work for Talk {
    fn step(&mut self, instance: &mut Instance, quick_units: Option<u64>) -> Result<Progress, Failure> {
        let Some(step) = self.dialogue.step(&self.told) else { return Ok(Progress::Done) };
        Ok(match steps::take(instance, step, &mut self.units_left, quick_units)? {
            Some(told) => {
                self.told.push(told);
                Progress::More
            }
            None => Progress::Long,
        })
    }

    fn begin_anew(&mut self) {
        self.told.clear();
    }
}

/// One call that is no question.
pub struct OneCall {
    call: Call,
    is_long: bool,
    /// What came of it.
    pub reply: Option<Reply>,
}

impl OneCall {
    /// `is_long`: nothing bounds how long it takes.
    pub fn new(call: Call, is_long: bool) -> Self {
        OneCall { call, is_long, reply: None }
    }
}

impl Work for OneCall {
    fn step(&mut self, instance: &mut Instance, quick_units: Option<u64>) -> Result<Progress, Failure> {
        if self.is_long && quick_units.is_some() {
            return Ok(Progress::Long);
        }
        self.reply = Some(instance.call(&self.call)?);
        Ok(Progress::Done)
    }

    fn begin_anew(&mut self) {
        self.reply = None;
    }
}

fn another_kind() -> Failure {
    Failure::Nonsense("another kind of answer".into())
}
