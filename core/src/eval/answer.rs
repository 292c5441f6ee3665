//! Requests in, answers out: program and store linked once, one request after the other.

use super::{
    linked::Linked,
    proof::Explaining,
    question,
    render::Render,
    search::{Search, links::Links, solve_with_links},
    solve::{Question, Solved, Solver, Worth},
};
use crate::{
    facts::Facts,
    model::{Answer, AskError, Explanation, Request},
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

    /// Answers one request and says why. `program`: the one this was made of. The answer and the errors are those of
    /// [`Evaluator::ask`]; the budget is for both, and where it is spent on the reasons they are cut.
    pub fn explain(&mut self, program: &Program, request: &Request) -> Result<Explanation, AskError> {
        self.explain_with(program, request, true).map(|(explanation, _)| explanation)
    }

    /// The same, with the links it was made of; without what a refusal lacks unless `looks_for_misses`.
    pub(super) fn explain_with(
        &mut self,
        program: &Program,
        request: &Request,
        looks_for_misses: bool,
    ) -> Result<(Explanation, Links), AskError> {
        question::check(request)?;
        self.facts.begin(&request.context_facts);
        let mark = self.linked.mark();
        let explanation = self.reasons(program, request, looks_for_misses);
        self.linked.forget(mark);
        self.facts.end();
        explanation
    }

    fn reasons(
        &mut self,
        program: &Program,
        request: &Request,
        looks_for_misses: bool,
    ) -> Result<(Explanation, Links), AskError> {
        let predicate = self.add(request)?;
        let Evaluator { facts, linked, seed } = self;
        let (facts, seed, units) = (&*facts, *seed, request.budget);
        let mut links = Links::default();
        let solved = solve_with_links(Question { linked: &mut *linked, facts, predicate, seed, units }, &mut links)
            .map_err(|_| AskError::Budget { units })?;
        let solved = match without_error(solved) {
            Ok(solved) => solved,
            // Which of several errors is told depends on the order of work, so it is asked for in the usual one.
            Err(error) => return Err(self.answer::<Search>(request).err().unwrap_or(error)),
        };
        let left = units.saturating_sub(links.n_spent);
        let mut explaining = Explaining::new(linked, facts, program, seed, left);
        explaining.looks_for_misses = looks_for_misses;
        let explanation = explaining.explain(&request.ask, predicate, &solved, &links)?;
        Ok((explanation, links))
    }

    /// Adds the request's clause; its layer has been entered.
    fn add(&mut self, request: &Request) -> Result<usize, AskError> {
        let now = self.facts.intern(self.linked.integer, &request.now_s.to_string());
        self.linked.set_now(now);
        question::add(&mut self.linked, &mut self.facts, &request.ask)
    }

    fn answer<S: Solver>(&mut self, request: &Request) -> Result<Answer, AskError> {
        let predicate = self.add(request)?;
        let Evaluator { facts, linked, seed } = self;
        let units = request.budget;
        let solved = S::solve(Question { linked: &mut *linked, facts: &*facts, predicate, seed: *seed, units })
            .map_err(|_| AskError::Budget { units })?;
        let solved = without_error(solved)?;
        // Mismatch reads as false at the root: a String where an Integer was expected grants nothing.
        let rows: Vec<_> = solved.rows.into_iter().filter(|(_, w)| *w == Worth::True).map(|(row, _)| row).collect();
        Render { linked, facts }.render(&request.ask, &rows)
    }
}

/// A question without free positions has one row: the worth of its strongest way, so an error is no true answer.
fn without_error(solved: Solved) -> Result<Solved, AskError> {
    if solved.rows.iter().all(|(_, worth)| *worth != Worth::Error) {
        return Ok(solved);
    }
    let message = "the query has no answer: ask with more arguments given".to_owned();
    Err(solved.reason.unwrap_or(AskError::Invalid { message }))
}
