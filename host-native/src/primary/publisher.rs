//! The thread that makes snapshots in the background.

use std::sync::Arc;

use super::ledger::Ledger;

/// Publishes whenever it is due, until the pace is stopped.
pub fn run(ledger: &Arc<Ledger>) {
    while let Some(unpublished) = ledger.pace().wait(ledger.last_build()) {
        if let Err(error) = ledger.publish() {
            // Everything is in the store and in the instances' log; only nodes wait.
            tracing::error!("no new snapshot, nodes stay at the last one: {error}");
            ledger.pace().retry(unpublished);
        }
    }
}
