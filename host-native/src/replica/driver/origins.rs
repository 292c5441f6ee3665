//! Where a snapshot comes from: the upstream, the disk, `--import`.

use std::{fs, path::Path, sync::atomic::Ordering, time::Duration};

use super::{Driver, disk, url_sha256, walk::apart};
use crate::replica::{
    Cause, Identity, Origin, Refusal, Snapshots,
    cache::{Cache, copy_whole},
    clock::Clock,
    snapshots::peek,
    status::Observe,
    upstream::{Have, Latest, Upstream, UpstreamKind},
    verify::place,
};

impl<U: Upstream, C: Cache, S: Snapshots, K: Clock, O: Observe> Driver<'_, U, C, S, K, O> {
    /// Asks the upstream; what is new there serves afterwards.
    pub(super) async fn follow(&mut self, wait: Duration) -> Result<(), Refusal> {
        let asked_ms = self.clock.unix_ms();
        let mut latest = self.ask(&self.have(), wait).await?;
        if latest == Latest::Current && self.serving.is_none() {
            // The disk has what the upstream has: no byte of it is fetched again, unless the disk refuses.
            let sha256 = self.state.sha256.clone();
            if self.open_disk(sha256).await.is_err() {
                latest = self.ask(&Have::default(), wait).await?;
            }
        }
        match latest {
            Latest::Current => {
                // Confirmed as of the end: a feed that held its answer back vouches for the time it did.
                self.confirm(if self.hold_s() > 0 { self.clock.unix_ms() } else { asked_ms });
                self.observe.done(Origin::Upstream, "current");
                return Ok(());
            }
            Latest::Blob { identity, sha256, bytes } => {
                place(&identity, &self.expected(self.epoch_next(&identity, &sha256), None))?;
                let part = self.cache.part(&sha256);
                self.upstream.fetch(&sha256, bytes, &part).await?;
                let expected = self.expected(self.epoch_next(&identity, &sha256), Some(sha256));
                let installed = self.install(&part, expected, None).await;
                if installed.is_err() {
                    // A part that was refused is not gone on with.
                    let _ = fs::remove_file(&part);
                }
                self.finish(installed?, asked_ms);
            }
            Latest::Content { reading, sha256 } => {
                let store = url_sha256(self.config);
                let same = self.state.store.as_ref() == Some(&store);
                let identity = Identity {
                    environment: self.config.environment.clone(),
                    epoch: if same { self.state.epoch.saturating_add(1) } else { 1 },
                    store,
                    created_ms: asked_ms,
                };
                let expected = self.expected(identity.epoch, None);
                place(&identity, &expected)?;
                let snapshots = self.snapshots.clone();
                let bytes = apart(move || snapshots.build(reading, &identity)).await?;
                let part = self.cache.write_part("built", &bytes).map_err(|error| disk(&error))?;
                drop(bytes);
                let installed = self.install(&part, expected, Some(sha256)).await?;
                self.finish(installed, asked_ms);
            }
        }
        self.observe.done(Origin::Upstream, "installed");
        Ok(())
    }

    /// What the upstream need not give again: what serves, or at start what the disk is said to have.
    fn have(&self) -> Have {
        if self.serving.is_none() && self.cache.candidates().is_empty() {
            return Have::default();
        }
        Have { sha256: self.state.sha256.clone(), content_sha256: self.state.content_sha256.clone() }
    }

    async fn ask(&mut self, have: &Have, wait: Duration) -> Result<Latest, Refusal> {
        let hold_s = self.hold_s();
        let latest = self.upstream.latest(have, wait, hold_s).await?;
        self.state.kind = self.upstream.kind();
        self.state.url_sha256 = url_sha256(self.config);
        self.status.follows_feed.store(self.state.kind == Some(UpstreamKind::Feed), Ordering::Relaxed);
        Ok(latest)
    }

    /// The same snapshot may come again (after a start from nothing); another one has to be newer.
    fn epoch_next(&self, identity: &Identity, sha256: &str) -> u64 {
        let same = self.state.sha256.as_deref() == Some(sha256) && identity.epoch == self.state.epoch;
        if same { self.state.epoch } else { self.state.epoch.saturating_add(1) }
    }

    /// Is the newest file newer than what was remembered? A crash between the first answer from it and the note of it, or
    /// a lost note, leaves it so. Unverified: enough to look at it before the upstream is asked.
    pub(super) fn is_disk_ahead(&self) -> bool {
        let newest = self.cache.candidates().first().and_then(|file| peek(file));
        newest.is_some_and(|newest| match &self.state.store {
            Some(store) => *store == newest.store && newest.epoch > self.state.epoch,
            None => true,
        })
    }

    /// Starts from the folder. `sha256`: only from the file with this digest.
    pub(super) async fn open_disk(&mut self, sha256: Option<String>) -> Result<(), Refusal> {
        let mut last = Refusal::new(Cause::Missing, "OSO_DIRECTORY has no snapshot");
        for (number, file) in self.cache.candidates().into_iter().enumerate() {
            // Without a digest: the file may be newer than the state by one crash.
            let expected = self.expected(self.state.epoch, sha256.clone());
            match self.walk(file, expected).await {
                Ok(mut serving) => {
                    if number > 0 {
                        // What was refused must not take this one's place when the next file is kept.
                        match self.cache.undo_keep() {
                            Ok(file) => serving.file = file,
                            Err(error) => self.observe.refused(Origin::Disk, &disk(&error)),
                        }
                    }
                    if self.state.sha256.as_ref() != Some(&serving.sha256) {
                        self.state.confirmed_ms = serving.identity.created_ms;
                        self.state.content_sha256 = None;
                    }
                    self.remember(serving);
                    self.observe.done(Origin::Disk, "installed");
                    return Ok(());
                }
                Err(refusal) => {
                    self.observe.refused(Origin::Disk, &refusal);
                    last = refusal;
                }
            }
        }
        Err(last)
    }

    /// Starts from the file of `--import`.
    pub(super) async fn open_import(&mut self) -> Result<(), Refusal> {
        let Some(file) = self.config.import.clone() else {
            return Err(Refusal::new(Cause::Missing, "no --import is given"));
        };
        let part = self.cache.part("import");
        let copied = fs::File::open(&file)
            .map_err(|error| unreadable(&file, &error))
            .and_then(|_| copy_whole(&file, &part).map_err(|error| disk(&error)));
        let imported = match copied {
            Ok(()) => self.install(&part, self.expected(self.state.epoch, None), None).await,
            Err(refusal) => Err(refusal),
        };
        match imported {
            Ok(serving) => {
                self.state.confirmed_ms = serving.identity.created_ms;
                self.remember(serving);
                self.observe.done(Origin::Import, "installed");
                Ok(())
            }
            Err(refusal) => {
                let _ = fs::remove_file(&part);
                self.observe.refused(Origin::Import, &refusal);
                Err(refusal)
            }
        }
    }
}

fn unreadable(file: &Path, error: &std::io::Error) -> Refusal {
    let cause = if error.kind() == std::io::ErrorKind::NotFound { Cause::Missing } else { Cause::Disk };
    Refusal::new(cause, format!("{} can't be read: {error}", file.display()))
}
