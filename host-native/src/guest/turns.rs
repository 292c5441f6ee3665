//! Whose turn it is in the slow lanes: callers with one key wait in line, and the lines take turns, so that one with many
//! questions waits for its own above all. No key has all lanes where there are several.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use super::limits::SLOW_QUEUE_MAX;

/// What waits, at most [`SLOW_QUEUE_MAX`].
pub struct Turns<T> {
    waiting: Mutex<Waiting<T>>,
    came: Condvar,
    /// Lanes that one key may have at a time.
    of_key_max: usize,
}

struct Waiting<T> {
    /// One per key that waits, none empty; the first is next.
    lines: VecDeque<Line<T>>,
    n: usize,
    /// Keys that have their turn now, once a lane.
    running: Vec<u64>,
    is_closed: bool,
}

struct Line<T> {
    key: u64,
    all: VecDeque<T>,
}

impl<T> Turns<T> {
    /// Nothing waits. `n_lanes`: how many may have a turn at a time.
    pub fn new(n_lanes: usize) -> Self {
        let waiting = Waiting { lines: VecDeque::new(), n: 0, running: Vec::new(), is_closed: false };
        let of_key_max = n_lanes.saturating_sub(1).max(1);
        Turns { waiting: Mutex::new(waiting), came: Condvar::new(), of_key_max }
    }

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

    /// What is next, and its key, which has a turn until that is over; waits for it. `None` once it is closed.
    pub fn next(&self) -> Option<(u64, T)> {
        let has_none = |waiting: &mut Waiting<T>| !waiting.is_closed && waiting.next_line(self.of_key_max).is_none();
        let waiting = self.came.wait_while(self.lock(), has_none);
        let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        if waiting.is_closed {
            return None;
        }
        let at = waiting.next_line(self.of_key_max)?;
        let mut line = waiting.lines.remove(at)?;
        let next = line.all.pop_front()?;
        waiting.n -= 1;
        waiting.running.push(line.key);
        let key = line.key;
        if !line.all.is_empty() {
            waiting.lines.push_back(line);
        }
        Some((key, next))
    }

    /// A turn of this key is over.
    pub fn is_over(&self, key: u64) {
        self.lock().ends(key);
        self.came.notify_all();
    }

    /// A turn of this key is over, and what had it is the next of its line, which goes behind the others.
    pub fn pause(&self, key: u64, rest: T) {
        let mut waiting = self.lock();
        waiting.ends(key);
        waiting.n += 1;
        let own = waiting.lines.iter().position(|line| line.key == key);
        let mut line = own.and_then(|own| waiting.lines.remove(own)).unwrap_or(Line { key, all: VecDeque::new() });
        line.all.push_front(rest);
        waiting.lines.push_back(line);
        drop(waiting);
        self.came.notify_all();
    }

    /// Would another key have the turn that this one has now?
    pub fn others_wait(&self, key: u64) -> bool {
        let waiting = self.lock();
        waiting.lines.iter().any(|line| line.key != key && waiting.may_run(line.key, self.of_key_max))
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
    fn may_run(&self, key: u64, of_key_max: usize) -> bool {
        self.running.iter().filter(|running| **running == key).count() < of_key_max
    }

    /// The first line of a key that has not as many lanes as it may.
    fn next_line(&self, of_key_max: usize) -> Option<usize> {
        self.lines.iter().position(|line| self.may_run(line.key, of_key_max))
    }

    fn ends(&mut self, key: u64) {
        if let Some(at) = self.running.iter().position(|running| *running == key) {
            self.running.swap_remove(at);
        }
    }

    /// The longest line, and how long it is.
    fn longest(&self) -> (usize, usize) {
        let lengths = self.lines.iter().map(|line| line.all.len()).enumerate();
        lengths.max_by_key(|(_, n)| *n).unwrap_or((0, 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The next one, whose turn is over at once.
    fn one<T>(turns: &Turns<T>) -> Option<T> {
        let (key, next) = turns.next()?;
        turns.is_over(key);
        Some(next)
    }

    #[test]
    fn lines_take_turns() {
        let turns = Turns::new(1);
        for (key, what) in [(1, "a"), (1, "b"), (1, "c"), (2, "x"), (3, "y"), (2, "z")] {
            assert_eq!(turns.add(key, what), None);
        }
        let order: Vec<_> = (0..6).map_while(|_| one(&turns)).collect();
        assert_eq!(order, ["a", "x", "y", "b", "z", "c"]);
        assert_eq!(turns.add(1, "d"), None);
        turns.close();
        assert_eq!(turns.next(), None);
    }

    #[test]
    fn what_pauses_goes_on_after_the_other_lines_and_before_its_own() {
        let turns = Turns::new(1);
        for (key, what) in [(1, "a"), (1, "b")] {
            assert_eq!(turns.add(key, what), None);
        }
        assert_eq!(turns.next(), Some((1, "a")));
        assert!(!turns.others_wait(1), "its own line is no other");
        assert_eq!(turns.add(2, "x"), None);
        assert!(turns.others_wait(1));
        turns.pause(1, "rest of a");
        assert_eq!([one(&turns), one(&turns), one(&turns)], [Some("x"), Some("rest of a"), Some("b")]);
    }

    #[test]
    fn no_key_has_all_lanes() {
        let turns = Turns::new(3);
        for n in 0..5 {
            assert_eq!(turns.add(1, n), None);
        }
        assert_eq!([turns.next(), turns.next()], [Some((1, 0)), Some((1, 1))]);
        assert_eq!(turns.add(2, 20), None);
        assert!(turns.others_wait(1));
        assert_eq!(turns.next(), Some((2, 20)), "the third lane is another key's");
        turns.is_over(1);
        assert_eq!(turns.next(), Some((1, 2)));
    }

    #[test]
    fn where_there_is_no_room_the_last_of_the_longest_line_gives_way() {
        let turns = Turns::new(1);
        for n in 0..SLOW_QUEUE_MAX {
            assert_eq!(turns.add(1, n), None);
        }
        assert_eq!(turns.add(1, 1_000), Some(1_000), "one's own line doesn't give way to oneself");
        assert_eq!(turns.add(2, 2_000), Some(SLOW_QUEUE_MAX - 1));
        assert_eq!(turns.add(2, 2_001), Some(SLOW_QUEUE_MAX - 2));
        assert_eq!([0, 2_000, 1, 2_001, 2], std::array::from_fn(|_| one(&turns).unwrap_or(usize::MAX)));
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
