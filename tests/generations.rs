//! While generations are swapped in, no answer goes back in time, no request fails, and a right that was taken back stays
//! taken back, on every connection.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use serde_json::{Value as Json, json};
use understudy_core::model::Fact;
use understudy_tests::{
    connection::Connection,
    feed::Feed,
    process::{PATIENCE, Process},
    recipe::{Recipe, fact},
    watch::{POLICY, Watch},
};

const BINARY: &str = env!("CARGO_BIN_EXE_understudy");
const GENERATIONS: u64 = 50;
const CLIENTS: usize = 6;

fn facts(generation: u64) -> Vec<Fact> {
    let seer =
        |user: &str, n: u64| fact("has_role", &[("User", user), ("String", "seer"), ("Gen", n.to_string().as_str())]);
    let mut facts: Vec<Fact> = (1..=generation).map(|n| seer("ann", n)).collect();
    facts.push(seer("bo", generation));
    facts.push(fact("at", &[("Gen", generation.to_string().as_str())]));
    facts
}

fn assert_right(name: &str, watch: &Watch) {
    let (n_answers, wrong) = watch.outcome();
    println!("{name}: {n_answers} answers, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{name}: {}", wrong[..wrong.len().min(20)].join("\n"));
    assert!(n_answers > 1_000, "{name}: only {n_answers} answers");
}

#[test]
fn a_node_s_answers_never_go_back_while_50_generations_are_swapped_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let feed = Feed::start();
    let offer = |generation: u64| {
        let recipe = Recipe::new(POLICY, generation, facts(generation));
        feed.offer(&recipe.said(), &recipe.bytes());
    };
    offer(1);
    let more = ["--sync-interval", "100ms"];
    let node = Process::node(Path::new(BINARY), folder.path(), &folder.path().join("node"), &feed.url(), &more);
    node.await_serving();
    let (watch, begun) = (Watch::default(), Instant::now());
    let process = |what: &str| node.metric(&format!("process_{what}")).expect("a reading of the process");
    let n_open = process("open_fds");
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| watch.hammer(node.address()));
        }
        for generation in 2..=GENERATIONS {
            offer(generation);
            let offered = Instant::now();
            while watch.seen() < generation && offered.elapsed() < PATIENCE {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        watch.end();
    });
    assert_eq!(watch.seen(), GENERATIONS, "{}", node.printed());
    assert_right(&format!("{GENERATIONS} generations in {:?}", begun.elapsed()), &watch);
    assert_eq!(node.metric("understudy_generation"), Some(GENERATIONS as f64));
    for broken in ["traps", "stuck"] {
        assert_eq!(node.metric(&format!("understudy_instance_{broken}_total")), Some(0.0));
    }
    // Old generations are given back: their files and their memory.
    node.await_that("files are closed", || process("open_fds") <= n_open + 4.0);
    let resident_mib = process("resident_memory_bytes") / f64::from(1 << 20);
    println!("after {GENERATIONS} generations: {resident_mib:.0} MiB");
    assert!(resident_mib < 200.0, "{resident_mib} MiB");
}

/// The write of a generation: its facts are there and those of the one before are gone, in one step.
fn write(generation: u64) -> Json {
    let seer = |user: &str, n: u64| {
        json!({"predicate": "has_role", "args": [
            {"type": "User", "id": user}, {"type": "String", "id": "seer"}, {"type": "Gen", "id": n.to_string()}
        ]})
    };
    let at = |n: u64| json!({"predicate": "at", "args": [{"type": "Gen", "id": n.to_string()}]});
    json!([
        {"deletes": [seer("bo", generation - 1), at(generation - 1)]},
        {"inserts": [seer("ann", generation), seer("bo", generation), at(generation)]},
    ])
}

#[test]
fn a_primary_s_checks_see_every_acknowledged_write_while_snapshots_are_made_and_so_does_its_node_in_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let primary = Process::primary(Path::new(BINARY), folder.path(), &[]);
    // The policy has to have a place for `at`.
    let policy = |n: u64| format!("{POLICY}at_any(g: Gen) if at(g);\n# version {n}\n");
    primary.post_policy(&policy(0));
    assert_eq!(primary.post("/api/batch", &write(1)).status, 200);
    let more = ["--sync-interval", "100ms"];
    let (data, upstream) = (folder.path().join("node"), primary.url());
    let node = Process::node(Path::new(BINARY), folder.path(), &data, &upstream, &more);
    node.await_serving();
    node.await_that("the first write arrives", || node.get("/api/facts?predicate=at").json()[0].is_object());
    let (at_primary, at_node) = (Watch::default(), Watch::default());
    let (is_over, written) = (AtomicBool::new(false), AtomicU64::new(1));
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS / 2 {
            scope.spawn(|| at_primary.hammer(primary.address()));
            scope.spawn(|| at_node.hammer(node.address()));
        }
        scope.spawn(|| {
            let mut others: Vec<Connection> =
                (0..4).map(|_| Connection::open(primary.address()).expect("a connection")).collect();
            let mut writer = Connection::open(primary.address()).expect("a connection");
            for generation in 2.. {
                if is_over.load(Ordering::SeqCst) {
                    break;
                }
                match writer.send("POST", "/api/batch", &write(generation)) {
                    Ok(answer) if answer.status == 200 => at_primary.saw(generation),
                    other => at_primary.report(format!("a write failed: {other:?}")),
                }
                written.store(generation, Ordering::SeqCst);
                for connection in &mut others {
                    if let Err(error) = at_primary.round(connection) {
                        at_primary.report(format!("after a write: {error}"));
                    }
                }
            }
        });
        // Every policy makes a snapshot; between them the pace makes its own.
        for n in 1..=GENERATIONS {
            primary.post_policy(&policy(n));
            std::thread::sleep(Duration::from_millis(60));
        }
        is_over.store(true, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(100));
        let last = written.load(Ordering::SeqCst);
        let begun = Instant::now();
        while at_node.seen() < last && begun.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(20));
        }
        at_primary.end();
        at_node.end();
    });
    let last = written.load(Ordering::SeqCst);
    assert_eq!(at_node.seen(), last, "the node has the last write: {}", node.printed());
    assert_right(&format!("primary, {last} writes and {GENERATIONS} policies"), &at_primary);
    assert_right("its node", &at_node);
    let installed = node.metric("understudy_generation").unwrap_or(0.0);
    println!("its node: {installed} generations");
    assert!(installed > 10.0, "{installed}");
}
