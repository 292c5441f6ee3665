//! Follows the upstream, or starts from disk or an imported file; writes generations, reads no requests.
//!
//! Enters: heads, blobs and readings of the upstream, the files of `OSO_DIRECTORY`, an `--import` file.
//! Leaves: verified snapshot files for [`Snapshots::install`], outcomes by cause.
//! Never: serves what it has not verified in full; goes back to an older epoch; logs a token, an id or a fact.

pub mod cache;
pub mod clock;
pub mod driver;
pub mod feed;
pub mod fetch;
pub mod machine;
pub mod progress;
pub mod public_api;
pub mod snapshots;
pub mod status;
pub mod trial;
pub mod unfinished;
pub mod upstream;
pub mod verify;

use std::{fmt, path::Path};

use understudy_core::model::Fact;

/// Most bytes of a snapshot: ten times the largest environment planned for, and a stop for an endless stream.
pub const SNAPSHOT_BYTES_MAX: u64 = 8 << 30;

/// Why something was not installed. The name is a label of the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The upstream can't be reached, or the connection broke.
    Network,
    /// The upstream did not answer in time, or the bytes stopped.
    Timeout,
    /// The upstream refused the key.
    Unauthorized,
    /// The upstream answered with another status than the protocol has.
    Status,
    /// The upstream's answer can't be read.
    Malformed,
    /// More bytes than allowed or announced.
    TooLarge,
    /// Fewer bytes than announced.
    Truncated,
    /// Bytes that are not what their digests say, or no snapshot at all.
    Damaged,
    /// A snapshot of a format this version can't read.
    Version,
    /// A snapshot of another environment.
    Environment,
    /// A snapshot of another store.
    Store,
    /// An epoch that is not above what was served before.
    Epoch,
    /// The policy inside doesn't compile, or its facts don't load.
    Policy,
    /// A reading that looks cut off.
    CutOff,
    /// Readings that don't agree.
    Unsettled,
    /// The disk refuses a read or a write.
    Disk,
    /// There is no such file.
    Missing,
    /// Opening it ended the process before.
    Unfinished,
    /// This program is at fault.
    Internal,
}

impl Cause {
    /// The label.
    pub fn as_str(self) -> &'static str {
        match self {
            Cause::Network => "network",
            Cause::Timeout => "timeout",
            Cause::Unauthorized => "unauthorized",
            Cause::Status => "status",
            Cause::Malformed => "malformed",
            Cause::TooLarge => "too_large",
            Cause::Truncated => "truncated",
            Cause::Damaged => "damaged",
            Cause::Version => "version",
            Cause::Environment => "environment",
            Cause::Store => "store",
            Cause::Epoch => "epoch",
            Cause::Policy => "policy",
            Cause::CutOff => "cut_off",
            Cause::Unsettled => "unsettled",
            Cause::Disk => "disk",
            Cause::Missing => "missing",
            Cause::Unfinished => "unfinished",
            Cause::Internal => "internal",
        }
    }

    /// May the same attempt succeed a second later?
    pub fn is_retryable(self) -> bool {
        matches!(self, Cause::Network | Cause::Timeout | Cause::Truncated | Cause::Unsettled)
    }
}

/// A snapshot, a reading or a file that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why, for the metrics.
    pub cause: Cause,
    /// Why, for people: what was found and what to do. No data.
    pub message: String,
}

impl Refusal {
    /// A refusal with its text.
    pub fn new(cause: Cause, message: impl Into<String>) -> Self {
        Refusal { cause, message: message.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

/// Where a snapshot came from. The name is a label of the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The upstream.
    Upstream,
    /// `OSO_DIRECTORY`.
    Disk,
    /// `--import`.
    Import,
}

impl Origin {
    /// The label.
    pub fn as_str(self) -> &'static str {
        match self {
            Origin::Upstream => "upstream",
            Origin::Disk => "disk",
            Origin::Import => "import",
        }
    }
}

/// Which snapshot it is, as its manifest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Environment it is of.
    pub environment: String,
    /// Store that made it.
    pub store: String,
    /// Its number within the store.
    pub epoch: u64,
    /// When it was made, in milliseconds since 1970-01-01 UTC.
    pub created_ms: u64,
}

/// A policy and facts of one moment, to make a snapshot of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// File name, if the upstream has one, and text.
    pub policy: Option<(Option<String>, String)>,
    /// Sorted, no duplicates.
    pub facts: Vec<Fact>,
}

/// What the replica needs of the rooms that know snapshots. Every call may take as long as a snapshot is large, and is
/// made where that holds nothing up.
pub trait Snapshots: Send + Sync + 'static {
    /// Checks every digest and reads the manifest. Causes: `Damaged`, `Truncated`, `Version`.
    fn identify(&self, bytes: &[u8]) -> Result<Identity, Refusal>;
    /// Makes a snapshot of a reading.
    fn build(&self, reading: Reading, identity: &Identity) -> Result<Vec<u8>, Refusal>;
    /// Builds a generation from the verified file aside and makes it current. On an error nothing has changed.
    fn install(&self, file: &Path, identity: &Identity) -> Result<(), Refusal>;
    /// Opens the verified file as an install does, in another process: one whose opening has ended this one before is not
    /// let near what serves.
    fn try_apart(&self, file: &Path) -> Result<(), Refusal> {
        let _ = file;
        Ok(())
    }
    /// How large the file is and who may ask it, in words.
    fn in_words(&self, file: &Path) -> String {
        let _ = file;
        String::new()
    }
}
