//! Whose turn it is in a lane, so that the watchdog can tell a call that goes on and on, and end it, without a lock or a
//! clock on the path of a request: two atomic steps a call.

use std::sync::atomic::{AtomicU64, Ordering};

/// Set in a turn that the watchdog ends.
const ENDED: u64 = 1 << 63;

/// Odd while a call runs.
#[derive(Default)]
pub struct Turn {
    number: AtomicU64,
    /// Thread that runs the call, as the kernel numbers it.
    thread: AtomicU64,
}

/// A call that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Running {
    number: u64,
    /// Its thread.
    pub thread: u64,
}

impl Turn {
    /// A call begins on this thread. One at a time: the lane's lock is held.
    pub fn begin(&self) {
        self.thread.store(this_thread(), Ordering::Relaxed);
        // Whatever the last turn was, this one is odd and its own.
        let next = ((self.number.load(Ordering::Relaxed) & !ENDED) | 1) + 2;
        self.number.store(next, Ordering::Release);
    }

    /// The call is over. `false`: the watchdog has ended it, and its instance is of no use.
    pub fn end(&self) -> bool {
        let number = self.number.load(Ordering::Relaxed);
        let over = number.wrapping_add(1);
        number & ENDED == 0 && self.number.compare_exchange(number, over, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// The call that runs now, if one does that has not been ended.
    pub fn running(&self) -> Option<Running> {
        let number = self.number.load(Ordering::Acquire);
        let runs = number & 1 == 1 && number & ENDED == 0;
        runs.then(|| Running { number, thread: self.thread.load(Ordering::Relaxed) })
    }

    /// Ends this very call; `false`: it is over already.
    pub fn stop(&self, running: Running) -> bool {
        let ended = running.number | ENDED;
        self.number.compare_exchange(running.number, ended, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Does this call, which was ended, still run?
    pub fn still_runs(&self, running: Running) -> bool {
        self.number.load(Ordering::Acquire) == running.number | ENDED
    }
}

fn this_thread() -> u64 {
    thread_local! {
        static ID: u64 = u64::try_from(rustix::thread::gettid().as_raw_nonzero().get()).unwrap_or(0);
    }
    ID.with(|id| *id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_ended_only_while_it_is_the_one_that_was_seen() {
        let turn = Turn::default();
        assert_eq!(turn.running(), None);
        turn.begin();
        let first = turn.running();
        assert!(turn.end() && turn.running().is_none());
        turn.begin();
        let second = turn.running();
        assert_ne!(first, second);
        let (Some(first), Some(second)) = (first, second) else { panic!("both ran") };
        assert!(!turn.stop(first), "it is over");
        assert!(turn.stop(second) && turn.still_runs(second) && turn.running().is_none());
        assert!(!turn.end(), "whoever ran it is told");
        turn.begin();
        assert!(!turn.still_runs(second));
        assert!(turn.running().is_some() && turn.end());
    }
}
