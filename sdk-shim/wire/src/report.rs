//! What a node tells the primary it follows about itself: counts, never data.
//!
//! Posted to [`crate::feed::reports_path`] every minute, and nowhere else. `OSO_DISABLE_TELEMETRY` ends the reports,
//! `OSO_DISABLE_ERROR_LOGGING` leaves `errors` out.

use serde::{Deserialize, Serialize};

/// One report. Unknown members are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Version of the node, as `0.1.0`.
    pub version: String,
    /// `OSO_CLIENT_ID`, or the node's random UUID.
    pub client_id: String,
    /// Milliseconds since the last report that arrived, or since the start.
    pub period_ms: u64,
    /// Milliseconds since the upstream confirmed what the node serves; `None`: it serves nothing yet.
    pub snapshot_age_ms: Option<u64>,
    /// Epoch of the snapshot that serves; 0: none.
    pub snapshot_epoch: u64,
    /// Requests answered in the period, one entry per path and status.
    pub requests: Vec<RequestCount>,
    /// What went wrong in the period; `None` where `OSO_DISABLE_ERROR_LOGGING` is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errors: Option<Vec<ErrorCount>>,
}

/// Requests of one path that got one status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestCount {
    /// The path, as `/api/authorize`: one of a fixed set, never with ids or a query string.
    pub path: String,
    /// HTTP status of the replies.
    pub status: u16,
    /// How many.
    pub count: u64,
}

/// One kind of error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorCount {
    /// Where it happened: `upstream`, `disk`, `import` or `http`.
    pub origin: String,
    /// Its cause, as the metric `understudy_sync_total` names it, or the HTTP status.
    pub cause: String,
    /// The message for people. It has no key, no id and no fact in it.
    pub message: String,
    /// How many times.
    pub count: u64,
}
