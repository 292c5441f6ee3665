//! Ends: killed at any moment, or asked to stop. What was answered or acknowledged stays true afterwards.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use understudy::{
    keys::hex,
    replica::{
        cache::{Cache, Directory, State},
        clock::{Clock, SystemClock},
        unfinished::Unfinished,
    },
};
use understudy_tests::{
    connection::Connection,
    feed::{Feed, Mode},
    numbered::{generation, offer, seed, snapshot},
    process::{ENVIRONMENT, KEY, Process},
    random::Random,
    watch::POLICY,
};

const BINARY: &str = env!("CARGO_BIN_EXE_understudy");

fn node(folder: &Path, upstream: &str, more: &[&str]) -> Process {
    let more = [&["--sync-interval", "100ms"], more].concat();
    Process::node(Path::new(BINARY), folder, &folder.join("node"), upstream, &more)
}

#[test]
fn killed_at_any_moment_it_comes_back_from_disk_and_no_older_than_it_answered() {
    const KILLS: usize = 22;
    let seed = seed();
    println!("kills of the node: SEED={seed}");
    let (mut random, folder, feed) = (Random::new(seed), tempfile::tempdir().expect("a folder"), Feed::start());
    let mut newest = 1;
    offer(&feed, newest, 4_000);
    let mut process = node(folder.path(), &feed.url(), &[]);
    process.await_serving();
    feed.set_pace(8 << 10, Duration::from_millis(1));
    let mut answered = 0;
    let mut n_steps = 0;
    for kill in 0..KILLS {
        let until = Instant::now() + Duration::from_millis(random.below(350) as u64);
        loop {
            let at = generation(&process).expect("it serves");
            assert!(at >= answered, "kill {kill}, SEED={seed}: {at} after {answered}");
            answered = at;
            if at == newest {
                newest += 1;
                offer(&feed, newest, 4_000);
            }
            if Instant::now() > until {
                break;
            }
        }
        process.kill();
        feed.set_mode(Mode::Status(500));
        process = node(folder.path(), &feed.url(), &[]);
        process.await_serving();
        let back = generation(&process).unwrap_or_else(|| panic!("kill {kill}, SEED={seed}: {}", process.printed()));
        assert!((answered..=newest).contains(&back), "kill {kill}, SEED={seed}: back at {back}, answered {answered}");
        n_steps += usize::from(back > answered);
        feed.set_mode(Mode::Serving);
        process.await_that("it follows again", || generation(&process) == Some(newest));
        answered = newest;
    }
    println!(
        "kills of the node: {KILLS} passed, 0 failed, {newest} generations, {n_steps} came back newer than answered"
    );
    assert!(newest > 30, "the kills fell among changes");
}

#[test]
fn an_install_that_did_not_end_is_known_and_the_one_before_serves() {
    let (first, second) = (snapshot(1, 0), snapshot(2, 0));
    let digest = |bytes: &[u8]| hex(&Sha256::digest(bytes));
    let known =
        State { store: Some(first.store.clone()), epoch: 1, sha256: Some(digest(&first.bytes())), ..State::default() };
    // As a kill amid the install of generation 2 leaves it, once and again.
    for times in [0, 1] {
        let (folder, feed) = (tempfile::tempdir().expect("a folder"), Feed::start());
        let directory = Directory::open(&folder.path().join("node"), ENVIRONMENT).expect("a folder");
        for generation in [1, 2] {
            let part = directory.write_part("test", &snapshot(generation, 0).bytes()).expect("a part");
            directory.keep(&part).expect("a snapshot");
        }
        directory.save_state(&known).expect("its state");
        let install = Unfinished {
            sha256: digest(&second.bytes()),
            times,
            at_ms: SystemClock.unix_ms(),
            is_open: true,
            ..Unfinished::default()
        };
        directory.set_unfinished(Some(&install)).expect("its note");
        drop(directory);
        feed.set_mode(Mode::Status(500));
        let node = node(folder.path(), &feed.url(), &[]);
        node.await_serving();
        assert_eq!(generation(&node), Some(1), "{}", node.printed());
        let counted =
            |origin: &str| node.metric(&format!("understudy_sync_total{{origin=\"{origin}\",outcome=\"unfinished\"}}"));
        assert_eq!(counted("disk"), Some(1.0));
        offer(&feed, 2, 0);
        feed.set_mode(Mode::Serving);
        if times == 0 {
            // It may have been chance: it is opened apart first, and does no harm there.
            node.await_that("it goes on", || generation(&node) == Some(2));
        } else {
            node.await_that("it is left alone", || counted("upstream").is_some());
            assert_eq!(generation(&node), Some(1));
            offer(&feed, 3, 0);
            node.await_that("a newer one is taken", || generation(&node) == Some(3));
        }
    }
}

#[test]
fn what_nothing_else_can_take_the_place_of_is_opened_again() {
    let (folder, feed, only) = (tempfile::tempdir().expect("a folder"), Feed::start(), snapshot(1, 0));
    let directory = Directory::open(&folder.path().join("node"), ENVIRONMENT).expect("a folder");
    let part = directory.write_part("test", &only.bytes()).expect("a part");
    directory.keep(&part).expect("a snapshot");
    let sha256 = hex(&Sha256::digest(only.bytes()));
    let install = Unfinished { sha256, times: 3, at_ms: SystemClock.unix_ms(), is_open: true, ..Unfinished::default() };
    directory.set_unfinished(Some(&install)).expect("its note");
    drop(directory);
    offer(&feed, 1, 0);
    let node = node(folder.path(), &feed.url(), &[]);
    node.await_serving();
    assert_eq!(generation(&node), Some(1));
}

#[test]
fn a_crash_before_a_snapshot_was_remembered_is_no_step_back() {
    // As a crash leaves it between the first answer from generation 2 and the note of it, beside a feed that has gone
    // back; and as a lost note leaves it.
    let first = snapshot(1, 0);
    let known = State {
        store: Some(first.store.clone()),
        epoch: 1,
        sha256: Some(hex(&Sha256::digest(first.bytes()))),
        ..State::default()
    };
    for state in [known, State::default()] {
        let (folder, feed) = (tempfile::tempdir().expect("a folder"), Feed::start());
        let directory = Directory::open(&folder.path().join("node"), ENVIRONMENT).expect("a folder");
        for generation in [1, 2] {
            let part = directory.write_part("test", &snapshot(generation, 0).bytes()).expect("a part");
            directory.keep(&part).expect("a snapshot");
        }
        directory.save_state(&state).expect("its state");
        drop(directory);
        offer(&feed, 1, 0);
        let node = node(folder.path(), &feed.url(), &[]);
        node.await_serving();
        assert_eq!(generation(&node), Some(2));
        let refused = "understudy_sync_total{origin=\"upstream\",outcome=\"epoch\"}";
        node.await_that("the older one is refused", || node.metric(refused).is_some());
        assert_eq!(generation(&node), Some(2));
        offer(&feed, 3, 0);
        node.await_that("it goes on", || generation(&node) == Some(3));
    }
}

/// Step `n` of a primary's writer: a fact that stays, and one that takes the place of the step before's.
fn step(n: u64) -> Json {
    let fact =
        |predicate: &str, n: u64| json!({"predicate": predicate, "args": [{"type": "Gen", "id": n.to_string()}]});
    json!([{ "deletes": [fact("at", n - 1)] }, { "inserts": [fact("at", n), fact("kept", n)] }])
}

#[test]
fn a_primary_killed_amid_writes_has_every_acknowledged_one() {
    const KILLS: usize = 6;
    let seed = seed();
    println!("kills of the primary: SEED={seed}");
    let (mut random, folder) = (Random::new(seed), tempfile::tempdir().expect("a folder"));
    let policy = |n: usize| format!("{POLICY}any(g: Gen) if at(g);\nany(g: Gen) if kept(g);\n# version {n}\n");
    let epoch = |primary: &Process| primary.get(&format!("/feed/v0/{ENVIRONMENT}/head")).json()["epoch"].as_u64();
    let count = |primary: &Process, predicate: &str| {
        let facts = primary.get(&format!("/api/facts?predicate={predicate}")).json();
        facts.as_array().map_or(0, Vec::len) as u64
    };
    let mut primary = Process::primary(Path::new(BINARY), folder.path(), &[]);
    let (mut acknowledged, mut last_epoch) = (0u64, None);
    for kill in 0..KILLS {
        // Acknowledged, and never spoken of again.
        primary.post_policy(&policy(kill));
        last_epoch = last_epoch.max(epoch(&primary));
        let (address, from) = (primary.address(), acknowledged);
        let writer = std::thread::spawn(move || {
            let Ok(mut connection) = Connection::open(address) else { return from };
            let mut n = from;
            while connection.send("POST", "/api/batch", &step(n + 1)).is_ok_and(|answer| answer.status == 200) {
                n += 1;
            }
            n
        });
        std::thread::sleep(Duration::from_millis(random.below(1_500) as u64));
        primary.kill();
        acknowledged = writer.join().expect("the writer ends");
        primary = Process::primary(Path::new(BINARY), folder.path(), &[]);
        // The one on its way may have arrived without its acknowledgement.
        let n_kept = count(&primary, "kept");
        assert!((acknowledged..=acknowledged + 1).contains(&n_kept), "kill {kill}: {n_kept} of {acknowledged}");
        acknowledged = n_kept;
        // Deletes as well: what was taken back stays taken back.
        assert_eq!((generation(&primary), count(&primary, "at")), (Some(n_kept).filter(|n| *n > 0), n_kept.min(1)));
        assert!(primary.get("/api/policy").text().contains(&format!("# version {kill}")), "kill {kill}");
        assert!(epoch(&primary) >= last_epoch, "kill {kill}");
        primary.write(&[json!(["kept", ["Gen", "0"]])], &[]);
        primary.write(&[], &[json!(["kept", ["Gen", "0"]])]);
        primary.await_that("the epoch rises", || epoch(&primary) > last_epoch);
        last_epoch = epoch(&primary);
    }
    println!("kills of the primary: {KILLS} passed, 0 failed, {acknowledged} writes, epoch {last_epoch:?}");
    assert!(acknowledged > 50);
}

#[test]
fn sigterm_answers_what_has_arrived() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut primary = Process::primary(Path::new(BINARY), folder.path(), &[]);
    primary.post_policy(POLICY);
    let mut node = node(folder.path(), &primary.url(), &[]);
    node.await_serving();

    // A request whose body is still on its way, beside an idle connection that must not hold the end up.
    let body = json!({
        "actor_type": "User", "actor_id": "ann", "action": "see",
        "resource_type": "Gen", "resource_id": "1", "context_facts": []
    });
    let body = body.to_string().into_bytes();
    let mut idle = Connection::open(node.address()).expect("a connection");
    assert_eq!(idle.send("GET", "/healthcheck", &Json::Null).expect("an answer").status, 200);
    let mut half = Connection::open(node.address()).expect("a connection");
    half.begin("POST", "/api/authorize", &body, 10).expect("half a request");
    std::thread::sleep(Duration::from_millis(200));
    node.signal("TERM");
    std::thread::sleep(Duration::from_millis(300));
    let answer = half.finish(&body[10..]).expect("what has arrived is answered");
    assert_eq!((answer.status, &answer.json()["allowed"]), (200, &json!(false)));
    assert_eq!(node.await_exit(Duration::from_secs(5)).code(), Some(0));
    assert!(Connection::open(node.address()).is_err(), "no new connections");

    // A long-poll on the primary's feed ends at once, with an answer.
    let path = format!("/feed/v0/{ENVIRONMENT}/head");
    let head = primary.get(&path);
    let (address, etag) = (primary.address(), head.header("etag").expect("a tag").to_owned());
    let waiting = std::thread::spawn(move || {
        let headers = [("authorization", format!("Bearer {KEY}")), ("if-none-match", etag)];
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        understudy_tests::http::request(address, "GET", &format!("{path}?wait=30"), &headers, b"")
    });
    std::thread::sleep(Duration::from_millis(300));
    let begun = Instant::now();
    assert_eq!(primary.terminate().code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(waiting.join().expect("no panic").expect("an answer").status, 304);
}

#[test]
fn sigterm_ends_it_though_the_upstream_hangs() {
    for has_snapshot in [false, true] {
        let (folder, feed) = (tempfile::tempdir().expect("a folder"), Feed::start());
        offer(&feed, 1, 0);
        feed.set_mode(if has_snapshot { Mode::Serving } else { Mode::Hanging });
        let mut node = node(folder.path(), &feed.url(), &[]);
        if has_snapshot {
            node.await_serving();
        }
        feed.set_mode(Mode::Hanging);
        std::thread::sleep(Duration::from_millis(500));
        let begun = Instant::now();
        assert_eq!(node.terminate().code(), Some(0), "{}", node.printed());
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    }
}
