//! The snapshot: one position-independent file that is the index (`core/snapshot/FORMAT.md` draws it).
//!
//! Enters: a policy, facts, key digests (writer); bytes (reader). Leaves: bytes; manifest, policy, keys, facts, index.
//! Never: reads a file; trusts a byte it reads.

pub mod layout;
pub mod manifest;
pub mod program;
pub mod reader;
#[expect(clippy::indexing_slicing, reason = "ids, types and ends are numbered by what is gathered before")]
pub mod writer;

#[cfg(test)]
mod tests;

pub use self::{
    manifest::{Counts, Key, Manifest, PolicyText},
    reader::{Place, ReadError, Snapshot, check_digests, sections, verify},
    writer::{Contents, WriteError, write},
};
