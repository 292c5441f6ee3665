//! The feed: a file layout that any static host can serve. `head` is small and changes; blobs are named by their digest
//! and never do.
//!
//! `/feed/v0/<environment>/head` · `/feed/v0/<environment>/blobs/<sha256>` · `/feed/v0/<environment>/reports` (a primary
//! takes a node's reports there).
//!
//! A server may offer `?wait=SECONDS` on the head: with `If-None-Match` the answer is then held back until the head is
//! another one, or the time is up (304).

use serde::{Deserialize, Serialize};

/// The `format` this version of the layout has.
pub const FORMAT: u32 = 0;
/// Longest `wait` of the head, in seconds.
pub const WAIT_S_MAX: u64 = 30;

/// The head document. Unknown members are ignored: room for deltas and signatures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// [`FORMAT`].
    pub format: u32,
    /// Environment the snapshot is of.
    pub environment: String,
    /// Random id made with the primary's data folder.
    pub store: String,
    /// Rises with every snapshot of one store.
    pub epoch: u64,
    /// When the snapshot was made, in milliseconds since 1970-01-01 UTC.
    pub created_ms: u64,
    /// The snapshot's blob.
    pub snapshot: Blob,
}

/// A blob by its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blob {
    /// SHA-256 of the bytes, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// How many bytes.
    pub bytes: u64,
}

impl Blob {
    /// Is the name 64 lower-case hexadecimal digits? Nothing else is ever a path.
    pub fn is_well_formed(&self) -> bool {
        self.sha256.len() == 64 && self.sha256.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    }
}

/// Path of an environment's head.
pub fn head_path(environment: &str) -> String {
    format!("/feed/v0/{environment}/head")
}

/// Path of a blob.
pub fn blob_path(environment: &str, sha256: &str) -> String {
    format!("/feed/v0/{environment}/blobs/{sha256}")
}

/// Path that takes a node's reports.
pub fn reports_path(environment: &str) -> String {
    format!("/feed/v0/{environment}/reports")
}
