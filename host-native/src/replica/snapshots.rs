//! The replica's view of the rooms that know snapshots: the reader verifies, the builder builds, the guest installs.

use std::{fs::File, io, path::Path, sync::Arc};

use understudy_core::{
    engine::{Checked, Engine, OpenError, Options},
    snapshot::{self, Contents, Manifest, PolicyText, ReadError, Snapshot},
};

use super::{Cause, Identity, Reading, Refusal, SNAPSHOT_BYTES_MAX, Snapshots, trial};
use crate::{
    build::{self, BuildError},
    guest::{instance::Failure, pool::Pool},
    keys::{AcceptedKey, NodeKeys, Right},
    mapping::MappedFile,
};

/// For `--export`: everything is checked, nothing serves. The native engine says whether the policy compiles.
pub struct CheckOnly {
    /// Tenant of this node.
    pub tenant: String,
}

impl Snapshots for CheckOnly {
    fn identify(&self, bytes: &[u8]) -> Result<Identity, Refusal> {
        identify(bytes)
    }

    fn build(&self, reading: Reading, identity: &Identity) -> Result<Vec<u8>, Refusal> {
        build(reading, identity, &self.tenant)
    }

    fn install(&self, file: &Path, _: &Identity) -> Result<(), Refusal> {
        let bytes = open(file)?.1;
        match Engine::open(&bytes, Options { checked: Checked::Digests, ..Options::default() }) {
            Ok(_) => Ok(()),
            Err(OpenError::Snapshot(error)) => Err(refusal(&error)),
            Err(error @ (OpenError::Policy(_) | OpenError::Program)) => {
                Err(Refusal::new(Cause::Policy, error.to_string()))
            }
        }
    }
}

/// For `serve`: what is installed is what the guest's instances answer from.
pub struct Serving {
    /// The instances.
    pub pool: Arc<Pool>,
    /// Who may ask them.
    pub keys: Arc<NodeKeys>,
    /// Tenant of this node.
    pub tenant: String,
}

impl Snapshots for Serving {
    fn identify(&self, bytes: &[u8]) -> Result<Identity, Refusal> {
        identify(bytes)
    }

    fn build(&self, reading: Reading, identity: &Identity) -> Result<Vec<u8>, Refusal> {
        build(reading, identity, &self.tenant)
    }

    fn install(&self, path: &Path, _: &Identity) -> Result<(), Refusal> {
        let (file, bytes) = open(path)?;
        let snapshot = Snapshot::open(&bytes).map_err(|error| refusal(&error))?;
        let (keys, store) = (snapshot.keys().map(accepted), snapshot.manifest().store.clone());
        drop(snapshot);
        drop(bytes);
        let installed = self.pool.install(file, || self.keys.install(&store, keys));
        installed.map_err(|failure| match failure {
            // The bytes are verified: what an instance says against them is said of the policy.
            Failure::Refused(refused) => Refusal::new(Cause::Policy, refused.to_string()),
            failure => Refusal::new(Cause::Internal, format!("the snapshot can't be opened: {failure}")),
        })
    }

    fn try_apart(&self, file: &Path) -> Result<(), Refusal> {
        trial::run(file)
    }

    fn in_words(&self, file: &Path) -> String {
        let Ok((_, bytes)) = open(file) else { return String::new() };
        let n_facts = Snapshot::open(&bytes).map_or(0, |snapshot| snapshot.manifest().counts.facts);
        format!("{n_facts} facts, {} bytes, keys: {}", bytes.len(), self.keys.in_words())
    }
}

fn accepted(keys: &[snapshot::Key]) -> Vec<AcceptedKey> {
    let key = |key: &snapshot::Key| {
        let right = if key.write { Right::Write } else { Right::Read };
        AcceptedKey { digest: key.digest, right }
    };
    keys.iter().map(key).collect()
}

/// The file, and its bytes where they lie.
pub fn open(path: &Path) -> Result<(File, MappedFile), Refusal> {
    let failed = |error: io::Error| {
        let cause = if error.kind() == io::ErrorKind::NotFound { Cause::Missing } else { Cause::Disk };
        Refusal::new(cause, format!("{} can't be read: {error}", path.display()))
    };
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.len() > SNAPSHOT_BYTES_MAX {
        return Err(Refusal::new(Cause::TooLarge, format!("{} is larger than any snapshot", path.display())));
    }
    let bytes = MappedFile::new(&file).map_err(failed)?;
    Ok((file, bytes))
}

/// What a file says of itself, unverified; `None`: nothing that can be read.
pub fn peek(path: &Path) -> Option<Identity> {
    let (_, bytes) = open(path).ok()?;
    Snapshot::open(&bytes).ok().map(|snapshot| identity(snapshot.manifest().clone()))
}

/// Makes a snapshot of what was read from the public API, which gives no key digests.
fn build(reading: Reading, identity: &Identity, tenant: &str) -> Result<Vec<u8>, Refusal> {
    let manifest = Manifest {
        environment: identity.environment.clone(),
        tenant: tenant.to_owned(),
        store: identity.store.clone(),
        epoch: identity.epoch,
        created_ms: identity.created_ms,
        ..Manifest::default()
    };
    let policy = reading.policy.map(|(file, text)| PolicyText { file, text });
    let contents = Contents { manifest, policy, keys: None };
    let refused =
        |error: BuildError| Refusal::new(Cause::Policy, format!("the upstream's data can't be used: {error}"));
    build::snapshot(&contents, reading.facts).map_err(refused)
}

/// Checks every digest and reads the manifest.
pub fn identify(bytes: &[u8]) -> Result<Identity, Refusal> {
    snapshot::verify(bytes).map(identity).map_err(|error| refusal(&error))
}

fn identity(manifest: Manifest) -> Identity {
    Identity {
        environment: manifest.environment,
        store: manifest.store,
        epoch: manifest.epoch,
        created_ms: manifest.created_ms,
    }
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
