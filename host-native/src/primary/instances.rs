//! What the primary needs of the guest besides answers: take a snapshot, take a write.

use std::{path::Path, sync::Arc};

use understudy_core::model::Change;

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
    /// Itself, as what endpoints ask.
    fn answers(self: Arc<Self>) -> Arc<dyn Answers>;
}
