//! So many of something in a window of time. Time comes in as a value.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// A count that begins anew with every window.
#[derive(Debug)]
pub struct Rate {
    max: usize,
    window: Duration,
    state: Mutex<Option<(Instant, usize)>>,
}

impl Rate {
    /// At most `max` in a `window`.
    pub fn new(max: usize, window: Duration) -> Self {
        Rate { max, window, state: Mutex::default() }
    }

    /// Takes `n` at once; `false`: this window has not so many left, and none was taken.
    pub fn take(&self, n: usize, now: Instant) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (begun, taken) = state.filter(|(begun, _)| now.duration_since(*begun) < self.window).unwrap_or((now, 0));
        let is_left = n <= self.max.saturating_sub(taken);
        *state = Some((begun, if is_left { taken + n } else { taken }));
        is_left
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_has_so_many_and_the_next_one_again() {
        let (rate, start) = (Rate::new(3, Duration::from_secs(60)), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(rate.take(2, at(0)));
        assert!(!rate.take(2, at(10)), "one is left");
        assert!(rate.take(1, at(20)) && !rate.take(1, at(59)));
        assert!(rate.take(0, at(59)), "nothing is always left");
        assert!(rate.take(3, at(60)) && !rate.take(1, at(61)));
        assert!(!rate.take(4, at(300)), "more than any window has");
    }
}
