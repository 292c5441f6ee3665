//! Where a snapshot comes from: the upstream, the disk, `--import`.

use std::{fs, path::Path, sync::atomic::Ordering, time::Duration};

use super::{Blamed, Driver, Serving, disk, url_sha256, walk::apart};
use crate::replica::{
    Cause, Identity, Origin, Refusal, Snapshots,
    cache::{Cache, copy_whole},
    clock::Clock,
    snapshots::peek,
    status::Observe,
    upstream::{Have, Latest, Upstream, UpstreamKind},
    verify::{Expected, place},
};

impl<U: Upstream, C: Cache, S: Snapshots, K: Clock, O: Observe> Driver<'_, U, C, S, K, O> {
    /// Asks the upstream; what is new there serves afterwards.
    pub(super) async fn follow(&mut self, wait: Duration) -> Result<(), Refusal> {
        let asked_ms = self.clock.unix_ms();
        let mut latest = self.ask(&self.have(), wait).await?;
        if latest == Latest::Current && self.serving.is_none() {
            // The disk has what the upstream has: no byte of it is fetched again, unless the disk refuses.
            let sha256 = self.state.sha256.clone();
            if self.open_disk(sha256, Blamed::Never).await.is_err() {
                latest = self.ask(&Have::default(), wait).await?;
            }
        }
        if latest == Latest::Current && self.serving.is_none() {
            let text =
                format!("the upstream {} says that what this node has is current, and it has nothing", self.config.url);
            return Err(Refusal::new(Cause::Malformed, text));
        }
        match latest {
            Latest::Current => {
                // Confirmed as of the end: a feed that held its answer back vouches for the time it did.
                self.confirm(if self.hold_s() > 0 { self.clock.unix_ms() } else { asked_ms });
                self.observe.done(Origin::Upstream, "current");
                return Ok(());
            }
            Latest::Blob { identity, sha256, bytes } => {
                place(&identity, &sha256, &self.expected(None))?;
                self.is_not_put_off(&sha256, None)?;
                let part = self.cache.part(&sha256);
                self.upstream.fetch(&sha256, bytes, &part).await?;
                let expected = self.expected(Some(sha256));
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
                let expected = Expected { epoch_min: identity.epoch, sha256_at_min: None, ..self.expected(None) };
                place(&identity, "", &expected)?;
                self.is_not_put_off("", Some(&sha256))?;
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
        self.tell_kind();
        self.state.url_sha256 = url_sha256(self.config);
        self.status.follows_feed.store(self.state.kind == Some(UpstreamKind::Feed), Ordering::Relaxed);
        Ok(latest)
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

    /// Which way was found is told once, at every level: the public API names no environment of its own.
    fn tell_kind(&mut self) {
        if self.state.kind == self.told_kind {
            return;
        }
        self.told_kind = self.state.kind;
        let (url, environment) = (&self.config.url, &self.config.environment);
        match self.state.kind {
            Some(UpstreamKind::Feed) => self.observe.notice(&format!("the upstream {url} is a feed of {environment}")),
            Some(UpstreamKind::PublicApi) => self.observe.notice(&format!(
                "the upstream {url} isn't a feed: its public API is read, and taken for {environment}, the environment of OSO_API_TOKEN"
            )),
            None => {}
        }
    }

    /// Starts from the folder. `sha256`: only from the file with this digest.
    pub(super) async fn open_disk(&mut self, sha256: Option<String>, blamed: Blamed) -> Result<(), Refusal> {
        let mut last = Refusal::new(Cause::Missing, "OSO_DIRECTORY has no snapshot");
        let mut put_off = None;
        for (number, file) in self.cache.candidates().into_iter().enumerate() {
            // Without a digest: the file may be newer than the state by one crash.
            let opened = match self.verify(&file, self.expected(sha256.clone())).await {
                Ok(verified) if self.is_blamed(&verified.1, None) => {
                    put_off = put_off.or(Some((number, file, verified)));
                    continue;
                }
                Ok(verified) => self.publish(file, verified, None).await,
                Err(refusal) => Err(refusal),
            };
            match opened {
                Ok(serving) => return self.opened_disk(number, serving),
                Err(refusal) => {
                    self.observe.refused(Origin::Disk, &refusal);
                    last = refusal;
                }
            }
        }
        match put_off {
            Some((number, file, verified)) if blamed == Blamed::Last => {
                let serving = self.publish(file, verified, None).await;
                let serving = serving.inspect_err(|refusal| self.observe.refused(Origin::Disk, refusal))?;
                self.opened_disk(number, serving)
            }
            Some(_) => Err(Refusal::new(
                Cause::Unfinished,
                "opening the snapshot in OSO_DIRECTORY has ended this process before",
            )),
            None => Err(last),
        }
    }

    fn opened_disk(&mut self, number: usize, mut serving: Serving) -> Result<(), Refusal> {
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
        self.remember(serving, Origin::Disk);
        self.observe.done(Origin::Disk, "installed");
        Ok(())
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
            Ok(()) => self.install(&part, self.expected(None), None).await,
            Err(refusal) => Err(refusal),
        };
        match imported {
            Ok(serving) => {
                self.state.confirmed_ms = serving.identity.created_ms;
                self.remember(serving, Origin::Import);
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
