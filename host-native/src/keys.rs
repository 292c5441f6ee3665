//! Who may ask: the bearer key against what this node knows, offline.
//!
//! Enters: the key of a request, the digests of the serving snapshot, the accepted-keys file. Leaves: a right or a
//! refusal that says what to do. Never: prints a key; reads a file while a request waits.

use std::{
    fmt,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use arc_swap::ArcSwap;
pub use understudy_calls::keys::{AcceptedKey, Right, digest, hex, look_up, look_up_salted, salted, unhex};

use sha2::{Digest, Sha256};

use crate::config::Token;

/// Most bytes of the accepted-keys file, which is read every second: a quarter of a million keys.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Why a key is refused (401). The text says what to do and never repeats the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRefusal {
    /// No `Authorization: Bearer` header, or more than one.
    Missing,
    /// The listener asks for client certificates and the connection has none.
    NoCertificate,
    /// The snapshot carries key digests and this key is none of them.
    NotInSnapshot,
    /// No environment of this primary has this key.
    NotOfThePrimary,
    /// The upstream gives no digests and the key is not among those configured.
    NotAccepted,
}

impl fmt::Display for KeyRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeyRefusal::Missing => "no API key: send `Authorization: Bearer <key>` with a key of this environment",
            KeyRefusal::NoCertificate => "no client certificate, or one whose time is over: connect with one that OSO_TLS_CLIENT_CA has signed",
            KeyRefusal::NotInSnapshot => "this isn't a key of the environment: use a key that its primary accepts; a new key works after the next sync",
            KeyRefusal::NotOfThePrimary => {
                "this isn't a key of the environments here: use one that `--key` gives, or make another test environment: \
                 they end an hour after their last use"
            }
            KeyRefusal::NotAccepted => {
                "this node accepts OSO_API_TOKEN and the keys in OSO_ACCEPTED_KEYS_FILE: add the key's digest to that \
                 file (`understudy keys digest` makes it), or use the node's own key"
            }
        })
    }
}

impl std::error::Error for KeyRefusal {}

/// Asked once per request, on the request's thread: no I/O, no lock.
pub trait KeyCheck: Send + Sync {
    /// `bearer`: what follows `Bearer ` in the `Authorization` header, if there is one.
    fn check(&self, bearer: Option<&str>) -> Result<Right, KeyRefusal>;
}

/// What the accepted-keys file was at the last look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// Not looked at yet.
    Nothing,
    /// Content with this digest, good or bad.
    Content([u8; 32]),
    /// Not to be read, for this reason.
    Unreadable(io::ErrorKind),
}

/// The keys of a node.
pub struct NodeKeys {
    environment: String,
    any_of_environment: bool,
    own: AcceptedKey,
    file: Option<PathBuf>,
    file_seen: Mutex<Seen>,
    is_file_well: AtomicBool,
    from_file: ArcSwap<Vec<AcceptedKey>>,
    /// With the id of its store.
    from_snapshot: ArcSwap<Option<(String, Vec<AcceptedKey>)>>,
}

impl NodeKeys {
    /// Reads the accepted-keys file once; an unreadable one is refused with a line that says where.
    pub fn new(
        environment: &str,
        token: &Token,
        file: Option<PathBuf>,
        any_of_environment: bool,
    ) -> Result<Self, String> {
        let keys = NodeKeys {
            environment: environment.to_owned(),
            any_of_environment,
            own: AcceptedKey { digest: digest(token.reveal()), right: Right::Read },
            file,
            file_seen: Mutex::new(Seen::Nothing),
            is_file_well: AtomicBool::new(true),
            from_file: ArcSwap::default(),
            from_snapshot: ArcSwap::default(),
        };
        keys.refresh()?;
        Ok(keys)
    }

    /// Takes the digests of the snapshot that now serves, of that store; `None`: it carries none.
    pub fn install(&self, store: &str, digests: Option<Vec<AcceptedKey>>) {
        self.from_snapshot.store(digests.map(|digests| (store.to_owned(), digests)).into());
    }

    /// Reads the accepted-keys file again; what is in it decides, not when it was written. A file that is gone takes its keys
    /// with it; on any other error the last good list stays. For a background task, about once a second: every change is
    /// told once, as `Ok(true)` or an error that is for people.
    pub fn refresh(&self) -> Result<bool, String> {
        let Some(path) = &self.file else { return Ok(false) };
        let content = read(path);
        let now = match &content {
            Ok(content) => Seen::Content(Sha256::digest(content).into()),
            Err(error) => Seen::Unreadable(error.kind()),
        };
        let mut last = self.file_seen.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *last == now {
            return Ok(false);
        }
        let is_first = std::mem::replace(&mut *last, now) == Seen::Nothing;
        let place = format!("OSO_ACCEPTED_KEYS_FILE `{}`", path.display());
        let keys = match content {
            Ok(content) => parse_file(&content).map_err(|error| format!("{place}: {error}")),
            Err(error) => Err(format!("{place} can't be read: {error}")),
        };
        self.is_file_well.store(keys.is_ok(), Ordering::Relaxed);
        match keys {
            Ok(keys) => self.from_file.store(keys.into()),
            Err(error) if is_first => return Err(error),
            Err(error) if now == Seen::Unreadable(io::ErrorKind::NotFound) => {
                self.from_file.store(Vec::new().into());
                return Err(format!("{error}; its keys are refused until it is back"));
            }
            Err(error) => return Err(format!("{error}; the keys accepted before stay")),
        }
        Ok(true)
    }

    /// Is the list in force what the file has now?
    pub fn is_file_well(&self) -> bool {
        self.is_file_well.load(Ordering::Relaxed)
    }

    /// How many keys are good, and where they are from, in words.
    pub fn in_words(&self) -> String {
        if let Some((_, keys)) = self.from_snapshot.load().as_ref() {
            return format!("{} of the snapshot", keys.len());
        }
        let listed = self.from_file.load().len();
        let own =
            if listed == 0 { "OSO_API_TOKEN".to_owned() } else { format!("OSO_API_TOKEN and {listed} of the file") };
        if self.any_of_environment { own + " and every one of the environment's form" } else { own }
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut content)?;
    if content.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it has more than {FILE_BYTES_MAX} bytes")));
    }
    Ok(content)
}

impl KeyCheck for NodeKeys {
    fn check(&self, bearer: Option<&str>) -> Result<Right, KeyRefusal> {
        let bearer = bearer.filter(|text| !text.is_empty()).ok_or(KeyRefusal::Missing)?;
        if let Some((store, keys)) = self.from_snapshot.load().as_ref() {
            return look_up_salted(keys, store, bearer).ok_or(KeyRefusal::NotInSnapshot);
        }
        let own = look_up(std::slice::from_ref(&self.own), bearer);
        let listed = look_up(&self.from_file.load(), bearer);
        let formed = (self.any_of_environment && has_form(&self.environment, bearer)).then_some(Right::Read);
        own.or(listed).or(formed).ok_or(KeyRefusal::NotAccepted)
    }
}

/// `e_<environment>_<key id>_<secret>`.
pub fn has_form(environment: &str, bearer: &str) -> bool {
    let rest = bearer.strip_prefix(environment).and_then(|rest| rest.strip_prefix('_'));
    rest.and_then(|rest| rest.split_once('_')).is_some_and(|(id, secret)| !id.is_empty() && !secret.is_empty())
}

/// The environment that a key's text names, as Oso Cloud and our primary write keys: `e_<environment>_<key id>_<secret>`;
/// `None`: it names none.
pub fn environment_named(key: &str) -> Option<&str> {
    let (at, _) = key.match_indices('_').nth(1)?;
    let named = key.get(..at)?;
    (named.starts_with("e_") && has_form(named, key)).then_some(named)
}

/// One digest a line, 64 hexadecimal digits; empty lines and what follows a `#` don't count.
fn parse_file(content: &[u8]) -> Result<Vec<AcceptedKey>, String> {
    let text = std::str::from_utf8(content).map_err(|_| "it isn't text: write one digest a line")?;
    let lines = text.lines().enumerate();
    let lines = lines.map(|(n, line)| (n + 1, line.split('#').next().unwrap_or_default().trim()));
    lines
        .filter(|(_, line)| !line.is_empty())
        .map(|(n, line)| {
            let digest = unhex(line).ok_or_else(|| {
                format!("line {n} is not the SHA-256 of a key: 64 hexadecimal digits, made by `understudy keys digest`")
            })?;
            Ok(AcceptedKey { digest, right: Right::Read })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use super::*;

    const OWN: &str = "e_1_k_own";

    fn keys(file: Option<PathBuf>, any: bool) -> NodeKeys {
        NodeKeys::new("e_1", &Token::new(OWN), file, any).unwrap()
    }

    #[test]
    fn without_digests_only_the_own_key_and_the_files_ask() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        fs::write(&path, format!("# team a\n{}\n\n", hex(&digest("e_1_k_team")))).unwrap();
        let keys = keys(Some(path.clone()), false);
        assert_eq!(keys.check(Some(OWN)), Ok(Right::Read));
        assert_eq!(keys.check(Some("e_1_k_team")), Ok(Right::Read));
        assert_eq!(keys.check(Some("e_1_k_other")), Err(KeyRefusal::NotAccepted));
        assert_eq!(keys.check(None), Err(KeyRefusal::Missing));

        fs::write(&path, format!("{} # new\n", hex(&digest("e_1_k_other")))).unwrap();
        keys.refresh().unwrap();
        assert_eq!(keys.check(Some("e_1_k_other")), Ok(Right::Read));
        assert_eq!(keys.check(Some("e_1_k_team")), Err(KeyRefusal::NotAccepted));

        fs::write(&path, "not a digest at all\n").unwrap();
        let message = keys.refresh().unwrap_err();
        assert!(message.contains("line 1") && !message.contains("not a digest"), "{message}");
        assert_eq!(keys.check(Some("e_1_k_other")), Ok(Right::Read), "the last good list stays");
        assert!(!keys.is_file_well());
        assert_eq!(keys.refresh(), Ok(false), "told once");
    }

    #[test]
    fn content_decides_and_a_file_that_is_gone_takes_its_keys() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        let line = |key: &str| hex(&digest(key)) + "\n";
        fs::write(&path, line("e_1_k_a")).unwrap();
        let keys = keys(Some(path.clone()), false);
        let time = fs::metadata(&path).unwrap().modified().unwrap();
        // As long, and as old.
        fs::write(&path, line("e_1_k_b")).unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        assert_eq!(keys.refresh(), Ok(true));
        assert_eq!(keys.check(Some("e_1_k_a")), Err(KeyRefusal::NotAccepted));
        assert_eq!(keys.check(Some("e_1_k_b")), Ok(Right::Read));

        fs::remove_file(&path).unwrap();
        let message = keys.refresh().unwrap_err();
        assert!(message.contains("its keys are refused until it is back"), "{message}");
        assert_eq!(keys.check(Some("e_1_k_b")), Err(KeyRefusal::NotAccepted));
        assert_eq!(keys.check(Some(OWN)), Ok(Right::Read));
        assert!(!keys.is_file_well());
        assert_eq!(keys.refresh(), Ok(false), "told once");
        fs::write(&path, line("e_1_k_b")).unwrap();
        assert_eq!((keys.refresh(), keys.is_file_well()), (Ok(true), true));
        assert_eq!(keys.check(Some("e_1_k_b")), Ok(Right::Read));
        fs::write(&path, "").unwrap();
        assert_eq!(keys.refresh(), Ok(true));
        assert_eq!(keys.check(Some("e_1_k_b")), Err(KeyRefusal::NotAccepted), "none listed is none accepted");
    }

    #[test]
    fn with_digests_nothing_else_counts() {
        let keys = keys(None, true);
        let write = AcceptedKey { digest: salted("s1", &digest("e_1_k_w")), right: Right::Write };
        let read = AcceptedKey { digest: digest("e_1_k_r"), right: Right::Read };
        keys.install("s1", Some(vec![write, read]));
        assert_eq!(keys.check(Some("e_1_k_w")), Ok(Right::Write));
        assert_eq!(keys.check(Some("e_1_k_r")), Ok(Right::Read));
        assert_eq!(keys.check(Some(OWN)), Err(KeyRefusal::NotInSnapshot));
        keys.install("s2", Some(vec![write]));
        assert_eq!(keys.check(Some("e_1_k_w")), Err(KeyRefusal::NotInSnapshot), "of another store");
        keys.install("s1", Some(Vec::new()));
        assert_eq!(keys.check(Some("e_1_k_w")), Err(KeyRefusal::NotInSnapshot), "none listed is none accepted");
        keys.install("s1", None);
        assert_eq!(keys.check(Some(OWN)), Ok(Right::Read));
    }

    #[test]
    fn any_key_of_the_environment_only_by_the_switch() {
        assert_eq!(keys(None, false).check(Some("e_1_k_x")), Err(KeyRefusal::NotAccepted));
        let open = keys(None, true);
        assert_eq!(open.check(Some("e_1_k_x")), Ok(Right::Read));
        for other in ["e_12_k_x", "e_1_k_", "e_1__x", "e_1_k", "e_1", "x"] {
            assert_eq!(open.check(Some(other)), Err(KeyRefusal::NotAccepted), "{other}");
        }
    }
}
