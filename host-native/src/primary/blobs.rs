//! The folder of snapshots: files named by their digest, written whole, the last two kept.

use std::{
    fs::{self, DirBuilder, File, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
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
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        own(&folder, 0o700)?;
        for file in fs::read_dir(&folder)?.flatten() {
            own(&file.path(), 0o600)?;
        }
        Ok(Blobs(folder))
    }

    /// Where a blob is. `sha256` is 64 hexadecimal digits.
    pub fn path(&self, sha256: &str) -> PathBuf {
        self.0.join(sha256)
    }

    /// Writes a blob and gives its name.
    pub fn write(&self, bytes: &[u8]) -> io::Result<String> {
        let sha256 = hex(&Sha256::digest(bytes));
        let path = self.path(&sha256);
        write_whole(&path, bytes)?;
        own(&path, 0o600)?;
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

/// Takes a file or folder away from everybody but its owner: snapshots hold every fact.
pub fn own(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode))
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!("an old snapshot can't be removed: {error}");
    }
}
