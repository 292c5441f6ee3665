//! Policies put in force, and snapshots made and shown: what both of the ledger's locks are needed for.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use understudy_core::{
    rules::rule::Program,
    snapshot::{Contents, Manifest, PolicyText},
};

use super::{
    changes::PublishError,
    ledger::{Ledger, lock},
    pace::Unpublished,
    policy::PolicyRefused,
    store::{Published, StoreError},
};
use crate::build;

impl Ledger {
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

    pub(super) fn show(&self, published: Published) {
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

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}
