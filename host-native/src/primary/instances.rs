//! What the primary needs of the guest besides answers: take a snapshot, take a write.

use std::{path::Path, sync::Arc};

use understudy_core::{eval::policy_tests::TestResult, model::Change, raw::Note, syntax::diagnostic::Severity};

use crate::http::state::Answers;

/// The component's instances. A question that begins after `append` has returned sees that write, whichever instance
/// answers it and however new that instance is.
pub trait Instances: Answers {
    /// Opens a verified snapshot file in every instance, replays the log's later entries, makes it current in one step.
    /// On an error the generation before goes on. Blocks.
    fn install(&self, snapshot: &Path) -> Result<(), String>;
    /// Adds one write to the log. Offsets only rise.
    fn append(&self, offset: u64, changes: Vec<Change>);
    /// Drops what the log has up to this offset: every snapshot from now on contains it.
    fn forget(&self, up_to: u64);
    /// Compiles a policy, runs its tests and opens what becomes of it, within less memory and time than any node has: what
    /// nobody has looked at may ask for any amount of both. Blocks; nothing else waits.
    fn try_policy(&self, sources: Sources, now_s: i64) -> Result<Tried, NotTried>;
    /// Itself, as what endpoints ask.
    fn answers(self: Arc<Self>) -> Arc<dyn Answers>;
}

/// File name and text of each; several are one policy.
pub type Sources = Vec<(String, String)>;

/// What came of trying a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tried {
    /// Everything found in its text.
    pub notes: Vec<Note>,
    /// Results of its tests; none where the text has errors.
    pub tests: Vec<TestResult>,
}

impl Tried {
    /// Can it not be used?
    pub fn has_errors(&self) -> bool {
        self.notes.iter().any(|note| note.severity == Severity::Error)
    }

    /// Do its tests pass?
    pub fn passes(&self) -> bool {
        self.tests.iter().all(|test| test.n_passed == test.n_total)
    }
}

/// Why a policy could not be tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotTried {
    /// It needs more memory or time than there is; says how much that is.
    TooLarge(String),
    /// The engine refuses it.
    Refused(String),
    /// The server's fault.
    Failed(String),
}
