//! What keeps writes from the disk, or snapshots from nodes: told by the health check and the metrics, and in the log when
//! it begins and when it ends.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// Of one environment.
#[derive(Debug)]
pub struct Health {
    /// Writes of facts and policies.
    pub writes: Sound,
    /// Snapshots for nodes.
    pub snapshots: Sound,
}

impl Default for Health {
    fn default() -> Self {
        Health {
            writes: Sound::new("writes fail"),
            snapshots: Sound::new("no new snapshot, nodes stay at the last one"),
        }
    }
}

impl Health {
    /// What is wrong, for people; `None`: nothing.
    pub fn trouble(&self) -> Option<String> {
        self.writes.trouble().or_else(|| self.snapshots.trouble())
    }
}

/// Does one thing go well?
#[derive(Debug)]
pub struct Sound {
    name: &'static str,
    why: Mutex<Option<String>>,
    n_failures: AtomicU64,
}

impl Sound {
    fn new(name: &'static str) -> Self {
        Sound { name, why: Mutex::default(), n_failures: AtomicU64::new(0) }
    }

    /// It failed.
    pub fn fails(&self, why: String) {
        self.n_failures.fetch_add(1, Ordering::Relaxed);
        let mut known = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        if known.as_ref() != Some(&why) {
            tracing::error!("{}: {why}", self.name);
            *known = Some(why);
        }
    }

    /// It was done.
    pub fn is_well(&self) {
        if self.why.lock().unwrap_or_else(PoisonError::into_inner).take().is_some() {
            tracing::warn!("it goes well again, after: {}", self.name);
        }
    }

    /// What is wrong with it; `None`: nothing.
    pub fn trouble(&self) -> Option<String> {
        let why = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        why.as_ref().map(|why| format!("{}: {why}", self.name))
    }

    /// How often it failed since the start.
    pub fn n_failures(&self) -> u64 {
        self.n_failures.load(Ordering::Relaxed)
    }
}
