//! The oracle against the search on small random worlds. A failing world is made small and printed as a case.
//!
//! `UNDERSTUDY_WORLDS=N` runs N worlds, `UNDERSTUDY_SEED=S` begins at world S.

use serde_json::{Value as Json, json};
use understudy_core::{
    compile::{Source, compile},
    eval::{answer::Evaluator, naive::Naive, search::Search},
    facts::plain::Plain,
    limits::WORK_UNITS_PER_REQUEST,
    model::{AskError, Request},
};
use understudy_tests::{
    ask::{answer, ask},
    case::of_text,
    world::World,
};

const N_WORLDS: u64 = 6_000;

/// What the oracle and the search say; `None` where the policy doesn't compile.
fn answers(world: &World) -> Option<(Json, Json)> {
    let case = of_text(String::new(), &world.case(&Json::Null));
    let program = compile(&[Source { name: "world", text: &case.policy }]).program?;
    let mut evaluator = Evaluator::new(&program, Plain::new(case.facts), 0);
    let request = Request {
        ask: ask(&case.ask).expect("a world asks for rows"),
        context_facts: case.context_facts,
        now_s: World::now_s(),
        budget: WORK_UNITS_PER_REQUEST,
    };
    let oracle = evaluator.ask_by::<Naive>(&request);
    let search = evaluator.ask_by::<Search>(&request);
    // Which of several errors is told may differ; that there is one may not.
    let json = |found: Result<_, AskError>| found.map_or_else(|_| json!("error"), |found| answer(&found));
    Some((json(oracle), json(search)))
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number of worlds or a seed"))
}

#[test]
fn search_equals_the_oracle() {
    let (first, n_worlds) = (number("UNDERSTUDY_SEED", 0), number("UNDERSTUDY_WORLDS", N_WORLDS));
    let (mut n_errors, mut n_empty, mut n_told, mut n_wildcards) = (0, 0, 0, 0);
    for seed in first..first + n_worlds {
        let world = World::new(seed);
        let Some((oracle, search)) = answers(&world) else { continue };
        if oracle != search {
            let small = world.shrunk(|world| answers(world).is_some_and(|(oracle, search)| oracle != search));
            let (oracle, search) = answers(&small).expect("it compiles");
            panic!("world {seed}: the search says {search}\n{}", small.case(&oracle));
        }
        match &oracle {
            Json::String(_) => n_errors += 1,
            Json::Bool(true) => n_told += 1,
            Json::Array(rows) if !rows.is_empty() => {
                n_told += 1;
                n_wildcards += u64::from(oracle.to_string().contains("null") || oracle.to_string().contains('*'));
            }
            _ => n_empty += 1,
        }
    }
    println!("{n_told} answers ({n_wildcards} with wildcards), {n_empty} empty or denied, {n_errors} errors");
    // The generator must keep reaching everything: errors, answers and denials in numbers.
    let least = n_worlds / 50;
    assert!(n_errors > least && n_told > least && n_empty > least && n_wildcards > least / 10);
}
