//! Bounds of the primary: those that a plan has (http-api.md §2.9), each off unless given, and its own with their reasons.

use std::time::Duration;

/// What a plan has; `None`: no limit. A request over one is 413, over a rate 429.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Facts and patterns of one write.
    pub entries_max: Option<usize>,
    /// Facts that one delete may remove.
    pub matches_max: Option<usize>,
    /// Bytes of a write's body.
    pub body_bytes_max: Option<usize>,
    /// Facts and patterns written in a minute.
    pub entries_per_minute_max: Option<usize>,
    /// Context facts of one request.
    pub context_facts_max: Option<usize>,
    /// Ids, rows or facts of one answer.
    pub results_max: Option<usize>,
    /// Questions asked in a second.
    pub asks_per_second_max: Option<usize>,
    /// Questions that are being answered.
    pub asks_at_once_max: Option<usize>,
}

/// Test environments at once; a further one takes the place of the one that was unused for longest. Each has two instances
/// of the component and four threads.
pub const TEST_ENVIRONMENTS_MAX: usize = 64;
/// How long a test environment lasts after its last use: longer than any run of tests that still goes on.
pub const TEST_ENVIRONMENT_IDLE: Duration = Duration::from_secs(3_600);
