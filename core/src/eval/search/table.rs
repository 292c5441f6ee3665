//! Answers of one call so far, and who waits for them.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::{links::DerivationId, stored::Stored};
use crate::eval::{
    solve::{Answered, Worth},
    term::{Environment, Term},
};

/// Which table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TableId(pub usize);

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
    /// What was not simply true; few frames have any.
    pub open: Option<Box<Open>>,
}

/// What is still to be done.
#[derive(Debug)]
pub enum Task {
    /// A frame that can go on.
    GoOn(Frame),
    /// A frame that goes on with each of some rows.
    Meet(Meeting),
}

/// A frame and the stored rows that its call fits: a frame for each is only made when its turn has come, since there may be
/// millions.
#[derive(Debug)]
pub struct Meeting {
    /// The frame, the call taken out of its rest.
    pub frame: Frame,
    /// The call, by position in the body.
    pub literal: u16,
    /// The rows left.
    pub(super) found: Stored,
}

/// What a frame has met that may have another value for other bindings.
#[derive(Clone, Debug, Default)]
pub struct Open {
    /// Comparisons and negations that were errors or mismatches, by position in the body.
    pub conditions: Vec<u16>,
    /// Calls whose answers were not true.
    pub doubts: Vec<Doubt>,
    /// How many of the doubts have been asked again.
    pub n_asked: usize,
    /// With links: the true rows that calls were met by.
    pub trail: Vec<(u16, DerivationId)>,
}

/// A call whose answer was not true, to be asked again for the bindings of the end.
#[derive(Clone, Copy, Debug)]
pub struct Doubt {
    /// The call, by position in the body.
    pub literal: u16,
    /// The table it was asked of.
    pub table: TableId,
    /// Place of the answer there.
    pub place: usize,
    /// What the answer was.
    pub worth: Worth,
}

/// A frame that waits for answers of a table to one of its calls.
#[derive(Clone, Debug)]
pub struct Consumer {
    /// The frame, the call taken out of its rest.
    pub frame: Frame,
    /// The call, by position in the body.
    pub literal: u16,
    /// What it takes.
    pub wants: Wants,
}

/// Which answers a consumer takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wants {
    /// All of them.
    Every,
    /// The one that is the call itself, by the ways that gave the doubtful answer: is it still an answer?
    Own,
    /// The one that is the call itself, by whatever way: its worth.
    Whole,
}

/// The branch of a rule that gave a row which is not true: what is left of it to be looked at for narrower bindings.
#[derive(Clone, Debug)]
pub struct Way {
    /// Place of the row.
    pub place: usize,
    /// The frame as it was when all was met, its `rest` the conditions that were open.
    pub frame: Frame,
}

/// A call pattern and its answers.
#[derive(Debug)]
pub struct Table {
    /// Which predicate.
    pub predicate: usize,
    /// Arguments, variables numbered in order of first occurrence.
    pub args: Box<[Term]>,
    /// Distinct answers in the order found.
    pub rows: Vec<Answered>,
    /// Place of each answer.
    pub places: HashMap<Box<[Term]>, usize, FixedState>,
    /// With links: how each true answer was first found.
    pub links: Vec<Option<DerivationId>>,
    /// Who is told of every new answer.
    pub consumers: Vec<Consumer>,
    /// Ways to the rows that are not true and have a free variable.
    pub ways: Vec<Way>,
    /// Tables for the ways of one row under narrower bindings: place of the row, table.
    pub narrowed: Vec<(usize, TableId)>,
    /// What the table is found by.
    pub key: Box<[Term]>,
    /// No answer will be added.
    pub complete: bool,
}

impl Table {
    /// Has the call no variable? Then it has one answer at most, and is complete once that is true.
    pub fn is_ground(&self) -> bool {
        self.args.iter().all(|term| matches!(term, Term::Const(_)))
    }
}
