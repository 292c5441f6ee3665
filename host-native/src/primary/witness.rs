//! How far the store has come, in a file of its own: what has been acknowledged is never silently taken back.
//!
//! A database that finds its newest commit damaged goes back to the one before it, which is right after a power cut, when
//! that commit was not acknowledged, and wrong otherwise: a fact that was deleted would be back. The file is not synced,
//! as it needs to survive this process only; after a power cut it may be older than the store, never newer.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::sums::{Part, record};

/// Bytes of the file: offset, epoch, their sum.
const BYTES: usize = 24;

/// What was acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// Offset of the last write.
    pub offset: u64,
    /// Epoch of the last snapshot.
    pub epoch: u64,
}

/// The file.
#[derive(Debug)]
pub struct Witness {
    file: File,
}

impl Witness {
    /// Where the witness of a store is.
    pub fn path(store: &Path) -> PathBuf {
        store.with_extension("reached")
    }

    /// Opens it or makes it, readable by its owner only.
    pub fn open(store: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        Ok(Witness { file: options.open(Self::path(store))? })
    }

    /// What it says; `None`: nothing yet, or nothing that can be believed.
    pub fn read(&self) -> Option<Reached> {
        let mut bytes = [0; BYTES];
        self.file.read_exact_at(&mut bytes, 0).ok()?;
        let (told, sum) = bytes.split_last_chunk::<8>()?;
        let (offset, epoch) = told.split_first_chunk::<8>()?;
        let epoch = epoch.first_chunk::<8>()?;
        let is_whole = record(Part::Number, b"reached", told).own == u64::from_le_bytes(*sum);
        is_whole.then_some(Reached { offset: u64::from_le_bytes(*offset), epoch: u64::from_le_bytes(*epoch) })
    }

    /// Notes it. One that can't be noted is told and costs nothing else: the store has it.
    pub fn note(&self, reached: Reached) {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.extend(reached.offset.to_le_bytes());
        bytes.extend(reached.epoch.to_le_bytes());
        let sum = record(Part::Number, b"reached", &bytes).own;
        bytes.extend(sum.to_le_bytes());
        if let Err(error) = self.file.write_all_at(&bytes, 0) {
            tracing::warn!("how far the store has come can't be noted beside it: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_was_noted_is_read_and_what_was_changed_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store.redb");
        let witness = Witness::open(&store).unwrap();
        assert_eq!(witness.read(), None);
        let reached = Reached { offset: 7, epoch: 3 };
        witness.note(reached);
        assert_eq!(Witness::open(&store).unwrap().read(), Some(reached));
        witness.file.write_all_at(&[9], 0).unwrap();
        assert_eq!(witness.read(), None);
    }
}
