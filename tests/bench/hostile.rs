//! What hostile clients cost a good one: its times alone and beside each kind of them, by turns, so that whatever else the
//! machine does falls on both.
//!
//! `cargo bench -p understudy --bench hostile [-- ROUNDS]` (5 unless told); `UNDERSTUDY_BINARY` names another build to compare
//! with. Hostile clients run on the same machine as the node,
//! where they would have their own: so they yield its processors to everybody else, and the first line shows what is left
//! of that in the figures.

use std::{
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::Value as Json;
use understudy_tests::{
    attacks::{
        ask_and_leave, bodiless, burdened_probe, large_questions, many_dear, many_rows, many_times_many, one_byte,
        untaken, waiting,
    },
    hostile::{
        Good, POLICY, facts, flood, forget_peak, greedy, memory_mib, raise_descriptors, slow, stranger, throw_seeded,
    },
    process::{ENVIRONMENT, KEY, Process},
};

const BINARY: &str = env!("CARGO_BIN_EXE_understudy");
/// Hostile requests in all; connections of the flood.
const REQUESTS: usize = 10_000;
const CONNECTIONS: usize = 10_000;
/// How long the good client asks in one turn.
const TURN: Duration = Duration::from_secs(2);

/// A key that may only read: the attackers' where they have one.
const READER: &str = "e_0123456789_2_reader";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let n_rounds = args.first().map_or(5, |rounds| rounds.parse().expect("a number of rounds"));
    raise_descriptors();
    let folder = tempfile::tempdir().expect("a folder");
    let other = std::env::var("UNDERSTUDY_BINARY").ok();
    let binary = Path::new(other.as_deref().unwrap_or(BINARY));
    let reader = format!("{READER}:read");
    let primary = Process::primary(binary, folder.path(), &["--key", KEY, "--key", &reader]);
    primary.post_policy(POLICY);
    primary.write(&facts(20_000), &[]);
    let interval = ["--sync-interval", "1s"];
    let node = Process::node(binary, folder.path(), &folder.path().join("node"), &primary.url(), &interval);
    node.await_serving();
    node.await_that("the facts arrive", || node.authorize(("User", "bo"), "read", ("Repo", "of bo")));
    let address = node.address();
    println!("{n_rounds} rounds of {TURN:?} alone and beside; microseconds");
    println!(
        "{:<32}{:>9}{:>9}{:>9}{:>10}{:>10}{:>8}{:>7}{:>8}{:>6}",
        "beside", "answers", "p50", "alone", "p99", "alone", "ratio", "wrong", "% right", "+MiB"
    );
    let (idle_mib, _) = memory_mib(&node);
    let compare_on = |server: &Process, name: &str, attack: &(dyn Fn(&AtomicBool) + Sync)| {
        let (mut alone, mut beside) = (Good::default(), Good::default());
        forget_peak(server);
        let (idle_mib, _) = if server.id() == node.id() { (idle_mib, 0) } else { memory_mib(server) };
        for _ in 0..n_rounds {
            alone.add(turn(server, &|_| {}));
            beside.add(turn(server, attack));
        }
        let us = |good: &Good, permille| good.permille(permille).as_micros();
        println!(
            "{name:<32}{:>9}{:>9}{:>9}{:>10}{:>10}{:>8.2}{:>7}{:>8.1}{:>6}",
            beside.times.len(),
            us(&beside, 500),
            us(&alone, 500),
            us(&beside, 990),
            us(&alone, 990),
            beside.permille(990).as_secs_f64() / alone.permille(990).as_secs_f64(),
            beside.wrong.len() + alone.wrong.len(),
            100.0 * beside.times.len() as f64 / (beside.times.len() + beside.wrong.len()).max(1) as f64,
            memory_mib(server).1.saturating_sub(idle_mib),
        );
        beside.wrong.iter().chain(&alone.wrong).take(3).for_each(|wrong| println!("  {wrong}"));
    };
    let compare = |name: &str, attack: &(dyn Fn(&AtomicBool) + Sync)| compare_on(&node, name, attack);

    compare("a machine as busy, node unasked", &|is_over| {
        on_threads(2, |_| {
            while !is_over.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
    });
    let n_thrown = AtomicUsize::new(0);
    let answered = Mutex::new(Vec::new());
    let throw = |n: usize| {
        if let Err(wrong) = throw_seeded(address, n as u64) {
            answered.lock().unwrap_or_else(PoisonError::into_inner).push(wrong);
        }
    };
    compare("malformed requests", &|is_over| {
        on_threads(4, |_| {
            while !is_over.load(Ordering::Relaxed) {
                throw(n_thrown.fetch_add(1, Ordering::Relaxed));
            }
        });
    });
    compare("1,000 slow bodies", &|is_over| {
        let all: Vec<_> = (0..1_000).filter_map(|_| slow(address).ok()).collect();
        wait(is_over);
        drop(all);
    });
    compare("large bodies without a key", &|is_over| {
        on_threads(8, |_| {
            while !is_over.load(Ordering::Relaxed) {
                let status = stranger(address);
                assert!(matches!(status, None | Some(401 | 503)), "{status:?}");
            }
        });
    });
    let n_flooded = AtomicUsize::new(0);
    compare("a flood of 10,000 connections", &|is_over| {
        let all = flood(address, CONNECTIONS);
        n_flooded.fetch_max(all.len(), Ordering::Relaxed);
        wait(is_over);
    });
    let counts = [AtomicUsize::new(0), AtomicUsize::new(0)];
    compare("8 clients with dear questions", &|is_over| {
        on_threads(8, |thread| {
            let (answers, refusals) = greedy(address, thread as u64, is_over);
            counts[0].fetch_add(answers, Ordering::Relaxed);
            counts[1].fetch_add(refusals, Ordering::Relaxed);
        });
    });
    let hold = |all: Vec<Held>, is_over: &AtomicBool| {
        wait(is_over);
        drop(all);
    };
    let of = |n: usize, one: &dyn Fn() -> std::io::Result<Held>| (0..n).filter_map(|_| one().ok()).collect::<Vec<_>>();
    compare("20,000 streams without a body", &|over| hold(of(200, &|| Ok(Box::new(bodiless(address, None)?))), over));
    compare("the same with a key", &|over| hold(of(200, &|| Ok(Box::new(bodiless(address, Some(READER))?))), over));
    compare("20 probes with 10 MiB bodies", &|over| hold(of(20, &|| Ok(Box::new(burdened_probe(address)?))), over));
    compare("1,500 connections of one byte", &|over| hold(of(1_500, &|| Ok(Box::new(one_byte(address)?))), over));
    let ask = |path: &str, body: &Json, patience: Duration, is_over: &AtomicBool| {
        while !is_over.load(Ordering::Relaxed) {
            let _ = ask_and_leave(address, READER, path, body, patience);
        }
    };
    let patience = Duration::from_secs(2);
    for (name, (path, body)) in
        ["65,000 conditions", "300,000 ids", "60,000 context facts"].into_iter().zip(large_questions())
    {
        compare(name, &|over| on_threads(4, |_| ask(path, &body, patience, over)));
    }
    compare("720,000 rows", &|over| on_threads(4, |_| ask("/api/evaluate_query", &many_rows(), patience, over)));
    let body = many_times_many(1_300);
    compare("1,300 resources x 1,300 facts", &|over| {
        on_threads(4, |_| ask("/api/authorize_resources", &body, patience, over));
    });
    let body = many_dear();
    compare("1,000 dear ones, callers leave", &|over| {
        on_threads(4, |_| ask("/api/authorize_resources", &body, Duration::from_millis(200), over));
    });
    compare("answers that nobody takes", &|over| {
        let list = serde_json::json!({"actor_type": "User", "actor_id": "ann", "action": "read", "resource_type": "Repo", "context_facts": []});
        hold(of(20, &|| Ok(Box::new(untaken(address, Some(READER), "POST", "/api/list", &list)?))), over);
    });
    compare("metrics that nobody takes", &|over| {
        hold(of(100, &|| Ok(Box::new(untaken(address, None, "GET", "/metrics", &Json::Null)?))), over);
    });
    compare_on(&primary, "2,400 polls of the feed (primary)", &|over| {
        hold(of(24, &|| Ok(Box::new(waiting(primary.address(), READER, ENVIRONMENT)?))), over);
    });
    // The rest of them, if the rounds were too short.
    let begun = Instant::now();
    on_threads(8, |_| {
        while begun.elapsed() < Duration::from_secs(600) {
            let n = n_thrown.fetch_add(1, Ordering::Relaxed);
            if n >= REQUESTS {
                break;
            }
            throw(n);
        }
    });
    let answered = answered.into_inner().unwrap_or_else(PoisonError::into_inner);
    answered.iter().take(9).for_each(|wrong| println!("  {wrong}"));
    let [answers, refusals] = counts.map(AtomicUsize::into_inner);
    println!(
        "{} hostile requests, {} of them answered as they must not be; {} connections at once; dear questions: {answers} answers, {refusals} refusals",
        n_thrown.into_inner(),
        answered.len(),
        n_flooded.into_inner()
    );
    let (now, most) = memory_mib(&node);
    println!("the node takes {now} MiB, at most {most} MiB");
    assert!(node.authorize(("User", "bo"), "read", ("Repo", "of bo")));
}

/// What an attacker holds open.
type Held = Box<dyn Send>;

/// The good client for one turn, beside `attack`, which has begun by then.
fn turn(node: &Process, attack: &(dyn Fn(&AtomicBool) + Sync)) -> Good {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let attack = scope.spawn(|| {
            yield_processors();
            attack(&is_over);
        });
        std::thread::sleep(Duration::from_millis(200));
        let good = scope.spawn(|| Good::ask(node.address(), &is_over, usize::MAX));
        std::thread::sleep(TURN);
        is_over.store(true, Ordering::Relaxed);
        let good = good.join().expect("no panic");
        attack.join().expect("no panic");
        good
    })
}

/// This thread and those it starts run when nobody else wants to.
fn yield_processors() {
    // Linux: of this thread alone. Where it is refused the figures are only worse.
    let _ = rustix::process::nice(19);
}

fn on_threads(n: usize, work: impl Fn(usize) + Sync) {
    std::thread::scope(|scope| {
        let work = &work;
        (0..n).for_each(|thread| drop(scope.spawn(move || work(thread))));
    });
}

fn wait(is_over: &AtomicBool) {
    while !is_over.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(10));
    }
}
