//! The one walk of every snapshot: verify → keep on disk → install → remember.

use std::{
    path::{Path, PathBuf},
    sync::atomic::Ordering,
};

use super::{Driver, SAVE_EVERY_MS, Serving, disk};
use crate::replica::{
    Cause, Identity, Origin, Refusal, Snapshots,
    cache::Cache,
    clock::{Clock, lasting, utc},
    snapshots::open,
    status::Observe,
    unfinished::Unfinished,
    upstream::Upstream,
    verify::{Expected, verify},
};

impl<U: Upstream, C: Cache, S: Snapshots, K: Clock, O: Observe> Driver<'_, U, C, S, K, O> {
    /// What may serve next. `sha256`: as it was announced.
    pub(super) fn expected(&self, sha256: Option<String>) -> Expected {
        Expected {
            environment: self.config.environment.clone(),
            store: self.state.store.clone(),
            epoch_min: self.state.epoch,
            sha256_at_min: self.state.sha256.clone(),
            accept_new_store: self.config.accept_new_store,
            stores_left: self.state.stores_left.clone(),
            sha256,
        }
    }

    pub(super) async fn verify(&self, file: &Path, expected: Expected) -> Result<(Identity, String), Refusal> {
        let (snapshots, file) = (self.snapshots.clone(), file.to_owned());
        apart(move || verify(&*snapshots, &open(&file)?.1, &expected)).await
    }

    /// Opens what is verified, noted on disk as begun until it has ended one way or the other.
    pub(super) async fn publish(
        &self,
        file: PathBuf,
        (identity, sha256): (Identity, String),
        content_sha256: Option<String>,
    ) -> Result<Serving, Refusal> {
        let known = self.unfinished.as_ref().filter(|known| known.is(&sha256, content_sha256.as_deref()));
        let (times, at_ms) = (known.map_or(0, |known| known.times), self.clock.unix_ms());
        let noted = known.map_or_else(|| sha256.clone(), |known| known.sha256.clone());
        self.note(Some(&Unfinished { sha256: sha256.clone(), content_sha256, times, at_ms, is_open: true }));
        let snapshots = self.snapshots.clone();
        let done =
            apart(move || snapshots.install(&file, &identity).map(|()| Serving { identity, sha256, file })).await;
        // The record of another one stays.
        self.note(self.unfinished.as_ref().filter(|other| other.sha256 != noted));
        done
    }

    /// Looks whether the process before was ended amid an install; that is counted, once.
    pub(super) fn find_unfinished(&mut self) -> bool {
        let Some(mut install) = self.cache.unfinished() else { return false };
        if install.is_open {
            install.times = install.times.saturating_add(1);
            install.is_open = false;
            let text = format!(
                "this process was ended while it opened a snapshot, {} times by now: the one before serves; if memory was \
                 short, give it more",
                install.times
            );
            self.observe.refused(Origin::Disk, &Refusal::new(Cause::Unfinished, text));
            self.note(Some(&install));
        }
        self.unfinished = Some(install);
        true
    }

    /// Has opening this one ended the process before?
    pub(super) fn is_blamed(&self, sha256: &str, content_sha256: Option<&str>) -> bool {
        self.unfinished.as_ref().is_some_and(|install| install.is(sha256, content_sha256))
    }

    /// Is it to be left alone for now, while another one serves or may?
    pub(super) fn is_not_put_off(&self, sha256: &str, content_sha256: Option<&str>) -> Result<(), Refusal> {
        let now_ms = self.clock.unix_ms();
        let blamed = self.unfinished.as_ref().filter(|install| install.is(sha256, content_sha256));
        let has_other = self.serving.is_some() || self.cache.candidates().is_empty();
        if blamed.is_none_or(|install| has_other && !install.is_put_off(now_ms)) {
            return Ok(());
        }
        let text = "opening the upstream's snapshot has ended this process before: it is tried again later, a newer one at \
                    once; if memory was short, give it more";
        Err(Refusal::new(Cause::Unfinished, text))
    }

    /// The process ends because it was asked to: what is being opened is not to blame.
    pub fn end(&self) {
        if self.cache.unfinished().is_some_and(|install| install.is_open) {
            self.note(self.unfinished.as_ref());
        }
    }

    fn note(&self, install: Option<&Unfinished>) {
        if let Err(error) = self.cache.set_unfinished(install) {
            self.observe.refused(Origin::Disk, &disk(&error));
        }
    }

    /// In another process first, where it has ended this one.
    async fn try_apart(&mut self, part: &Path, sha256: &str, content_sha256: Option<&str>) -> Result<(), Refusal> {
        if self.serving.is_none() || !self.is_blamed(sha256, content_sha256) {
            return Ok(());
        }
        let (snapshots, part) = (self.snapshots.clone(), part.to_owned());
        let tried = apart(move || snapshots.try_apart(&part)).await;
        if tried.is_err()
            && let Some(mut install) = self.unfinished.take()
        {
            install.times = install.times.saturating_add(1);
            install.at_ms = self.clock.unix_ms();
            self.note(Some(&install));
            self.unfinished = Some(install);
        }
        tried
    }

    /// verify → keep → install, and back to the file before if the install is refused.
    pub(super) async fn install(
        &mut self,
        part: &Path,
        expected: Expected,
        content_sha256: Option<String>,
    ) -> Result<Serving, Refusal> {
        let verified = self.verify(part, expected).await?;
        self.try_apart(part, &verified.1, content_sha256.as_deref()).await?;
        // Kept before it is published: after a crash no start can fall behind what was already answered from.
        let kept: PathBuf = self.cache.keep(part).map_err(|error| disk(&error))?;
        match self.publish(kept, verified, content_sha256.clone()).await {
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
        self.remember(serving, Origin::Upstream);
        self.cache.tidy();
    }

    pub(super) fn remember(&mut self, serving: Serving, origin: Origin) {
        let left = self.state.store.replace(serving.identity.store.clone());
        if let Some(left) =
            left.filter(|left| *left != serving.identity.store && !self.state.stores_left.contains(left))
        {
            self.state.stores_left.push(left);
        }
        self.state.epoch = serving.identity.epoch;
        self.state.sha256 = Some(serving.sha256.clone());
        self.status.epoch.store(serving.identity.epoch, Ordering::Relaxed);
        self.status.confirmed_ms.store(self.state.confirmed_ms.max(1), Ordering::Relaxed);
        if self.serving.is_none() {
            self.tell_start(&serving, origin);
        }
        if self.is_blamed(&serving.sha256, self.state.content_sha256.as_deref()) {
            self.unfinished = None;
        }
        self.serving = Some(serving);
        self.upstream.serves();
        self.save();
    }

    /// The one line that says what this is, once it serves.
    fn tell_start(&self, serving: &Serving, origin: Origin) {
        let contents = self.snapshots.in_words(&serving.file);
        // An export is looked at, and serves nobody.
        if contents.is_empty() {
            return;
        }
        let now_ms = self.clock.unix_ms();
        let since = |at_ms: u64| lasting(now_ms.saturating_sub(at_ms));
        let Identity { environment, epoch, created_ms, .. } = &serving.identity;
        self.observe.notice(&format!(
            "serves: understudy {} node of {}, environment {environment}, from {}, epoch {epoch} of {} ({} ago), confirmed {} \
             ago, {}",
            env!("CARGO_PKG_VERSION"),
            self.config.url,
            origin.as_str(),
            utc(*created_ms),
            since(*created_ms),
            since(self.state.confirmed_ms),
            contents,
        ));
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
