//! What callers expected of earlier answers (`POST /api/expect`), compared with what was answered: how a move from another
//! authorization is watched.
//!
//! An answer is known by the id that its request came with, or by the one that this primary gave it.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use understudy_wire::{AuthorizeRequest, Mismatch};

use super::limits::{ANSWERS_KEPT_MAX, MISMATCHES_KEPT_MAX, REQUEST_ID_BYTES_MAX};

/// Of one environment.
#[derive(Debug, Default)]
pub struct Expectations(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    answers: HashMap<String, Answered>,
    /// Their ids, oldest first.
    ids: VecDeque<String>,
    mismatches: VecDeque<Mismatch>,
    counts: Counts,
}

#[derive(Debug)]
struct Answered {
    question: String,
    allowed: bool,
}

/// Expectations by what came of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// As answered.
    pub n_met: u64,
    /// Otherwise than answered.
    pub n_mismatched: u64,
    /// Of answers that are not known, or not any more.
    pub n_unknown: u64,
}

impl Expectations {
    /// Remembers an answer for as long as there is room.
    pub fn answered(&self, id: &str, asked: &AuthorizeRequest, allowed: bool) {
        if id.len() > REQUEST_ID_BYTES_MAX {
            return;
        }
        let AuthorizeRequest { actor_type, actor_id, action, resource_type, resource_id, .. } = asked;
        let question = format!("{actor_type}:{actor_id} {action} {resource_type}:{resource_id}");
        let mut inner = self.lock();
        if inner.answers.insert(id.to_owned(), Answered { question, allowed }).is_none() {
            inner.ids.push_back(id.to_owned());
        }
        while inner.ids.len() > ANSWERS_KEPT_MAX {
            let oldest = inner.ids.pop_front();
            oldest.map(|oldest| inner.answers.remove(&oldest));
        }
    }

    /// Compares an expectation with the answer that was given.
    pub fn expect(&self, id: &str, expected: bool) {
        let mut inner = self.lock();
        let Some(Answered { question, allowed }) = inner.answers.get(id) else {
            inner.counts.n_unknown += 1;
            return;
        };
        if *allowed == expected {
            inner.counts.n_met += 1;
            return;
        }
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let mismatch = Mismatch {
            request_id: id.to_owned(),
            question: question.clone(),
            answered: *allowed,
            expected,
            at_ms: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
        };
        inner.counts.n_mismatched += 1;
        inner.mismatches.push_back(mismatch);
        while inner.mismatches.len() > MISMATCHES_KEPT_MAX {
            inner.mismatches.pop_front();
        }
    }

    /// The last mismatches, newest first.
    pub fn mismatches(&self) -> Vec<Mismatch> {
        self.lock().mismatches.iter().rev().cloned().collect()
    }

    /// Since the start.
    pub fn counts(&self) -> Counts {
        self.lock().counts
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
