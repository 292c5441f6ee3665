//! The upstream behind few verbs, and which of the two kinds an `OSO_URL` is.
//!
//! 200 with a head that parses: a feed. 401, 403, 404, 405 or any other 200: the public API if its policy can be read.
//! 5xx, 429 and network errors decide nothing.

use std::{path::Path, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    Cause, Identity, Reading, Refusal,
    feed::{self, HeadAnswer},
    fetch::Fetcher,
    progress::{Progress, STALL},
    public_api,
};
use crate::config::Config;

/// The two kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UpstreamKind {
    /// An Understudy primary, peer or static host.
    Feed,
    /// Oso Cloud's read API.
    PublicApi,
}

impl UpstreamKind {
    /// How often it is asked unless told otherwise.
    pub fn interval(self) -> Duration {
        match self {
            UpstreamKind::Feed => Duration::from_secs(60),
            UpstreamKind::PublicApi => Duration::from_secs(30 * 60),
        }
    }
}

/// What serves now, as the upstream would name it.
#[derive(Clone, Debug, Default)]
pub struct Have {
    /// SHA-256 of the snapshot.
    pub sha256: Option<String>,
    /// Digest of the content that this node built it from.
    pub content_sha256: Option<String>,
}

/// What the upstream has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Latest {
    /// What serves is its current content.
    Current,
    /// A snapshot to fetch.
    Blob {
        /// Which, as the head says.
        identity: Identity,
        /// Its digest.
        sha256: String,
        /// Its size.
        bytes: u64,
    },
    /// A policy and facts to build one of.
    Content {
        /// The reading.
        reading: Reading,
        /// Its digest.
        sha256: String,
    },
}

/// The upstream, as the driver sees it.
#[allow(async_fn_in_trait)]
pub trait Upstream {
    /// Asks what is newest. `wait`: until the first answer's head is here; `hold_s`: seconds that a feed may hold it back
    /// besides, while nothing is newer than what we have.
    async fn latest(&mut self, have: &Have, wait: Duration, hold_s: u64) -> Result<Latest, Refusal>;
    /// Gathers a blob in `part`, going on after what is there; complete and synced on success.
    async fn fetch(&mut self, sha256: &str, bytes: u64, part: &Path) -> Result<(), Refusal>;
    /// Its kind, once found.
    fn kind(&self) -> Option<UpstreamKind>;
    /// When it last gave something that helps; `None`: never.
    fn life(&self) -> Option<std::time::Instant>;
    /// Something serves: until then nothing is waited for once the upstream has given nothing that helps for too long.
    fn serves(&mut self);
}

/// The upstream over HTTP.
pub struct HttpUpstream {
    fetcher: Fetcher,
    environment: String,
    kind: Option<UpstreamKind>,
    /// Of the last head and the snapshot it named.
    etag: Option<(String, String)>,
    progress: Arc<Progress>,
}

impl HttpUpstream {
    /// `kind`: as remembered for this URL.
    pub fn new(config: &Config, kind: Option<UpstreamKind>) -> Result<Self, Refusal> {
        let environment = config.environment.clone();
        Ok(HttpUpstream { fetcher: Fetcher::new(config)?, environment, kind, etag: None, progress: Arc::default() })
    }

    async fn ask_feed(&mut self, have: &Have, wait: Duration, hold_s: u64) -> Result<HeadAnswer, Refusal> {
        // Conditional only on what serves: a head whose snapshot was refused is asked for again.
        let etag = self.etag.as_ref().filter(|(_, sha256)| have.sha256.as_ref() == Some(sha256));
        let etag = etag.map(|(etag, _)| etag.as_str());
        let answer = feed::head(&self.fetcher, &self.environment, etag, wait, hold_s).await?;
        if let HeadAnswer::Head { head, etag: Some(etag) } = &answer {
            self.etag = Some((etag.clone(), head.snapshot.sha256.clone()));
        }
        Ok(answer)
    }

    async fn ask_public_api(&mut self, have: &Have, wait: Duration) -> Result<Latest, Refusal> {
        let known = have.content_sha256.as_deref();
        let read = public_api::read(&self.fetcher, known, wait, &self.progress).await?;
        self.kind = Some(UpstreamKind::PublicApi);
        Ok(read.map_or(Latest::Current, |(reading, sha256)| Latest::Content { reading, sha256 }))
    }

    async fn newest(&mut self, have: &Have, wait: Duration, hold_s: u64) -> Result<Latest, Refusal> {
        if self.kind == Some(UpstreamKind::PublicApi) {
            return self.ask_public_api(have, wait).await;
        }
        match self.ask_feed(have, wait, hold_s).await? {
            HeadAnswer::NotModified => Ok(Latest::Current),
            HeadAnswer::Head { head, .. } => {
                self.kind = Some(UpstreamKind::Feed);
                if have.sha256.as_ref() == Some(&head.snapshot.sha256) {
                    return Ok(Latest::Current);
                }
                let identity = Identity {
                    environment: head.environment,
                    store: head.store,
                    epoch: head.epoch,
                    created_ms: head.created_ms,
                };
                Ok(Latest::Blob { identity, sha256: head.snapshot.sha256, bytes: head.snapshot.bytes })
            }
            HeadAnswer::NoFeed(refusal) if self.kind == Some(UpstreamKind::Feed) => Err(refusal),
            HeadAnswer::NoFeed(_) => self.ask_public_api(have, wait).await,
        }
    }

    /// The refusal of an upstream that is no hope of a node with nothing to serve.
    fn hopeless(&self) -> Refusal {
        let (url, seconds) = (self.fetcher.url(), STALL.as_secs());
        Refusal::new(Cause::Timeout, format!("the upstream {url} gave nothing that helps for {seconds} s"))
    }
}

impl Upstream for HttpUpstream {
    async fn latest(&mut self, have: &Have, wait: Duration, hold_s: u64) -> Result<Latest, Refusal> {
        let progress = self.progress.clone();
        match progress.hoping(self.newest(have, wait, hold_s)).await {
            Some(done) => done,
            None => Err(self.hopeless()),
        }
    }

    async fn fetch(&mut self, sha256: &str, bytes: u64, part: &Path) -> Result<(), Refusal> {
        let fetched = feed::blob(&self.fetcher, &self.environment, sha256, bytes, part, &self.progress);
        self.progress.hoping(fetched).await.unwrap_or_else(|| Err(self.hopeless()))
    }

    fn kind(&self) -> Option<UpstreamKind> {
        self.kind
    }

    fn life(&self) -> Option<std::time::Instant> {
        self.progress.at()
    }

    fn serves(&mut self) {
        self.progress.serves();
    }
}
