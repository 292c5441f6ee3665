//! Generations that can be told apart by what they answer, and seeds that a failure can be repeated with.

use serde_json::Value as Json;

use crate::{
    feed::Feed,
    process::Process,
    recipe::{Recipe, fact},
    watch::POLICY,
};

/// One generation: `at(Gen:n)`, and ballast that makes its download take a while.
pub fn snapshot(generation: u64, n_ballast: usize) -> Recipe {
    let mut facts = vec![fact("at", &[("Gen", generation.to_string().as_str())])];
    facts.extend((0..n_ballast).map(|n| fact("ballast", &[("Gen", format!("{generation}-{n}").as_str())])));
    Recipe::new(POLICY, generation, facts)
}

/// Offers that generation on a feed.
pub fn offer(feed: &Feed, generation: u64, n_ballast: usize) {
    let recipe = snapshot(generation, n_ballast);
    feed.offer(&recipe.said(), &recipe.bytes());
}

/// The generation that answers; `None`: it doesn't serve, or is gone.
pub fn generation(process: &Process) -> Option<u64> {
    let answer = process.try_send("GET", "/api/facts?predicate=at", &Json::Null).ok()?;
    answer.json()[0]["args"][0]["id"].as_str()?.parse().ok()
}

/// Another one each time, or that of the variable `SEED`.
pub fn seed() -> u64 {
    let given = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    given.unwrap_or(u64::from(std::process::id()))
}
