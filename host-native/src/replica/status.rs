//! What others may know of the replica: its state at any time, and every outcome.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::{Origin, Refusal};

/// What others may see of the replica, at any time.
#[derive(Debug, Default)]
pub struct Status {
    pub(super) confirmed_ms: AtomicU64,
    pub(super) epoch: AtomicU64,
    pub(super) follows_feed: AtomicBool,
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

    /// Is the upstream known to be a feed?
    pub fn follows_feed(&self) -> bool {
        self.follows_feed.load(Ordering::Relaxed)
    }
}

/// Is told every outcome: for metrics and logs.
pub trait Observe {
    /// Something was installed (`installed`) or confirmed (`current`).
    fn done(&self, origin: Origin, outcome: &'static str);
    /// Something was refused.
    fn refused(&self, origin: Origin, refusal: &Refusal);
    /// Something that whoever runs this has to know, whatever they want to read otherwise.
    fn notice(&self, line: &str) {
        let _ = line;
    }
}
