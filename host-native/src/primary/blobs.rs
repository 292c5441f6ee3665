//! The folder of snapshots: files named by their digest, written whole, the last two kept.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};
use understudy_core::snapshot;

use crate::{keys::hex, replica::cache::write_whole};

/// The folder.
pub struct Blobs(PathBuf);

impl Blobs {
    /// Makes the folder if it isn't there.
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Blobs(folder))
    }

    /// Where a blob is. `sha256` is 64 hexadecimal digits.
    pub fn path(&self, sha256: &str) -> PathBuf {
        self.0.join(sha256)
    }

    /// Writes a blob and gives its name.
    pub fn write(&self, bytes: &[u8]) -> io::Result<String> {
        let sha256 = hex(&Sha256::digest(bytes));
        write_whole(&self.path(&sha256), bytes)?;
        Ok(sha256)
    }

    /// A blob for reading, and its length.
    pub fn read(&self, sha256: &str) -> io::Result<(File, u64)> {
        let file = File::open(self.path(sha256))?;
        let length = file.metadata()?.len();
        Ok((file, length))
    }

    /// The bytes of a blob, if they are what the name says and a snapshot that can be read.
    pub fn verified(&self, sha256: &str) -> Option<Vec<u8>> {
        let bytes = fs::read(self.path(sha256)).ok()?;
        let is_whole = hex(&Sha256::digest(&bytes)) == sha256 && snapshot::verify(&bytes).is_ok();
        is_whole.then_some(bytes)
    }

    /// Removes every other file. One that stays is only disk space.
    pub fn keep(&self, names: &[&str]) {
        let Ok(entries) = fs::read_dir(&self.0) else { return };
        for path in entries.flatten().map(|entry| entry.path()) {
            let name = path.file_name().and_then(|name| name.to_str());
            if !name.is_some_and(|name| names.contains(&name)) {
                remove(&path);
            }
        }
    }
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!("an old snapshot can't be removed: {error}");
    }
}
