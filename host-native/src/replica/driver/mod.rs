//! Performs the machine's actions and feeds back what happened. The one walk of every snapshot:
//! bytes → verify → keep on disk → install → remember.

mod origins;
mod walk;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};
use understudy_wire::feed;

use super::{
    Cause, Identity, Origin, Refusal, Snapshots,
    cache::{Cache, State, copy_whole},
    clock::Clock,
    machine::{Action, Event, Machine},
    status::{Observe, Status},
    unfinished::Unfinished,
    upstream::{Upstream, UpstreamKind},
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
    /// An install that has ended this process before.
    unfinished: Option<Unfinished>,
    /// The upstream's kind as it was told.
    told_kind: Option<UpstreamKind>,
}

/// What serves.
struct Serving {
    identity: Identity,
    sha256: String,
    file: PathBuf,
}

/// What becomes of a file on disk whose opening has ended this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blamed {
    /// It is opened if nothing else can be.
    Last,
    /// It is left alone.
    Never,
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
        let (saved_ms, serving, unfinished, told_kind) = (0, None, None, None);
        Driver {
            upstream,
            cache,
            snapshots,
            clock,
            observe,
            status,
            config,
            state,
            saved_ms,
            serving,
            unfinished,
            told_kind,
        }
    }

    /// Follows until there is nothing to serve and no hope of it; gives the reason.
    pub async fn run(&mut self, seed: u64) -> String {
        let begin = Instant::now();
        let since = |at: Instant| millis(at.saturating_duration_since(begin));
        let mut machine = Machine::new(self.config.import.is_some(), millis(self.interval()), seed);
        let mut event = Event::Began;
        // What the disk may have answered from is not gone back behind, whatever the upstream has now.
        let mut early = if self.find_unfinished() {
            // What has ended this process is not opened again before all else: the one before it serves first.
            self.open_disk(None, Blamed::Never).await.ok().map(Ok)
        } else if self.is_disk_ahead() {
            Some(self.open_disk(None, Blamed::Last).await)
        } else {
            None
        };
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
                        None => self.open_disk(None, Blamed::Last).await,
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
                let opened = self.open_disk(None, Blamed::Last).await;
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
