//! Answers of one call so far, and who waits for them.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::super::term::{Environment, Term};

/// A distinct answer and its value.
pub type Answered = (Box<[Term]>, Worth);

/// Which table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TableId(pub usize);

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

/// A rule under way: what is bound, which conditions are left, whom it answers.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The table its head goes to.
    pub owner: TableId,
    /// Its rule.
    pub clause: usize,
    /// Bindings so far.
    pub environment: Environment,
    /// Conditions still to be met, by position in the body.
    pub rest: Vec<u16>,
    /// Value of the conditions met so far.
    pub worth: Worth,
}

/// A frame that waits for answers of a table to one of its calls.
#[derive(Clone, Debug)]
pub struct Consumer {
    /// The frame, the call taken out of its rest.
    pub frame: Frame,
    /// The call, by position in the body.
    pub literal: u16,
}

/// A call pattern and its answers.
#[derive(Debug)]
pub struct Table {
    /// Arguments, variables numbered in order of first occurrence.
    pub args: Box<[Term]>,
    /// Distinct answers in the order found.
    pub rows: Vec<Answered>,
    /// Place of each answer.
    pub places: HashMap<Box<[Term]>, usize, FixedState>,
    /// Who is told of every new answer.
    pub consumers: Vec<Consumer>,
    /// No answer will be added.
    pub complete: bool,
}

impl Table {
    /// Has the call no variable? Then it has one answer at most, and is complete once that is true.
    pub fn is_ground(&self) -> bool {
        self.args.iter().all(|term| matches!(term, Term::Const(_)))
    }
}
