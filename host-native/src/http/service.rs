//! What a server hands over, and who answers it.

use std::{
    hash::{BuildHasher, RandomState},
    sync::LazyLock,
};

use hyper::{
    HeaderMap,
    body::Bytes,
    header::{AUTHORIZATION, HeaderName},
};
use tokio::sync::watch;
use understudy_wire::paths::Endpoint;

use super::{
    head,
    reply::Reply,
    shares::Place,
    state::{Asker, Lost, Pending},
    tally::Tally,
};

/// A whole request.
pub struct Arrived {
    /// On whose behalf it asks.
    pub asker: Asker,
    /// Method, upper case.
    pub method: String,
    /// Path, with leading slashes made one.
    pub path: String,
    /// Query string, possibly empty.
    pub query: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; empty where the endpoint takes none.
    pub body: Bytes,
    /// What it takes of the server, for as long as this lives.
    pub place: Place,
    /// This listener asks for client certificates, and the connection has none.
    pub lacks_certificate: bool,
    /// True from the moment the server drains: who waits for something stops waiting.
    pub draining: watch::Receiver<bool>,
}

impl Arrived {
    /// What follows `Bearer ` in the `Authorization` header; of several headers, nothing.
    pub fn bearer(&self) -> Option<&str> {
        let mut all = self.headers.get_all(AUTHORIZATION).iter();
        let one = all.next().filter(|_| all.next().is_none())?;
        head::bearer(one.to_str().ok()?)
    }

    /// Stands for its key among all: who has the same key has the same number.
    pub fn key_number(&self) -> u64 {
        // Other than in another process, so that nobody can choose keys that fall together.
        static STATE: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        STATE.hash_one(self.bearer())
    }

    /// Text of a header.
    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// What a head says of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// What it asks; `None`: something of the feed.
    pub endpoint: Option<Endpoint>,
    /// What it may take meanwhile.
    pub kind: Kind,
}

/// Whose room a request takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Nobody's: it is answered at once, however many requests there are. Who watches a process must not take a full one for
    /// a dead one. Its body is not read.
    Probe,
    /// That of those without a key. Its body is not read.
    Open,
    /// Its key's.
    Keyed,
}

/// Who answers requests.
pub trait Service: Send + Sync + 'static {
    /// Asked first, by the head alone and before anything is kept: may it be asked, and whose room does it take? A refusal is
    /// the answer.
    fn admit(&self, head: &Arrived) -> Result<Admission, Reply>;
    /// Answers a request that was admitted, on the thread it arrived on or, where that takes long, anew on another.
    fn handle<'a>(&'a self, arrived: &'a Arrived, admission: Admission) -> Pending<'a, Reply>;
    /// Methods that a path takes here, as `Allow` has them; empty: nothing is there.
    fn methods(&self, path: &str) -> String;
    /// Told of every reply.
    fn observe(&self, path: &'static str, status: u16, seconds: f64);
    /// Told what a reply adds to the metrics besides.
    fn tally(&self, path: &'static str, tally: &Tally);
    /// Told of every connection that there was no room for.
    fn lost(&self, why: Lost);
    /// Seconds after which to come again where there is no answer now (503). One SDK waits them out three times before it
    /// asks its fallback, so that a server with a fallback behind it says nothing.
    fn retry_after_s(&self) -> Option<u32> {
        None
    }
}
