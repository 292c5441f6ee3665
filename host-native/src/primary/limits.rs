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
    /// Are facts refused that no rule uses?
    pub strict_facts: bool,
}

/// Answers that an expectation may still be told of: a minute of a busy application's.
pub const ANSWERS_KEPT_MAX: usize = 10_000;
/// Expectations that were not met and can be read.
pub const MISMATCHES_KEPT_MAX: usize = 100;
/// Longest id of a request whose answer is kept, in bytes: several times that of the SDKs' ids.
pub const REQUEST_ID_BYTES_MAX: usize = 128;
/// Warnings of one write that its reply names.
pub const WARNINGS_SHOWN_MAX: usize = 3;
/// Longest header with warnings, in bytes: less than any client's bound of a header.
pub const WARNING_BYTES_MAX: usize = 1_000;
/// Different warnings of facts that are logged, each once; a script's mistake is made a million times.
pub const WARNINGS_LOGGED_MAX: usize = 1_000;
/// Test environments at once; a further one takes the place of the one that was unused for longest. Each has two instances
/// of the component and four threads.
pub const TEST_ENVIRONMENTS_MAX: usize = 64;
/// Test environments made in an hour: more than suites of tests make, fewer than would wear a disk out.
pub const TEST_ENVIRONMENTS_PER_HOUR_MAX: usize = 1_000;
/// How long a test environment lasts after its last use: longer than any run of tests that still goes on.
pub const TEST_ENVIRONMENT_IDLE: Duration = Duration::from_secs(3_600);
/// How long a request for the head waits for a snapshot of what was acknowledged before it; then it is answered by the one
/// there is. Less than any client of a feed waits for an answer.
pub const HEAD_WAIT: Duration = Duration::from_secs(8);
