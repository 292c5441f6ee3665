//! An install that did not end: known at the next start, and not walked into again blindly.
//!
//! A record is written before a snapshot is opened and removed after. One that is there at a start says that the process was
//! ended meanwhile, by what it opened or by chance.

use serde::{Deserialize, Serialize};

/// Between the second time and the next one; doubled with each.
const WAIT_MS: u64 = 600_000;
/// Doublings: up to about a day.
const DOUBLINGS_MAX: u32 = 7;

/// Which install did not end.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Unfinished {
    /// SHA-256 of the snapshot.
    pub sha256: String,
    /// Digest of its policy and facts, where this node built it.
    pub content_sha256: Option<String>,
    /// How often opening it has been begun and not ended.
    pub times: u32,
    /// When it was last begun, in milliseconds since 1970-01-01 UTC.
    pub at_ms: u64,
    /// Was it being opened? Else it is only remembered.
    pub is_open: bool,
}

impl Unfinished {
    /// Is this the snapshot, by its own digest or by its content's?
    pub fn is(&self, sha256: &str, content_sha256: Option<&str>) -> bool {
        self.sha256 == sha256 || content_sha256.is_some_and(|content| self.content_sha256.as_deref() == Some(content))
    }

    /// Is it still to be left alone? Not after the first time, which may have been chance, and less often after each.
    pub fn is_put_off(&self, now_ms: u64) -> bool {
        let Some(doublings) = self.times.checked_sub(2) else { return false };
        now_ms.saturating_sub(self.at_ms) < WAIT_MS << doublings.min(DOUBLINGS_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_left_alone_for_longer_each_time() {
        let put_off =
            |times, after_ms| Unfinished { times, at_ms: 1_000, ..Unfinished::default() }.is_put_off(1_000 + after_ms);
        assert!(!put_off(1, 0));
        assert!(put_off(2, WAIT_MS - 1) && !put_off(2, WAIT_MS));
        assert!(put_off(3, 2 * WAIT_MS - 1) && !put_off(3, 2 * WAIT_MS));
        assert!(put_off(u32::MAX, 24 * 3_600_000 / 2) && !put_off(u32::MAX, 24 * 3_600_000));
    }

    #[test]
    fn the_same_content_built_again_is_the_same() {
        let record = Unfinished { sha256: "a".into(), content_sha256: Some("c".into()), ..Unfinished::default() };
        assert!(record.is("a", None) && record.is("b", Some("c")));
        assert!(!record.is("b", None) && !record.is("b", Some("d")));
    }
}
