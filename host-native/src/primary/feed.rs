//! The feed over HTTP: the head, conditionally and with a long-poll; blobs, whole or in part; reports of nodes.
//!
//! Any key of the environment may read: read-only ones are what nodes have, and a snapshot holds every fact.

use std::{
    collections::VecDeque,
    io::{Seek, SeekFrom},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hyper::header::{
    ACCEPT_RANGES, ALLOW, CACHE_CONTROL, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use understudy_wire::{Code, Report, data::unescape, feed::WAIT_S_MAX};

use super::{ledger::Ledger, limits::HEAD_WAIT, store::Published};
use crate::http::{convert, reply::Reply, service::Arrived};

/// Longest report, in bytes: a few hundred lines of counts.
const REPORT_BYTES_MAX: usize = 256 << 10;
/// Nodes whose last report is kept.
const REPORTS_MAX: usize = 16;

/// The last report of each of the last few nodes.
#[derive(Debug, Default)]
pub struct Reports(Mutex<VecDeque<Report>>);

impl Reports {
    /// Oldest first.
    pub fn all(&self) -> Vec<Report> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn take(&self, report: Report) {
        let mut reports = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        reports.retain(|known| known.client_id != report.client_id);
        reports.push_back(report);
        while reports.len() > REPORTS_MAX {
            reports.pop_front();
        }
    }
}

/// Answers a path below `/feed/`. The caller's key has been checked.
pub async fn serve(ledger: &Ledger, reports: &Reports, arrived: &Arrived) -> Result<Reply, Reply> {
    let nothing = || Reply::error(Code::NotFound, "not found in this feed");
    let rest = arrived.path.strip_prefix("/feed/v0/").ok_or_else(nothing)?;
    let (environment, rest) = rest.split_once('/').ok_or_else(nothing)?;
    if environment != ledger.environment() {
        return Err(Reply::error(
            Code::NotFound,
            "this feed has another environment: ask for the one that the key is of",
        ));
    }
    let blob = rest.strip_prefix("blobs/");
    match (arrived.method.as_str(), rest, blob) {
        ("GET", "head", _) => head(ledger, arrived).await,
        ("GET", _, Some(sha256)) => self::blob(ledger, arrived, sha256),
        ("POST", "reports", _) => report(reports, &arrived.body),
        (_, "head" | "reports", _) | (_, _, Some(_)) => {
            let refusal = Reply::error(Code::MethodNotAllowed, "this path doesn't take this method");
            Err(refusal.with(ALLOW, methods(&arrived.path)))
        }
        _ => Err(nothing()),
    }
}

/// Methods that a path takes.
pub fn methods(path: &str) -> &'static str {
    if path.ends_with("/reports") { "POST" } else { "GET, HEAD" }
}

async fn head(ledger: &Ledger, arrived: &Arrived) -> Result<Reply, Reply> {
    let mut newest = ledger.newest();
    let mut draining = arrived.draining.clone();
    let known = arrived.header(&IF_NONE_MATCH);
    let is_known = |published: &Option<Arc<Published>>| {
        published.as_ref().is_some_and(|published| known.is_some_and(|known| names(known, &tag_of(published))))
    };
    let wait = Duration::from_secs(wait_s(&arrived.query)?);
    let waits_for_news = !wait.is_zero() && is_known(&newest.borrow_and_update());
    if !waits_for_news {
        // What was acknowledged before this request is in what it is answered, if a snapshot of it comes about in time.
        // Those that wait for news anyway get it at the ordinary pace: they must not make a snapshot of every write.
        let acknowledged = ledger.acknowledged();
        let has_all = |published: &Option<Arc<Published>>| {
            published.as_ref().is_some_and(|published| published.offset >= acknowledged)
        };
        // Where too many wait already, this one is told at once what there is.
        if !has_all(&newest.borrow_and_update()) && arrived.place.waits().is_ok() {
            ledger.pace().ask();
            tokio::select! {
                _ = newest.wait_for(has_all) => {}
                _ = draining.wait_for(|draining| *draining) => {}
                () = tokio::time::sleep(HEAD_WAIT) => {}
            }
        }
    }
    if waits_for_news && arrived.place.waits().is_ok() {
        tokio::select! {
            // An error: the ledger is gone, and with it everything that could come.
            _ = newest.wait_for(|published| !is_known(published)) => {}
            _ = draining.wait_for(|draining| *draining) => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
    let published = newest.borrow().clone();
    let published = published.ok_or_else(|| Reply::error(Code::Unavailable, "there is no snapshot yet: ask again"))?;
    let reply =
        if is_known(&Some(published.clone())) { Reply::empty(304) } else { Reply::ok(&ledger.head_of(&published)) };
    Ok(reply.with(ETAG, &tag_of(&published)).with(CACHE_CONTROL, "private, no-cache"))
}

fn tag_of(published: &Published) -> String {
    format!("\"{}-{}\"", published.epoch, published.sha256.get(..16).unwrap_or_default())
}

/// Does the value of `If-None-Match` name this tag?
fn names(known: &str, tag: &str) -> bool {
    known.split(',').map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

/// Seconds of `wait` in the query string of a head, at most [`WAIT_S_MAX`]; 0 without it. Anything else is refused: who waits
/// for news and doesn't get to wait asks again and again.
fn wait_s(query: &str) -> Result<u64, Reply> {
    let refused = |message: String| Err(Reply::error(Code::BadRequest, message));
    let mut wait = 0;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (unescape(name), unescape(value));
        let shown: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
        if name != "wait" {
            return refused(format!("`{shown}` isn't a parameter of the head: it takes wait, in seconds"));
        }
        let is_number = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        if !is_number {
            return refused("`wait` isn't a number: give whole seconds, as wait=60".to_owned());
        }
        // More digits than a number has are a long time too.
        wait = value.parse().unwrap_or(u64::MAX);
    }
    Ok(wait.min(WAIT_S_MAX))
}

fn blob(ledger: &Ledger, arrived: &Arrived, sha256: &str) -> Result<Reply, Reply> {
    let gone = || Reply::error(Code::NotFound, "not found: this blob never was or is gone; ask for the head again");
    let newest = ledger.newest().borrow().clone().ok_or_else(gone)?;
    // Only names that the store has given: nothing of a request ever becomes a path.
    let kept = [Some(newest.sha256.as_str()), newest.previous.as_deref()];
    let sha256 = kept.into_iter().flatten().find(|name| *name == sha256).ok_or_else(gone)?;
    let tag = format!("\"{sha256}\"");
    if arrived.header(&IF_NONE_MATCH).is_some_and(|known| names(known, &tag)) {
        return Ok(Reply::empty(304).with(ETAG, &tag));
    }
    let failed = |error: std::io::Error| Reply::error(Code::Internal, format!("the blob can't be read: {error}"));
    let (mut file, length) = ledger.blobs().read(sha256).map_err(failed)?;
    let range = arrived.header(&RANGE).filter(|_| arrived.header(&IF_RANGE).is_none_or(|condition| condition == tag));
    let (status, from, left) = match range.map_or(Part::Whole, |range| part(range, length)) {
        Part::Whole => (200, 0, length),
        Part::Bytes { from, to } => (206, from, to - from),
        Part::Outside => {
            let message = format!("the blob has {length} bytes: ask for some of those");
            let refusal = Reply::error(Code::RangeNotSatisfiable, message);
            return Err(refusal.with(CONTENT_RANGE, &format!("bytes */{length}")));
        }
    };
    file.seek(SeekFrom::Start(from)).map_err(failed)?;
    let mut reply = Reply::file(status, file, left);
    reply.headers.extend([
        (CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        (CACHE_CONTROL, HeaderValue::from_static("private, max-age=31536000, immutable")),
    ]);
    let reply = reply.with(ETAG, &tag);
    Ok(if status == 206 {
        reply.with(CONTENT_RANGE, &format!("bytes {from}-{}/{length}", from + left - 1))
    } else {
        reply
    })
}

/// What a `Range` header asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// Everything: also for a header that can't be read, or asks for several parts.
    Whole,
    /// From a byte to before another.
    Bytes { from: u64, to: u64 },
    /// Nothing that is there.
    Outside,
}

fn part(range: &str, length: u64) -> Part {
    let Some((first, last)) = range.trim().strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Part::Whole;
    };
    // `parse` alone would take a sign.
    let number =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten();
    let (from, to) = match (first, number(first), last, number(last)) {
        ("", _, _, Some(n_last)) => (length.saturating_sub(n_last), length),
        (_, Some(from), "", _) => (from, length),
        (_, Some(from), _, Some(last)) if from <= last => (from, length.min(last.saturating_add(1))),
        _ => return Part::Whole,
    };
    if from < to { Part::Bytes { from, to } } else { Part::Outside }
}

fn report(reports: &Reports, body: &[u8]) -> Result<Reply, Reply> {
    if body.len() > REPORT_BYTES_MAX {
        return Err(Reply::error(Code::TooLarge, format!("a report has at most {REPORT_BYTES_MAX} bytes")));
    }
    let report: Report = convert::body(body)?;
    let n_requests = report.requests.iter().fold(0u64, |sum, one| sum.saturating_add(one.count));
    let n_errors = report.errors.iter().flatten().fold(0u64, |sum, one| sum.saturating_add(one.count));
    let age_ms = report.snapshot_age_ms.unwrap_or(0);
    tracing::info!(requests = n_requests, errors = n_errors, age_ms, epoch = report.snapshot_epoch, "a node reports");
    reports.take(report);
    Ok(Reply::empty(204))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let bytes = |from, to| Part::Bytes { from, to };
        for (range, expected) in [
            ("bytes=0-", bytes(0, 10)),
            ("bytes=3-", bytes(3, 10)),
            ("bytes=3-3", bytes(3, 4)),
            ("bytes=3-99999999999999999999", Part::Whole),
            ("bytes=3-18446744073709551615", bytes(3, 10)),
            ("bytes=-4", bytes(6, 10)),
            ("bytes=-40", bytes(0, 10)),
            ("bytes=-0", Part::Outside),
            ("bytes=10-", Part::Outside),
            ("bytes=10-20", Part::Outside),
            ("bytes=5-4", Part::Whole),
            ("bytes=-", Part::Whole),
            ("bytes=+1-2", Part::Whole),
            ("bytes=0-1,3-4", Part::Whole),
            ("lines=0-1", Part::Whole),
        ] {
            assert_eq!(part(range, 10), expected, "{range}");
        }
        assert_eq!(part("bytes=0-", 0), Part::Outside);
        assert_eq!(part("bytes=-1", 0), Part::Outside);
    }

    #[test]
    fn conditions_and_waits() {
        for known in ["\"1-a\"", "W/\"1-a\"", "\"0-x\", \"1-a\"", "*"] {
            assert!(names(known, "\"1-a\""), "{known}");
        }
        assert!(!names("\"1-b\"", "\"1-a\""));
        for (query, expected) in [
            ("", 0),
            ("wait=7", 7),
            ("wait=0", 0),
            ("wait=7000", WAIT_S_MAX),
            ("wait=99999999999999999999", WAIT_S_MAX),
        ] {
            assert_eq!(wait_s(query).ok(), Some(expected), "{query}");
        }
        for (query, name) in [
            ("wait", "`wait`"),
            ("wait=", "`wait`"),
            ("wait=-1", "`wait`"),
            ("wait=%2B1", "`wait`"),
            ("wait=soon", "`wait`"),
            ("wait=1s", "`wait`"),
            ("wiat=7", "`wiat`"),
            ("wait=1&x=2", "`x`"),
        ] {
            let refusal = wait_s(query).expect_err(query);
            let crate::http::reply::ReplyBody::Bytes(Some(bytes)) = refusal.body else { panic!("a text") };
            assert_eq!(refusal.status, 400);
            assert!(String::from_utf8_lossy(&bytes).contains(name), "{query}");
        }
    }
}
