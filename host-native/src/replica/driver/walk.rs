//! The one walk of every snapshot: verify → keep on disk → install → remember.

use std::{
    path::{Path, PathBuf},
    sync::atomic::Ordering,
};

use super::{Driver, SAVE_EVERY_MS, Serving, disk};
use crate::replica::{
    Cause, Identity, Origin, Refusal, Snapshots,
    cache::Cache,
    clock::Clock,
    snapshots::open,
    status::Observe,
    upstream::Upstream,
    verify::{Expected, verify},
};

impl<U: Upstream, C: Cache, S: Snapshots, K: Clock, O: Observe> Driver<'_, U, C, S, K, O> {
    pub(super) fn expected(&self, epoch_min: u64, sha256: Option<String>) -> Expected {
        Expected {
            environment: self.config.environment.clone(),
            store: self.state.store.clone(),
            epoch_min,
            accept_new_store: self.config.accept_new_store,
            sha256,
        }
    }

    async fn verify(&self, file: &Path, expected: Expected) -> Result<(Identity, String), Refusal> {
        let (snapshots, file) = (self.snapshots.clone(), file.to_owned());
        apart(move || verify(&*snapshots, &open(&file)?.1, &expected)).await
    }

    async fn publish(&self, file: PathBuf, (identity, sha256): (Identity, String)) -> Result<Serving, Refusal> {
        let snapshots = self.snapshots.clone();
        apart(move || snapshots.install(&file, &identity).map(|()| Serving { identity, sha256, file })).await
    }

    /// verify → install.
    pub(super) async fn walk(&self, file: PathBuf, expected: Expected) -> Result<Serving, Refusal> {
        let verified = self.verify(&file, expected).await?;
        self.publish(file, verified).await
    }

    /// verify → keep → install, and back to the file before if the install is refused.
    pub(super) async fn install(
        &mut self,
        part: &Path,
        expected: Expected,
        content_sha256: Option<String>,
    ) -> Result<Serving, Refusal> {
        let verified = self.verify(part, expected).await?;
        // Kept before it is published: after a crash no start can fall behind what was already answered from.
        let kept: PathBuf = self.cache.keep(part).map_err(|error| disk(&error))?;
        match self.publish(kept, verified).await {
            Ok(serving) => {
                self.state.content_sha256 = content_sha256;
                Ok(serving)
            }
            Err(refusal) => {
                self.cache.undo_keep().map_err(|error| disk(&error))?;
                Err(refusal)
            }
        }
    }

    pub(super) fn finish(&mut self, serving: Serving, confirmed_ms: u64) {
        self.state.confirmed_ms = confirmed_ms;
        self.remember(serving);
        self.cache.tidy();
    }

    pub(super) fn remember(&mut self, serving: Serving) {
        self.state.store = Some(serving.identity.store.clone());
        self.state.epoch = serving.identity.epoch;
        self.state.sha256 = Some(serving.sha256.clone());
        self.status.epoch.store(serving.identity.epoch, Ordering::Relaxed);
        self.status.confirmed_ms.store(self.state.confirmed_ms.max(1), Ordering::Relaxed);
        self.serving = Some(serving);
        self.save();
    }

    pub(super) fn confirm(&mut self, at_ms: u64) {
        self.state.confirmed_ms = at_ms;
        self.status.confirmed_ms.store(at_ms.max(1), Ordering::Relaxed);
        if at_ms.saturating_sub(self.saved_ms) >= SAVE_EVERY_MS {
            self.save();
        }
    }

    fn save(&mut self) {
        self.saved_ms = self.clock.unix_ms();
        if let Err(error) = self.cache.save_state(&self.state) {
            // Serving goes on; only a restart would know less.
            self.observe.refused(Origin::Disk, &disk(&error));
        }
    }
}

/// Runs work that takes long where it holds up nothing else; a panic in it is a refusal like any other.
pub(super) async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| {
        Err(Refusal::new(
            Cause::Internal,
            "the snapshot made this program fail: please report it; the last one serves on",
        ))
    })
}
