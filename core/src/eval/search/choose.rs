//! Which condition of a rule is met next: what is decided comes first, what is bound before what is free, comparisons and
//! negations once their variables are bound, what stays open at the very end (polar.md §12.4, §12.5).

use super::{
    super::{
        linked::{Linked, Literal},
        term::{Environment, Resolved, RuleTerm},
    },
    table::Frame,
};

/// What to do with the condition chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::eval) enum Choice {
    /// All conditions are met.
    Done,
    /// This one, by place in the frame's rest.
    At(usize),
}

/// Rank of conditions that only stay because nothing binds their variables.
const OPEN: u32 = 10_000;

pub(super) fn choose(linked: &Linked, frame: &Frame) -> Choice {
    next_of(linked, frame.clause, &frame.environment, &frame.rest)
}

/// The same for a rule that is under way elsewhere.
pub(in crate::eval) fn next_of(linked: &Linked, clause: usize, environment: &Environment, rest: &[u16]) -> Choice {
    let body = &linked.clauses[clause].body;
    let ranked = rest
        .iter()
        .enumerate()
        .map(|(place, literal)| (rank(linked, environment, &body[usize::from(*literal)]), place));
    ranked.min().map_or(Choice::Done, |(_, place)| Choice::At(place))
}

fn rank(linked: &Linked, environment: &Environment, literal: &Literal) -> u32 {
    let bound = |term: &RuleTerm| matches!(environment.resolve(*term), Resolved::Const(_));
    match literal {
        Literal::Fail => 0,
        Literal::Unify(..) => 1,
        Literal::Compare(_, left, right) => {
            if bound(left) && bound(right) {
                2
            } else {
                OPEN
            }
        }
        Literal::In(term, list) => {
            if bound(term) && list.iter().all(bound) {
                2
            } else {
                15
            }
        }
        Literal::Not(predicate, args) => {
            let stored = linked.predicates[*predicate].clauses.is_empty();
            match (args.iter().all(bound), stored) {
                (true, true) => 4,
                (true, false) => 100,
                (false, _) => OPEN + 1,
            }
        }
        Literal::Call(predicate, args) => rank_call(linked, environment, *predicate, args),
    }
}

/// A bound literal is not a bound end: only entities and numbers narrow a relation (a role's name fits half of it).
fn rank_call(linked: &Linked, environment: &Environment, predicate: usize, args: &[RuleTerm]) -> u32 {
    let predicate = &linked.predicates[predicate];
    let (mut n_free, mut n_ends, mut is_open) = (0, 0, false);
    for (term, needed) in args.iter().zip(&predicate.needs) {
        match environment.resolve(*term) {
            Resolved::Free(..) => {
                n_free += 1;
                is_open |= needed;
            }
            Resolved::Const(value) => n_ends += u32::from(value.ty != linked.string),
        }
    }
    let stored = predicate.clauses.is_empty();
    let rank = match (stored, n_free, n_ends) {
        (true, 0, _) => 3,
        (true, free, 1..) => 10 + free,
        (false, 0, _) => 20,
        (false, free, 1..) => 30 + free,
        (true, free, 0) => 60 + free,
        (false, free, 0) => 80 + free,
    };
    if is_open { rank + OPEN / 2 } else { rank }
}
