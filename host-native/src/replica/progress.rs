//! Whether an upstream gets anywhere: how long is waited for bytes, and when a node with nothing to serve gives up hope.
//!
//! A byte now and then is neither: what counts is [`LEAST_BYTES`] more than ever before.

use std::{
    future::Future,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// What gives less than [`LEAST_BYTES`] in so long ends: 20 s less what it takes to say so and stop.
pub const STALL: Duration = Duration::from_secs(19);

/// Bytes that an upstream has to give in every [`STALL`], if it has that many left: under 4 KiB/s a snapshot of 100 MB takes
/// longer than the node's data would be of use.
pub const LEAST_BYTES: u64 = 64 << 10;

/// Whatever is begun has so long, also where disk and engine took their time before.
const LEAST_TIME: Duration = Duration::from_secs(3);

/// The pace of one body.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    since: Instant,
    n_bytes: u64,
}

impl Pace {
    /// Of a body that begins now.
    pub fn begin() -> Self {
        Pace { since: Instant::now(), n_bytes: 0 }
    }

    /// So many more bytes came.
    pub fn note(&mut self, n_bytes: usize) {
        self.n_bytes = self.n_bytes.saturating_add(n_bytes as u64);
        if self.n_bytes >= LEAST_BYTES {
            *self = Pace::begin();
        }
    }

    /// Until when the next of them has to be here.
    pub fn until(&self) -> Instant {
        self.since + STALL
    }
}

/// When the upstream last gave something that helps: bytes beyond all that it gave before. Answers without, errors and the
/// same beginning again and again are no hope of more.
#[derive(Debug, Default)]
pub struct Progress(Mutex<Hope>);

#[derive(Debug, Default)]
struct Hope {
    begun: Option<Instant>,
    furthest_bytes: u64,
    at: Option<Instant>,
    is_serving: bool,
}

impl Progress {
    fn hope(&self) -> MutexGuard<'_, Hope> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many bytes of what is needed are here.
    pub fn reach(&self, n_bytes: u64) {
        let mut hope = self.hope();
        if n_bytes >= hope.furthest_bytes.saturating_add(LEAST_BYTES) {
            hope.furthest_bytes = n_bytes;
            hope.at = Some(Instant::now());
        }
    }

    /// When that was; `None`: never.
    pub fn at(&self) -> Option<Instant> {
        self.hope().at
    }

    /// Something serves: from now on there is time.
    pub fn serves(&self) {
        self.hope().is_serving = true;
    }

    /// Until when something that helps has to come; `None`: something serves.
    fn until(&self) -> Option<Instant> {
        let mut hope = self.hope();
        // From the first question on: what stood on disk may have taken its time before.
        let begun = *hope.begun.get_or_insert_with(Instant::now);
        (!hope.is_serving).then(|| hope.at.unwrap_or(begun) + STALL)
    }

    /// Does the work as long as there is hope; `None`: there is none any more.
    pub async fn hoping<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(work);
        let least = Instant::now() + LEAST_TIME;
        let until = || self.until().map(|until| until.max(least));
        loop {
            let Some(hope) = until() else { return Some(work.await) };
            match tokio::time::timeout_at(hope.into(), &mut work).await {
                Ok(done) => return Some(done),
                Err(_) if until() == Some(hope) => return None,
                Err(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_now_and_then_is_no_progress() {
        let mut pace = Pace::begin();
        let until = pace.until();
        for _ in 0..100 {
            pace.note(1);
        }
        assert_eq!(pace.until(), until);
        pace.note(64 << 10);
        assert!(pace.until() > until);

        let progress = Progress::default();
        let until = progress.until();
        (1..LEAST_BYTES).step_by(1_000).for_each(|n_bytes| progress.reach(n_bytes));
        assert_eq!((progress.at(), progress.until()), (None, until));
        progress.reach(LEAST_BYTES);
        assert!(progress.at().is_some() && progress.until() > until);
        progress.serves();
        assert_eq!(progress.until(), None);
    }
}
