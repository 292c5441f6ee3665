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

use super::{
    head,
    reply::Reply,
    state::{Asker, Lost, Pending},
};

/// A whole request.
pub struct Arrived {
    /// Index of the thread it arrived on.
    pub worker: usize,
    /// Method, upper case.
    pub method: String,
    /// Path, with leading slashes made one.
    pub path: String,
    /// Query string, possibly empty.
    pub query: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
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

    /// On whose behalf it asks.
    pub fn asker(&self) -> Asker {
        // Other than in another process, so that nobody can choose keys that fall together.
        static STATE: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        Asker { worker: self.worker, key: STATE.hash_one(self.bearer()) }
    }

    /// Text of a header.
    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Who answers requests.
pub trait Service: Send + Sync + 'static {
    /// Answers one request, on the thread it arrived on.
    fn handle(&self, arrived: Arrived) -> Pending<'_, Reply>;
    /// Asked before a large body is taken in, by the head alone: a refusal where this caller may not send one here.
    fn admit(&self, head: &Arrived) -> Result<(), Reply>;
    /// Told of every reply.
    fn observe(&self, path: &'static str, status: u16, seconds: f64);
    /// Told of every connection that there was no room for.
    fn lost(&self, why: Lost);
    /// Answered however many requests there are: who watches a process must not take a full one for a dead one.
    fn is_vital(&self, path: &str) -> bool {
        matches!(path, "/healthcheck" | "/api/healthcheck" | "/metrics")
    }
    /// Seconds after which to come again where there is no answer now (503). One SDK waits them out three times before it
    /// asks its fallback, so that a server with a fallback behind it says nothing.
    fn retry_after_s(&self) -> Option<u32> {
        None
    }
}
