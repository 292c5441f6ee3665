//! What hostile clients cost a good one: its times alone, and beside each kind of them.
//!
//! `cargo bench -p understudy --bench hostile [-- SECONDS]` (10 unless told, for each kind). Clients run on the same machine as
//! the node, so that what they take of the processor is in the figures too: the line "busy machine" shows that part alone.

use std::{
    path::Path,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use understudy_tests::{
    hostile::{self, Good, POLICY, facts, flood, greedy, memory_mib, raise_descriptors, slow, throw},
    process::Process,
    random::Random,
};

const BINARY: &str = env!("CARGO_BIN_EXE_understudy");
/// Hostile requests in all, if time allows; connections of the flood.
const REQUESTS: usize = 10_000;
const CONNECTIONS: usize = 10_000;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let length = Duration::from_secs(args.first().map_or(10, |seconds| seconds.parse().expect("a number of seconds")));
    raise_descriptors();
    let folder = tempfile::tempdir().expect("a folder");
    let binary = Path::new(BINARY);
    let primary = Process::primary(binary, folder.path(), &[]);
    primary.post_policy(POLICY);
    primary.write(&facts(20_000), &[]);
    let node =
        Process::node(binary, folder.path(), &folder.path().join("node"), &primary.url(), &["--sync-interval", "1s"]);
    node.await_serving();
    node.await_that("the facts arrive", || node.authorize(("User", "bo"), "read", ("Repo", "of bo")));
    let address = node.address();
    println!(
        "{:<44} {:>8} {:>9} {:>9} {:>9} {:>7} {:>6}",
        "a good client beside", "answers", "p50 us", "p99 us", "max us", "wrong", "MiB"
    );

    let alone = measure("nobody", &node, length, |_| {});
    measure("a busy machine, which asks nothing", &node, length, |is_over| {
        on_threads(2, |_| {
            while !is_over.load(Ordering::Relaxed) {
                std::hint::spin_loop()
            }
        });
    });
    let n_thrown = AtomicUsize::new(0);
    let thrown = measure("malformed requests", &node, length, |is_over| {
        on_threads(2, |thread| {
            let mut random = Random::new(thread as u64 + 1);
            while !is_over.load(Ordering::Relaxed) && n_thrown.fetch_add(1, Ordering::Relaxed) < REQUESTS {
                throw(address, &hostile::request(&mut random).0);
            }
        });
    });
    // The rest of them, if the time was too short.
    let begun = Instant::now();
    let mut random = Random::new(99);
    while n_thrown.fetch_add(1, Ordering::Relaxed) < REQUESTS && begun.elapsed() < Duration::from_secs(300) {
        throw(address, &hostile::request(&mut random).0);
    }
    let slowed = measure("1,000 slow bodies", &node, length, |is_over| {
        let all: Vec<_> = (0..1_000).filter_map(|_| slow(address).ok()).collect();
        wait(is_over);
        drop(all);
    });
    let flooded = measure("a flood of 10,000 connections", &node, length, |is_over| {
        let all = flood(address, CONNECTIONS);
        println!("  {} connections were taken, {:?} MiB now and at most", all.len(), memory_mib(&node));
        wait(is_over);
    });
    let counts = [AtomicUsize::new(0), AtomicUsize::new(0)];
    let pressed = measure("8 clients that ask for what is dearest", &node, length, |is_over| {
        on_threads(8, |thread| {
            let (answers, refusals) = greedy(address, thread as u64, is_over);
            counts[0].fetch_add(answers, Ordering::Relaxed);
            counts[1].fetch_add(refusals, Ordering::Relaxed);
        });
    });
    let [answers, refusals] = counts.map(AtomicUsize::into_inner);
    println!("  they got {answers} answers and {refusals} refusals");
    let again = measure("nobody, again", &node, length, |_| {});
    for (name, good) in
        [("malformed", thrown), ("slow", slowed), ("flood", flooded), ("dear", pressed), ("again", again)]
    {
        let ratio = good.permille(990).as_secs_f64() / alone.permille(990).as_secs_f64();
        println!("p99 beside {name:<10} {ratio:>6.2} x alone");
    }
    println!("{} hostile requests, {:?} MiB now and at most", n_thrown.into_inner().min(REQUESTS), memory_mib(&node));
    assert!(node.authorize(("User", "bo"), "read", ("Repo", "of bo")));
}

fn measure(name: &str, node: &Process, length: Duration, attack: impl Fn(&AtomicBool) + Sync) -> Good {
    let is_over = AtomicBool::new(false);
    let good = std::thread::scope(|scope| {
        let attack = scope.spawn(|| attack(&is_over));
        // It has begun by then.
        std::thread::sleep(Duration::from_millis(300));
        let good = scope.spawn(|| Good::ask(node.address(), &is_over, usize::MAX));
        std::thread::sleep(length);
        is_over.store(true, Ordering::Relaxed);
        let good = good.join().expect("no panic");
        attack.join().expect("no panic");
        good
    });
    let us = |time: Duration| time.as_micros();
    let (p50, p99, most) = (us(good.permille(500)), us(good.permille(990)), us(good.permille(1_000)));
    let (n_answers, n_wrong, mib) = (good.times.len(), good.wrong.len(), memory_mib(node).0);
    println!("{name:<44} {n_answers:>8} {p50:>9} {p99:>9} {most:>9} {n_wrong:>7} {mib:>6}");
    good
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
