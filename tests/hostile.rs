//! A hostile client in short: what the bench `hostile` does at length. The good client beside it keeps its answers, nothing
//! that should be refused is answered, nothing breaks inside, and what was taken is given back.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

use understudy_tests::{
    hostile::{Good, POLICY, facts, flood, greedy, memory_mib, raise_descriptors, slow, throw_seeded},
    numbered::seed,
    process::Process,
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

fn node(folder: &Path) -> (Process, Process) {
    let binary = Path::new(BINARY);
    let primary = Process::primary(binary, folder, &[]);
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
