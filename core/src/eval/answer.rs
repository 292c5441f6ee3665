//! Requests in, answers out: program and store linked once, one request after the other.

use super::{
    linked::Linked,
    proof::Explaining,
    question,
    render::Render,
    search::{Search, links::Links, solve_with_links},
    solve::{Question, Solved, Solver, Worth},
    term::Term,
};
use crate::{
    facts::Facts,
    model::{Answer, AskError, Explanation, Request},
    rules::rule::Program,
};

/// An argument of a row as an evaluator found it, before it is written down.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Found {
    /// A value: type, id.
    Value(String, String),
    /// Any value of some types. Equal numbers in one row are the same value.
    Free {
        /// In order of first occurrence.
        number: u32,
        /// For each type that was asked about: may the value be of it?
        admits: Vec<bool>,
    },
}

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
        self.with::<S, _>(request, |evaluator, solved| {
            // Mismatch reads as false at the root: a String where an Integer was expected grants nothing.
            let rows: Vec<_> = solved.rows.into_iter().filter(|(_, w)| *w == Worth::True).map(|(row, _)| row).collect();
            Render { linked: &evaluator.linked, facts: &evaluator.facts }.render(&request.ask, &rows)
        })
    }

    /// The rows that are true, as found: for oracles, who must know what a wildcard stands for. `types`: those asked about.
    pub fn rows_by<S: Solver>(&mut self, request: &Request, types: &[&str]) -> Result<Vec<Vec<Found>>, AskError> {
        self.with::<S, _>(request, |evaluator, solved| {
            let types: Vec<_> = types.iter().map(|name| evaluator.facts.intern_type(name)).collect();
            let found = |term: &Term| match *term {
                Term::Const(value) => {
                    let mut id = String::new();
                    evaluator.facts.write_id(value, &mut id);
                    Found::Value(evaluator.facts.type_name(value.ty).to_owned(), id)
                }
                Term::Var(number, bound) => {
                    let admits = types.iter().map(|ty| evaluator.linked.bounds.admits(bound, *ty)).collect();
                    Found::Free { number, admits }
                }
            };
            let is_true = solved.rows.iter().filter(|(_, worth)| *worth == Worth::True);
            Ok(is_true.map(|(row, _)| row.iter().map(found).collect()).collect())
        })
    }

    /// Solves a request and takes what was found, while the request's layer is still there.
    fn with<S: Solver, T>(
        &mut self,
        request: &Request,
        take: impl FnOnce(&mut Self, Solved) -> Result<T, AskError>,
    ) -> Result<T, AskError> {
        question::check(request)?;
        self.facts.begin(&request.context_facts);
        let mark = self.linked.mark();
        let taken = self.solved::<S>(request).and_then(|solved| take(self, solved));
        self.linked.forget(mark);
        self.facts.end();
        taken
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
        let solved = without_error(solved)?;
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

    /// Every row, none of them an error.
    fn solved<S: Solver>(&mut self, request: &Request) -> Result<Solved, AskError> {
        let predicate = self.add(request)?;
        let Evaluator { facts, linked, seed } = self;
        let units = request.budget;
        let solved = S::solve(Question { linked: &mut *linked, facts: &*facts, predicate, seed: *seed, units })
            .map_err(|_| AskError::Budget { units })?;
        without_error(solved)
    }
}

/// A question without free positions has one row: the worth of its strongest way, so an error is no true answer.
fn without_error(solved: Solved) -> Result<Solved, AskError> {
    let causes = solved.rows.iter().filter_map(|(_, worth)| match worth {
        Worth::Error(cause) => Some(*cause),
        Worth::True | Worth::Mismatch => None,
    });
    causes.max().map_or(Ok(solved), |cause| Err(cause.into()))
}
