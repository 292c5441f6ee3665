//! Performs the machine's actions and feeds back what happened. The one walk of every snapshot:
//! bytes → verify → keep on disk → install → remember.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use sha2::{Digest, Sha256};

use super::{
    Cause, Identity, Origin, Refusal, SNAPSHOT_BYTES_MAX, Snapshots,
    cache::{Cache, State, write_whole},
    machine::{Action, Event, Machine},
    upstream::{Have, Latest, Upstream},
    verify::{Expected, place, verify},
};
use crate::{config::Config, keys::hex};

/// Time, as the driver sees it.
#[allow(async_fn_in_trait)]
pub trait Clock {
    /// Milliseconds since 1970-01-01 UTC.
    fn unix_ms(&self) -> u64;
    /// For how long nothing happens.
    async fn sleep(&self, duration: Duration);
}

/// The machine's own clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn unix_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// What others may see of the replica, at any time.
#[derive(Debug, Default)]
pub struct Status {
    confirmed_ms: AtomicU64,
    epoch: AtomicU64,
}

impl Status {
    /// When the upstream last confirmed what serves; `None`: nothing serves yet.
    pub fn confirmed_ms(&self) -> Option<u64> {
        Some(self.confirmed_ms.load(Ordering::Relaxed)).filter(|ms| *ms > 0)
    }

    /// Epoch that serves; 0 before the first.
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }
}

/// Is told every outcome: for metrics and logs.
pub trait Observe {
    /// Something was installed (`installed`) or confirmed (`current`).
    fn done(&self, origin: Origin, outcome: &'static str);
    /// Something was refused.
    fn refused(&self, origin: Origin, refusal: &Refusal);
}

/// The replica of one environment.
pub struct Driver<'a, U, C, S, K, O> {
    /// What it follows.
    pub upstream: U,
    /// Its disk.
    pub cache: C,
    /// Where snapshots go.
    pub snapshots: S,
    /// Its time.
    pub clock: K,
    /// Who is told.
    pub observe: O,
    /// What others see.
    pub status: &'a Status,
    config: &'a Config,
    state: State,
    saved_ms: u64,
    serving: Option<Identity>,
}

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
        snapshots: S,
        clock: K,
        observe: O,
    ) -> Self {
        Driver { upstream, cache, snapshots, clock, observe, status, config, state, saved_ms: 0, serving: None }
    }

    /// Follows until there is nothing to serve and no hope of it; gives the reason.
    pub async fn run(&mut self, seed: u64) -> String {
        let begin = Instant::now();
        let since = |at: Instant| u64::try_from(at.saturating_duration_since(begin).as_millis()).unwrap_or(u64::MAX);
        let mut machine = Machine::new(self.config.import.is_some(), seed);
        let mut event = Event::Began;
        loop {
            event = match machine.step(event, since(Instant::now())) {
                Action::Exit { why } => return why,
                Action::Sleep { ms } => {
                    self.clock.sleep(Duration::from_millis(ms)).await;
                    Event::Woke
                }
                Action::Ask { head_ms } => match self.follow(Duration::from_millis(head_ms)).await {
                    Ok(()) => Event::InStep { interval_ms: self.interval_ms() },
                    Err(refusal) => {
                        self.observe.refused(Origin::Upstream, &refusal);
                        let life_ms = self.upstream.life().map(since);
                        let why = format!("upstream: {refusal}");
                        Event::Failed { retryable: refusal.cause.is_retryable(), life_ms, why }
                    }
                },
                Action::OpenDisk => opened("disk", self.open_disk()),
                Action::OpenImport => opened("import", self.open_import()),
            };
        }
    }

    /// The newest snapshot to be had, from the upstream or else from disk, written to `file`.
    pub async fn export(&mut self, file: &Path) -> Result<Origin, String> {
        let upstream = self.follow(Duration::from_millis(super::machine::HEAD_AT_START_MS)).await;
        let origin = match upstream {
            Ok(()) => Origin::Upstream,
            Err(refusal) => {
                self.open_disk().map_err(|disk| format!("nothing to export: upstream: {refusal}; disk: {disk}"))?;
                eprintln!("understudy: the upstream gives nothing ({refusal}): exporting what is on disk");
                Origin::Disk
            }
        };
        let current = self.cache.candidates().into_iter().next();
        let bytes = current.map(fs::read).transpose().map_err(|error| error.to_string())?.unwrap_or_default();
        write_whole(file, &bytes).map_err(|error| format!("{} can't be written: {error}", file.display()))?;
        Ok(origin)
    }

    fn interval_ms(&self) -> u64 {
        let of_kind = || self.upstream.kind().map_or(Duration::from_secs(60), super::upstream::UpstreamKind::interval);
        let interval = self.config.sync_interval.unwrap_or_else(of_kind);
        u64::try_from(interval.as_millis()).unwrap_or(u64::MAX)
    }

    async fn follow(&mut self, wait: Duration) -> Result<(), Refusal> {
        let have = match &self.serving {
            Some(_) => Have { sha256: self.state.sha256.clone(), content_sha256: self.state.content_sha256.clone() },
            None => Have::default(),
        };
        let asked_ms = self.clock.unix_ms();
        let latest = self.upstream.latest(&have, wait).await?;
        self.state.kind = self.upstream.kind();
        self.state.url_sha256 = url_sha256(self.config);
        match latest {
            Latest::Current => {
                self.confirm(asked_ms);
                self.observe.done(Origin::Upstream, "current");
                return Ok(());
            }
            Latest::Blob { identity, sha256, bytes } => {
                place(&identity, &self.expected(self.epoch_next(&identity, &sha256), None))?;
                let part = self.cache.part(&sha256);
                self.upstream.fetch(&sha256, bytes, &part).await?;
                let epoch_min = self.epoch_next(&identity, &sha256);
                let installed = self.install(&part, epoch_min, Some(&sha256), None);
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
                let bytes = self.snapshots.build(reading, &identity)?;
                let part = self.cache.write_part("built", &bytes).map_err(|error| disk(&error))?;
                drop(bytes);
                let installed = self.install(&part, identity.epoch, None, Some(sha256))?;
                self.finish(installed, asked_ms);
            }
        }
        self.observe.done(Origin::Upstream, "installed");
        Ok(())
    }

    /// The same snapshot may come again (after a start from nothing); another one has to be newer.
    fn epoch_next(&self, identity: &Identity, sha256: &str) -> u64 {
        let same = self.state.sha256.as_deref() == Some(sha256) && identity.epoch == self.state.epoch;
        if same { self.state.epoch } else { self.state.epoch.saturating_add(1) }
    }

    fn open_disk(&mut self) -> Result<(), Refusal> {
        let mut last = Refusal::new(Cause::Missing, "OSO_DIRECTORY has no snapshot");
        for file in self.cache.candidates() {
            // No digest is expected: the file may be newer than the state by one crash.
            match self.walk(&file, self.state.epoch, None) {
                Ok((identity, sha256)) => {
                    if self.state.sha256.as_ref() != Some(&sha256) {
                        self.state.confirmed_ms = identity.created_ms;
                        self.state.content_sha256 = None;
                    }
                    self.remember(identity, sha256);
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

    fn open_import(&mut self) -> Result<(), Refusal> {
        let Some(file) = &self.config.import else { return Err(Refusal::new(Cause::Missing, "no --import is given")) };
        let imported = read(file).and_then(|bytes| {
            let part = self.cache.write_part("import", &bytes).map_err(|error| disk(&error))?;
            drop(bytes);
            self.install(&part, self.state.epoch, None, None)
        });
        match imported {
            Ok((identity, sha256)) => {
                self.state.confirmed_ms = identity.created_ms;
                self.remember(identity, sha256);
                self.observe.done(Origin::Import, "installed");
                Ok(())
            }
            Err(refusal) => {
                self.observe.refused(Origin::Import, &refusal);
                Err(refusal)
            }
        }
    }

    fn expected<'s>(&'s self, epoch_min: u64, sha256: Option<&'s str>) -> Expected<'s> {
        Expected {
            environment: &self.config.environment,
            store: self.state.store.as_deref(),
            epoch_min,
            // What this node builds itself is of its own URL: another URL is the operator's word.
            accept_new_store: self.config.accept_new_store,
            sha256,
        }
    }

    /// verify → install.
    fn walk(&self, file: &Path, epoch_min: u64, sha256: Option<&str>) -> Result<(Identity, String), Refusal> {
        let bytes = read(file)?;
        let identity = verify(&self.snapshots, &bytes, &self.expected(epoch_min, sha256))?;
        let sha256 = sha256.map_or_else(|| hex(&Sha256::digest(&bytes)), ToOwned::to_owned);
        drop(bytes);
        self.snapshots.install(file, &identity)?;
        Ok((identity, sha256))
    }

    /// verify → keep → install, and back to the file before if the install is refused.
    fn install(
        &mut self,
        part: &Path,
        epoch_min: u64,
        sha256: Option<&str>,
        content_sha256: Option<String>,
    ) -> Result<(Identity, String), Refusal> {
        let bytes = read(part)?;
        let identity = verify(&self.snapshots, &bytes, &self.expected(epoch_min, sha256))?;
        let sha256 = sha256.map_or_else(|| hex(&Sha256::digest(&bytes)), ToOwned::to_owned);
        drop(bytes);
        // Kept before it is published: after a crash no start can fall behind what was already answered from.
        let kept: PathBuf = self.cache.keep(part).map_err(|error| disk(&error))?;
        if let Err(refusal) = self.snapshots.install(&kept, &identity) {
            self.cache.undo_keep().map_err(|error| disk(&error))?;
            return Err(refusal);
        }
        self.state.content_sha256 = content_sha256;
        Ok((identity, sha256))
    }

    fn finish(&mut self, (identity, sha256): (Identity, String), confirmed_ms: u64) {
        self.state.confirmed_ms = confirmed_ms;
        self.remember(identity, sha256);
        self.cache.tidy();
    }

    fn remember(&mut self, identity: Identity, sha256: String) {
        self.state.store = Some(identity.store.clone());
        self.state.epoch = identity.epoch;
        self.state.sha256 = Some(sha256);
        self.status.epoch.store(identity.epoch, Ordering::Relaxed);
        self.status.confirmed_ms.store(self.state.confirmed_ms.max(1), Ordering::Relaxed);
        self.serving = Some(identity);
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

fn opened(from: &str, outcome: Result<(), Refusal>) -> Event {
    match outcome {
        Ok(()) => Event::Opened,
        Err(refusal) => Event::NotOpened { why: format!("{from}: {refusal}") },
    }
}

fn disk(error: &std::io::Error) -> Refusal {
    Refusal::new(Cause::Disk, format!("OSO_DIRECTORY can't be used: {error}"))
}

fn read(file: &Path) -> Result<Vec<u8>, Refusal> {
    let failed = |error: &std::io::Error| {
        let cause = if error.kind() == std::io::ErrorKind::NotFound { Cause::Missing } else { Cause::Disk };
        Refusal::new(cause, format!("{} can't be read: {error}", file.display()))
    };
    let size = fs::metadata(file).map_err(|error| failed(&error))?.len();
    if size > SNAPSHOT_BYTES_MAX {
        return Err(Refusal::new(Cause::TooLarge, format!("{} is larger than any snapshot", file.display())));
    }
    fs::read(file).map_err(|error| failed(&error))
}
