//! What a primary needs of its durable store. redb is the first that has it; one that several primaries share may follow.
//!
//! Enters: edits, a policy, what was published. Leaves: what changed and its offset, everything of one moment, the log.
//! Never: checks a fact against a policy; answers a question.

use std::fmt;

use understudy_core::{
    model::{Change, Fact, Pattern},
    snapshot::PolicyText,
};

/// One step of a write, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Store this fact.
    Insert(Fact),
    /// Remove every fact of this predicate and number of arguments that fits.
    Delete {
        /// The predicate.
        predicate: String,
        /// One pattern an argument.
        args: Vec<Pattern>,
    },
    /// Remove every fact.
    Clear,
}

/// What a write did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Offset after it: one more than before if anything changed.
    pub offset: u64,
    /// What really changed, in order: no insert of a fact that was there, no delete of one that wasn't.
    pub changes: Vec<Change>,
}

/// A snapshot that was made and may be fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Its number.
    pub epoch: u64,
    /// When it was made, in milliseconds since 1970-01-01 UTC.
    pub created_ms: u64,
    /// Offset of the last write it contains.
    pub offset: u64,
    /// SHA-256 of its bytes: 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// How many bytes.
    pub bytes: u64,
    /// Digest of the one before, while it is kept.
    pub previous: Option<String>,
}

/// Everything stored, of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Offset of the last write.
    pub offset: u64,
    /// The policy.
    pub policy: Option<PolicyText>,
    /// Every fact, in order of its key.
    pub facts: Vec<Fact>,
}

/// How many facts there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FactCounts {
    /// Of `has_role`.
    pub n_roles: u64,
    /// Of `has_relation`.
    pub n_relations: u64,
    /// All.
    pub n_facts: u64,
}

/// Why the store didn't do it. Nothing has changed then, except that after [`StoreError::Disk`] it may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// One delete fits more facts than allowed.
    TooManyMatches {
        /// How many are allowed.
        max: usize,
    },
    /// The disk, or the database on it.
    Disk(String),
    /// What is stored is not what was written.
    Damaged(&'static str),
    /// The folder holds something that this primary is not for.
    Foreign(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::TooManyMatches { max } => {
                write!(f, "one delete fits more than {max} facts: delete fewer at once, by narrower patterns")
            }
            StoreError::Disk(what) => write!(f, "the store can't be read or written: {what}"),
            StoreError::Damaged(part) => {
                write!(
                    f,
                    "the store is damaged ({part}): `understudy primary --restore` with the same --data makes it anew from \
                     the last snapshot and the log"
                )
            }
            StoreError::Foreign(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for StoreError {}

/// A durable set of facts with a policy. What a verb has returned `Ok` for survives the death of the process.
/// Every verb is atomic; those that read see one moment.
pub trait Store: Send + Sync {
    /// Environment it is of.
    fn environment(&self) -> &str;
    /// Random id made with it.
    fn id(&self) -> &str;
    /// Offset of the last write.
    fn offset(&self) -> Result<u64, StoreError>;
    /// The policy.
    fn policy(&self) -> Result<Option<PolicyText>, StoreError>;
    /// How many facts. Cost: walks over roles and relations.
    fn counts(&self) -> Result<FactCounts, StoreError>;
    /// Everything, if it is what was written. Cost: holds all facts in memory.
    fn moment(&self) -> Result<Moment, StoreError>;
    /// Does all edits or none; what changed goes to the log. `matches_max`: facts that one delete may remove.
    fn write(&self, edits: &[Edit], matches_max: Option<usize>) -> Result<Written, StoreError>;
    /// Stores facts without telling the log, for what a snapshot follows at once; gives how many were new.
    fn load(&self, facts: &[Fact]) -> Result<usize, StoreError>;
    /// Replaces the policy, which the log is not told either; gives the offset.
    fn set_policy(&self, policy: Option<&PolicyText>) -> Result<u64, StoreError>;
    /// Highest epoch that a snapshot of it has had; 0: none.
    fn last_epoch(&self) -> Result<u64, StoreError>;
    /// The newest snapshot.
    fn published(&self) -> Result<Option<Published>, StoreError>;
    /// Remembers a new snapshot and drops what the log has up to its offset.
    fn publish(&self, published: &Published) -> Result<(), StoreError>;
    /// Writes after an offset, oldest first. `None`: the log doesn't have all of them, a new snapshot has to be made.
    fn log(&self, after: u64) -> Result<Option<Vec<Written>>, StoreError>;
}
