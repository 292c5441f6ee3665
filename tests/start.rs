//! Starts: what is tried in which order, what stops them, what is remembered from the time before.

use std::{
    net::TcpListener,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde_json::Value as Json;
use understudy_tests::{
    feed::{Feed, Mode},
    numbered::{generation, offer, snapshot},
    process::{NODE_VARIABLES, Process, node_args},
    serve::nobody,
};

const BINARY: &str = env!("CARGO_BIN_EXE_understudy");
/// The page's promise for a node with nothing to serve.
const EXIT: Duration = Duration::from_secs(20);

fn node(folder: &Path, upstream: &str, more: &[&str]) -> Process {
    let more = [&["--sync-interval", "100ms"], more].concat();
    Process::node(Path::new(BINARY), folder, &folder.join("node"), upstream, &more)
}

/// Why it ended with 1, and after how long.
fn gave_up(node: &mut Process, begun: Instant) -> String {
    let status = node.await_exit(EXIT + Duration::from_secs(5));
    let printed = node.printed();
    assert_eq!(status.code(), Some(1), "{printed}");
    assert!(begun.elapsed() < EXIT, "{:?}: {printed}", begun.elapsed());
    let last = printed.lines().last().unwrap_or_default().to_owned();
    assert!(last.starts_with("understudy: nothing to serve: upstream: "), "{printed}");
    last
}

#[test]
fn the_upstream_comes_first_then_the_disk_then_the_import() {
    let folder = tempfile::tempdir().expect("a folder");
    let import = folder.path().join("import.snapshot");
    std::fs::write(&import, snapshot(1, 0).bytes()).expect("a file");
    let import = ["--import", import.to_str().expect("UTF-8")];
    let feed = Feed::start();
    let count = |node: &Process, origin: &str| {
        node.metric(&format!("understudy_sync_total{{origin=\"{origin}\",outcome=\"installed\"}}")).unwrap_or(0.0)
    };
    // It serves a moment before that is counted.
    let is_from = |node: &Process, expected: u64, origin: &str| {
        node.await_serving();
        node.await_that(&format!("{expected} is from {origin}"), || count(node, origin) == 1.0);
        assert_eq!(generation(node), Some(expected));
        let others = ["upstream", "disk", "import"].into_iter().filter(|other| *other != origin);
        assert_eq!(others.map(|other| count(node, other)).sum::<f64>(), 0.0, "{expected} is from {origin} alone");
    };

    feed.set_mode(Mode::Status(500));
    let mut imported = node(folder.path(), &feed.url(), &import);
    is_from(&imported, 1, "import");
    imported.kill();

    feed.set_mode(Mode::Serving);
    offer(&feed, 2, 0);
    let mut followed = node(folder.path(), &feed.url(), &import);
    is_from(&followed, 2, "upstream");
    followed.kill();

    feed.set_mode(Mode::Status(503));
    let mut kept = node(folder.path(), &feed.url(), &import);
    is_from(&kept, 2, "disk");
    // And the refresh goes on.
    feed.set_mode(Mode::Serving);
    offer(&feed, 3, 0);
    // Counted once it is remembered as well.
    kept.await_that("the next one arrives", || count(&kept, "upstream") == 1.0);
    assert_eq!(generation(&kept), Some(3));
    kept.kill();

    // The disk has what the feed has: nothing is fetched.
    let again = node(folder.path(), &feed.url(), &import);
    is_from(&again, 3, "disk");
}

#[test]
fn with_nothing_to_serve_it_ends_within_20_s_and_says_why() {
    let feeds: Vec<(Feed, &str, Mode)> = [
        (Mode::Hanging, "gave no answer within 3 s"),
        (Mode::Status(500), "not able to give the feed's head now (500"),
        (Mode::Status(429), "not able to give the feed's head now (429"),
        (Mode::Status(401), "refuses OSO_API_TOKEN"),
        (Mode::Status(403), "refuses OSO_API_TOKEN"),
        (Mode::Status(404), "is OSO_URL right?"),
    ]
    .into_iter()
    .map(|(mode, words)| (Feed::start(), words, mode))
    .collect();
    let mut upstreams: Vec<(String, &str)> = vec![(nobody(), "can't be reached")];
    for (feed, words, mode) in &feeds {
        feed.set_mode(mode.clone());
        upstreams.push((feed.url(), words));
    }
    // A head that is none.
    let page = Feed::start();
    page.set_head("<!doctype html>");
    upstreams.push((page.url(), "is OSO_URL right?"));
    std::thread::scope(|scope| {
        for (upstream, words) in &upstreams {
            scope.spawn(move || {
                let folder = tempfile::tempdir().expect("a folder");
                let begun = Instant::now();
                let mut node = node(folder.path(), upstream, &["--import", "nowhere.snapshot"]);
                assert_eq!(node.try_send("GET", "/healthcheck", &Json::Null).map_or(503, |answer| answer.status), 503);
                let why = gave_up(&mut node, begun);
                let parts =
                    [words, "; disk: OSO_DIRECTORY has no snapshot", "; import: nowhere.snapshot can't be read"];
                assert!(parts.iter().all(|part| why.contains(part)), "{words}: {why}");
            });
        }
    });
    println!("nothing to serve: {} passed, 0 failed", upstreams.len());
}

#[test]
fn while_the_upstream_lives_it_waits_for_what_is_not_whole_yet() {
    let folder = tempfile::tempdir().expect("a folder");
    let (feed, whole) = (Feed::start(), snapshot(1, 100));
    // A static host whose head is there before its blob is.
    feed.offer_as(&whole.said(), &whole.bytes(), &whole.bytes()[..100]);
    let waiting = node(folder.path(), &feed.url(), &[]);
    let truncated = "understudy_sync_total{origin=\"upstream\",outcome=\"truncated\"}";
    waiting.await_that("it tries again", || waiting.metric(truncated) >= Some(2.0));
    assert_eq!(waiting.get("/healthcheck").status, 503);
    feed.offer(&whole.said(), &whole.bytes());
    waiting.await_serving();
    assert_eq!(generation(&waiting), Some(1));
}

#[test]
fn bytes_that_stop_end_the_start_within_20_s_of_the_last_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let recipe = snapshot(1, 0);
    let feed = Feed::start();
    feed.offer(&recipe.said(), &recipe.bytes());
    feed.stall_after(100);
    let mut node = node(folder.path(), &feed.url(), &[]);
    // It listens before it asks: the last sign of life is later.
    let begun = Instant::now();
    let why = gave_up(&mut node, begun);
    assert!(why.contains("gave nothing that helps for 19 s"), "{why}");
    assert!(begun.elapsed() > Duration::from_secs(15), "it waited while there was hope");
}

#[test]
fn a_download_that_breaks_off_goes_on_where_it_stopped() {
    let (folder, feed) = (tempfile::tempdir().expect("a folder"), Feed::start());
    offer(&feed, 1, 2_000);
    let n_bytes = snapshot(1, 2_000).bytes().len();
    feed.break_off_after(n_bytes / 3);
    let node = node(folder.path(), &feed.url(), &[]);
    node.await_serving();
    assert_eq!(generation(&node), Some(1));
    let sent = feed.n_bytes_sent();
    assert!(sent <= n_bytes + 16, "{sent} bytes for a snapshot of {n_bytes}");
    let broken = node.metric("understudy_sync_total{origin=\"upstream\",outcome=\"network\"}").unwrap_or(0.0)
        + node.metric("understudy_sync_total{origin=\"upstream\",outcome=\"truncated\"}").unwrap_or(0.0);
    assert!(broken >= 2.0, "{broken}");
}

#[test]
fn another_store_is_followed_only_when_told() {
    let (folder, feed) = (tempfile::tempdir().expect("a folder"), Feed::start());
    offer(&feed, 7, 0);
    let mut first = node(folder.path(), &feed.url(), &[]);
    first.await_serving();
    first.kill();
    // Its primary was made anew: it begins to count again.
    let mut anew = snapshot(2, 0);
    anew.store = "made-anew".to_owned();
    feed.offer(&anew.said(), &anew.bytes());
    let mut second = node(folder.path(), &feed.url(), &["--log-level", "warn"]);
    second.await_serving();
    second.await_that("it says so", || second.printed().contains("start once with --accept-new-store"));
    assert_eq!(generation(&second), Some(7));
    second.kill();
    let mut third = node(folder.path(), &feed.url(), &["--accept-new-store"]);
    third.await_that("the new store serves", || generation(&third) == Some(2));
    third.await_that("it is remembered", || third.metric("understudy_snapshot_epoch") == Some(2.0));
    third.await_that("it is in step", || {
        third.metric("understudy_sync_total{origin=\"upstream\",outcome=\"current\"}").is_some()
    });
    third.kill();
    // Once is enough.
    anew.epoch = 3;
    anew.facts = snapshot(3, 0).facts;
    feed.offer(&anew.said(), &anew.bytes());
    let fourth = node(folder.path(), &feed.url(), &[]);
    fourth.await_that("it is followed", || generation(&fourth) == Some(3));
}

#[test]
fn a_bad_value_stops_the_start_with_one_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let mut n_values = 0;
    for (variable, value, words) in [
        ("OSO_API_TOKEN", "", &["OSO_API_TOKEN is not set", "--api-token"][..]),
        ("OSO_API_TOKEN", "two words", &["OSO_API_TOKEN", "must be visible ASCII"]),
        ("OSO_ENVIRONMENT", "", &["OSO_ENVIRONMENT is not set", "e_0123456789"]),
        ("OSO_ENVIRONMENT", "../up", &["OSO_ENVIRONMENT is `../up`", "must be up to 128"]),
        ("OSO_TENANT", "", &["OSO_TENANT is not set", "--tenant"]),
        ("OSO_CLIENT_ID", "a b", &["OSO_CLIENT_ID is `a b`", "must be"]),
        ("OSO_PORT", "65536", &["OSO_PORT is `65536`", "a port from 0 to 65535"]),
        ("OSO_PORT", "http", &["OSO_PORT is `http`", "a port from 0 to 65535"]),
        ("OSO_HOST", "localhost", &["OSO_HOST is `localhost`", "an IP address"]),
        ("OSO_LOG_LEVEL", "debug", &["OSO_LOG_LEVEL is `debug`", "error, warn or info"]),
        ("OSO_DISABLE_TELEMETRY", "perhaps", &["OSO_DISABLE_TELEMETRY is `perhaps`", "true or false"]),
        ("OSO_DISABLE_ERROR_LOGGING", "2", &["OSO_DISABLE_ERROR_LOGGING is `2`", "true or false"]),
        ("OSO_URL", "api.osohq.com", &["OSO_URL is `api.osohq.com`", "http://"]),
        ("OSO_SYNC_INTERVAL", "5", &["OSO_SYNC_INTERVAL is `5`", "500ms, 1s or 30m"]),
        ("OSO_ACCEPT_ENVIRONMENT_KEYS", "all", &["OSO_ACCEPT_ENVIRONMENT_KEYS is `all`", "true or false"]),
        ("OSO_ACCEPT_NEW_STORE", "x", &["OSO_ACCEPT_NEW_STORE is `x`", "true or false"]),
    ] {
        let mut variables = NODE_VARIABLES.to_vec();
        variables.retain(|(name, _)| *name != variable);
        variables.push((variable, value));
        let mut node = Process::start(Path::new(BINARY), folder.path(), &["--host", "127.0.0.1"], &variables);
        if variable == "OSO_HOST" {
            node = Process::start(Path::new(BINARY), folder.path(), &[], &variables);
        }
        let (status, printed) = (node.await_exit(Duration::from_secs(10)), node.printed());
        assert_eq!(status.code(), Some(2), "{variable}={value}: {printed}");
        assert_eq!(printed.lines().count(), 1, "{printed}");
        assert!(words.iter().all(|word| printed.contains(word)), "{variable}={value}: {printed}");
        n_values += 1;
    }
    // What can't be used though it is well formed: one line as well, and a failure.
    let file = folder.path().join("a-file");
    std::fs::write(&file, "x").expect("a file");
    let port = taken.local_addr().expect("its address").port().to_string();
    for (variable, value) in [
        ("OSO_DIRECTORY", file.display().to_string()),
        ("OSO_ACCEPTED_KEYS_FILE", "nowhere".to_owned()),
        ("OSO_ACCEPTED_KEYS_FILE", file.display().to_string()),
        ("OSO_PORT", port),
    ] {
        let variables = [NODE_VARIABLES, &[(variable, value.as_str())]].concat();
        let mut node = Process::start(Path::new(BINARY), folder.path(), &["--host", "127.0.0.1"], &variables);
        let (status, printed) = (node.await_exit(Duration::from_secs(10)), node.printed());
        assert!(matches!(status.code(), Some(1 | 2)), "{printed}");
        assert!(printed.lines().count() == 1 && printed.contains(value.as_str()), "{variable}={value}: {printed}");
        n_values += 1;
    }
    println!("bad values: {n_values} passed, 0 failed");
}

#[test]
fn a_restart_remembers_how_old_its_snapshot_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let feed = Feed::start();
    offer(&feed, 1, 0);
    let age_ms = |node: &Process| node.metric("oso_fallback_snapshot_age_ms").expect("an age");
    let mut first = node(folder.path(), &feed.url(), &[]);
    first.await_serving();
    // Serving, noting and confirming are steps after each other: the disk may hold one up.
    first.await_that("it has an age", || first.metric("oso_fallback_snapshot_age_ms").is_some());
    assert!(age_ms(&first) < 5_000.0);
    // The feed confirms for a while, then is gone.
    std::thread::sleep(Duration::from_millis(500));
    feed.set_mode(Mode::Status(500));
    let gone = Instant::now();
    std::thread::sleep(Duration::from_millis(1_500));
    assert!(age_ms(&first) >= 1_000.0, "it ages while it serves");
    first.kill();
    let mut second = node(folder.path(), &feed.url(), &[]);
    second.await_serving();
    second.await_that("it has an age", || second.metric("oso_fallback_snapshot_age_ms").is_some());
    let (age, since) = (age_ms(&second), gone.elapsed().as_millis() as f64);
    assert!(age >= since - 500.0, "{age} ms, {since} ms since the upstream was last seen");
    assert_eq!(second.terminate().code(), Some(0));
    feed.set_mode(Mode::Serving);
    let begun = Instant::now();
    let third = node(folder.path(), &feed.url(), &[]);
    third.await_serving();
    third.await_that("it is confirmed again", || {
        let age = third.metric("oso_fallback_snapshot_age_ms");
        age.is_some_and(|age| age <= begun.elapsed().as_millis() as f64)
    });
}

#[test]
fn an_export_starts_another_node() {
    let (folder, elsewhere) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let feed = Feed::start();
    offer(&feed, 4, 0);
    let out: PathBuf = folder.path().join("out.snapshot");
    let (data, url) = (folder.path().join("node"), feed.url());
    let args = node_args(&data, &url, &["--export", out.to_str().expect("UTF-8")]);
    let mut export = Process::start(Path::new(BINARY), folder.path(), &args, NODE_VARIABLES);
    assert_eq!(export.await_exit(EXIT).code(), Some(0), "{}", export.printed());
    assert!(export.printed().contains("from the upstream, epoch 4"), "{}", export.printed());
    feed.set_mode(Mode::Status(500));
    let other = node(elsewhere.path(), &feed.url(), &["--import", out.to_str().expect("UTF-8")]);
    other.await_serving();
    assert_eq!(generation(&other), Some(4));
}
