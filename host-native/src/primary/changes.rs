//! What came of a write, and why there is none, or no snapshot.

use std::fmt;

use understudy_core::model::Change;

use super::store::StoreError;

/// What a write did, in numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Offset after it.
    pub offset: u64,
    /// Facts that were not there before.
    pub n_inserted: usize,
    /// Facts that are not there any more.
    pub n_deleted: usize,
    /// What most likely is a slip in the facts inserted, each once.
    pub warnings: Vec<String>,
}

impl Counted {
    pub(super) fn new(offset: u64, changes: &[Change], warnings: Vec<String>) -> Self {
        let is_insert = |change: &&_| matches!(change, Change::Insert(_));
        let n_inserted = changes.iter().filter(is_insert).count();
        Counted { offset, n_inserted, n_deleted: changes.len() - n_inserted, warnings }
    }
}

/// Why a write was not done. Nothing has changed then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// The policy has no place for this fact.
    Unfit(String),
    /// The store says so.
    Store(StoreError),
}

/// Why there is no new snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublishError {
    /// The store can't be read.
    Store(StoreError),
    /// No snapshot can be made of what is stored.
    Build(String),
    /// The snapshot can't be written.
    Disk(String),
    /// The instances refused it.
    Install(String),
    /// The instances have it, but the store can't remember it: nodes don't see it yet.
    Unrecorded(StoreError),
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PublishError::Store(error) => error.fmt(f),
            PublishError::Build(what) => write!(f, "no snapshot can be made of what is stored: {what}"),
            PublishError::Disk(what) => write!(f, "the snapshot can't be written: {what}"),
            PublishError::Install(what) => write!(f, "the engine refused the snapshot: {what}"),
            PublishError::Unrecorded(error) => write!(f, "the new snapshot can't be recorded: {error}"),
        }
    }
}

impl std::error::Error for PublishError {}
