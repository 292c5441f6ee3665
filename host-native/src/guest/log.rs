//! Writes since the snapshot: a primary's instances read them before they answer.

use std::{
    collections::VecDeque,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use understudy_core::model::Change;

/// Writes in order of their offsets, from some offset on.
#[derive(Default)]
pub struct Log {
    /// Offset of the newest write: what an instance has to contain before it answers.
    head: AtomicU64,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    /// Writes up to this offset are gone.
    forgotten: u64,
    writes: VecDeque<(u64, Vec<Change>)>,
}

impl Log {
    /// Offset of the newest write; 0 before the first.
    pub fn head(&self) -> u64 {
        self.head.load(Ordering::SeqCst)
    }

    /// Adds a write. Offsets only rise.
    pub fn append(&self, offset: u64, changes: Vec<Change>) {
        let mut entries = self.lock();
        entries.writes.push_back((offset, changes));
        self.head.fetch_max(offset, Ordering::SeqCst);
    }

    /// Drops writes up to an offset.
    pub fn forget(&self, up_to: u64) {
        let mut entries = self.lock();
        entries.forgotten = entries.forgotten.max(up_to);
        while entries.writes.front().is_some_and(|(offset, _)| *offset <= up_to) {
            entries.writes.pop_front();
        }
    }

    /// All changes after an offset, and the offset they lead to. `None`: some of them are gone, so that who stands at this
    /// offset can't be brought up to date.
    pub fn since(&self, offset: u64) -> Option<(Vec<Change>, u64)> {
        let entries = self.lock();
        if offset < entries.forgotten {
            return None;
        }
        // Offsets rise, and an instance mostly lacks the last few of many.
        let begin = entries.writes.partition_point(|(at, _)| *at <= offset);
        let later = entries.writes.range(begin..);
        let changes = later.flat_map(|(_, changes)| changes.iter().cloned()).collect();
        Some((changes, entries.writes.back().map_or(offset, |(at, _)| (*at).max(offset))))
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use understudy_core::model::{Fact, Value};

    use super::*;

    fn change(id: &str) -> Change {
        Change::Insert(Fact { predicate: "p".into(), args: vec![Value::new("T", id).unwrap()] })
    }

    #[test]
    fn who_stands_before_what_is_forgotten_is_told_so() {
        let log = Log::default();
        assert_eq!(log.since(0), Some((vec![], 0)));
        assert_eq!(log.since(7), Some((vec![], 7)), "a snapshot may be newer than every write here");
        log.append(8, vec![change("a")]);
        log.append(9, vec![change("b"), change("c")]);
        assert_eq!((log.head(), log.since(8)), (9, Some((vec![change("b"), change("c")], 9))));
        log.forget(8);
        assert_eq!(log.since(7), None);
        assert_eq!(log.since(8), Some((vec![change("b"), change("c")], 9)));
        log.forget(9);
        assert_eq!((log.since(8), log.since(9)), (None, Some((vec![], 9))));
    }
}
