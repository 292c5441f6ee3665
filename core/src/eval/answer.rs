//! Requests in, answers out: program and store linked once, one request after the other.

use super::{
    account::Account,
    linked::Linked,
    proof::Explaining,
    question,
    render::Render,
    search::{Search, links::Links, solve_with_links},
    size,
    solve::{Question, Solved, Solver, Worth},
    term::Term,
};
use crate::{
    facts::Facts,
    limits::MEMORY_BYTES_DEFAULT,
    model::{Answer, AskError, Explanation, Request, Summary},
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
    memory_max: u64,
    n_spent: u64,
}

impl<F: Facts> Evaluator<F> {
    /// Links the program to the store. `seed`: for hash tables, from the host.
    pub fn new(program: &Program, mut facts: F, seed: u64) -> Self {
        let linked = Linked::new(program, &mut facts, seed);
        Evaluator { facts, linked, seed, memory_max: MEMORY_BYTES_DEFAULT, n_spent: 0 }
    }

    /// Bytes that one request may need from now on, besides program and facts: an estimate, the same on every host.
    pub fn set_memory_max(&mut self, bytes: u64) {
        self.memory_max = bytes;
    }

    /// Work units that the last request has spent.
    pub fn n_spent(&self) -> u64 {
        self.n_spent
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
        self.with::<S, _>(request, |evaluator, solved, account| {
            // Mismatch reads as false at the root: a String where an Integer was expected grants nothing.
            let rows: Vec<_> = solved.rows.into_iter().filter(|(_, w)| *w == Worth::True).map(|(row, _)| row).collect();
            let render = Render { linked: &evaluator.linked, facts: &evaluator.facts };
            render.render_within(&request.ask, &rows, account)
        })
    }

    /// The rows that are true, as found: for oracles, who must know what a wildcard stands for. `types`: those asked about.
    pub fn rows_by<S: Solver>(&mut self, request: &Request, types: &[&str]) -> Result<Vec<Vec<Found>>, AskError> {
        self.with::<S, _>(request, |evaluator, solved, _| {
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
        take: impl FnOnce(&mut Self, Solved, &mut Account) -> Result<T, AskError>,
    ) -> Result<T, AskError> {
        self.within(request, |evaluator, account| {
            let solved = evaluator.solved::<S>(request, account)?;
            take(evaluator, solved, account)
        })
    }

    /// Counts a request, enters its layer, works, and leaves nothing behind.
    fn within<T>(
        &mut self,
        request: &Request,
        work: impl FnOnce(&mut Self, &mut Account) -> Result<T, AskError>,
    ) -> Result<T, AskError> {
        let mut account = Account::new(request.budget, self.memory_max);
        self.n_spent = 0;
        let size = size::check(request, self.seed)?;
        size.spend(&mut account).map_err(|spent| account.error(spent))?;
        self.facts.begin(&request.context_facts);
        let mark = self.linked.mark();
        let done = work(self, &mut account);
        self.linked.forget(mark);
        self.facts.end();
        self.n_spent = account.spent();
        done
    }

    /// Answers one request and says why. `program`: the one this was made of. The answer and the errors are those of
    /// [`Evaluator::ask`]; the budget is for both, and where it is spent on the reasons they are cut.
    pub fn explain(&mut self, program: &Program, request: &Request) -> Result<Explanation, AskError> {
        self.explain_with(program, request, true).map(|(explanation, _)| explanation)
    }

    /// The same, with its short form. The budget is for all three; where it is spent the reasons are cut.
    pub fn summarize(&mut self, program: &Program, request: &Request) -> Result<(Summary, Explanation), AskError> {
        let explained = self.within(request, |evaluator, account| {
            evaluator.reasons(program, request, true, account, |explaining, predicate, explanation| {
                explaining.summary(&request.ask, predicate, explanation)
            })
        });
        explained.map(|(explanation, _, summary)| (summary, explanation))
    }

    /// The same, with the links it was made of; without what a refusal lacks unless `looks_for_misses`.
    pub(super) fn explain_with(
        &mut self,
        program: &Program,
        request: &Request,
        looks_for_misses: bool,
    ) -> Result<(Explanation, Links), AskError> {
        let explained = self.within(request, |evaluator, account| {
            evaluator.reasons(program, request, looks_for_misses, account, |_, _, _| ())
        });
        explained.map(|(explanation, links, ())| (explanation, links))
    }

    /// `more`: what is made of the explanation while the request is still linked.
    fn reasons<T>(
        &mut self,
        program: &Program,
        request: &Request,
        looks_for_misses: bool,
        account: &mut Account,
        more: impl FnOnce(&mut Explaining<'_, F>, usize, &Explanation) -> T,
    ) -> Result<(Explanation, Links, T), AskError> {
        let predicate = self.add(request)?;
        let Evaluator { facts, linked, seed, memory_max, .. } = self;
        let (facts, seed) = (&*facts, *seed);
        let mut links = Links::default();
        let question = Question { linked: &mut *linked, facts, predicate, seed, account: &mut *account };
        let solved = solve_with_links(question, &mut links).map_err(|spent| account.error(spent))?;
        let solved = without_error(solved)?;
        let memory_left = memory_max.saturating_sub(account.held());
        let mut explaining = Explaining::new(linked, facts, program, seed, account.left(), memory_left);
        explaining.looks_for_misses = looks_for_misses;
        let explanation = explaining.explain(&request.ask, predicate, &solved, &links)?;
        let more = more(&mut explaining, predicate, &explanation);
        Ok((explanation, links, more))
    }

    /// Adds the request's clause; its layer has been entered.
    fn add(&mut self, request: &Request) -> Result<usize, AskError> {
        let now = self.facts.intern(self.linked.integer, &request.now_s.to_string());
        self.linked.set_now(now);
        question::add(&mut self.linked, &mut self.facts, &request.ask, self.seed)
    }

    /// Every row, none of them an error.
    fn solved<S: Solver>(&mut self, request: &Request, account: &mut Account) -> Result<Solved, AskError> {
        let predicate = self.add(request)?;
        let Evaluator { facts, linked, seed, .. } = self;
        let question =
            Question { linked: &mut *linked, facts: &*facts, predicate, seed: *seed, account: &mut *account };
        let solved = S::solve(question).map_err(|spent| account.error(spent))?;
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
