//! Which questions are tried beside others. One that took too long has cost its thread a turn for nothing and begins anew
//! apart; where a key's questions of one kind do that again and again, most of those that follow go there at once.
//!
//! Enters: a key, what it asks for, what became of a try. Leaves: whether to try. Never: refuses anything, or sends a check
//! apart untried: an application has one key, and its quick checks would stand behind its long ones.

use std::{cell::RefCell, collections::HashMap};

use understudy_wire::paths::Endpoint;

/// Single checks, which are tried always.
const CHECKS: [&str; 2] = [Endpoint::Authorize.path(), Endpoint::Evaluation.path()];

/// Tries that may fail in a row before any is left out: one long list among short ones changes nothing.
const FAILURES_FREE: u32 = 3;
/// Questions that go apart between two tries, at most: their kind may be short again.
const LEFT_OUT_MAX: u32 = 256;
/// Kinds of questions that are known, of all keys. A kind is forgotten with its first quick answer.
const KINDS_MAX: usize = 1_024;

/// The kinds of questions of one thread that took too long.
#[derive(Debug, Default)]
pub struct Demotions(RefCell<HashMap<(u64, &'static str), Kind>>);

#[derive(Debug, Default)]
struct Kind {
    /// Tries in a row that took too long.
    n_failed: u32,
    /// Questions that go apart before the next try.
    left_out: u32,
}

impl Demotions {
    /// Is the key's next question of this kind tried beside others?
    pub fn tries(&self, key: u64, label: &'static str) -> bool {
        let mut kinds = self.0.borrow_mut();
        let Some(kind) = kinds.get_mut(&(key, label)) else { return true };
        let is_tried = kind.left_out == 0;
        kind.left_out = kind.left_out.saturating_sub(1);
        is_tried
    }

    /// It was, and took too long or did not.
    pub fn tried(&self, key: u64, label: &'static str, was_long: bool) {
        if CHECKS.contains(&label) {
            return;
        }
        let mut kinds = self.0.borrow_mut();
        if !was_long {
            if !kinds.is_empty() {
                kinds.remove(&(key, label));
            }
            return;
        }
        if kinds.len() >= KINDS_MAX && !kinds.contains_key(&(key, label)) {
            kinds.clear();
        }
        let kind = kinds.entry((key, label)).or_default();
        kind.n_failed = kind.n_failed.saturating_add(1);
        let over = kind.n_failed.saturating_sub(FAILURES_FREE);
        kind.left_out =
            if over == 0 { 0 } else { 1_u32.checked_shl(over + 2).unwrap_or(LEFT_OUT_MAX).min(LEFT_OUT_MAX) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of `n` questions were tried.
    fn n_tried(demotions: &Demotions, key: u64, n: usize, is_long: bool) -> usize {
        let tried = (0..n).filter(|_| {
            let tries = demotions.tries(key, "list");
            if tries {
                demotions.tried(key, "list", is_long);
            }
            tries
        });
        tried.count()
    }

    #[test]
    fn a_key_s_long_questions_of_one_kind_are_seldom_tried_and_nothing_else_changes() {
        let demotions = Demotions::default();
        assert_eq!(n_tried(&demotions, 1, 3, true), 3, "a few may be long");
        assert!(n_tried(&demotions, 1, 2_000, true) < 20);
        assert_eq!(n_tried(&demotions, 2, 100, false), 100, "another key");
        assert!(demotions.tries(1, "authorize"), "another kind");
    }

    #[test]
    fn a_check_is_tried_always() {
        let demotions = Demotions::default();
        for label in CHECKS {
            (0..100).for_each(|_| demotions.tried(1, label, true));
            assert!((0..100).all(|_| demotions.tries(1, label)), "{label}");
        }
    }

    #[test]
    fn a_kind_that_is_short_again_is_tried_always() {
        let demotions = Demotions::default();
        n_tried(&demotions, 1, 1_000, true);
        assert!(n_tried(&demotions, 1, 1_000, false) > 700, "after one short answer");
        assert_eq!(n_tried(&demotions, 1, 100, false), 100);
    }

    #[test]
    fn a_long_one_among_short_ones_leaves_nothing_out() {
        let demotions = Demotions::default();
        for _ in 0..100 {
            assert_eq!(n_tried(&demotions, 1, 2, true), 2);
            assert_eq!(n_tried(&demotions, 1, 1, false), 1);
        }
    }

    #[test]
    fn what_is_known_is_bounded() {
        let demotions = Demotions::default();
        (0..10 * KINDS_MAX as u64).for_each(|key| demotions.tried(key, "list", true));
        assert!(demotions.0.borrow().len() <= KINDS_MAX);
    }
}
