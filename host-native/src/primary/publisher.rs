//! The thread that makes snapshots in the background.

use std::sync::Arc;

use super::ledger::Ledger;

/// Publishes whenever it is due, until the pace is stopped.
pub fn run(ledger: &Arc<Ledger>) {
    while let Some(unpublished) = ledger.pace().wait(ledger.last_build()) {
        // The ledger's health tells the error. Everything is in the store and in the instances' log; only nodes wait.
        if ledger.publish().is_err() {
            ledger.pace().retry(unpublished);
        }
    }
}
