//! The one place where data change: store, instances and feed, always in the same order.
//!
//! A write is on disk, then in the instances' log, then acknowledged. A policy is on disk, in a snapshot that every
//! instance has opened, then acknowledged. A snapshot is opened by the instances, remembered, then shown to nodes.
//! INVARIANT: whoever holds both locks took `publishing` first.

use std::{
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::watch;
use understudy_core::{
    rules::rule::Program,
    snapshot::{Key, PolicyText},
};
use understudy_wire::feed::{Blob, FORMAT, Head};

use super::{
    blobs::Blobs,
    changes::{Counted, PublishError, WriteError},
    facts,
    health::Health,
    instances::Instances,
    limits::Limits,
    pace::{Pace, Unpublished},
    policy,
    store::{Edit, FactCounts, Moment, Published, Store, StoreError, Written},
};
use crate::{http::state::Answers, keys::salted};

/// Data of one environment.
pub struct Ledger {
    pub(super) store: Box<dyn Store>,
    pub(super) instances: Arc<dyn Instances>,
    pub(super) blobs: Blobs,
    /// Sorted by digest.
    pub(super) keys: Vec<Key>,
    /// How long the last build took.
    pub(super) publishing: Mutex<Duration>,
    pub(super) writing: Mutex<InForce>,
    pub(super) head: watch::Sender<Option<Arc<Published>>>,
    pub(super) pace: Pace,
    pub(super) health: Health,
    /// Offset of the last write that was acknowledged, for those who must not wait for one that goes on.
    pub(super) acknowledged: AtomicU64,
}

/// What the instances have been told.
pub(super) struct InForce {
    /// The policy in force, which says what facts may be written.
    pub(super) program: Program,
    /// Offset of the last write that the instances have.
    pub(super) offset: u64,
    /// The disk failed a change: nobody knows whether the store has it.
    pub(super) is_unsure: bool,
}

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
    pub(super) fn failed(&self, in_force: &mut InForce, error: StoreError) -> StoreError {
        if matches!(error, StoreError::Disk(_) | StoreError::Damaged(_)) {
            in_force.is_unsure = true;
            self.health.writes.fails(error.to_string());
            self.pace.retry(Unpublished::one());
        }
        error
    }

    /// Tells the instances what the store has and they don't: a change that the disk failed, and has all the same.
    pub(super) fn catch_up(&self, in_force: &mut InForce) -> Result<(), StoreError> {
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
}

/// A thread that panicked while it held the lock may have left store and instances apart: only a start puts that right.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> Result<MutexGuard<'_, T>, StoreError> {
    mutex.lock().map_err(|_| StoreError::Disk("an earlier write broke off: restart the primary".into()))
}
