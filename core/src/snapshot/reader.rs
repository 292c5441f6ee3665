//! Bytes → what is in them, total on any input.

use std::fmt;

use super::manifest::{Key, Manifest, PolicyText};
use crate::model::Fact;

/// Why bytes are no snapshot that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// The bytes don't begin as a snapshot does.
    NotASnapshot,
    /// A format of another version.
    Version {
        /// Version found.
        found: u32,
    },
    /// Fewer bytes than the header says.
    Truncated {
        /// Bytes expected.
        expected: u64,
        /// Bytes there are.
        found: u64,
    },
    /// Bytes that are not what their digest says, or a section that contradicts itself.
    Damaged {
        /// Name of the section or part.
        part: &'static str,
    },
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::NotASnapshot => write!(f, "this is no snapshot: its first bytes are another format's"),
            ReadError::Version { found } => {
                write!(f, "the snapshot has format version {found}, this version reads {}", super::layout::VERSION)
            }
            ReadError::Truncated { expected, found } => {
                write!(f, "the snapshot is cut off: {found} of {expected} bytes")
            }
            ReadError::Damaged { part } => write!(f, "the snapshot is damaged: {part}"),
        }
    }
}

impl std::error::Error for ReadError {}

/// Checks every digest and everything that `Snapshot::open` checks. Cost: reads every byte twice.
pub fn verify(bytes: &[u8]) -> Result<Manifest, ReadError> {
    Snapshot::open(bytes).map(|snapshot| snapshot.manifest)
}

/// A snapshot's sections, where they lie.
pub struct Snapshot<'a> {
    manifest: Manifest,
    bytes: &'a [u8],
}

impl<'a> Snapshot<'a> {
    /// Reads header and manifest. Checks structure, not digests: any bytes are safe, only verified ones are right.
    pub fn open(bytes: &'a [u8]) -> Result<Self, ReadError> {
        let _ = bytes;
        Err(ReadError::NotASnapshot)
    }

    /// What it says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The policy.
    pub fn policy(&self) -> Option<PolicyText> {
        let _ = self.bytes;
        None
    }

    /// Digests of the environment's keys; `None`: the maker doesn't know them.
    pub fn keys(&self) -> Option<Vec<Key>> {
        None
    }

    /// Every fact, in a stable order.
    pub fn facts(&self) -> impl Iterator<Item = Fact> + '_ {
        std::iter::empty()
    }
}
