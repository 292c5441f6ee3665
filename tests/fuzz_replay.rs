//! Every kept input of the fuzzers, as an ordinary test: no panic, and none of them slow. `tests/fuzz/README.md` says how
//! inputs are found.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde_json::json;
use understudy_core::{
    engine::{Engine, Options},
    limits::WORK_UNITS_PER_REQUEST,
    raw::{Call, dispatch, request::encode},
};
use understudy_tests::{
    case::{Case, all},
    native,
};

#[path = "fuzz/targets.rs"]
mod targets;

/// A single input of a few KB takes milliseconds; the fuzzers call it a finding at a few seconds.
const INPUT_TIME_MAX: Duration = Duration::from_secs(5);

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

#[test]
fn every_kept_input_passes() {
    for (name, target) in targets::TARGETS {
        let (start, mut n_inputs) = (Instant::now(), 0);
        for entry in fs::read_dir(corpus().join(name)).expect("every target has inputs") {
            let path = entry.expect("inputs can be listed").path();
            let bytes = fs::read(&path).expect("an input can be read");
            println!("{name} {}", path.display());
            let one = Instant::now();
            target(&bytes);
            assert!(one.elapsed() < INPUT_TIME_MAX, "{} takes {:?}", path.display(), one.elapsed());
            n_inputs += 1;
        }
        assert!(n_inputs > 0, "{name} has no inputs");
        println!("{name}: {n_inputs} inputs in {:?}", start.elapsed());
    }
}

/// Writes seeds made of the cases to `UNDERSTUDY_SEEDS`, one folder a target; `-merge=1` keeps what adds coverage.
#[test]
#[ignore = "makes inputs for the fuzzers"]
fn seeds() {
    let folder = PathBuf::from(std::env::var_os("UNDERSTUDY_SEEDS").expect("UNDERSTUDY_SEEDS names a folder"));
    let save = |target: &str, name: &str, bytes: &[u8]| {
        let folder = folder.join(target);
        fs::create_dir_all(&folder).and_then(|()| fs::write(folder.join(name), bytes)).expect("seeds can be written");
    };
    for case in all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")) {
        for target in ["lexer", "parser", "checker"] {
            save(target, &case.name, case.policy.as_bytes());
        }
        let snapshot = std::panic::catch_unwind(|| targets::snapshot_of(&case.policy, case.facts.clone())).ok();
        if let Some(snapshot) = &snapshot {
            save("snapshot", &case.name, snapshot);
        }
        let mut engine =
            snapshot.as_ref().map(|bytes| Engine::open(bytes, Options::seeded(1)).expect("what was written opens"));
        for (kind, call) in calls(&case) {
            let (mut bytes, mut reply) = (Vec::new(), Vec::new());
            encode(&call, &mut bytes);
            dispatch::call(engine.as_mut(), &bytes, &mut reply);
            save("raw", &format!("{}_{kind}", case.name), &bytes);
            save("raw", &format!("{}_{kind}_reply", case.name), &reply);
        }
        let mut wire = case.ask.clone();
        let kind = match case.ask["kind"].as_str() {
            Some("authorize") => 'a',
            Some("list") => 'l',
            Some("actions") => 'c',
            Some("query") => 'q',
            Some("evaluate") => 'e',
            _ => continue,
        };
        let (actor, resource) = (&case.ask["actor"], &case.ask["resource"]);
        if kind == 'q' {
            wire = json!({"fact": case.ask});
        } else if kind != 'e' {
            let resource_type = if kind == 'l' { &case.ask["resource_type"] } else { &resource["type"] };
            wire = json!({"actor_type": actor["type"], "actor_id": actor["id"], "action": case.ask["action"],
                "resource_type": resource_type, "resource_id": resource["id"]});
        }
        let facts = case.context_facts.iter().map(|fact| {
            let args = fact.args.iter().map(|arg| json!({"type": arg.type_name(), "id": arg.id()}));
            json!({"predicate": fact.predicate, "args": args.collect::<Vec<_>>()})
        });
        wire["context_facts"] = facts.collect();
        save("wire", &case.name, format!("{kind}{wire}").as_bytes());
    }
}

/// What can be asked of a case's policy and facts.
fn calls(case: &Case) -> Vec<(&'static str, Call)> {
    let sources = vec![(String::new(), case.policy.clone())];
    let test = Call::Test { sources: sources.clone(), now_s: 5, budget: WORK_UNITS_PER_REQUEST, seed: 1 };
    let (predicate, args) = native::fact(case);
    let mut calls =
        vec![("check", Call::Check { sources }), ("test", test), ("check_fact", Call::CheckFact { predicate, args })];
    if let Some(request) = native::request(case) {
        calls.extend([
            ("ask", Call::Ask(request.clone())),
            ("explain", Call::Explain(request.clone())),
            ("summarize", Call::Summarize(request)),
        ]);
    }
    calls
}
