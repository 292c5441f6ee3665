//! What an evaluator is: it finds the rows of one predicate of a linked program, with their worth.

use std::cmp::Reverse;

pub use super::account::OutOfBudget;
use super::{account::Account, linked::Linked, term::Term};
use crate::{facts::Facts, model::AskError};

/// A distinct row and its value.
pub type Answered = (Box<[Term]>, Worth);

/// Value of a row that is not false (polar.md §12.7), strongest first among alternatives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Worth {
    /// An order comparison met a value that is no Integer.
    Mismatch,
    /// No answer can be given.
    Error(Cause),
    /// It holds.
    True,
}

impl Worth {
    /// Value of a conjunction of both: the first of error, mismatch, true that occurs.
    pub fn and(self, other: Worth) -> Worth {
        match (self, other) {
            (Worth::Error(a), Worth::Error(b)) => Worth::Error(a.max(b)),
            (error @ Worth::Error(_), _) | (_, error @ Worth::Error(_)) => error,
            (Worth::Mismatch, _) | (_, Worth::Mismatch) => Worth::Mismatch,
            _ => Worth::True,
        }
    }

    /// Is it an error, of whatever cause?
    pub fn is_error(self) -> bool {
        matches!(self, Worth::Error(_))
    }
}

/// Where an error comes from. Of several the one that is told is the greatest: by kind, then the earliest rule. So which one
/// it is says something of the policy and the facts, and nothing of the order of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cause {
    kind: CauseKind,
    line: Reverse<u32>,
    /// Of a negation that rests on a mismatch: the line of the comparison; 0 for everything else.
    compared: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum CauseKind {
    Recursion,
    Negation,
    Comparison,
}

impl Cause {
    /// A comparison with an open side, in a rule on this line.
    pub fn comparison(line: u32) -> Self {
        Cause { kind: CauseKind::Comparison, line: Reverse(line), compared: 0 }
    }

    /// A negation of what can't be said with wildcards.
    pub fn negation(line: u32) -> Self {
        Cause { kind: CauseKind::Negation, line: Reverse(line), compared: 0 }
    }

    /// A negation of a mismatch: what is under it compares a value that is no Integer. `compared`: the first line that may.
    pub fn mismatch(line: u32, compared: u32) -> Self {
        Cause { compared, ..Cause::negation(line) }
    }

    /// An atom that depends on its own negation.
    pub fn recursion(line: u32) -> Self {
        Cause { kind: CauseKind::Recursion, line: Reverse(line), compared: 0 }
    }
}

impl From<Cause> for AskError {
    fn from(cause: Cause) -> Self {
        let place = format!("line {}", cause.line.0);
        match cause.kind {
            CauseKind::Comparison => AskError::Comparison { place },
            CauseKind::Negation => AskError::Negation { place, compared: cause.compared },
            CauseKind::Recursion => AskError::Recursion { place },
        }
    }
}

/// What a predicate's rows are.
#[derive(Clone, Debug, Default)]
pub struct Solved {
    /// Distinct rows, in no promised order.
    pub rows: Vec<Answered>,
}

/// What every evaluator is given.
pub struct Question<'q, F: Facts> {
    /// The program; the asked predicate is its last and takes every argument free.
    pub linked: &'q mut Linked,
    /// The facts, the request's layer entered.
    pub facts: &'q F,
    /// The predicate whose rows are wanted.
    pub predicate: usize,
    /// For hash tables.
    pub seed: u64,
    /// What it may spend.
    pub account: &'q mut Account,
}

/// An evaluator: all of them give the same rows.
pub trait Solver {
    /// The rows of the asked predicate.
    fn solve<F: Facts>(question: Question<'_, F>) -> Result<Solved, OutOfBudget>;
}
