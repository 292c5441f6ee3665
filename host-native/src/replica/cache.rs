//! The last good snapshot on disk, and what was known of the upstream then.
//!
//! A new file is written beside, synced and renamed; the one before stays until the new one serves. A crash at any moment
//! leaves at least one good file: `candidates` gives them newest first, and each passes `verify` like anything else.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::{unfinished::Unfinished, upstream::UpstreamKind};
use crate::files;

/// What is remembered beside the snapshot. A lost or unreadable one costs only memory, never safety of the bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// Digest of `OSO_URL`, for which `kind` was found.
    pub url_sha256: String,
    /// Kind of the upstream, once found.
    pub kind: Option<UpstreamKind>,
    /// Store that is followed.
    pub store: Option<String>,
    /// Highest epoch served of that store.
    pub epoch: u64,
    /// SHA-256 of the snapshot that serves.
    pub sha256: Option<String>,
    /// Digest of its policy and facts, where this node built it.
    pub content_sha256: Option<String>,
    /// When the upstream last confirmed that what serves is its current content.
    pub confirmed_ms: u64,
    /// Stores that were followed before it.
    pub stores_left: Vec<String>,
}

/// The disk, as the driver sees it.
pub trait Cache {
    /// What was remembered; the default if nothing was or it can't be read.
    fn state(&self) -> State;
    /// Remembers.
    fn save_state(&self, state: &State) -> io::Result<()>;
    /// Files to start from, best first.
    fn candidates(&self) -> Vec<PathBuf>;
    /// Where the bytes of a download with this name are gathered; what is there already can be resumed.
    fn part(&self, name: &str) -> PathBuf;
    /// Writes all bytes of a part and syncs them.
    fn write_part(&self, name: &str, bytes: &[u8]) -> io::Result<PathBuf>;
    /// Makes a complete, synced part the current file; the one before is kept aside.
    fn keep(&self, part: &Path) -> io::Result<PathBuf>;
    /// Takes the last `keep` back: the file before, if there is one, is current again, under the name that is given.
    fn undo_keep(&self) -> io::Result<PathBuf>;
    /// Removes the file kept aside and every part.
    fn tidy(&self);
    /// The install that is said not to have ended.
    fn unfinished(&self) -> Option<Unfinished>;
    /// Says so of one, or with `None` that there is none.
    fn set_unfinished(&self, install: Option<&Unfinished>) -> io::Result<()>;
}

/// Longest wait for a node before this one to let go of the folder: it may just be ending.
const LOCK_WAIT: Duration = Duration::from_secs(2);

/// `OSO_DIRECTORY`.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    environment: String,
    hold: Hold,
}

/// What this process has of the folder.
#[derive(Debug)]
enum Hold {
    /// All of it, until this file is closed: two nodes would write to the same files.
    Locked { _lock: File },
    /// A folder inside it, removed at the end.
    Apart,
}

impl Directory {
    /// Opens or makes the folder, for one process at a time.
    pub fn open(path: &Path, environment: &str) -> io::Result<Self> {
        files::private_folder(path)?;
        let lock = files::create(&path.join(format!("{environment}.lock")))?;
        let begun = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(fs::TryLockError::WouldBlock) if begun.elapsed() < LOCK_WAIT => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                Err(fs::TryLockError::WouldBlock) => {
                    return Err(io::Error::from(io::ErrorKind::ResourceBusy));
                }
                Err(fs::TryLockError::Error(error)) => return Err(error),
            }
        }
        let prefix = format!("{environment}.");
        files::tighten_all(path, &|name| name.starts_with(&prefix));
        Ok(Directory { path: path.to_owned(), environment: environment.to_owned(), hold: Hold::Locked { _lock: lock } })
    }

    /// Opens a folder inside it that begins with what is there, for a process beside the node: nothing that it does
    /// changes what the node has.
    pub fn apart(path: &Path, environment: &str) -> io::Result<Self> {
        files::private_folder(path)?;
        let there =
            |path: &Path| Directory { path: path.to_owned(), environment: environment.to_owned(), hold: Hold::Apart };
        let inside = path.join(format!("{environment}.export-{}", std::process::id()));
        files::private_folder(&inside)?;
        let apart = there(&inside);
        for ending in ["snapshot", "previous.snapshot", "state.json"] {
            // Files of snapshots never change, so that a second name is as good as a copy.
            let from = path.join(format!("{environment}.{ending}"));
            match fs::hard_link(&from, apart.file(ending)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => copy_whole(&from, &apart.file(ending))?,
                _ => {}
            }
        }
        Ok(apart)
    }

    fn file(&self, ending: &str) -> PathBuf {
        self.path.join(format!("{}.{ending}", self.environment))
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if matches!(self.hold, Hold::Apart) {
            // What stays behind costs space only.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

impl Cache for Directory {
    fn state(&self) -> State {
        let text = fs::read(self.file("state.json")).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    fn save_state(&self, state: &State) -> io::Result<()> {
        let text = serde_json::to_vec(state).map_err(io::Error::other)?;
        write_whole(&self.file("state.json"), &text)
    }

    fn candidates(&self) -> Vec<PathBuf> {
        [self.file("snapshot"), self.file("previous.snapshot")].into_iter().filter(|path| path.exists()).collect()
    }

    fn part(&self, name: &str) -> PathBuf {
        self.file(&format!("{name}.part"))
    }

    fn write_part(&self, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
        let path = self.part(name);
        let mut file = files::create(&path)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        Ok(path)
    }

    fn keep(&self, part: &Path) -> io::Result<PathBuf> {
        let (current, previous) = (self.file("snapshot"), self.file("previous.snapshot"));
        if current.exists() {
            fs::rename(&current, previous)?;
        }
        fs::rename(part, &current)?;
        self.sync()?;
        Ok(current)
    }

    fn undo_keep(&self) -> io::Result<PathBuf> {
        let (current, previous) = (self.file("snapshot"), self.file("previous.snapshot"));
        if previous.exists() {
            fs::rename(previous, &current)?;
        } else {
            fs::remove_file(&current)?;
        }
        self.sync()?;
        Ok(current)
    }

    fn unfinished(&self) -> Option<Unfinished> {
        let text = fs::read(self.file("opening.json")).ok()?;
        // One that can't be read says all the same that something was being opened.
        Some(serde_json::from_slice(&text).unwrap_or_else(|_| Unfinished {
            sha256: "unreadable".to_owned(),
            is_open: true,
            ..Unfinished::default()
        }))
    }

    fn set_unfinished(&self, install: Option<&Unfinished>) -> io::Result<()> {
        let path = self.file("opening.json");
        match install {
            Some(install) => write_whole(&path, &serde_json::to_vec(install).map_err(io::Error::other)?),
            None => match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            },
        }
    }

    fn tidy(&self) {
        // What can't be removed costs space only.
        let _ = fs::remove_file(self.file("previous.snapshot"));
        let prefix = format!("{}.", self.environment);
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with(&prefix) && name.ends_with(".part") {
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

/// Writes a file whole or not at all: beside, synced, renamed.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    whole(path, &mut io::Cursor::new(bytes))
}

/// Copies a file whole or not at all, without holding it in memory.
pub fn copy_whole(from: &Path, to: &Path) -> io::Result<()> {
    whole(to, &mut File::open(from)?)
}

fn whole(path: &Path, from: &mut impl io::Read) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    let beside = PathBuf::from(beside);
    let written = files::create(&beside).and_then(|mut file| {
        io::copy(from, &mut file)?;
        file.sync_all()
    });
    if let Err(error) = written.and_then(|()| fs::rename(&beside, path)) {
        let _ = fs::remove_file(&beside);
        return Err(error);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_new_file_can_be_taken_back() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Directory::open(folder.path(), "e_1").unwrap();
        cache.keep(&cache.write_part("a", b"old").unwrap()).unwrap();
        cache.keep(&cache.write_part("b", b"new").unwrap()).unwrap();
        assert_eq!(cache.candidates().iter().map(|p| fs::read(p).unwrap()).collect::<Vec<_>>(), [b"new", b"old"]);
        cache.undo_keep().unwrap();
        assert_eq!(cache.candidates().iter().map(|p| fs::read(p).unwrap()).collect::<Vec<_>>(), [b"old"]);
    }

    #[test]
    fn one_node_at_a_time_and_an_export_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let node = Directory::open(folder.path(), "e_1").unwrap();
        node.keep(&node.write_part("a", b"old").unwrap()).unwrap();
        let second = Directory::open(folder.path(), "e_1").unwrap_err();
        assert_eq!(second.kind(), io::ErrorKind::ResourceBusy);
        assert!(Directory::open(folder.path(), "e_2").is_ok(), "another environment's files are others");

        let export = Directory::apart(folder.path(), "e_1").unwrap();
        assert_eq!(fs::read(&export.candidates()[0]).unwrap(), b"old");
        export.keep(&export.write_part("b", b"new").unwrap()).unwrap();
        export.tidy();
        assert_eq!(node.candidates().iter().map(|p| fs::read(p).unwrap()).collect::<Vec<_>>(), [b"old"]);
        drop(export);
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
        assert!(left.iter().all(|name| !name.to_string_lossy().contains("export")), "{left:?}");
        drop(node);
        assert!(Directory::open(folder.path(), "e_1").is_ok());
    }

    #[test]
    fn an_unreadable_state_is_an_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Directory::open(folder.path(), "e_1").unwrap();
        let state = State { epoch: 7, kind: Some(UpstreamKind::Feed), ..State::default() };
        cache.save_state(&state).unwrap();
        assert_eq!(cache.state(), state);
        fs::write(folder.path().join("e_1.state.json"), b"{\"epoch\":").unwrap();
        assert_eq!(cache.state(), State::default());
    }
}
