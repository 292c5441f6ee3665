//! Whose turn it is in the slow lane: callers with one key wait in line, and the lines take turns, so that one with many
//! questions waits for its own above all.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use super::limits::SLOW_QUEUE_MAX;

/// What waits, at most [`SLOW_QUEUE_MAX`].
pub struct Turns<T> {
    waiting: Mutex<Waiting<T>>,
    came: Condvar,
}

struct Waiting<T> {
    /// One per key that waits, none empty; the first is next.
    lines: VecDeque<Line<T>>,
    n: usize,
    is_closed: bool,
}

struct Line<T> {
    key: u64,
    all: VecDeque<T>,
}

impl<T> Default for Turns<T> {
    fn default() -> Self {
        let waiting = Waiting { lines: VecDeque::new(), n: 0, is_closed: false };
        Turns { waiting: Mutex::new(waiting), came: Condvar::new() }
    }
}

impl<T> Turns<T> {
    /// Puts something at the end of its key's line. Where there is no room, the last of the longest line gives way and is
    /// given back: what was to be added, unless its own line is shorter than that.
    pub fn add(&self, key: u64, new: T) -> Option<T> {
        let mut waiting = self.lock();
        let gives_way = if waiting.n < SLOW_QUEUE_MAX { None } else { Some(waiting.longest()) };
        let own = waiting.lines.iter().position(|line| line.key == key);
        let n_own = own.map_or(0, |own| waiting.lines[own].all.len());
        let given_back = match gives_way {
            Some((_, n)) if n <= n_own + 1 => return Some(new),
            // More than one waits in it, so that it doesn't become empty.
            Some((longest, _)) => waiting.lines[longest].all.pop_back(),
            None => None,
        };
        waiting.n += usize::from(given_back.is_none());
        match own {
            Some(own) => waiting.lines[own].all.push_back(new),
            None => waiting.lines.push_back(Line { key, all: VecDeque::from([new]) }),
        }
        drop(waiting);
        self.came.notify_one();
        given_back
    }

    /// What is next; waits for it. `None` once it is closed.
    pub fn next(&self) -> Option<T> {
        let waiting = self.came.wait_while(self.lock(), |waiting| waiting.n == 0 && !waiting.is_closed);
        let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        if waiting.is_closed {
            return None;
        }
        let mut line = waiting.lines.pop_front()?;
        let next = line.all.pop_front()?;
        waiting.n -= 1;
        if !line.all.is_empty() {
            waiting.lines.push_back(line);
        }
        Some(next)
    }

    /// Nothing has a turn any more.
    pub fn close(&self) {
        self.lock().is_closed = true;
        self.came.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Waiting<T> {
    /// The longest line, and how long it is.
    fn longest(&self) -> (usize, usize) {
        let lengths = self.lines.iter().map(|line| line.all.len()).enumerate();
        lengths.max_by_key(|(_, n)| *n).unwrap_or((0, 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_take_turns() {
        let turns = Turns::default();
        for (key, what) in [(1, "a"), (1, "b"), (1, "c"), (2, "x"), (3, "y"), (2, "z")] {
            assert_eq!(turns.add(key, what), None);
        }
        let order: Vec<_> = (0..6).map_while(|_| turns.next()).collect();
        assert_eq!(order, ["a", "x", "y", "b", "z", "c"]);
        assert_eq!(turns.add(1, "d"), None);
        turns.close();
        assert_eq!(turns.next(), None);
    }

    #[test]
    fn where_there_is_no_room_the_last_of_the_longest_line_gives_way() {
        let turns = Turns::default();
        for n in 0..SLOW_QUEUE_MAX {
            assert_eq!(turns.add(1, n), None);
        }
        assert_eq!(turns.add(1, 1_000), Some(1_000), "one's own line doesn't give way to oneself");
        assert_eq!(turns.add(2, 2_000), Some(SLOW_QUEUE_MAX - 1));
        assert_eq!(turns.add(2, 2_001), Some(SLOW_QUEUE_MAX - 2));
        assert_eq!([0, 2_000, 1, 2_001, 2], std::array::from_fn(|_| turns.next().unwrap_or(usize::MAX)));
        // Room for five.
        for n in 0..5 {
            assert_eq!(turns.add(3, n), None);
        }
        // Every line of at most half: nobody who has as much takes from another.
        for n in 0..SLOW_QUEUE_MAX {
            turns.add(4, n);
        }
        let of_1 = turns.lock().lines.iter().find(|line| line.key == 1).map_or(0, |line| line.all.len());
        let of_4 = turns.lock().lines.iter().find(|line| line.key == 4).map_or(0, |line| line.all.len());
        assert!(of_1.abs_diff(of_4) <= 1 && of_1 + of_4 + 5 == SLOW_QUEUE_MAX, "{of_1} {of_4}");
    }
}
