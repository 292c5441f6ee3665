//! What an evaluator is: it finds the rows of one predicate of a linked program, with their worth.

use super::{linked::Linked, term::Term};
use crate::{facts::Facts, model::AskError};

/// A distinct row and its value.
pub type Answered = (Box<[Term]>, Worth);

/// Value of a row that is not false (polar.md §12.7), strongest first among alternatives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Worth {
    /// An order comparison met a value that is no Integer.
    Mismatch,
    /// No answer can be given.
    Error,
    /// It holds.
    True,
}

impl Worth {
    /// Value of a conjunction of both: the first of error, mismatch, true that occurs.
    pub fn and(self, other: Worth) -> Worth {
        match (self, other) {
            (Worth::Error, _) | (_, Worth::Error) => Worth::Error,
            (Worth::Mismatch, _) | (_, Worth::Mismatch) => Worth::Mismatch,
            _ => Worth::True,
        }
    }
}

/// What a predicate's rows are.
#[derive(Clone, Debug, Default)]
pub struct Solved {
    /// Distinct rows, in no promised order.
    pub rows: Vec<Answered>,
    /// Why some row is an error; `Some` if one is.
    pub reason: Option<AskError>,
}

/// The work units are spent: the whole request's error, whatever was found so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfBudget;

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
    /// Work units to spend.
    pub units: u64,
}

/// An evaluator: all of them give the same rows.
pub trait Solver {
    /// The rows of the asked predicate.
    fn solve<F: Facts>(question: Question<'_, F>) -> Result<Solved, OutOfBudget>;
}
