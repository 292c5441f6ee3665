//! What a refusal lacks: for every goal that failed the ways that came nearest, each up to its first condition that is not
//! met; where that is a goal again, the same for it.
//!
//! Near is what needs few more conditions: a missing fact counts one, a condition never looked at counts one, a failed goal
//! counts what its own nearest way does. A way that only needs what it is a way to is none.

use std::collections::{BTreeMap, BTreeSet};

use super::{Explaining, Goal};
use crate::{
    eval::{
        linked::Literal,
        search::{
            choose::{Choice, next_of},
            compare::compare,
        },
        solve::{OutOfBudget, Worth},
        term::{Environment, Slot, Term},
    },
    facts::Facts,
    limits::{EXPLAIN_BRANCHES_MAX, EXPLAIN_MISSES_MAX, EXPLAIN_WAYS_MAX},
    model::explanation::{Condition, Outcome, Step, Way},
};

/// A way that failed.
#[derive(Clone)]
struct Missed {
    clause: usize,
    environment: Environment,
    failed: u16,
    /// Conditions never looked at.
    rest: Vec<u16>,
    /// The failed condition, if it is a goal.
    goal: Option<Goal>,
}

/// A failed goal's ways; `None`: not looked into.
type Ways = BTreeMap<Goal, Option<Vec<Missed>>>;

/// More than any way costs.
const NEVER: usize = usize::MAX;

impl<F: Facts> Explaining<'_, F> {
    /// The steps of a question that has no row, and the end of its nearest way.
    pub(super) fn missed(&mut self, predicate: usize) -> (Vec<usize>, Option<(usize, usize)>) {
        let clause = self.linked.predicates[predicate].clauses[0];
        let environment = Environment(self.linked.clauses[clause].bounds.iter().map(|b| Slot::Free(*b)).collect());
        let root: Goal = match self.linked.clauses[clause].body.as_slice() {
            [Literal::Call(called, args)] => (*called, environment.row(args)),
            _ => (predicate, environment.row(&self.linked.clauses[clause].head)),
        };
        let ways = self.all_ways(&root);
        let costs = costs(&ways);
        let mut steps = BTreeMap::new();
        let root = self.miss(&root, &ways, &costs, &mut steps, &mut Vec::new());
        (root.into_iter().collect(), root.and_then(|root| self.nearest(root)))
    }

    /// Looks into failed goals, the asked one first, then those that its ways failed by.
    fn all_ways(&mut self, root: &Goal) -> Ways {
        let mut all = Ways::from([(root.clone(), None)]);
        let mut queue = std::collections::VecDeque::from([root.clone()]);
        let mut solved = BTreeMap::new();
        for _ in 0..EXPLAIN_MISSES_MAX {
            let Some(goal) = queue.pop_front() else { return all };
            let Ok(ways) = self.ways(&goal, &mut solved) else { break };
            for next in ways.iter().filter_map(|way| way.goal.clone()) {
                if !all.contains_key(&next) {
                    all.insert(next.clone(), None);
                    queue.push_back(next);
                }
            }
            all.insert(goal, Some(ways));
        }
        self.is_cut |= !queue.is_empty() || self.units == 0;
        all
    }

    /// Every way to a failed goal, up to where it fails.
    fn ways(&mut self, goal: &Goal, solved: &mut Rows) -> Result<Vec<Missed>, OutOfBudget> {
        let mut ways = Vec::new();
        for clause in self.linked.predicates[goal.0].clauses.clone() {
            let rule = &self.linked.clauses[clause];
            let mut environment = Environment(rule.bounds.iter().map(|b| Slot::Free(*b)).collect());
            let (head, n_conditions) = (
                rule.head.clone(),
                u16::try_from(rule.body.len()).expect("conditions are counted where rules are made"),
            );
            if !environment.unify_row(&mut self.linked.bounds, &head, &goal.1) {
                continue;
            }
            let mut seen = BTreeSet::new();
            let mut branches = vec![(environment, (0..n_conditions).collect::<Vec<u16>>())];
            let mut n_followed = 0;
            while let Some((environment, rest)) = branches.pop() {
                n_followed += 1;
                if n_followed > EXPLAIN_BRANCHES_MAX {
                    self.is_cut = true;
                    break;
                }
                let Some(missed) = self.follow(clause, environment, rest, &mut branches, solved)? else { continue };
                let args = match &self.linked.clauses[clause].body[usize::from(missed.failed)] {
                    Literal::Call(_, args) | Literal::Not(_, args) => missed.environment.row(args),
                    Literal::Compare(_, a, b) | Literal::Unify(a, b) => missed.environment.row(&[*a, *b]),
                    Literal::In(term, _) => missed.environment.row(&[*term]),
                    Literal::Fail => Box::default(),
                };
                if seen.insert((missed.failed, args)) {
                    ways.push(missed);
                }
            }
        }
        Ok(ways)
    }

    /// Goes on with one way until it branches, fails or is met.
    fn follow(
        &mut self,
        clause: usize,
        mut environment: Environment,
        mut rest: Vec<u16>,
        branches: &mut Vec<(Environment, Vec<u16>)>,
        solved: &mut Rows,
    ) -> Result<Option<Missed>, OutOfBudget> {
        loop {
            // Met, and yet no answer: it is worth a mismatch.
            let Choice::At(place) = next_of(self.linked, clause, &environment, &rest) else { return Ok(None) };
            let failed = rest.remove(place);
            let literal = self.linked.clauses[clause].body[usize::from(failed)].clone();
            let mut goal = None;
            match literal {
                Literal::Fail => {}
                Literal::Unify(left, right) => {
                    let (left, right) = (environment.resolve(left), environment.resolve(right));
                    if environment.unify(&mut self.linked.bounds, left, right) {
                        continue;
                    }
                }
                Literal::In(term, list) => {
                    let n_before = branches.len();
                    for element in self.fitting(&environment, term, &list) {
                        let mut branch = environment.clone();
                        let (a, b) = (branch.resolve(term), branch.resolve(element));
                        if branch.unify(&mut self.linked.bounds, a, b) {
                            branches.push((branch, rest.clone()));
                        }
                    }
                    if branches.len() > n_before {
                        return Ok(None);
                    }
                }
                Literal::Compare(op, left, right) => {
                    let (left, right) = (environment.resolve(left), environment.resolve(right));
                    let line = self.linked.clauses[clause].line;
                    if compare(self.facts, op, left, right, line) == Some(Worth::True) {
                        continue;
                    }
                }
                Literal::Not(predicate, args) => {
                    if self.rows(predicate, environment.row(&args), solved)?.1 {
                        continue;
                    }
                }
                Literal::Call(predicate, args) => {
                    let row = environment.row(&args);
                    let (rows, _) = self.rows(predicate, row.clone(), solved)?;
                    let n_before = branches.len();
                    for found in rows.iter().rev() {
                        let mut branch = environment.clone();
                        if branch.unify_row(&mut self.linked.bounds, &args, found) {
                            branches.push((branch, rest.clone()));
                        }
                    }
                    if branches.len() > n_before {
                        return Ok(None);
                    }
                    goal = Some((predicate, row));
                }
            }
            return Ok(Some(Missed { clause, environment, failed, rest, goal }));
        }
    }

    /// True rows of a goal, as many as are followed; is it wholly false?
    pub(super) fn rows(
        &mut self,
        predicate: usize,
        row: Box<[Term]>,
        solved: &mut Rows,
    ) -> Result<Answers, OutOfBudget> {
        if let Some(known) = solved.get(&(predicate, row.clone())) {
            return Ok(known.clone());
        }
        let (found, _) = self.solve(predicate, &row)?;
        let is_false = found.rows.is_empty();
        let rows = found.rows.into_iter().filter(|(_, worth)| *worth == Worth::True).map(|(row, _)| row);
        let rows: Vec<_> = rows.take(EXPLAIN_BRANCHES_MAX).collect();
        solved.insert((predicate, row), (rows.clone(), is_false));
        Ok((rows, is_false))
    }

    /// The step of a failed goal, with its nearest ways. `path`: the goals it is looked into for.
    fn miss(
        &mut self,
        goal: &Goal,
        ways: &Ways,
        costs: &BTreeMap<&Goal, usize>,
        steps: &mut BTreeMap<Goal, usize>,
        path: &mut Vec<Goal>,
    ) -> Option<usize> {
        if let Some(step) = steps.get(goal) {
            return Some(*step);
        }
        let atom = self.atom_of(goal.0, &goal.1);
        let step = self.add(Step { goal: atom, holds: false, ways: Vec::new() })?;
        steps.insert(goal.clone(), step);
        path.push(goal.clone());
        let mut nearest: Vec<(usize, usize, &Missed)> = Vec::new();
        for (order, way) in ways.get(goal).into_iter().flatten().flatten().enumerate() {
            if cost(way, costs) < NEVER && !way.goal.as_ref().is_some_and(|next| path.contains(next)) {
                nearest.push((cost(way, costs), order, way));
            }
        }
        let n_met = |way: &Missed| self.linked.clauses[way.clause].body.len() - way.rest.len();
        nearest.sort_by_key(|(cost, order, way)| (*cost, std::cmp::Reverse(n_met(way)), *order));
        self.is_cut |= nearest.len() > EXPLAIN_WAYS_MAX;
        for (_, _, way) in nearest.into_iter().take(EXPLAIN_WAYS_MAX) {
            let by = self.rule(way.clause);
            let mut conditions = Vec::new();
            for (place, literal) in (0u16..).zip(self.linked.clauses[way.clause].body.clone()) {
                let what = self.what(&literal, &way.environment);
                let outcome = match place {
                    _ if place == way.failed => Outcome::Failed,
                    _ if way.rest.contains(&place) => Outcome::Open,
                    _ => Outcome::Met,
                };
                let step = match (&literal, outcome) {
                    (Literal::Call(..), Outcome::Failed) => {
                        way.goal.as_ref().and_then(|next| self.miss(next, ways, costs, steps, path))
                    }
                    (Literal::Not(predicate, args), Outcome::Failed) => {
                        self.proof(*predicate, &way.environment.row(args)).ok().flatten()
                    }
                    _ => None,
                };
                conditions.push(Condition { what, outcome, step });
            }
            self.steps[step].ways.push(Way { by, conditions });
        }
        path.pop();
        Some(step)
    }

    /// Follows the nearest ways to their end.
    fn nearest(&self, root: usize) -> Option<(usize, usize)> {
        let mut at = root;
        loop {
            let Some(way) = self.steps[at].ways.first() else { return Some((at, 0)) };
            let failed = way.conditions.iter().find(|condition| condition.outcome == Outcome::Failed)?;
            match failed.step {
                Some(next) if !self.steps[next].holds && !self.steps[next].ways.is_empty() => at = next,
                _ => return Some((at, 0)),
            }
        }
    }
}

/// True rows of a goal; is it wholly false?
pub(super) type Answers = (Vec<Box<[Term]>>, bool);
pub(super) type Rows = BTreeMap<Goal, Answers>;

fn cost(way: &Missed, costs: &BTreeMap<&Goal, usize>) -> usize {
    let failed = way.goal.as_ref().map_or(1, |goal| costs.get(goal).copied().unwrap_or(1));
    failed.saturating_add(way.rest.len())
}

/// Least costs that agree with each other.
fn costs(ways: &Ways) -> BTreeMap<&Goal, usize> {
    let of = |ways: &Option<Vec<Missed>>| if ways.as_ref().is_none_or(Vec::is_empty) { 1 } else { NEVER };
    let mut costs: BTreeMap<&Goal, usize> = ways.iter().map(|(goal, ways)| (goal, of(ways))).collect();
    loop {
        let mut is_done = true;
        for (goal, ways) in ways {
            let least = ways.iter().flatten().map(|way| cost(way, &costs)).min().unwrap_or(NEVER);
            if least < costs[goal] {
                costs.insert(goal, least);
                is_done = false;
            }
        }
        if is_done {
            return costs;
        }
    }
}
