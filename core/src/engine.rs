//! The façade: one snapshot, its program linked to its facts, later writes on top, questions answered.

use crate::{
    model::{Answer, AskError, Change, Fact, Pattern, Request},
    rules::rule::BlockMetadata,
};

/// One snapshot, open. `'a` is the life of the snapshot's bytes, which are used where they lie.
pub struct Engine<'a> {
    bytes: &'a [u8],
}

/// Why bytes make no engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// The snapshot's reader refused the bytes.
    Snapshot(String),
    /// The policy inside doesn't compile.
    Policy(String),
}

impl<'a> Engine<'a> {
    /// Opens verified bytes: reads the manifest, takes the cached program or compiles the policy, links it.
    /// `seed`: for hash tables, from the host.
    pub fn open(bytes: &'a [u8], seed: u64) -> Result<Self, OpenError> {
        let _ = seed;
        Ok(Engine { bytes })
    }

    /// Applies later writes, in order; `offset` is that of the last one.
    pub fn apply(&mut self, changes: &[Change], offset: u64) {
        let _ = (changes, offset, self.bytes);
    }

    /// Answers one question.
    pub fn ask(&mut self, request: &Request) -> Result<Answer, AskError> {
        Err(AskError::Budget { units: request.budget })
    }

    /// Stored facts that fit, in a stable order: base and later writes, no rules. A pattern per position named; facts of
    /// this arity or more fit (http-api.md §6.1).
    pub fn facts(&self, predicate: Option<&str>, args: &[Pattern]) -> Vec<Fact> {
        let _ = (predicate, args);
        Vec::new()
    }

    /// Roles, permissions and relations of every block, sorted; `None` where the snapshot has no policy.
    pub fn metadata(&self) -> Option<&[(String, BlockMetadata)]> {
        None
    }
}
