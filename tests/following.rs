//! What an upstream may not do to the node that follows it: keep it waiting for nothing, give an epoch twice, bring a store
//! back, send it elsewhere.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use serde_json::json;
use understudy_tests::{
    feed::Feed,
    numbered::{generation, offer, snapshot},
    process::{ENVIRONMENT, Process},
    serve::{Given, Server},
};

const BINARY: &str = env!("CARGO_BIN_EXE_understudy");
/// The page's promise for a node with nothing to serve, and the time to say so.
const EXIT: Duration = Duration::from_secs(25);

fn node(folder: &Path, upstream: &str, more: &[&str]) -> Process {
    let more = [&["--sync-interval", "100ms"], more].concat();
    Process::node(Path::new(BINARY), folder, &folder.join("node"), upstream, &more)
}

fn n_refused(node: &Process, cause: &str) -> f64 {
    node.metric(&format!("understudy_sync_total{{origin=\"upstream\",outcome=\"{cause}\"}}")).unwrap_or(0.0)
}

#[test]
fn answers_that_help_nothing_end_the_start_within_20_s() {
    let head = json!({
        "format": 0, "environment": ENVIRONMENT, "store": "s", "epoch": 1, "created_ms": 1,
        "snapshot": { "sha256": "0".repeat(64), "bytes": 1_000 }
    });
    let head = head.to_string().into_bytes();
    let head_text = head.clone();
    let drip = |body| Given::Slowly { body, piece: 1, pause: Duration::from_secs(1) };
    let is_head = |path: &str| path.ends_with("/head");
    let upstreams: Vec<(&str, Server)> = vec![
        ("304", Server::start(|_| Given::status(304))),
        ("503", {
            let head = head.clone();
            Server::start(move |asked| if is_head(&asked.path) { Given::ok(head.clone()) } else { Given::status(503) })
        }),
        // The same beginning, again and again.
        (
            "snapshot",
            Server::start(move |asked| {
                let body = vec![0; 10];
                if is_head(&asked.path) { Given::ok(head.clone()) } else { Given::BreakOff { body, n_bytes: 10 } }
            }),
        ),
        // Bytes that keep a connection busy and nothing else: of the head, of a snapshot, of the public API.
        (
            "no answer within 3 s",
            Server::start({
                let head = head_text.clone();
                move |_| drip(head.clone())
            }),
        ),
        (
            "nothing that helps for 19 s",
            Server::start({
                let head = head_text.clone();
                move |asked| if is_head(&asked.path) { Given::ok(head.clone()) } else { drip(vec![0; 1_000]) }
            }),
        ),
        (
            "nothing that helps for 19 s",
            Server::start(
                move |asked| {
                    if is_head(&asked.path) { Given::status(404) } else { drip(br#"{"policy":null}"#.to_vec()) }
                },
            ),
        ),
    ];
    std::thread::scope(|scope| {
        for (words, upstream) in &upstreams {
            scope.spawn(move || {
                let folder = tempfile::tempdir().expect("a folder");
                let begun = Instant::now();
                let mut node = node(folder.path(), &upstream.url(), &[]);
                let status = node.await_exit(Duration::from_secs(60));
                assert_eq!(status.code(), Some(1), "{}", node.printed());
                assert!(begun.elapsed() < EXIT, "{words}: {:?}", begun.elapsed());
                let printed = node.printed();
                assert!(printed.contains(words) && printed.contains(&upstream.url()), "{words}: {printed}");
            });
        }
    });
}

#[test]
fn an_epoch_is_given_once_and_the_last_one_never() {
    let (folder, feed) = (tempfile::tempdir().expect("a folder"), Feed::start());
    offer(&feed, 5, 0);
    let mut first = node(folder.path(), &feed.url(), &[]);
    first.await_serving();
    let mut other = snapshot(6, 0);
    other.epoch = 5;
    feed.offer(&other.said(), &other.bytes());
    first.await_that("the other content is refused", || n_refused(&first, "epoch") >= 1.0);
    let mut last = snapshot(7, 0);
    last.epoch = u64::MAX;
    feed.offer(&last.said(), &last.bytes());
    let before = n_refused(&first, "epoch");
    first.await_that("the last epoch is refused", || n_refused(&first, "epoch") > before + 1.0);
    assert_eq!(generation(&first), Some(5));
    first.kill();
    // By the file of an import as well, and where nothing is known yet.
    let import = folder.path().join("last.snapshot");
    std::fs::write(&import, last.bytes()).expect("a file");
    let empty = tempfile::tempdir().expect("a folder");
    let mut fresh = node(empty.path(), &feed.url(), &["--import", import.to_str().expect("UTF-8")]);
    assert_eq!(fresh.await_exit(EXIT).code(), Some(1), "{}", fresh.printed());
    offer(&feed, 6, 0);
    let second = node(folder.path(), &feed.url(), &[]);
    second.await_that("a next one is taken", || generation(&second) == Some(6));
}

#[test]
fn a_store_that_was_left_does_not_come_back() {
    let (folder, feed) = (tempfile::tempdir().expect("a folder"), Feed::start());
    let of = |store: &str, generation: u64| {
        let mut recipe = snapshot(generation, 0);
        recipe.store = store.to_owned();
        feed.offer(&recipe.said(), &recipe.bytes());
    };
    let accepting = ["--accept-new-store"];
    of("a", 9);
    let mut first = node(folder.path(), &feed.url(), &accepting);
    first.await_that("the first serves", || generation(&first) == Some(9));
    of("b", 2);
    first.await_that("a new one is taken", || generation(&first) == Some(2));
    first.await_that("it is remembered", || first.metric("understudy_snapshot_epoch") == Some(2.0));
    for _ in 0..2 {
        of("a", 10);
        let before = n_refused(&first, "store");
        first.await_that("the old one is refused", || n_refused(&first, "store") > before + 1.0);
        assert_eq!(generation(&first), Some(2));
        // Over a restart too.
        first.kill();
        first = node(folder.path(), &feed.url(), &accepting);
        first.await_serving();
    }
    of("c", 1);
    first.await_that("another new one is taken", || generation(&first) == Some(1));
}

#[test]
fn neither_key_nor_tenant_goes_to_another_origin() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let elsewhere = {
        let seen = seen.clone();
        Server::start(move |asked| {
            seen.lock().expect("no panic").push(asked.path.clone());
            Given::status(404)
        })
    };
    let sends_to =
        |status: u16, to: String| Given::With { status, headers: vec![("location".to_owned(), to)], body: Vec::new() };
    for status in [301, 302, 303, 307, 308] {
        let to = format!("{}/head", elsewhere.url());
        let upstream = Server::start(move |_| sends_to(status, to.clone()));
        let folder = tempfile::tempdir().expect("a folder");
        let mut node = node(folder.path(), &upstream.url(), &[]);
        assert_eq!(node.await_exit(EXIT).code(), Some(1));
        let printed = node.printed();
        assert!(printed.contains("sends elsewhere") && printed.contains("set OSO_URL"), "{status}: {printed}");
    }
    assert_eq!(*seen.lock().expect("no panic"), Vec::<String>::new());

    // Within the origin it is followed, not without end.
    let recipe = snapshot(1, 0);
    let feed = Feed::start();
    feed.offer(&recipe.said(), &recipe.bytes());
    let n_asked = Arc::new(Mutex::new(0));
    let counted = n_asked.clone();
    let circle = Server::start(move |asked| {
        *counted.lock().expect("no panic") += 1;
        sends_to(302, asked.path.clone())
    });
    let folder = tempfile::tempdir().expect("a folder");
    let mut node = node(folder.path(), &circle.url(), &[]);
    assert_eq!(node.await_exit(EXIT).code(), Some(1));
    assert!((2..10).contains(&*n_asked.lock().expect("no panic")));
}
