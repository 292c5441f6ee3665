//! The one place where data change: store, instances and feed, always in the same order.
//!
//! A write is on disk, then in the instances' log, then acknowledged. A policy is on disk, in a snapshot that every
//! instance has opened, then acknowledged. A snapshot is opened by the instances, remembered, then shown to nodes.
//! INVARIANT: whoever holds both locks took `publishing` first.

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use tokio::sync::watch;
use understudy_core::{
    rules::rule::Program,
    snapshot::{Contents, Key, Manifest, PolicyText},
};
use understudy_wire::feed::{Blob, FORMAT, Head};

use super::{
    blobs::Blobs,
    facts,
    health::Health,
    instances::Instances,
    limits::Limits,
    pace::{Pace, Unpublished},
    policy::{self, PolicyRefused},
    store::{Edit, FactCounts, Moment, Published, Store, StoreError, Written},
};
use crate::{build, http::state::Answers, keys::salted};

/// Data of one environment.
pub struct Ledger {
    store: Box<dyn Store>,
    instances: Arc<dyn Instances>,
    blobs: Blobs,
    /// Sorted by digest.
    keys: Vec<Key>,
    /// How long the last build took.
    publishing: Mutex<Duration>,
    writing: Mutex<InForce>,
    head: watch::Sender<Option<Arc<Published>>>,
    pace: Pace,
    health: Health,
    /// Offset of the last write that was acknowledged, for those who must not wait for one that goes on.
    acknowledged: AtomicU64,
}

/// What the instances have been told.
struct InForce {
    /// The policy in force, which says what facts may be written.
    program: Program,
    /// Offset of the last write that the instances have.
    offset: u64,
    /// The disk failed a change: nobody knows whether the store has it.
    is_unsure: bool,
}

/// Why a write was not done. Nothing has changed then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// The policy has no place for this fact.
    Unfit(String),
    /// The store says so.
    Store(StoreError),
}

/// Why there is no new snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PublishError {
    /// The store can't be read.
    Store(StoreError),
    /// No snapshot can be made of what is stored.
    Build(String),
    /// The snapshot can't be written.
    Disk(String),
    /// The instances refused it.
    Install(String),
    /// The instances have it, but the store can't remember it: nodes don't see it yet.
    Unrecorded(StoreError),
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PublishError::Store(error) => error.fmt(f),
            PublishError::Build(what) => write!(f, "no snapshot can be made of what is stored: {what}"),
            PublishError::Disk(what) => write!(f, "the snapshot can't be written: {what}"),
            PublishError::Install(what) => write!(f, "the engine refused the snapshot: {what}"),
            PublishError::Unrecorded(error) => write!(f, "the new snapshot can't be recorded: {error}"),
        }
    }
}

impl std::error::Error for PublishError {}

impl Ledger {
    /// Opens what the folder has and makes the instances serve it: the newest snapshot with the log after it, or a new
    /// snapshot where that one is missing, damaged, of other keys, or not followed by a whole log.
    pub fn open(
        store: Box<dyn Store>,
        blobs: Blobs,
        instances: Arc<dyn Instances>,
        mut keys: Vec<Key>,
    ) -> Result<Self, PublishError> {
        // Whoever may read a snapshot must not learn digests that stand for a key elsewhere.
        keys.iter_mut().for_each(|key| key.digest = salted(store.id(), &key.digest));
        keys.sort_by_key(|key| key.digest);
        let stored = store.policy().map_err(PublishError::Store)?;
        let program = policy::program(stored.as_ref()).map_err(|errors| PublishError::Build(errors.join("\n")))?;
        let offset = store.offset().map_err(PublishError::Store)?;
        let ledger = Ledger {
            store,
            instances,
            blobs,
            keys,
            publishing: Mutex::new(Duration::ZERO),
            writing: Mutex::new(InForce { program, offset, is_unsure: false }),
            head: watch::Sender::new(None),
            pace: Pace::default(),
            health: Health::default(),
            acknowledged: AtomicU64::new(offset),
        };
        if !ledger.resume().map_err(PublishError::Store)? {
            ledger.publish()?;
        }
        Ok(ledger)
    }

    /// Serves the snapshot that is there, if it can.
    fn resume(&self) -> Result<bool, StoreError> {
        let Some(published) = self.store.published()? else { return Ok(false) };
        let Some(log) = self.store.log(published.offset)? else { return Ok(false) };
        let Some(bytes) = self.blobs.verified(&published.sha256) else { return Ok(false) };
        let has_our_keys = understudy_core::snapshot::Snapshot::open(&bytes)
            .is_ok_and(|snapshot| snapshot.keys().is_some_and(|keys| keys == self.keys));
        drop(bytes);
        if !has_our_keys || self.instances.install(&self.blobs.path(&published.sha256)).is_err() {
            return Ok(false);
        }
        for Written { offset, changes } in log {
            self.pace.note(changes.len());
            self.instances.append(offset, changes);
        }
        self.show(published);
        Ok(true)
    }

    /// Environment it is of.
    pub fn environment(&self) -> &str {
        self.store.environment()
    }

    /// Random id made with the data folder.
    pub fn store_id(&self) -> &str {
        self.store.id()
    }

    /// Offset of the last write.
    pub fn offset(&self) -> Result<u64, StoreError> {
        self.store.offset()
    }

    /// The policy in force. Blocks while another is being put in its place.
    pub fn policy(&self) -> Result<Option<PolicyText>, StoreError> {
        // What is stored may be refused by the instances still.
        let _settled = lock(&self.writing)?;
        self.store.policy()
    }

    /// Who answers from it.
    pub fn answers(&self) -> Arc<dyn Answers> {
        self.instances.clone().answers()
    }

    /// Who opens snapshots, and tries policies.
    pub fn instances(&self) -> &dyn Instances {
        &*self.instances
    }

    /// Everything stored.
    pub fn moment(&self) -> Result<Moment, StoreError> {
        self.store.moment()
    }

    /// How many facts are stored.
    pub fn counts(&self) -> Result<FactCounts, StoreError> {
        self.store.counts()
    }

    /// When to publish.
    pub fn pace(&self) -> &Pace {
        &self.pace
    }

    /// What keeps writes from the disk, or snapshots from nodes.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Offset of the last write that was acknowledged.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Acquire)
    }

    /// The snapshots.
    pub fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    /// The newest snapshot, to look at or to wait for.
    pub fn newest(&self) -> watch::Receiver<Option<Arc<Published>>> {
        self.head.subscribe()
    }

    /// The feed's head document for a snapshot.
    pub fn head_of(&self, published: &Published) -> Head {
        Head {
            format: FORMAT,
            environment: self.environment().to_owned(),
            store: self.store_id().to_owned(),
            epoch: published.epoch,
            created_ms: published.created_ms,
            snapshot: Blob { sha256: published.sha256.clone(), bytes: published.bytes },
        }
    }

    /// Does all edits or none. Every check that begins after it has returned sees them. Blocks until they are on disk.
    pub fn write(&self, edits: &[Edit], limits: &Limits) -> Result<Counted, WriteError> {
        let mut in_force = lock(&self.writing).map_err(WriteError::Store)?;
        self.catch_up(&mut in_force).map_err(WriteError::Store)?;
        let warnings = facts::check(&in_force.program, edits, limits.strict_facts).map_err(WriteError::Unfit)?;
        let written = self.store.write(edits, limits.matches_max);
        let Written { offset, changes } =
            written.map_err(|error| WriteError::Store(self.failed(&mut in_force, error)))?;
        self.health.writes.is_well();
        let counted = Counted::new(offset, &changes, warnings);
        if !changes.is_empty() {
            let n_changes = changes.len();
            self.instances.append(offset, changes);
            in_force.offset = offset;
            self.pace.note(n_changes);
            self.acknowledged.store(offset, Ordering::Release);
        }
        Ok(counted)
    }

    /// After a failure of the disk: a snapshot, which is a write too, is tried until one comes about.
    fn failed(&self, in_force: &mut InForce, error: StoreError) -> StoreError {
        if matches!(error, StoreError::Disk(_) | StoreError::Damaged(_)) {
            in_force.is_unsure = true;
            self.health.writes.fails(error.to_string());
            self.pace.retry(Unpublished::one());
        }
        error
    }

    /// Tells the instances what the store has and they don't: a change that the disk failed, and has all the same.
    fn catch_up(&self, in_force: &mut InForce) -> Result<(), StoreError> {
        if !in_force.is_unsure {
            return Ok(());
        }
        let offset = self.store.offset().inspect_err(|error| self.health.writes.fails(error.to_string()))?;
        if offset > in_force.offset {
            match self.store.log(in_force.offset)? {
                Some(log) => {
                    for Written { offset, changes } in log {
                        self.pace.note(changes.len());
                        self.instances.append(offset, changes);
                    }
                }
                // A policy: what is stored is in force with the next snapshot, which is due at once.
                None => {
                    let stored = self.store.policy()?;
                    in_force.program =
                        policy::program(stored.as_ref()).map_err(|errors| StoreError::Disk(errors.join("; ")))?;
                    self.pace.put_back(Unpublished::one());
                }
            }
            in_force.offset = offset;
        }
        in_force.is_unsure = false;
        Ok(())
    }

    /// Puts a checked policy in force; `None`: it was in force already. Gives the offset. Blocks for a build.
    pub fn set_policy(&self, new: &PolicyText, program: Program) -> Result<Option<u64>, PolicyRefused> {
        let failed = |what: String| PolicyRefused::Failed(format!("{what}; the policy before stays in force"));
        let mut last_build = lock(&self.publishing).map_err(|error| failed(error.to_string()))?;
        let mut writing = lock(&self.writing).map_err(|error| failed(error.to_string()))?;
        self.catch_up(&mut writing).map_err(|error| failed(error.to_string()))?;
        let old = self.store.policy().map_err(|error| failed(error.to_string()))?;
        if old.as_ref().is_some_and(|old| old.text == new.text) {
            return Ok(None);
        }
        let offset = self.store.set_policy(Some(new));
        let offset = offset.map_err(|error| failed(self.failed(&mut writing, error).to_string()))?;
        let unpublished = self.pace.take();
        match self.publish_holding(&mut last_build) {
            Ok(()) => {}
            // It answers already; nodes get it with the next build.
            Err(error @ PublishError::Unrecorded(_)) => {
                tracing::error!("{error}");
                self.pace.put_back(unpublished.unwrap_or_else(Unpublished::one));
            }
            Err(error) => {
                if let Some(unpublished) = unpublished {
                    self.pace.put_back(unpublished);
                }
                if let Err(worse) = self.store.set_policy(old.as_ref()) {
                    let worse = self.failed(&mut writing, worse);
                    tracing::error!("the policy before can't be put back: {worse}");
                    return Err(PolicyRefused::Failed(format!("{error}; after a restart the new policy is in force")));
                }
                writing.offset = self.store.offset().unwrap_or(offset);
                return Err(failed(error.to_string()));
            }
        }
        writing.program = program;
        writing.offset = writing.offset.max(offset);
        Ok(Some(offset))
    }

    /// Makes a snapshot of what is stored and shows it. Blocks; writes go on meanwhile.
    pub fn publish(&self) -> Result<(), PublishError> {
        let mut last_build = lock(&self.publishing).map_err(PublishError::Store)?;
        let caught_up = lock(&self.writing).and_then(|mut in_force| self.catch_up(&mut in_force));
        let outcome = caught_up.map_err(PublishError::Store).and_then(|()| self.publish_holding(&mut last_build));
        match &outcome {
            Ok(()) => {
                self.health.writes.is_well();
                self.health.snapshots.is_well();
            }
            Err(error) => self.health.snapshots.fails(error.to_string()),
        }
        outcome
    }

    /// How long the last build took.
    pub fn last_build(&self) -> Duration {
        lock(&self.publishing).map_or(Duration::ZERO, |last| *last)
    }

    fn publish_holding(&self, last_build: &mut Duration) -> Result<(), PublishError> {
        let begun = Instant::now();
        let moment = self.store.moment().map_err(PublishError::Store)?;
        let last = self.store.published().map_err(PublishError::Store)?;
        let epoch = self.store.last_epoch().map_err(PublishError::Store)?;
        let epoch = epoch.checked_add(1).ok_or(PublishError::Store(StoreError::Damaged("the epoch")))?;
        let created_ms = now_ms();
        let manifest = Manifest {
            environment: self.environment().to_owned(),
            store: self.store_id().to_owned(),
            epoch,
            created_ms,
            offset: moment.offset,
            ..Manifest::default()
        };
        let contents = Contents { manifest, policy: moment.policy, keys: Some(self.keys.clone()) };
        let bytes = build::snapshot(&contents, moment.facts).map_err(|error| PublishError::Build(error.to_string()))?;
        let disk = |error: std::io::Error| PublishError::Disk(error.to_string());
        let sha256 = self.blobs.write(&bytes).map_err(disk)?;
        let n_bytes = bytes.len() as u64;
        drop(bytes);
        if let Err(what) = self.instances.install(&self.blobs.path(&sha256)) {
            self.keep(&[]);
            return Err(PublishError::Install(what));
        }
        let previous = last.map(|last| last.sha256);
        let published = Published { epoch, created_ms, offset: moment.offset, sha256, bytes: n_bytes, previous };
        if let Err(error) = self.store.publish(&published) {
            // The store may have it all the same: it stays until the next one, as one file, not as one of each attempt.
            self.keep(&[published.sha256.as_str()]);
            return Err(PublishError::Unrecorded(error));
        }
        self.instances.forget(published.offset);
        self.show(published);
        *last_build = begun.elapsed();
        tracing::info!(epoch, bytes = n_bytes, ms = last_build.as_millis() as u64, "a snapshot was made");
        Ok(())
    }

    fn show(&self, published: Published) {
        self.head.send_replace(Some(Arc::new(published)));
        self.keep(&[]);
    }

    /// Removes every snapshot but those that nodes may ask for, and these.
    fn keep(&self, more: &[&str]) {
        let shown = self.head.borrow().clone();
        let shown = shown.iter().flat_map(|shown| [Some(shown.sha256.as_str()), shown.previous.as_deref()]).flatten();
        self.blobs.keep(&shown.chain(more.iter().copied()).collect::<Vec<_>>());
    }
}

/// What a write did, in numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Offset after it.
    pub offset: u64,
    /// Facts that were not there before.
    pub n_inserted: usize,
    /// Facts that are not there any more.
    pub n_deleted: usize,
    /// What most likely is a slip in the facts inserted, each once.
    pub warnings: Vec<String>,
}

impl Counted {
    fn new(offset: u64, changes: &[understudy_core::model::Change], warnings: Vec<String>) -> Self {
        let is_insert = |change: &&_| matches!(change, understudy_core::model::Change::Insert(_));
        let n_inserted = changes.iter().filter(is_insert).count();
        Counted { offset, n_inserted, n_deleted: changes.len() - n_inserted, warnings }
    }
}

/// A thread that panicked while it held the lock may have left store and instances apart: only a start puts that right.
fn lock<T>(mutex: &Mutex<T>) -> Result<MutexGuard<'_, T>, StoreError> {
    mutex.lock().map_err(|_| StoreError::Disk("an earlier write broke off: restart the primary".into()))
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}
