//! What was found by kind: the same role on the resource and on what it belongs to is one kind, however many places and
//! roles above it there are.

use std::{cmp::Reverse, collections::BTreeSet};

use super::{Explaining, Goal, Refusal, atoms, leaves, search::Found};
use crate::{
    eval::{
        linked::Literal,
        proof::write,
        term::{Environment, Resolved, RuleTerm, Term},
    },
    facts::Facts,
    limits::{EXPLAIN_KINDS_MAX, EXPLAIN_UNLESS_MAX},
    model::{
        Sym,
        explanation::{Arg, Atom, What},
        summary::{Grant, Objection, Summary},
    },
};

/// Facts any one of which is enough, with the same others and the same objections.
struct Kind {
    facts: Vec<Goal>,
    besides: Vec<Goal>,
    of: Found,
    n_missing: usize,
    /// What stands in the first of `facts` where the others have other values, if `besides` names it too.
    varies: Option<Sym>,
}

impl<F: Facts> Explaining<'_, F> {
    /// Fills in grants and objections.
    pub(super) fn group(&mut self, mut found: Vec<Found>, refusal: &Refusal, summary: &mut Summary) {
        // That something belongs to something unnamed is no grant, unless nothing else is.
        let is_vague = |one: &Found| one.missing.iter().any(|goal| self.is_vague(goal, refusal));
        if found.iter().any(|one| !is_vague(one)) {
            found.retain(|one| !is_vague(one));
        }
        let unless = lifted(&found);
        let found = nearest_only(found);
        let mut kinds: Vec<Kind> = Vec::new();
        for one in found {
            self.add_to_kinds(one, refusal, &mut kinds);
        }
        let kinds = self.merged(kinds, refusal);
        let mut ordered: Vec<(usize, Kind)> = kinds.into_iter().enumerate().collect();
        ordered.sort_by_key(|(order, kind)| {
            let is_attribute =
                !kind.of.missing.is_empty() && !kind.of.missing.iter().any(|goal| self.is_askers(goal, refusal));
            (is_attribute, kind.n_missing, Reverse(kind.of.n_met), *order)
        });
        summary.is_cut |= ordered.len() > EXPLAIN_KINDS_MAX;
        ordered.truncate(EXPLAIN_KINDS_MAX);
        // Objections are told in the order in which grants meet them.
        let mut numbers: Vec<usize> = Vec::new();
        for (_, kind) in &ordered {
            for number in &kind.of.against {
                if !numbers.contains(number) {
                    numbers.push(*number);
                }
            }
        }
        // The same condition of several rules is one objection.
        let mut places = Vec::with_capacity(numbers.len());
        for number in &numbers {
            let lifting = unless.iter().filter(|(at, _)| at == number).map(|(_, goal)| goal.clone());
            let lifting: Vec<Goal> = lifting.take(EXPLAIN_UNLESS_MAX).collect();
            let objection = self.objection(*number, &lifting, refusal);
            let is_same = |known: &Objection| known.what == objection.what && known.because == objection.because;
            let place = summary.against.iter().position(is_same);
            match place {
                Some(place) => {
                    let known = &mut summary.against[place].unless;
                    known.extend(objection.unless.into_iter().filter(|atom| !known.contains(atom)).collect::<Vec<_>>());
                }
                None => summary.against.push(objection),
            }
            places.push(place.unwrap_or(summary.against.len() - 1));
        }
        for (_, kind) in ordered {
            let (facts, besides) = self.conditions_of_kind(&kind);
            let against = kind.of.against.iter().filter_map(|number| numbers.iter().position(|n| n == number));
            let against: BTreeSet<usize> = against.map(|at| places[at]).collect();
            summary.grants.push(Grant {
                is_inherited: kind.facts.iter().skip(1).all(|goal| {
                    place(goal).is_some_and(|place| Some(place) == refusal.resource || refusal.above.contains(&place))
                }),
                facts,
                besides,
                against: against.into_iter().collect(),
                by: kind.of.by.map(|clause| self.rule(clause)),
            });
        }
        // Where all facts are there, more of them that meet the same objections are no help.
        let own = summary.grants.iter().find(|grant| grant.facts.is_empty()).map(|grant| grant.against.clone());
        if let Some(own) = own {
            let is_help = |grant: &Grant| own.iter().any(|at| !grant.against.contains(at));
            summary.grants.retain(|grant| grant.facts.is_empty() || is_help(grant));
        }
    }

    fn objection(&mut self, number: usize, lifting: &[Goal], refusal: &Refusal) -> Objection {
        let failing = &refusal.objections[number];
        let literal = self.linked.clauses[failing.clause].body[usize::from(failing.literal)].clone();
        let what = self.what(&literal, &failing.environment);
        let (because, is_cut) = match &literal {
            Literal::Not(predicate, args) => {
                let row = failing.environment.row(args);
                let step = self.proof(*predicate, &row).ok().flatten();
                step.map_or_else(|| (Vec::new(), false), |step| leaves(&self.steps, step))
            }
            _ => (Vec::new(), false),
        };
        self.is_cut |= is_cut;
        let mut unless = atoms(self, lifting);
        // What must not hold and doesn't is told already.
        unless.retain(|atom| !because.contains(&What::Not(atom.clone())));
        Objection { what, because, unless, by: self.rule(failing.clause) }
    }

    /// Is it a fact of things that nothing names?
    fn is_vague(&self, goal: &Goal, refusal: &Refusal) -> bool {
        let is_free = goal.1.iter().any(|term| matches!(term, Term::Var(..)));
        is_free && !self.is_askers(goal, refusal)
    }

    /// Is it a fact of the asker, or of what theirs name?
    fn is_askers(&self, goal: &Goal, refusal: &Refusal) -> bool {
        goal.1.iter().any(|term| match term {
            Term::Const(value) => Some(*value) == refusal.asker || refusal.kin.contains(value),
            Term::Var(..) => false,
        })
    }

    /// A role joins those on places of the same type, whatever its name; another fact joins those that differ in one
    /// value of the same type.
    fn add_to_kinds(&self, one: Found, refusal: &Refusal, kinds: &mut Vec<Kind>) {
        let n_missing = one.missing.len() + one.open.len();
        let of_asker = one.missing.iter().find(|goal| self.is_role(goal) && self.is_askers(goal, refusal));
        let Some(first) =
            of_asker.or_else(|| one.missing.iter().find(|goal| self.is_askers(goal, refusal))).or(one.missing.first())
        else {
            kinds.push(Kind { facts: Vec::new(), besides: Vec::new(), of: one, n_missing, varies: None });
            return;
        };
        let first = first.clone();
        let besides: Vec<Goal> = one.missing.iter().filter(|goal| **goal != first).cloned().collect();
        for kind in kinds.iter_mut() {
            if kind.of.against != one.against || kind.of.open.len() != one.open.len() {
                continue;
            }
            let Some(differs) = self.difference(kind, &first, &besides, refusal) else { continue };
            let is_named = differs.is_some_and(|value| kind.besides.iter().any(|goal| names(goal, value)));
            // A value that the other facts name must be the same one in all that join.
            if kind.facts.len() > 1
                && kind.varies != differs.filter(|_| is_named)
                && (is_named || kind.varies.is_some())
            {
                continue;
            }
            kind.varies = differs.filter(|_| is_named);
            kind.facts.push(first);
            return;
        }
        kinds.push(Kind { facts: vec![first], besides, of: one, n_missing, varies: None });
    }

    /// What of the kind's first fact has another value in `first`, and only there and in what stands `besides`;
    /// `Some(None)`: nothing but a role's name. `None`: they are of different kinds.
    fn difference(&self, kind: &Kind, first: &Goal, besides: &[Goal], refusal: &Refusal) -> Option<Option<Sym>> {
        let known = kind.facts.first()?;
        let is_fixed = |value: Sym| Some(value) == refusal.asker || Some(value) == refusal.resource;
        let is_role = self.is_role(known);
        let mut differs: Option<(Sym, Sym)> = None;
        let pairs = std::iter::once((known, first)).chain(kind.besides.iter().zip(besides));
        if kind.besides.len() != besides.len() {
            return None;
        }
        for (at, (known, other)) in pairs.enumerate() {
            if known.0 != other.0 || known.1.len() != other.1.len() {
                return None;
            }
            for (place, pair) in known.1.iter().zip(&other.1).enumerate() {
                let is_role_name = is_role && at == 0 && place == 1;
                match pair {
                    _ if is_role_name => {}
                    // Roles on whatever there is of one type.
                    (Term::Var(_, a), Term::Var(_, b)) if is_role && at == 0 && place == 2 => {
                        let (a_type, b_type) = (self.linked.bounds.only_type(*a), self.linked.bounds.only_type(*b));
                        if a != b && (a_type.is_none() || a_type != b_type) {
                            return None;
                        }
                    }
                    (Term::Const(a), Term::Const(b)) if differs == Some((*a, *b)) => {}
                    (a, b) if a == b => {
                        // What differs once differs wherever it stands.
                        if let (Some((from, _)), Term::Const(value)) = (differs, a)
                            && from == *value
                        {
                            return None;
                        }
                    }
                    (Term::Const(a), Term::Const(b)) => {
                        // A role may be on the resource itself and on what it belongs to.
                        let may_vary =
                            a.ty == b.ty && self.is_entity(*a) && (is_role || !(is_fixed(*a) || is_fixed(*b)));
                        if at > 0 || differs.is_some() || !may_vary {
                            return None;
                        }
                        differs = Some((*a, *b));
                    }
                    _ => return None,
                }
            }
        }
        // Roles of others, and of the same place, are not one kind.
        if is_role && differs.is_some_and(|(value, _)| place(known) != Some(value)) {
            return None;
        }
        let column = |(from, _): (Sym, Sym)| known.1.iter().position(|term| *term == Term::Const(from));
        let is_same_column = kind
            .facts
            .iter()
            .all(|fact| is_role || differs.and_then(column).is_none_or(|at| differs_only_at(known, fact, at)));
        is_same_column.then_some(differs.map(|(from, _)| from))
    }

    fn is_role(&self, goal: &Goal) -> bool {
        self.linked.predicates[goal.0].name == "has_role"
    }

    /// Facts and conditions beside them as they are told: what is the same in several has the same number.
    fn conditions_of_kind(&self, kind: &Kind) -> (Vec<Atom>, Vec<What>) {
        let mut facts = atoms(self, &kind.facts);
        let mut besides = atoms(self, &kind.besides);
        let all = facts.iter().chain(&besides).flat_map(|atom| &atom.args);
        let numbers = all.map(|arg| if let Arg::Any { number, .. } = arg { *number } else { 0 });
        let mut number = numbers.max().unwrap_or(0);
        if let Some(value) = kind.varies {
            number += 1;
            for (goal, atom) in kind.besides.iter().zip(&mut besides) {
                for (term, arg) in goal.1.iter().zip(&mut atom.args) {
                    if *term == Term::Const(value) {
                        *arg = Arg::Any { number, type_name: Some(self.facts.type_name(value.ty).to_owned()) };
                    }
                }
            }
        }
        let mut compared = Vec::new();
        for (clause, place, environment) in &kind.of.open {
            let clause = &self.linked.clauses[*clause];
            let literal = &clause.body[usize::from(*place)];
            let mut what = write::what(self.linked, self.facts, literal, environment);
            if let (Literal::Compare(_, left, right), What::Compare(_, of_left, of_right)) = (literal, &mut what) {
                for (term, told) in [(left, of_left), (right, of_right)] {
                    let Resolved::Free(variable, _) = environment.resolve(*term) else { continue };
                    let mut is_found = false;
                    let goals = kind.facts.iter().zip(&mut facts).chain(kind.besides.iter().zip(&mut besides));
                    for (goal, atom) in goals {
                        for at in places_of(&clause.body, environment, goal, variable) {
                            let Some(arg @ Arg::Any { .. }) = atom.args.get_mut(at) else { continue };
                            if let Arg::Any { number: known, .. } = arg {
                                *known = number + 1;
                            }
                            *told = arg.clone();
                            is_found = true;
                        }
                    }
                    number += u32::from(is_found);
                }
            }
            compared.push(what);
        }
        (facts, besides.into_iter().map(What::Goal).chain(compared).collect())
    }

    /// The resource's own kind and that of what it belongs to are one, where the roles are the same.
    fn merged(&self, mut kinds: Vec<Kind>, refusal: &Refusal) -> Vec<Kind> {
        let Some(own) = kinds.iter().position(|kind| {
            kind.facts.first().is_some_and(|goal| place(goal).is_some() && place(goal) == refusal.resource)
        }) else {
            return kinds;
        };
        let is_same = |kind: &Kind| {
            let first = kind.facts.first();
            first.is_some_and(|goal| place(goal).is_some_and(|place| refusal.above.contains(&place)))
                && first.and_then(|goal| goal.1.first()) == kinds[own].facts.first().and_then(|goal| goal.1.first())
                && roles(kind) == roles(&kinds[own])
                && kind.besides == kinds[own].besides
                && kind.of.against == kinds[own].of.against
        };
        if let Some(other) = kinds.iter().enumerate().position(|(at, kind)| at != own && is_same(kind)) {
            let facts = kinds[other].facts.clone();
            kinds[own].facts.extend(facts);
            kinds.remove(other);
        }
        kinds
    }
}

fn roles(kind: &Kind) -> BTreeSet<Term> {
    kind.facts.iter().filter_map(|goal| goal.1.get(1).copied()).collect()
}

/// Does the goal name the value?
fn names(goal: &Goal, value: Sym) -> bool {
    goal.1.contains(&Term::Const(value))
}

/// Are they the same but for one place?
fn differs_only_at(one: &Goal, other: &Goal, at: usize) -> bool {
    one.1.iter().zip(&other.1).enumerate().all(|(place, (a, b))| place == at || a == b)
}

/// Places of a goal where the rule's condition that asks for it has the variable.
fn places_of(body: &[Literal], environment: &Environment, goal: &Goal, variable: u16) -> Vec<usize> {
    let is_it = |term: &RuleTerm| matches!(environment.resolve(*term), Resolved::Free(at, _) if at == variable);
    let calls = body.iter().filter_map(|literal| match literal {
        Literal::Call(predicate, args) if *predicate == goal.0 && environment.row(args) == goal.1 => Some(args),
        _ => None,
    });
    calls.flat_map(|args| args.iter().enumerate().filter(|(_, term)| is_it(term)).map(|(at, _)| at)).collect()
}

/// What a role is on.
fn place(goal: &Goal) -> Option<Sym> {
    match goal.1.get(2) {
        Some(Term::Const(value)) => Some(*value),
        _ => None,
    }
}

/// What lifts which objection: where the same facts and one more meet it no more.
fn lifted(found: &[Found]) -> Vec<(usize, Goal)> {
    let mut lifted = Vec::new();
    for one in found.iter().filter(|one| !one.against.is_empty() && !one.missing.is_empty()) {
        for other in found.iter().filter(|other| is_more(one, other)) {
            let more: Vec<&Goal> = other.missing.iter().filter(|goal| !one.missing.contains(goal)).collect();
            let [more] = more.as_slice() else { continue };
            for number in one.against.difference(&other.against) {
                let pair = (*number, (*more).clone());
                if !lifted.contains(&pair) {
                    lifted.push(pair);
                }
            }
        }
    }
    lifted
}

/// Has the other all of the one's facts, and more?
fn is_more(one: &Found, other: &Found) -> bool {
    one.missing.len() < other.missing.len() && one.missing.iter().all(|goal| other.missing.contains(goal))
}

/// Without those that are others with more: what lifts an objection is told with the objection.
fn nearest_only(found: Vec<Found>) -> Vec<Found> {
    let is_left_out = |other: &Found| {
        found.iter().any(|one| {
            let is_same = one.missing == other.missing;
            (is_same && one.against.is_subset(&other.against) && one.against != other.against)
                || (is_more(one, other) && (one.against.is_subset(&other.against) || !one.missing.is_empty()))
        })
    };
    let keep: Vec<bool> = found.iter().map(|one| !is_left_out(one)).collect();
    found.into_iter().zip(keep).filter(|(_, keep)| *keep).map(|(one, _)| one).collect()
}
