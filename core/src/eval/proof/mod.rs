//! Why: the parent links of an answer become goals with the rules and facts behind them; a refusal, what it lacks.
//!
//! Enters: a linked program, a store with the request's layer entered, what a search has found. Leaves: an explanation.
//! Never: decides anything: the answer is the search's.

mod misses;
pub mod rule_text;
mod summary;
mod write;

use std::collections::BTreeMap;

use super::{
    account::Account,
    linked::{Clause, Linked, Literal},
    render::Render,
    search::{
        links::{DerivationId, Links, Parents},
        solve_with_links,
    },
    solve::{OutOfBudget, Question, Solved, Worth},
    term::{Environment, RuleTerm, Term},
};
use crate::{
    facts::Facts,
    limits::{EXPLAIN_BRANCHES_MAX, EXPLAIN_STEPS_MAX},
    model::{
        Answer, Ask, AskError, Explanation, Row,
        explanation::{By, Condition, Outcome, QUERY, Step, Way, What},
    },
    rules::rule::Program,
};

/// Predicate and arguments.
type Goal = (usize, Box<[Term]>);

/// An explanation under way.
pub(super) struct Explaining<'e, F: Facts> {
    pub(super) linked: &'e mut Linked,
    pub(super) facts: &'e F,
    pub(super) program: &'e Program,
    pub(super) seed: u64,
    /// Work units left.
    pub(super) units: u64,
    /// Bytes that each further search may hold.
    pub(super) memory: u64,
    /// Is a refusal looked into?
    pub(super) looks_for_misses: bool,
    steps: Vec<Step>,
    /// Steps of goals that hold.
    held: BTreeMap<Goal, usize>,
    is_cut: bool,
}

/// Derivations with the first one of every row, by which the row is explained wherever it is needed.
///
/// INVARIANT: what the first one names has first ones that are older still, so that no goal explains itself.
struct First<'l> {
    links: &'l Links,
    of_rows: BTreeMap<(usize, &'l [Term]), DerivationId>,
}

impl<'l> First<'l> {
    fn new(links: &'l Links) -> Self {
        let mut of_rows = BTreeMap::new();
        for (id, derivation) in links.all() {
            of_rows.entry((derivation.predicate, &*derivation.row)).or_insert(id);
        }
        First { links, of_rows }
    }

    fn of(&self, id: DerivationId) -> DerivationId {
        let derivation = self.links.get(id);
        self.of_rows.get(&(derivation.predicate, &*derivation.row)).copied().unwrap_or(id)
    }
}

impl<'e, F: Facts> Explaining<'e, F> {
    pub(super) fn new(
        linked: &'e mut Linked,
        facts: &'e F,
        program: &'e Program,
        seed: u64,
        units: u64,
        memory: u64,
    ) -> Explaining<'e, F> {
        let (steps, held) = (Vec::new(), BTreeMap::new());
        Explaining { linked, facts, program, seed, units, memory, looks_for_misses: true, steps, held, is_cut: false }
    }

    /// Explains what a search with links has found for the question's predicate.
    pub(super) fn explain(
        &mut self,
        ask: &Ask,
        predicate: usize,
        solved: &Solved,
        links: &Links,
    ) -> Result<Explanation, AskError> {
        let is_true = |worth: &Worth| *worth == Worth::True;
        let render = Render { linked: self.linked, facts: self.facts };
        let rows: Vec<_> = solved.rows.iter().filter(|(_, w)| is_true(w)).map(|(row, _)| row.clone()).collect();
        let answer = render.render(ask, &rows)?;
        let mut in_order = BTreeMap::new();
        for ((row, _), link) in solved.rows.iter().zip(&links.answers).filter(|((_, w), _)| is_true(w)) {
            if let Some(link) = link {
                in_order.entry(key(render.render(ask, std::slice::from_ref(row))?)).or_insert(*link);
            }
        }
        let first = First::new(links);
        let mut roots = Vec::new();
        for link in in_order.into_values() {
            let Some(parents) = &links.get(link).by else { continue };
            roots.extend(self.root(&first, parents, &links.get(link).row));
        }
        let mut nearest = None;
        if rows.is_empty() && self.looks_for_misses {
            (roots, nearest) = self.missed(predicate);
        }
        let (steps, is_cut) = (std::mem::take(&mut self.steps), self.is_cut);
        Ok(Explanation { answer, roots, steps, nearest, is_cut })
    }

    /// The question's own clause is shown only where it joins several goals.
    fn root(&mut self, first: &First<'_>, parents: &Parents, row: &[Term]) -> Option<usize> {
        let conditions = self.prove(first, parents);
        if let [Condition { step, what: What::Goal(_), .. }] = conditions.as_slice() {
            return *step;
        }
        let goal = self.atom(QUERY, row);
        self.add(Step { goal, holds: true, ways: vec![Way { by: By::Question, conditions }] })
    }

    /// A step's number; `None` where there are too many.
    fn add(&mut self, step: Step) -> Option<usize> {
        if self.steps.len() >= EXPLAIN_STEPS_MAX || self.units == 0 {
            self.is_cut = true;
            return None;
        }
        self.units -= 1;
        self.steps.push(step);
        Some(self.steps.len() - 1)
    }

    /// The conditions of a rule that was met, and below them all that they rest on.
    fn prove(&mut self, first: &First<'_>, parents: &Parents) -> Vec<Condition> {
        // Goals whose step is there and whose way isn't yet.
        let mut open = Vec::new();
        let conditions = self.conditions(first, parents, &mut open);
        self.write_out(first, open);
        conditions
    }

    /// Adds the ways of steps, and all that they rest on.
    fn write_out(&mut self, first: &First<'_>, mut open: Vec<(usize, DerivationId)>) {
        while let Some((step, id)) = open.pop() {
            let derivation = first.links.get(id);
            let way = match &derivation.by {
                None => Way { by: self.layer(derivation.predicate, &derivation.row), conditions: Vec::new() },
                Some(parents) => {
                    let by = self.rule(parents.clause);
                    Way { by, conditions: self.conditions(first, parents, &mut open) }
                }
            };
            self.steps[step].ways.push(way);
        }
    }

    fn conditions(
        &mut self,
        first: &First<'_>,
        parents: &Parents,
        open: &mut Vec<(usize, DerivationId)>,
    ) -> Vec<Condition> {
        let body = self.linked.clauses[parents.clause].body.clone();
        let mut conditions = Vec::with_capacity(body.len());
        let n_open = open.len();
        for (place, literal) in (0u16..).zip(&body) {
            let what = self.what(literal, &parents.environment);
            let mut step = None;
            if let Literal::Call(predicate, args) = literal {
                let link = parents.calls.iter().find(|(of, _)| *of == place).map(|(_, id)| first.of(*id));
                step = match link {
                    Some(id) => self.held_by(first.links.get(id).predicate, &first.links.get(id).row, id, open),
                    None => self.fact(*predicate, &parents.environment.row(args)),
                };
            }
            conditions.push(Condition { what, outcome: Outcome::Met, step });
        }
        // The first condition is written out first.
        open[n_open..].reverse();
        conditions
    }

    fn held_by(
        &mut self,
        predicate: usize,
        row: &[Term],
        id: DerivationId,
        open: &mut Vec<(usize, DerivationId)>,
    ) -> Option<usize> {
        if let Some(step) = self.held.get(&(predicate, row.into())) {
            return Some(*step);
        }
        let goal = self.atom_of(predicate, row);
        let step = self.add(Step { goal, holds: true, ways: Vec::new() })?;
        self.held.insert((predicate, row.into()), step);
        open.push((step, id));
        Some(step)
    }

    fn fact(&mut self, predicate: usize, row: &[Term]) -> Option<usize> {
        if let Some(step) = self.held.get(&(predicate, row.into())) {
            return Some(*step);
        }
        let by = self.layer(predicate, row);
        let goal = self.atom_of(predicate, row);
        let step = self.add(Step { goal, holds: true, ways: vec![Way { by, conditions: Vec::new() }] })?;
        self.held.insert((predicate, row.into()), step);
        Some(step)
    }

    /// Everything that is true or not false of a goal, and how it came about.
    fn solve(&mut self, predicate: usize, row: &[Term]) -> Result<(Solved, Links), OutOfBudget> {
        let mark = self.linked.mark();
        let mut bounds = Vec::new();
        let args: Vec<RuleTerm> = row
            .iter()
            .map(|term| match *term {
                Term::Const(value) => RuleTerm::Const(value),
                Term::Var(number, bound) => {
                    if number as usize == bounds.len() {
                        bounds.push(bound);
                    }
                    RuleTerm::Var(u16::try_from(number).expect("a row has fewer variables than a rule may have"))
                }
            })
            .collect();
        let body = vec![Literal::Call(predicate, args.clone())];
        let asked = self.linked.ask(Clause { head: args, body, bounds, line: 0 });
        let mut links = Links::default();
        let (linked, facts, seed) = (&mut *self.linked, self.facts, self.seed);
        let mut account = Account::new(self.units, self.memory);
        let question = Question { linked, facts, predicate: asked, seed, account: &mut account };
        let solved = solve_with_links(question, &mut links);
        self.linked.forget(mark);
        self.units = account.left();
        if solved.is_err() {
            self.units = 0;
        }
        Ok((solved?, links))
    }

    /// Elements of a list that a term may be, the first last: no more than are followed, of however many.
    fn fitting(&self, environment: &Environment, term: RuleTerm, list: &[RuleTerm]) -> Vec<RuleTerm> {
        let is = environment.resolve(term);
        let may_be = |element: &&RuleTerm| self.linked.bounds.may_be(is, environment.resolve(**element));
        let mut fitting: Vec<RuleTerm> = list.iter().filter(may_be).take(EXPLAIN_BRANCHES_MAX).copied().collect();
        fitting.reverse();
        fitting
    }

    /// A goal that holds, with all that it rests on.
    fn proof(&mut self, predicate: usize, row: &[Term]) -> Result<Option<usize>, OutOfBudget> {
        let (_, links) = self.solve(predicate, row)?;
        let Some(Some(answer)) = links.answers.iter().find(|link| link.is_some()) else { return Ok(None) };
        let Some(parents) = &links.get(*answer).by else { return Ok(None) };
        let first = First::new(&links);
        let Some((_, id)) = parents.calls.first() else {
            // Met by a fact: the answer is the fact.
            return Ok(self.fact(predicate, &links.get(*answer).row));
        };
        let id = first.of(*id);
        let derivation = links.get(id);
        let mut open = Vec::new();
        let step = self.held_by(derivation.predicate, &derivation.row, id, &mut open);
        self.write_out(&first, open);
        Ok(step)
    }

    fn what(&self, literal: &Literal, environment: &Environment) -> What {
        write::what(self.linked, self.facts, literal, environment)
    }
}

/// Ids, rows of facts, rows of bindings: one of these.
type Key = (Vec<String>, Vec<Vec<Row>>, Vec<Vec<Option<String>>>);

/// Where an answer's one row stands among others.
fn key(one: Answer) -> Key {
    match one {
        Answer::Decision(_) => Default::default(),
        // "*" goes first in bytewise order only if no id begins with a lower byte.
        Answer::Ids(ids) => {
            let ids = ids.into_iter().map(|id| if id == "*" { String::new() } else { id }).collect();
            (ids, Vec::new(), Vec::new())
        }
        Answer::Facts(rows) => (Vec::new(), rows, Vec::new()),
        Answer::Bindings { rows, .. } => (Vec::new(), Vec::new(), rows),
    }
}
