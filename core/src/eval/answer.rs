//! Requests in, answers out: program and store linked once, one request after the other.

use super::{
    linked::Linked,
    question,
    render::Render,
    search::Search,
    solve::{Question, Solver, Worth},
};
use crate::{
    facts::Facts,
    model::{Answer, AskError, Request},
    rules::rule::Program,
};

/// A program and a store, linked: answers requests one after the other.
pub struct Evaluator<F: Facts> {
    facts: F,
    linked: Linked,
    seed: u64,
}

impl<F: Facts> Evaluator<F> {
    /// Links the program to the store. `seed`: for hash tables, from the host.
    pub fn new(program: &Program, mut facts: F, seed: u64) -> Self {
        let linked = Linked::new(program, &mut facts, seed);
        Evaluator { facts, linked, seed }
    }

    /// The store.
    pub fn facts(&self) -> &F {
        &self.facts
    }

    /// The store, for later writes: never while a request is under way.
    pub fn facts_mut(&mut self) -> &mut F {
        &mut self.facts
    }

    /// Answers one request. Errors: as [`AskError`] says; an answer with an error in it is that error, never a part.
    pub fn ask(&mut self, request: &Request) -> Result<Answer, AskError> {
        self.ask_by::<Search>(request)
    }

    /// The same by a given evaluator.
    pub fn ask_by<S: Solver>(&mut self, request: &Request) -> Result<Answer, AskError> {
        question::check(request)?;
        self.facts.begin(&request.context_facts);
        let mark = self.linked.mark();
        let answer = self.answer::<S>(request);
        self.linked.forget(mark);
        self.facts.end();
        answer
    }

    fn answer<S: Solver>(&mut self, request: &Request) -> Result<Answer, AskError> {
        let Evaluator { facts, linked, seed } = self;
        let now = facts.intern(linked.integer, &request.now_s.to_string());
        linked.set_now(now);
        let predicate = question::add(linked, facts, &request.ask)?;
        let units = request.budget;
        let solved = S::solve(Question { linked: &mut *linked, facts: &*facts, predicate, seed: *seed, units })
            .map_err(|_| AskError::Budget { units })?;
        // A question without free positions has one row: the worth of its strongest way, so an error is no true answer.
        if solved.rows.iter().any(|(_, worth)| *worth == Worth::Error) {
            let message = "the query has no answer: ask with more arguments given".to_owned();
            return Err(solved.reason.unwrap_or(AskError::Invalid { message }));
        }
        // Mismatch reads as false at the root: a String where an Integer was expected grants nothing.
        let rows: Vec<_> = solved.rows.into_iter().filter(|(_, w)| *w == Worth::True).map(|(row, _)| row).collect();
        Render { linked, facts }.render(&request.ask, &rows)
    }
}
