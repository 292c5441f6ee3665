//! Small random worlds: the search against the oracle by terms and the ground model, later writes against a new snapshot,
//! one order against another, lists against checks. A failing world is made small and printed as a case.
//!
//! Ordinarily a few seconds from a fresh seed. A long run:
//! `UNDERSTUDY_WORLDS=N UNDERSTUDY_SEED=S cargo test --release -p understudy-tests --test differential -- --nocapture`
//! runs worlds S to S + N - 1.

use std::time::{Instant, SystemTime};

use understudy_tests::{
    checks::{Counts, failure},
    generate, traps,
    world::World,
};

const N_WORLDS: u64 = 1_000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number of worlds or a seed"))
}

/// Another one every time.
fn fresh_seed() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970");
    since.as_millis() as u64 * 1_000
}

/// The check that fails, without what it says of the values.
fn check_of(message: &str) -> &str {
    message.split(':').next().unwrap_or_default()
}

#[test]
fn whatever_is_asked_of_a_world_every_way_says_the_same() {
    let first = number("UNDERSTUDY_SEED").unwrap_or_else(fresh_seed);
    let n_worlds = number("UNDERSTUDY_WORLDS").unwrap_or(N_WORLDS);
    println!("UNDERSTUDY_SEED={first} UNDERSTUDY_WORLDS={n_worlds}");
    let begun = Instant::now();
    let mut counts = Counts::default();
    let mut n_trapped = [0u64; traps::NAMES.len()];
    for seed in first..first + n_worlds {
        let world = generate::world(seed);
        if let Some(message) = failure(&world, &mut counts) {
            let fails = |world: &World| {
                failure(world, &mut Counts::default()).is_some_and(|m| check_of(&m) == check_of(&message))
            };
            let small = world.shrunk(fails);
            let told = failure(&small, &mut Counts::default()).unwrap_or_default();
            panic!("world {seed}: {message}\nmade small: {told}\n{}", small.case(&serde_json::json!("?")));
        }
        for (n, is_there) in n_trapped.iter_mut().zip(traps::of(&world)) {
            *n += u64::from(is_there);
        }
        if (seed - first + 1).is_multiple_of(50_000) {
            println!("{} worlds, {:.0} s", seed - first + 1, begun.elapsed().as_secs_f64());
        }
    }
    println!("worlds {first} to {}, {:.1} s: {counts:?}", first + n_worlds - 1, begun.elapsed().as_secs_f64());
    for (n, name) in n_trapped.iter().zip(traps::NAMES) {
        println!("{n:>9}  {name}");
    }
    if n_worlds < N_WORLDS {
        return;
    }
    // The generator must keep reaching everything.
    let n_errors: u64 = counts.errors.values().sum();
    let least = n_worlds / 100;
    assert!(n_errors > least && counts.n_told > least && counts.n_empty > least && counts.n_wildcards > least / 10);
    assert!(counts.n_grounded > n_worlds / 2 && counts.n_added > least && counts.n_wildcard_lists > least);
    assert!(n_trapped.iter().all(|n| *n > 0), "a trap is not reached");
}
