//! What nodes follow, and what they report.

use sha2::{Digest, Sha256};
use understudy_wire::feed::{WAIT_S_MAX, reports_path};

use super::*;
use crate::keys::hex;

#[test]
fn the_feed_gives_heads_conditionally_and_blobs_in_parts() {
    let folder = tempfile::tempdir().unwrap();
    let primary = start(&config(folder.path()));
    let path = head_path(DEVELOPMENT_ENVIRONMENT);
    let first = primary.get(&path);
    let tag = first.header("etag").unwrap().to_owned();
    let head = primary.head();
    assert_eq!((head.format, head.environment.as_str(), head.epoch), (0, DEVELOPMENT_ENVIRONMENT, 1));
    let condition = format!("If-None-Match: {tag}\r\n");
    let same = primary.get_with(&path, &condition);
    assert_eq!((same.status, same.body.len(), same.header("etag")), (304, 0, Some(tag.as_str())));
    assert_eq!(primary.get_with(&path, "If-None-Match: \"0-x\"\r\n").status, 200);

    let whole = primary.blob(&head.snapshot.sha256);
    assert_eq!((whole.status, whole.body.len() as u64), (200, head.snapshot.bytes));
    assert_eq!(hex(&Sha256::digest(&whole.body)), head.snapshot.sha256);
    let manifest = snapshot::verify(&whole.body).unwrap();
    assert_eq!((manifest.store, manifest.epoch, manifest.offset), (head.store.clone(), 1, 0));
    let path_of_blob = blob_path(DEVELOPMENT_ENVIRONMENT, &head.snapshot.sha256);
    let length = whole.body.len();
    let part = primary.get_with(&path_of_blob, "Range: bytes=10-19\r\n");
    assert_eq!((part.status, &part.body[..]), (206, &whole.body[10..20]));
    assert_eq!(part.header("content-range"), Some(format!("bytes 10-19/{length}").as_str()));
    let rest = primary.get_with(&path_of_blob, "Range: bytes=10-\r\n");
    assert_eq!((rest.status, &rest.body[..]), (206, &whole.body[10..]));
    let outside = primary.get_with(&path_of_blob, &format!("Range: bytes={length}-\r\n"));
    assert_eq!((outside.status, outside.header("content-range")), (416, Some(format!("bytes */{length}").as_str())));
    let other = primary.get_with(&path_of_blob, "Range: bytes=10-19\r\nIf-Range: \"another\"\r\n");
    assert_eq!((other.status, other.body.len()), (200, length));

    let nowhere = "0".repeat(64);
    for (path, status) in [
        (head_path("e_other"), 404),
        (blob_path(DEVELOPMENT_ENVIRONMENT, &nowhere), 404),
        (blob_path(DEVELOPMENT_ENVIRONMENT, "../../store.redb"), 404),
        (blob_path(DEVELOPMENT_ENVIRONMENT, ""), 404),
        (reports_path(DEVELOPMENT_ENVIRONMENT), 405),
        (format!("/feed/v0/{DEVELOPMENT_ENVIRONMENT}/else"), 404),
        (format!("/feed/v1/{DEVELOPMENT_ENVIRONMENT}/head"), 404),
        ("/feed/v0/".to_owned(), 404),
    ] {
        assert_eq!(primary.get(&path).status, status, "{path}");
    }
    assert_eq!(primary.post(&path, "").status, 405);

    // The last two are there, an older one is gone.
    assert_eq!(primary.policy(POLICY).status, 200);
    assert_eq!(primary.get_with(&path, &condition).status, 200);
    assert_eq!(primary.blob(&head.snapshot.sha256).status, 200);
    assert_eq!(primary.policy("actor User {}").status, 200);
    assert_eq!(primary.blob(&head.snapshot.sha256).status, 404);
    assert_eq!((primary.head().epoch, primary.head().store), (3, head.store));
    let blobs: Vec<PathBuf> =
        std::fs::read_dir(folder.path().join("data/blobs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(blobs.len(), 2, "{blobs:?}");
    primary.stop();
}

#[test]
fn a_long_poll_ends_with_a_new_head_with_its_time_or_with_a_drain() {
    let folder = tempfile::tempdir().unwrap();
    let primary = start(&config(folder.path()));
    let path = head_path(DEVELOPMENT_ENVIRONMENT);
    let get = |wait: u64, tag: &str| {
        let line = format!("GET {path}?wait={wait}");
        primary.send(&line, Some(READ_KEY), &format!("If-None-Match: {tag}\r\n"), "")
    };
    let tag = primary.get(&path).header("etag").unwrap().to_owned();
    let held = receive(get(1, &tag));
    assert_eq!(held.status, 304);
    // What is new already isn't held back: the test would take half a minute.
    assert_eq!(receive(get(WAIT_S_MAX, "\"0-x\"")).status, 200);
    let waiting: Vec<TcpStream> = (0..4).map(|_| get(WAIT_S_MAX, &tag)).collect();
    assert_eq!(primary.post("/api/batch", &inserts(&[role("ann", "reader")])).status, 200);
    let mut newer = String::new();
    for answer in waiting.into_iter().map(receive) {
        assert_eq!(answer.status, 200);
        let head: Head = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(head.epoch, 2);
        newer = answer.header("etag").unwrap().to_owned();
    }
    let waiting = get(WAIT_S_MAX, &newer);
    // It has arrived once another request on a later connection is answered by every thread.
    std::thread::sleep(Duration::from_millis(200));
    primary.stop();
    assert_eq!(receive(waiting).status, 304);
}

#[test]
fn reports_are_taken_within_bounds_and_the_last_of_each_node_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let primary = start(&config(folder.path()));
    let path = reports_path(DEVELOPMENT_ENVIRONMENT);
    let report = |client_id: &str, period_ms: u64| {
        serde_json::json!({"version": "0.1.0", "client_id": client_id, "period_ms": period_ms, "snapshot_age_ms": 5,
            "snapshot_epoch": 1, "requests": [{"path": "/api/list", "status": 200, "count": 3}]})
        .to_string()
    };
    for n in 0..20 {
        let taken = primary.exchange(&format!("POST {path}"), Some(READ_KEY), "", &report(&format!("node-{n}"), 1));
        assert_eq!((taken.status, taken.body.len()), (204, 0));
    }
    assert_eq!(primary.post(&path, &report("node-10", 2)).status, 204);
    let kept = primary.environments.main().reports.all();
    assert_eq!(kept.len(), 16);
    assert_eq!(kept.iter().filter(|report| report.client_id == "node-10").count(), 1);
    assert_eq!(kept.last().unwrap().period_ms, 2);
    assert_eq!(primary.post(&path, "{}").status, 400);
    assert_eq!(primary.post(&path, &" ".repeat(300 << 10)).status, 413);
    assert_eq!(primary.exchange(&format!("POST {path}"), None, "", &report("x", 1)).status, 401);
    primary.stop();
}

#[test]
fn what_was_acknowledged_before_the_head_was_asked_for_is_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let primary = start(&config(folder.path()));
    for user in ["ann", "bob", "cyd"] {
        let offset = primary.post("/api/batch", &inserts(&[role(user, "reader")])).offset();
        let head = primary.head();
        let manifest = snapshot::verify(&primary.blob(&head.snapshot.sha256).body).unwrap();
        assert!(manifest.offset >= offset, "{} of {offset}", manifest.offset);
    }
    let epoch = primary.head().epoch;
    assert_eq!(primary.head().epoch, epoch, "nothing new, nothing made");
    // Who waits for news waits for the ordinary pace, and those who ask at once share a snapshot.
    primary.post("/api/batch", &inserts(&[role("dee", "reader")]));
    let path = head_path(DEVELOPMENT_ENVIRONMENT);
    let asked: Vec<TcpStream> =
        (0..8).map(|_| primary.send(&format!("GET {path}"), Some(DEVELOPMENT_KEY), "", "")).collect();
    for stream in asked {
        let head: Head = serde_json::from_slice(&receive(stream).body).unwrap();
        assert_eq!(head.epoch, epoch + 1);
    }
    primary.stop();
}
