//! A feed as any static host would serve it: a head and blobs, nothing else. What it offers may be anything but right.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde_json::json;
use sha2::{Digest, Sha256};

use crate::serve::{Given, Server};

/// What the feed does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Serves.
    Serving,
    /// Answers everything with this status.
    Status(u16),
    /// Takes connections and never answers.
    Hanging,
}

/// What a head says.
#[derive(Clone, Debug)]
pub struct Said {
    /// Environment.
    pub environment: String,
    /// Store.
    pub store: String,
    /// Epoch.
    pub epoch: u64,
}

/// A running feed.
pub struct Feed {
    server: Server,
    files: Arc<Mutex<Files>>,
}

struct Files {
    mode: Mode,
    head: Vec<u8>,
    blobs: HashMap<String, Vec<u8>>,
    /// Bytes of a piece of a blob, and the pause before it.
    pace: Option<(usize, Duration)>,
    /// Bytes of a blob after which nothing more comes.
    stall: Option<usize>,
    /// Bytes of a blob after which the connection breaks.
    break_off: Option<usize>,
    n_bytes_sent: usize,
}

impl Feed {
    /// An empty feed.
    pub fn start() -> Self {
        let files = Files {
            mode: Mode::Serving,
            head: Vec::new(),
            blobs: HashMap::new(),
            pace: None,
            stall: None,
            break_off: None,
            n_bytes_sent: 0,
        };
        let files = Arc::new(Mutex::new(files));
        let served = files.clone();
        let server = Server::start(move |asked| {
            let mut files = served.lock().unwrap_or_else(PoisonError::into_inner);
            match files.mode {
                Mode::Serving => {}
                Mode::Status(status) => return Given::status(status),
                Mode::Hanging => return Given::Hang,
            }
            if asked.path.ends_with("/head") && !files.head.is_empty() {
                return Given::ok(files.head.clone());
            }
            let name = asked.path.rsplit_once("/blobs/").map(|(_, name)| name);
            if let (Some(body), Some(n_bytes)) = (name.and_then(|name| files.blobs.get(name)), files.stall) {
                return Given::Stall(body[..n_bytes.min(body.len() - 1)].to_vec());
            }
            if let (Some(body), Some(n_bytes)) = (name.and_then(|name| files.blobs.get(name)).cloned(), files.break_off)
            {
                files.n_bytes_sent += n_bytes.min(body.len().saturating_sub(asked.from));
                return Given::BreakOff { body, n_bytes };
            }
            match (name.and_then(|name| files.blobs.get(name)).cloned(), files.pace) {
                (Some(body), Some((piece, pause))) => Given::Slowly { body, piece, pause },
                (Some(body), None) => Given::ok(body),
                (None, _) => Given::status(404),
            }
        });
        Feed { server, files }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// From now on.
    pub fn set_mode(&self, mode: Mode) {
        self.files().mode = mode;
    }

    /// From now on blobs come in pieces of so many bytes, each after a pause.
    pub fn set_pace(&self, piece: usize, pause: Duration) {
        self.files().pace = Some((piece, pause));
    }

    /// From now on blobs stop after so many bytes, on a connection that stays open.
    pub fn stall_after(&self, n_bytes: usize) {
        self.files().stall = Some(n_bytes);
    }

    /// From now on the connection breaks after so many bytes of a blob.
    pub fn break_off_after(&self, n_bytes: usize) {
        self.files().break_off = Some(n_bytes);
    }

    /// Bytes of blobs sent on connections that broke off.
    pub fn n_bytes_sent(&self) -> usize {
        self.files().n_bytes_sent
    }

    /// Offers bytes under their own digest.
    pub fn offer(&self, said: &Said, bytes: &[u8]) {
        self.offer_as(said, bytes, bytes);
    }

    /// Offers `bytes` under the digest and size of others.
    pub fn offer_as(&self, said: &Said, announced: &[u8], bytes: &[u8]) {
        let sha256: String = Sha256::digest(announced).iter().map(|byte| format!("{byte:02x}")).collect();
        let Said { environment, store, epoch } = said;
        let head = json!({
            "format": 0, "environment": environment, "store": store, "epoch": epoch, "created_ms": 1,
            "snapshot": { "sha256": sha256, "bytes": announced.len() }
        });
        let mut files = self.files();
        files.head = head.to_string().into_bytes();
        files.blobs = HashMap::from([(sha256, bytes.to_vec())]);
    }

    /// Serves this text as the head.
    pub fn set_head(&self, head: &str) {
        self.files().head = head.as_bytes().to_vec();
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
