//! Sets of facts that would give a refused goal, fewest first.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
    rc::Rc,
};

use super::{Explaining, Goal, Refusal, sorted, ways::Way};
use crate::{
    eval::term::{Environment, Term},
    facts::{FACT_ARITY_MAX, Facts, RelationId, Row},
    limits::{EXPLAIN_GRANTS_MAX, EXPLAIN_LACKS_MAX, EXPLAIN_STATES_MAX},
};

/// Facts that would give the goal together.
#[derive(Clone)]
pub(super) struct Found {
    /// The facts.
    pub(super) missing: Vec<Goal>,
    /// Comparisons that their values must meet: rule, place, bindings.
    pub(super) open: Vec<(usize, u16, Environment)>,
    /// What stands against them.
    pub(super) against: BTreeSet<usize>,
    /// Conditions on the way that facts of the asker meet.
    pub(super) n_met: usize,
    /// The rule that asks for the first of them.
    pub(super) by: Option<usize>,
}

/// Goals still to be given, and what was gathered for the others.
#[derive(Clone)]
struct State {
    todo: Vec<(Goal, Option<usize>)>,
    found: Found,
}

/// What makes two states the same.
type Key = (Vec<Goal>, Vec<Goal>, BTreeSet<usize>);

impl State {
    fn key(&self) -> Key {
        let todo = self.todo.iter().map(|(goal, _)| goal.clone()).collect();
        (sorted(todo), self.found.missing.clone(), self.found.against.clone())
    }

    fn cost(&self) -> usize {
        self.todo.len() + self.found.missing.len()
    }
}

impl<F: Facts> Explaining<'_, F> {
    /// What would give the goal. Of equally many facts the shorter way comes first.
    pub(super) fn search(&mut self, goal: &Goal, refusal: &mut Refusal) -> Vec<Found> {
        let nothing = Found { missing: Vec::new(), open: Vec::new(), against: BTreeSet::new(), n_met: 0, by: None };
        let start = State { todo: vec![(goal.clone(), None)], found: nothing };
        let mut seen = BTreeSet::from([start.key()]);
        let mut states = vec![start];
        let mut queue = BinaryHeap::from([Reverse((1, 0))]);
        let mut known: BTreeMap<Goal, Rc<[Way]>> = BTreeMap::new();
        let mut complete = Vec::new();
        let mut n_looked = 0;
        while let Some(Reverse((_, at))) = queue.pop() {
            n_looked += 1;
            if n_looked > EXPLAIN_STATES_MAX || complete.len() >= EXPLAIN_GRANTS_MAX || self.units == 0 {
                self.is_cut = true;
                break;
            }
            let mut state = states[at].clone();
            let Some((goal, by)) = state.todo.pop() else {
                complete.push(state.found);
                continue;
            };
            let mut next = Vec::new();
            if self.can_be_told(&goal) {
                let mut given = state.clone();
                given.found.by = given.found.by.or(by);
                given.found.missing.push(goal.clone());
                given.found.missing = sorted(given.found.missing);
                next.push(given);
            }
            let ways = match known.get(&goal) {
                Some(ways) => ways.clone(),
                None => {
                    let Ok(ways) = self.ways_to(&goal, refusal) else {
                        self.is_cut = true;
                        break;
                    };
                    known.entry(goal).or_insert(ways.into()).clone()
                }
            };
            next.extend(ways.iter().map(|way| on(&state, way)));
            for state in next {
                if state.cost() <= EXPLAIN_LACKS_MAX && seen.insert(state.key()) {
                    queue.push(Reverse((state.cost(), states.len())));
                    states.push(state);
                }
            }
        }
        complete
    }

    /// Could a fact give it? Of what rules derive only roles are told as well, and what is told already.
    fn can_be_told(&self, goal: &Goal) -> bool {
        let predicate = &self.linked.predicates[goal.0];
        if predicate.auxiliary || !(1..=FACT_ARITY_MAX).contains(&predicate.arity) || predicate.name == "allow" {
            return false;
        }
        if predicate.name == "has_role" {
            return true;
        }
        if predicate.clauses.is_empty() {
            // Where there are such facts, theirs are the types that it may have.
            let mut relations = Vec::new();
            self.facts.relations(&predicate.name, predicate.arity, &mut relations);
            return relations.is_empty() || self.is_shaped(goal, &relations);
        }
        let mut relations = Vec::new();
        self.facts.relations(&predicate.name, predicate.arity, &mut relations);
        !relations.is_empty() && self.is_shaped(goal, &relations)
    }

    /// Do its values have the types of some relation?
    fn is_shaped(&self, goal: &Goal, relations: &[RelationId]) -> bool {
        let fits = |relation: &RelationId| {
            goal.1.iter().zip(&self.facts.shape(*relation).types).all(|(term, ty)| match term {
                Term::Const(value) => value.ty == *ty,
                Term::Var(..) => true,
            })
        };
        relations.iter().any(fits)
    }

    /// Is the row a fact?
    pub(super) fn is_stored(&self, predicate: usize, row: &[Term]) -> bool {
        if row.len() > FACT_ARITY_MAX {
            return false;
        }
        let mut ids = Row::default();
        let mut types = Vec::with_capacity(row.len());
        for (term, id) in row.iter().zip(&mut ids) {
            let Term::Const(value) = term else { return false };
            *id = value.id;
            types.push(value.ty);
        }
        let mut relations = Vec::new();
        self.facts.relations(&self.linked.predicates[predicate].name, row.len(), &mut relations);
        let fits = |relation: &&_| self.facts.shape(**relation).types == types;
        relations.iter().filter(fits).any(|relation| self.facts.contains(*relation, &ids))
    }
}

/// The state after one way to its last goal.
fn on(state: &State, way: &Way) -> State {
    let mut next = state.clone();
    next.todo.extend(way.lacks.iter().rev().map(|lack| (lack.clone(), Some(way.clause))));
    next.found.against.extend(&way.against);
    next.found.n_met += way.n_met;
    let open = way.open.iter().map(|(place, environment)| (way.clause, *place, environment.clone()));
    next.found.open.extend(open);
    next
}
