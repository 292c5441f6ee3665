//! The replica's view of the rooms that know snapshots: the reader verifies, the builder builds, the guest installs.

use std::path::Path;

use understudy_core::{
    engine::{Engine, OpenError},
    snapshot::{self, ReadError},
};

use super::{Cause, Identity, Reading, Refusal, Snapshots};

/// For `--export`: everything is checked, nothing serves. The native engine says whether the policy compiles.
pub struct CheckOnly;

impl Snapshots for CheckOnly {
    fn identify(&self, bytes: &[u8]) -> Result<Identity, Refusal> {
        identify(bytes)
    }

    fn build(&self, _: Reading, _: &Identity) -> Result<Vec<u8>, Refusal> {
        Err(Refusal::new(Cause::Internal, "not wired"))
    }

    fn install(&self, file: &Path, _: &Identity) -> Result<(), Refusal> {
        let bytes = std::fs::read(file).map_err(|error| Refusal::new(Cause::Disk, error.to_string()))?;
        match Engine::open(&bytes, 0) {
            Ok(_) => Ok(()),
            Err(OpenError::Snapshot(error)) => Err(refusal(&error)),
            Err(error @ OpenError::Policy(_)) => Err(Refusal::new(Cause::Policy, error.to_string())),
        }
    }
}

/// Checks every digest and reads the manifest.
pub fn identify(bytes: &[u8]) -> Result<Identity, Refusal> {
    let manifest = snapshot::verify(bytes).map_err(|error| refusal(&error))?;
    Ok(Identity {
        environment: manifest.environment,
        store: manifest.store,
        epoch: manifest.epoch,
        created_ms: manifest.created_ms,
    })
}

/// The one table from the reader's errors to causes.
fn refusal(error: &ReadError) -> Refusal {
    let (cause, hint) = match error {
        ReadError::NotASnapshot => (Cause::Damaged, "was this file made by `understudy build`, `--export` or a feed?"),
        ReadError::Version { .. } => {
            (Cause::Version, "update this program, or make the snapshot with one of its version")
        }
        ReadError::Truncated { .. } => (Cause::Truncated, "copy or fetch it again"),
        ReadError::Damaged { .. } => (Cause::Damaged, "copy or fetch it again"),
    };
    Refusal::new(cause, format!("{error}: {hint}"))
}
