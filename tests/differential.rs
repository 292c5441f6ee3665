//! Small random worlds: the search against the oracle by terms and the ground model, later writes against a new snapshot,
//! one order against another, lists against checks. A failing world is made small and printed as a case.
//!
//! Ordinarily a few seconds from a fresh seed. A long run:
//! `UNDERSTUDY_WORLDS=N UNDERSTUDY_SEED=S cargo test --release -p understudy-tests --test differential -- --nocapture`
//! runs worlds S to S + N - 1.

use std::time::{Instant, SystemTime};

use understudy_core::{
    engine::{Engine, Options},
    limits::WORK_UNITS_PER_REQUEST,
    model::{Answer, Ask, Change, Fact, Pattern, Request, Row, Value},
    snapshot::{Contents, Manifest, PolicyText, write},
};
use understudy_tests::{
    checks::{Counts, failure},
    generate,
    random::Random,
    traps,
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

const CHAIN: &str = r#"
    step(x, y) if next(x, y) and not closed(x);
    one(x, y) if step(x, y);
    one(x, z) if step(x, y) and one(y, z);
    left(x, y) if step(x, y);
    left(x, z) if left(x, y) and step(y, z);
    both(x, y) if step(x, y);
    both(x, z) if both(x, y) and both(y, z);
    stuck(x) if next(x, _) and not left(x, x);
"#;

/// Nodes 0 to `length`, each leading to the next, the last to the first if it is a circle; the closed lead nowhere. What
/// follows from `start` is known without an engine.
#[test]
fn long_chains_and_circles_over_every_layer() {
    let random = &mut Random::new(number("UNDERSTUDY_SEED").unwrap_or_else(fresh_seed));
    let node = |n: usize| Value::new("N", n.to_string()).expect("a value");
    for length in [1, 2, 3, 8, 31, 64, 100, 128, 255, 256, 257, 511, 512] {
        for is_circle in [false, true] {
            let n_nodes = length + usize::from(!is_circle);
            let next = |n| Fact { predicate: "next".into(), args: vec![node(n), node((n + 1) % n_nodes)] };
            let closed = random.chance(60).then(|| random.below(n_nodes));
            let mut layers: [Vec<Fact>; 3] = Default::default();
            for fact in (0..length).map(next) {
                layers[random.below(3)].push(fact);
            }
            layers[1 + random.below(2)]
                .extend(closed.map(|n| Fact { predicate: "closed".into(), args: vec![node(n)] }));
            let [base, later, context_facts] = layers;
            let policy = Some(PolicyText { file: None, text: CHAIN.to_owned() });
            let bytes =
                write(&Contents { manifest: Manifest::default(), policy, keys: None }, base).expect("a snapshot");
            let mut engine = Engine::open(&bytes, Options::seeded(1)).expect("it opens");
            let later: Vec<Change> = later.into_iter().map(Change::Insert).collect();
            engine.apply(&later, 1);
            let start = random.below(n_nodes);
            let mut reached = std::collections::BTreeSet::new();
            let mut at = start;
            while Some(at) != closed && (is_circle || at < length) {
                at = (at + 1) % n_nodes;
                if !reached.insert(at) {
                    break;
                }
            }
            let mut rows = |predicate: &str, args: Vec<Pattern>| {
                let ask = Ask::Query { predicate: predicate.into(), args };
                let context_facts = context_facts.clone();
                let request = Request { ask, context_facts, now_s: 0, budget: WORK_UNITS_PER_REQUEST };
                match engine.ask(&request).expect("an answer") {
                    Answer::Facts(rows) => rows,
                    other => panic!("{other:?}"),
                }
            };
            let told = format!("length {length}, circle {is_circle}, closed {closed:?}, from {start}");
            // Double recursion has as many answers as pairs.
            for predicate in ["one", "left", "both"].into_iter().take(if length <= 64 { 3 } else { 2 }) {
                let found = rows(predicate, vec![Pattern::Exact(node(start)), Pattern::Any]);
                let ends = found.iter().map(|row| match &row[1] {
                    Row::Exact(value) => value.id().parse::<usize>().expect("a node"),
                    other => panic!("{told}: {predicate} {other:?}"),
                });
                assert_eq!(ends.collect::<std::collections::BTreeSet<_>>(), reached, "{told}: {predicate}");
            }
            let is_stuck = start < length && !reached.contains(&start);
            let stuck = rows("stuck", vec![Pattern::Exact(node(start))]);
            assert_eq!(!stuck.is_empty(), is_stuck, "{told}: stuck");
        }
    }
}
