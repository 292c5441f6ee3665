//! Reading a feed: the head, conditionally; a blob, resumably.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::Duration,
};

use reqwest::{
    StatusCode,
    header::{ETAG, IF_NONE_MATCH, RANGE},
};
use understudy_wire::feed::{FORMAT, Head, blob_path, head_path};

use super::{
    Cause, Refusal, SNAPSHOT_BYTES_MAX,
    fetch::Fetcher,
    progress::{Pace, Progress, STALL},
};
use crate::keys::unhex;

const HEAD_BYTES_MAX: usize = 64 << 10;

/// What asking for a head gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeadAnswer {
    /// As before.
    NotModified,
    /// A head.
    Head {
        /// The document.
        head: Head,
        /// Its tag.
        etag: Option<String>,
    },
    /// There is no feed here; what to say if one was known to be.
    NoFeed(Refusal),
}

/// Asks for the head, which is small: `wait` is for all of it. `hold_s`: seconds that the answer may be held back besides,
/// while the head is the one of `etag`; a static host doesn't know of it and answers at once.
pub async fn head(
    fetcher: &Fetcher,
    environment: &str,
    etag: Option<&str>,
    wait: Duration,
    hold_s: u64,
) -> Result<HeadAnswer, Refusal> {
    let mut path = head_path(environment);
    let mut wait = wait;
    if hold_s > 0 && etag.is_some() {
        path.push_str(&format!("?wait={hold_s}"));
        wait += Duration::from_secs(hold_s);
    }
    let asked = ask_head(fetcher, &path, etag, wait);
    tokio::time::timeout(wait, asked).await.unwrap_or_else(|_| Err(fetcher.no_answer(wait)))
}

async fn ask_head(fetcher: &Fetcher, path: &str, etag: Option<&str>, wait: Duration) -> Result<HeadAnswer, Refusal> {
    let condition: Vec<_> = etag.map(|etag| (IF_NONE_MATCH, etag.to_owned())).into_iter().collect();
    let answer = fetcher.get(path, &condition, wait).await?;
    match answer.status().as_u16() {
        304 if etag.is_some() => Ok(HeadAnswer::NotModified),
        304 => {
            let url = fetcher.url();
            let text = format!(
                "the upstream {url} says that nothing has changed (304), which it was not asked: is OSO_URL right?"
            );
            Err(Refusal::new(Cause::Malformed, text))
        }
        200 => {
            let etag = answer.headers().get(ETAG).and_then(|etag| etag.to_str().ok()).map(ToOwned::to_owned);
            let text = fetcher.body(answer, HEAD_BYTES_MAX, |_| {}).await;
            match text.and_then(|text| parse(&text)) {
                Ok(head) => Ok(HeadAnswer::Head { head, etag }),
                Err(refusal) if matches!(refusal.cause, Cause::Network | Cause::Timeout) => Err(refusal),
                // It parses as a head of a later layout: a feed all the same.
                Err(refusal) if refusal.cause == Cause::Version => Err(refusal),
                Err(refusal) => Ok(HeadAnswer::NoFeed(refusal)),
            }
        }
        401 | 403 | 404 | 405 => Ok(HeadAnswer::NoFeed(fetcher.status("the feed's head", answer.status()))),
        _ => Err(fetcher.status("the feed's head", answer.status())),
    }
}

fn parse(text: &[u8]) -> Result<Head, Refusal> {
    let head: Head = serde_json::from_slice(text)
        .map_err(|_| Refusal::new(Cause::Malformed, "what the upstream gave as the feed's head can't be read"))?;
    if head.format != FORMAT {
        let text = format!("the feed has format {}, this node reads {FORMAT}: update the node", head.format);
        return Err(Refusal::new(Cause::Version, text));
    }
    if unhex(&head.snapshot.sha256).is_none() || head.snapshot.sha256.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(Refusal::new(
            Cause::Malformed,
            "the feed's head names its snapshot by something else than a digest",
        ));
    }
    if head.snapshot.bytes > SNAPSHOT_BYTES_MAX {
        let text = format!("the feed's snapshot has more than {SNAPSHOT_BYTES_MAX} bytes");
        return Err(Refusal::new(Cause::TooLarge, text));
    }
    Ok(head)
}

/// Gathers a blob in `part`, going on after the bytes that are there.
pub async fn blob(
    fetcher: &Fetcher,
    environment: &str,
    sha256: &str,
    bytes: u64,
    part: &Path,
    progress: &Progress,
) -> Result<(), Refusal> {
    let disk = |error: io::Error| Refusal::new(Cause::Disk, format!("the download can't be written: {error}"));
    let mut have = part.metadata().map_or(0, |meta| meta.len());
    if have > bytes {
        have = 0;
    }
    if have < bytes || bytes == 0 {
        let range: Vec<_> = (have > 0).then(|| (RANGE, format!("bytes={have}-"))).into_iter().collect();
        let mut answer = fetcher.get(&blob_path(environment, sha256), &range, STALL).await?;
        match answer.status() {
            StatusCode::PARTIAL_CONTENT if have > 0 => {}
            StatusCode::OK => have = 0,
            StatusCode::RANGE_NOT_SATISFIABLE => {
                let _ = std::fs::remove_file(part);
                return Err(Refusal::new(
                    Cause::Truncated,
                    "the upstream can't go on with the download: it begins anew",
                ));
            }
            other => return Err(fetcher.status("the snapshot", other)),
        }
        let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(part).map_err(disk)?;
        file.set_len(have).map_err(disk)?;
        let mut pace = Pace::begin();
        while let Some(more) = fetcher.chunk(&mut answer, &mut pace).await? {
            have += more.len() as u64;
            progress.reach(have);
            if have > bytes {
                let _ = std::fs::remove_file(part);
                return Err(Refusal::new(Cause::TooLarge, "the snapshot has more bytes than the feed's head says"));
            }
            file.write_all(&more).map_err(disk)?;
        }
        if have < bytes {
            let text = format!("the snapshot ended after {have} of {bytes} bytes");
            return Err(Refusal::new(Cause::Truncated, text));
        }
    }
    File::open(part).and_then(|file| file.sync_all()).map_err(disk)
}
