//! Performs the machine's actions and feeds back what happened. The one walk of every snapshot:
//! bytes → verify → keep on disk → install → remember.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};
use understudy_wire::feed;

use super::{
    Cause, Identity, Origin, Refusal, Snapshots,
    cache::{Cache, State, copy_whole},
    clock::Clock,
    machine::{Action, Event, Machine},
    snapshots::{open, peek},
    status::{Observe, Status},
    upstream::{Have, Latest, Upstream, UpstreamKind},
    verify::{Expected, place, verify},
};
use crate::{config::Config, keys::hex};

/// The replica of one environment.
pub struct Driver<'a, U, C, S, K, O> {
    /// What it follows.
    pub upstream: U,
    /// Its disk.
    pub cache: C,
    /// Where snapshots go.
    pub snapshots: Arc<S>,
    /// Its time.
    pub clock: K,
    /// Who is told.
    pub observe: O,
    /// What others see.
    pub status: &'a Status,
    config: &'a Config,
    state: State,
    saved_ms: u64,
    serving: Option<Serving>,
}

/// What serves.
struct Serving {
    identity: Identity,
    sha256: String,
    file: PathBuf,
}

/// Longest interval at which a feed is asked to hold its answer back: beyond it the connection isn't worth holding.
const HELD_INTERVAL_MAX: Duration = Duration::from_secs(feed::WAIT_S_MAX);

/// What stands between two saves of nothing but a newer confirmation.
const SAVE_EVERY_MS: u64 = 5_000;

/// Digest that stands for an address in the state file and in the store of snapshots that a node builds itself.
pub fn url_sha256(config: &Config) -> String {
    hex(&Sha256::digest(format!("{}\n{}", config.url, config.environment)))
}

impl<'a, U: Upstream, C: Cache, S: Snapshots, K: Clock, O: Observe> Driver<'a, U, C, S, K, O> {
    /// `state`: as the cache remembers it.
    #[allow(clippy::too_many_arguments)]
    pub fn new(
        config: &'a Config,
        status: &'a Status,
        state: State,
        upstream: U,
        cache: C,
        snapshots: Arc<S>,
        clock: K,
        observe: O,
    ) -> Self {
        Driver { upstream, cache, snapshots, clock, observe, status, config, state, saved_ms: 0, serving: None }
    }

    /// Follows until there is nothing to serve and no hope of it; gives the reason.
    pub async fn run(&mut self, seed: u64) -> String {
        let begin = Instant::now();
        let since = |at: Instant| millis(at.saturating_duration_since(begin));
        let mut machine = Machine::new(self.config.import.is_some(), millis(self.interval()), seed);
        let mut event = Event::Began;
        // What the disk may have answered from is not gone back behind, whatever the upstream has now.
        let mut early = if self.is_disk_ahead() { Some(self.open_disk(None).await) } else { None };
        loop {
            event = match machine.step(event, since(Instant::now())) {
                Action::Exit { why } => return why,
                Action::Sleep { ms } => {
                    self.clock.sleep(Duration::from_millis(ms)).await;
                    Event::Woke
                }
                Action::Ask { head_ms } => {
                    let asked = Instant::now();
                    match self.follow(Duration::from_millis(head_ms)).await {
                        Ok(()) => {
                            Event::InStep { interval_ms: millis(self.interval()), took_ms: millis(asked.elapsed()) }
                        }
                        Err(refusal) => {
                            self.observe.refused(Origin::Upstream, &refusal);
                            let life_ms = self.upstream.life().map(since);
                            let why = format!("upstream: {refusal}");
                            Event::Failed { retryable: refusal.cause.is_retryable(), life_ms, why }
                        }
                    }
                }
                Action::OpenDisk => {
                    let outcome = match early.take() {
                        Some(outcome) => outcome,
                        None => self.open_disk(None).await,
                    };
                    opened("disk", outcome)
                }
                Action::OpenImport => opened("import", self.open_import().await),
            };
        }
    }

    /// The newest snapshot to be had, from the upstream or else from disk, written to `file`.
    /// `Ok`: where it came from, and why it is not the upstream if it is not.
    pub async fn export(&mut self, file: &Path) -> Result<(Origin, Option<Refusal>), String> {
        let upstream = self.follow(Duration::from_millis(super::machine::HEAD_AT_START_MS)).await;
        let origin = match upstream {
            Ok(()) => (Origin::Upstream, None),
            Err(refusal) => {
                let opened = self.open_disk(None).await;
                opened.map_err(|disk| format!("nothing to export: upstream: {refusal}; disk: {disk}"))?;
                (Origin::Disk, Some(refusal))
            }
        };
        let Some(serving) = &self.serving else { return Err("nothing to export".to_owned()) };
        copy_whole(&serving.file, file).map_err(|error| format!("{} can't be written: {error}", file.display()))?;
        Ok(origin)
    }

    fn interval(&self) -> Duration {
        let of_kind = || self.upstream.kind().map_or(Duration::from_secs(60), UpstreamKind::interval);
        self.config.sync_interval.unwrap_or_else(of_kind)
    }

    /// Seconds that a feed may hold its answer back: where a change is awaited within seconds, it comes at once.
    fn hold_s(&self) -> u64 {
        let interval = self.interval();
        if self.serving.is_none() || interval > HELD_INTERVAL_MAX { 0 } else { interval.as_secs().max(1) }
    }

    async fn follow(&mut self, wait: Duration) -> Result<(), Refusal> {
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
    fn is_disk_ahead(&self) -> bool {
        let newest = self.cache.candidates().first().and_then(|file| peek(file));
        newest.is_some_and(|newest| match &self.state.store {
            Some(store) => *store == newest.store && newest.epoch > self.state.epoch,
            None => true,
        })
    }

    /// Starts from the folder. `sha256`: only from the file with this digest.
    async fn open_disk(&mut self, sha256: Option<String>) -> Result<(), Refusal> {
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

    async fn open_import(&mut self) -> Result<(), Refusal> {
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

    fn expected(&self, epoch_min: u64, sha256: Option<String>) -> Expected {
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
    async fn walk(&self, file: PathBuf, expected: Expected) -> Result<Serving, Refusal> {
        let verified = self.verify(&file, expected).await?;
        self.publish(file, verified).await
    }

    /// verify → keep → install, and back to the file before if the install is refused.
    async fn install(
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

    fn finish(&mut self, serving: Serving, confirmed_ms: u64) {
        self.state.confirmed_ms = confirmed_ms;
        self.remember(serving);
        self.cache.tidy();
    }

    fn remember(&mut self, serving: Serving) {
        self.state.store = Some(serving.identity.store.clone());
        self.state.epoch = serving.identity.epoch;
        self.state.sha256 = Some(serving.sha256.clone());
        self.status.epoch.store(serving.identity.epoch, Ordering::Relaxed);
        self.status.confirmed_ms.store(self.state.confirmed_ms.max(1), Ordering::Relaxed);
        self.serving = Some(serving);
        self.save();
    }

    fn confirm(&mut self, at_ms: u64) {
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
async fn apart<T: Send + 'static>(work: impl FnOnce() -> Result<T, Refusal> + Send + 'static) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| {
        Err(Refusal::new(
            Cause::Internal,
            "the snapshot made this program fail: please report it; the last one serves on",
        ))
    })
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn opened(from: &str, outcome: Result<(), Refusal>) -> Event {
    match outcome {
        Ok(()) => Event::Opened,
        Err(refusal) => Event::NotOpened { why: format!("{from}: {refusal}") },
    }
}

fn disk(error: &std::io::Error) -> Refusal {
    Refusal::new(Cause::Disk, format!("OSO_DIRECTORY can't be used: {error}"))
}

fn unreadable(file: &Path, error: &std::io::Error) -> Refusal {
    let cause = if error.kind() == std::io::ErrorKind::NotFound { Cause::Missing } else { Cause::Disk };
    Refusal::new(cause, format!("{} can't be read: {error}", file.display()))
}
