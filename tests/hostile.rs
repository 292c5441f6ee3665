//! A hostile client in short: what the bench `hostile` does at length. The good client beside it keeps its answers, nothing
//! that should be refused is answered, nothing breaks inside, and what was taken is given back.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use serde_json::json;
use understudy_tests::{
    attacks::{
        ask_and_leave, bodiless, large_questions, many_dear, many_rows, many_times_many, one_byte, untaken, waiting,
    },
    connection::Connection,
    hostile::{Good, POLICY, facts, flood, greedy, memory_mib, raise_descriptors, slow, throw_seeded, wakes},
    numbered::seed,
    process::{ENVIRONMENT, KEY, Process},
};

const BINARY: &str = env!("CARGO_BIN_EXE_understudy");
/// Hostile requests.
const REQUESTS: u64 = 600;
/// Connections opened at once: more than the node takes.
const CONNECTIONS: usize = 5_000;
/// Bodies that never end: more than the whole requests that the node takes at a time.
const SLOW: usize = 1_300;
/// Memory of the node at its worst, in MiB: what it serves from, its connections, the tables of three instances and what a
/// test's build needs besides.
const MEMORY_MIB_MAX: usize = 1_024;

/// A key that may only read: the attackers' where they have one.
const READER: &str = "e_0123456789_2_reader";

fn node(folder: &Path) -> (Process, Process) {
    let binary = Path::new(BINARY);
    let reader = format!("{READER}:read");
    let primary = Process::primary(binary, folder, &["--key", KEY, "--key", &reader]);
    primary.post_policy(POLICY);
    primary.write(&facts(5_000), &[]);
    let node = Process::node(binary, folder, &folder.join("node"), &primary.url(), &["--sync-interval", "100ms"]);
    node.await_serving();
    node.await_that("the facts arrive", || node.authorize(("User", "bo"), "read", ("Repo", "of bo")));
    (primary, node)
}

#[test]
fn a_good_client_keeps_its_answers_among_hostile_ones() {
    let seed = seed();
    println!("hostile: SEED={seed}");
    raise_descriptors();
    let folder = tempfile::tempdir().expect("a folder");
    let (mut primary, node) = node(folder.path());
    let (address, is_over) = (node.address(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let good = scope.spawn(|| Good::ask(address, &is_over, usize::MAX));
        let greedy = [1, 2, 3, 4].map(|n| {
            let is_over = &is_over;
            scope.spawn(move || greedy(address, seed ^ n, is_over))
        });
        let slow: Vec<_> = (0..SLOW).filter_map(|_| slow(address).ok()).collect();
        for n in 0..REQUESTS {
            throw_seeded(address, seed.wrapping_add(n)).expect("a refusal, or nothing");
        }
        let flood = flood(address, CONNECTIONS);
        println!("hostile: {} connections at once, node and peak {:?} MiB", flood.len(), memory_mib(&node));
        // A new client is served beside them.
        assert!(node.authorize(("User", "bo"), "read", ("Repo", "of bo")));
        drop((flood, slow));
        is_over.store(true, Ordering::Relaxed);
        let good = good.join().expect("no panic");
        let greedy = greedy.map(|one| one.join().expect("no panic"));
        println!("hostile: {} good answers, {greedy:?} dear answers and refusals", good.times.len());
        assert!(good.wrong.is_empty(), "SEED={seed}: {:?}", good.wrong);
        assert!(good.times.len() > 100);
    });
    // Nothing was lost, nothing broke, and nothing was changed by what was hidden in requests.
    assert!(node.authorize(("User", "bo"), "read", ("Repo", "of bo")));
    assert!(!node.authorize(("User", "bo"), "read", ("Repo", "r1")));
    for broken in ["traps", "stuck"] {
        assert_eq!(node.metric(&format!("understudy_instance_{broken}_total")), Some(0.0));
    }
    let status_500 = node.get("/metrics").text().lines().filter(|line| line.contains("status_code=\"500\"")).count();
    assert_eq!(status_500, 0);
    let descriptors = || std::fs::read_dir(format!("/proc/{}/fd", node.id())).expect("it lives").count();
    node.await_that("the connections are given back", || descriptors() < 100);
    let (now, most) = memory_mib(&node);
    println!("hostile: afterwards {now} MiB, at most {most} MiB");
    assert!(most < MEMORY_MIB_MAX, "{most} MiB");
    primary.kill();
}

/// Answers of the good client beside an attack, all of them right.
fn asks_beside(server: &Process, n: usize) {
    let good = Good::ask(server.address(), &AtomicBool::new(false), n);
    assert!(good.wrong.is_empty() && good.times.len() == n, "{:?}", good.wrong);
    assert_eq!(server.get("/healthcheck").status, 200);
}

#[test]
fn nobody_is_refused_for_what_others_take() {
    raise_descriptors();
    let folder = tempfile::tempdir().expect("a folder");
    let (primary, node) = node(folder.path());
    let address = node.address();
    for key in [None, Some(READER)] {
        let held: Vec<_> = (0..200).map(|_| bodiless(address, key).expect("streams")).collect();
        asks_beside(&node, 50);
        drop(held);
    }
    let list = json!({"actor_type": "User", "actor_id": "ann", "action": "read", "resource_type": "Repo", "context_facts": []});
    let lists: Vec<_> =
        (0..20).map(|_| untaken(address, Some(READER), "POST", "/api/list", &list).expect("streams")).collect();
    let metrics: Vec<_> =
        (0..20).map(|_| untaken(address, None, "GET", "/metrics", &json!(null)).expect("streams")).collect();
    asks_beside(&node, 50);
    assert_eq!(node.get("/metrics").status, 200);
    assert_eq!(node.post("/api/list", &list).status, 200, "another key's lists have room");
    drop((lists, metrics));
    // Waiting for news costs a primary's clients nothing.
    let waits: Vec<_> = (0..24).map(|_| waiting(primary.address(), READER, ENVIRONMENT).expect("streams")).collect();
    node.await_that("polls arrive", || primary.get("/healthcheck").status == 200);
    let mut good = Connection::open(primary.address()).expect("a connection");
    for _ in 0..50 {
        assert!(good.authorize(("User", "bo"), "read", ("Repo", "of bo")).expect("an answer"));
    }
    primary.write(&[json!(["far", ["Repo", "r1"], ["Repo", "r2"]])], &[]);
    drop(waits);
}

#[test]
fn an_idle_connection_wakes_nobody() {
    raise_descriptors();
    let folder = tempfile::tempdir().expect("a folder");
    let (mut primary, node) = node(folder.path());
    primary.kill();
    let _idle: Vec<_> = (0..500).map(|_| one_byte(node.address()).expect("a connection")).collect();
    asks_beside(&node, 1);
    let before = wakes(&node);
    std::thread::sleep(std::time::Duration::from_secs(2));
    // What watches looks four times a second, a thread each; a look at every connection would be thousands.
    let woken = wakes(&node) - before;
    assert!(woken < 300, "woken {woken} times");
}

#[test]
fn what_is_large_is_refused_by_name_and_what_is_long_ends_with_its_caller() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_primary, node) = node(folder.path());
    let address = node.address();
    let mut reader = Connection::open(address).expect("a connection").with_key(READER);
    for ((path, body), named) in
        large_questions().into_iter().zip(["conditions", "ids in constraints", "context facts"])
    {
        let answer = reader.send("POST", path, &body).expect("an answer");
        assert_eq!(answer.status, 400, "{}", answer.text());
        assert!(answer.text().contains(named) && answer.text().contains("at most"), "{}", answer.text());
    }
    // Two lanes' worth and more of it, all of which is called off.
    for _ in 0..4 {
        ask_and_leave(address, READER, "/api/authorize_resources", &many_dear(), std::time::Duration::from_millis(300))
            .expect("it is asked");
    }
    let list = json!({"actor_type": "User", "actor_id": "ann", "action": "read", "resource_type": "Repo", "context_facts": []});
    assert_eq!(node.post("/api/list", &list).status, 200, "another key's turn comes");
    asks_beside(&node, 20);
    // One account for all questions of a request.
    let answer = reader.send("POST", "/api/authorize_resources", &many_times_many(300)).expect("an answer");
    assert!([200, 400].contains(&answer.status), "{}", answer.text());
    ask_and_leave(address, READER, "/api/evaluate_query", &many_rows(), std::time::Duration::from_secs(1))
        .expect("it is asked");
    asks_beside(&node, 20);
    assert_eq!(node.metric("understudy_instance_traps_total"), Some(0.0));
    let (_, most) = memory_mib(&node);
    println!("hostile: at most {most} MiB");
}
