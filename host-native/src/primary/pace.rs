//! When a new snapshot is due. Time comes in as a value; only [`Pace::wait`] knows the clock.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// A snapshot follows the last write by this much.
pub const QUIET: Duration = Duration::from_secs(1);
/// But the first write that it lacks by no more than this much, or by [`BUILDS`] times what a build takes.
pub const LATEST: Duration = Duration::from_secs(5);
/// Share of the time that building may take: one part in so many.
pub const BUILDS: u32 = 10;
/// Changes that every instance keeps over its snapshot before a new one is made at once: a few tens of megabytes.
pub const LAYER_CHANGES_MAX: usize = 100_000;
/// How long after a build that failed the next one is tried: writes that the disk refused go on within this much.
pub const RETRY: Duration = Duration::from_secs(5);
/// Between two builds that somebody asked for: as long as the last one took, and never less than this.
pub const ASKED: Duration = Duration::from_millis(250);

/// Writes that the newest snapshot lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unpublished {
    first: Instant,
    last: Instant,
    n_changes: usize,
    not_before: Option<Instant>,
}

impl Unpublished {
    /// One change, just now.
    pub fn one() -> Self {
        let now = Instant::now();
        Unpublished { first: now, last: now, n_changes: 1, not_before: None }
    }

    /// When a snapshot is due.
    pub fn due(&self, last_build: Duration) -> Instant {
        let latest = self.first + LATEST.max(last_build * BUILDS);
        let due = if self.n_changes > LAYER_CHANGES_MAX { self.last } else { latest.min(self.last + QUIET) };
        self.not_before.map_or(due, |not_before| due.max(not_before))
    }

    fn and(self, other: Unpublished) -> Unpublished {
        Unpublished {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            n_changes: self.n_changes + other.n_changes,
            not_before: self.not_before.max(other.not_before),
        }
    }
}

#[derive(Debug, Default)]
struct State {
    unpublished: Option<Unpublished>,
    /// Somebody waits for a snapshot with these writes.
    is_asked: bool,
    /// When writes were last taken for a build.
    taken: Option<Instant>,
    is_stopped: bool,
}

impl State {
    fn due(&self, last_build: Duration) -> Option<Instant> {
        let unpublished = self.unpublished?;
        let due = unpublished.due(last_build);
        if !self.is_asked {
            return Some(due);
        }
        let asked = self.taken.map_or(unpublished.first, |taken| taken + last_build + last_build.max(ASKED));
        Some(due.min(asked.max(unpublished.not_before.unwrap_or(asked))))
    }

    fn take(&mut self) -> Option<Unpublished> {
        self.is_asked = false;
        self.taken = Some(Instant::now());
        self.unpublished.take()
    }
}

/// What writers tell and the publisher waits for.
#[derive(Debug, Default)]
pub struct Pace {
    state: Mutex<State>,
    changed: Condvar,
}

impl Pace {
    /// A write of so many changes was acknowledged.
    pub fn note(&self, n_changes: usize) {
        self.put_back(Unpublished { n_changes, ..Unpublished::one() });
    }

    /// A build that should have contained these writes did not come about.
    pub fn put_back(&self, unpublished: Unpublished) {
        let mut state = self.lock();
        state.unpublished = Some(state.unpublished.map_or(unpublished, |known| known.and(unpublished)));
        self.changed.notify_all();
    }

    /// The build failed: these writes wait for [`RETRY`].
    pub fn retry(&self, unpublished: Unpublished) {
        self.put_back(Unpublished { not_before: Some(Instant::now() + RETRY), ..unpublished });
    }

    /// Takes everything there is; what is written from now on is for the next build.
    pub fn take(&self) -> Option<Unpublished> {
        self.lock().take()
    }

    /// Somebody waits for what was written so far: a snapshot is due as soon as builds leave as much time as they take.
    pub fn ask(&self) {
        let mut state = self.lock();
        state.is_asked = state.unpublished.is_some();
        self.changed.notify_all();
    }

    /// Ends [`Pace::wait`].
    pub fn stop(&self) {
        self.lock().is_stopped = true;
        self.changed.notify_all();
    }

    /// Waits until a snapshot is due and takes what it is for; `None`: stopped.
    pub fn wait(&self, last_build: Duration) -> Option<Unpublished> {
        let mut state = self.lock();
        loop {
            if state.is_stopped {
                return None;
            }
            let left = state.due(last_build).map(|due| due.saturating_duration_since(Instant::now()));
            state = match left {
                Some(Duration::ZERO) => return state.take(),
                Some(left) => self.changed.wait_timeout(state, left).map_or_else(|e| e.into_inner().0, |(s, _)| s),
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(start: Instant, first_ms: u64, last_ms: u64, n_changes: usize) -> Unpublished {
        let after = |ms| start + Duration::from_millis(ms);
        Unpublished { first: after(first_ms), last: after(last_ms), n_changes, not_before: None }
    }

    #[test]
    fn due_a_second_after_the_last_write_five_after_the_first_or_at_once_when_the_layer_is_full() {
        let start = Instant::now();
        let due_ms = |unpublished: Unpublished, build_ms| {
            unpublished.due(Duration::from_millis(build_ms)).duration_since(start).as_millis()
        };
        assert_eq!(due_ms(at(start, 0, 0, 1), 0), 1_000);
        assert_eq!(due_ms(at(start, 0, 3_900, 40), 0), 4_900);
        assert_eq!(due_ms(at(start, 0, 4_900, 50), 0), 5_000, "no longer than five seconds");
        assert_eq!(due_ms(at(start, 0, 4_900, 50), 700), 5_900, "ten builds are seven seconds");
        assert_eq!(due_ms(at(start, 0, 6_900, 70), 700), 7_000);
        assert_eq!(due_ms(at(start, 0, 200, LAYER_CHANGES_MAX), 700), 1_200);
        assert_eq!(due_ms(at(start, 0, 200, LAYER_CHANGES_MAX + 1), 700), 200);
    }

    #[test]
    fn what_comes_together_keeps_its_first_and_its_last() {
        let start = Instant::now();
        let both = at(start, 500, 600, 2).and(at(start, 100, 200, 3));
        assert_eq!(both, at(start, 100, 600, 5));
        let later = Unpublished { not_before: Some(start + RETRY), ..both };
        assert_eq!(later.and(at(start, 0, 0, LAYER_CHANGES_MAX)).due(Duration::ZERO), start + RETRY);
    }

    #[test]
    fn waiting_ends_with_a_full_layer_or_a_stop() {
        let pace = Pace::default();
        pace.note(LAYER_CHANGES_MAX);
        pace.note(1);
        assert_eq!(pace.wait(Duration::ZERO).unwrap().n_changes, LAYER_CHANGES_MAX + 1);
        assert_eq!(pace.take(), None);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| pace.wait(Duration::ZERO));
            pace.stop();
            assert_eq!(waiting.join().unwrap(), None);
        });
    }
}
