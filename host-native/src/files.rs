//! Files that are nobody else's business: what a node or a primary keeps has every fact in it, and digests of keys.
//!
//! Folders are 0700 and files 0600, also those that were there before.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

use rustix::fs::Mode;

/// What others than the owner may do.
const OTHERS: u32 = 0o077;

/// From now on whatever this process makes is its user's alone, libraries' files too.
pub fn private_from_now_on() {
    rustix::process::umask(Mode::from_raw_mode(OTHERS));
}

/// Makes a folder, or takes one that is there, for its owner alone.
pub fn private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    tighten(path);
    Ok(())
}

/// Makes everything in a folder its owner's alone, where its name is one of those.
pub fn tighten_all(folder: &Path, is_ours: &dyn Fn(&str) -> bool) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let is_folder = match entry.file_type() {
            Ok(kind) if kind.is_dir() => true,
            Ok(kind) if kind.is_file() => false,
            // What lies elsewhere is not this folder's.
            _ => continue,
        };
        if is_ours(&entry.file_name().to_string_lossy()) {
            tighten(&entry.path());
            if is_folder {
                tighten_all(&entry.path(), &|_| true);
            }
        }
    }
}

/// An empty file for its owner alone, in the place of one that may be there.
pub fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

fn tighten(path: &Path) {
    let tightened = fs::metadata(path).and_then(|meta| {
        let mode = meta.permissions().mode() & 0o7777;
        if mode & OTHERS == 0 { Ok(()) } else { fs::set_permissions(path, Permissions::from_mode(mode & !OTHERS)) }
    });
    // A volume's root may be another user's: what is made in it is private all the same.
    if let Err(error) = tightened {
        tracing::warn!("others may read {}, and that can't be changed: {error}", path.display());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_there_becomes_private_and_what_comes_is() {
        let folder = tempfile::tempdir().unwrap();
        let (inside, file) = (folder.path().join("data"), folder.path().join("data/e_1.snapshot"));
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        fs::create_dir(&inside).unwrap();
        fs::set_permissions(&inside, Permissions::from_mode(0o755)).unwrap();
        fs::write(&file, "x").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        private_folder(&inside).unwrap();
        tighten_all(&inside, &|name| name.starts_with("e_1."));
        assert_eq!((mode(&inside), mode(&file)), (0o700, 0o600));
        create(&inside.join("new")).unwrap();
        assert_eq!(mode(&inside.join("new")), 0o600);
        private_folder(&folder.path().join("made/below")).unwrap();
        assert_eq!(mode(&folder.path().join("made/below")), 0o700);
    }
}
