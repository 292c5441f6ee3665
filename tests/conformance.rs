//! Every case of `tests/cases`, natively, by the search and by the oracle. `cases/failing.txt` lists those that don't pass yet, each with its reason; a
//! listed case that passes is a failure too, so that the list only shrinks.

use std::{collections::BTreeMap, path::Path};

use serde_json::{Value as Json, json};
use understudy_core::{
    analysis::fact_types,
    compile::{Source, compile},
    eval::{answer::Evaluator, naive::Naive, policy_tests, search::Search, solve::Solver},
    facts::plain::Plain,
    limits::WORK_UNITS_PER_REQUEST,
    model::{Fact, Request, Value},
};
use understudy_tests::{
    ask::{answer, ask, items, sorted, text},
    case::{Case, all},
};

fn run<S: Solver>(case: &Case) -> Json {
    let compiled = compile(&[Source { name: &case.name, text: &case.policy }]);
    let Some(program) = compiled.program.as_ref() else {
        if case.ask["kind"] == "parse" {
            return json!("error");
        }
        return json!(compiled.diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>());
    };
    let now_s = case.now_s.unwrap_or(1_780_000_000);
    match text(&case.ask["kind"]).as_str() {
        "parse" => json!("ok"),
        "fact_check" => {
            let fact = &case.ask["fact"];
            let args: Result<Vec<Value>, _> =
                items(&fact["args"]).iter().map(|v| Value::new(text(&v["type"]), text(&v["id"]))).collect();
            let checked = args.map_err(|error| error.to_string()).and_then(|args| {
                let fact = Fact { predicate: text(&fact["predicate"]), args };
                fact_types::check_size(&fact)?;
                fact_types::check(program, &fact)
            });
            json!(if checked.is_ok() { "ok" } else { "error" })
        }
        "metadata" => {
            let blocks: BTreeMap<_, _> = program
                .metadata
                .iter()
                .map(|(name, own)| {
                    let relations: BTreeMap<_, _> = own.relations.iter().cloned().collect();
                    let block = json!({"roles": own.roles, "permissions": own.permissions, "relations": relations});
                    (name.clone(), block)
                })
                .collect();
            json!({"resources": blocks})
        }
        "policy_tests" => {
            let report = policy_tests::run_plainly::<S>(&compiled, now_s, 0);
            json!({"passed": report.passed(), "total": report.total()})
        }
        _ => {
            let mut evaluator = Evaluator::new(program, Plain::new(case.facts.clone()), 0);
            let context_facts = case.context_facts.clone();
            let Some(ask) = ask(&case.ask) else { return json!("unknown kind") };
            let request = Request { ask, context_facts, now_s, budget: WORK_UNITS_PER_REQUEST };
            evaluator.ask_by::<S>(&request).map_or_else(|error| json!({"error": error.kind()}), |found| answer(&found))
        }
    }
}

#[test]
fn every_case_passes_by_search_or_is_listed() {
    every_case::<Search>("failing.txt");
}

#[test]
fn every_case_passes_by_the_oracle() {
    every_case::<Naive>("failing_by_oracle.txt");
}

fn every_case<S: Solver>(list: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let listed = std::fs::read_to_string(folder.join(list)).unwrap_or_default();
    let listed: BTreeMap<&str, &str> =
        listed.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split_once(": ")).collect();
    let cases = all(&folder);
    let (mut n_passed, mut wrong) = (0, Vec::new());
    for case in &cases {
        let (got, expected) = (sorted(run::<S>(case)), sorted(case.expect.clone()));
        n_passed += usize::from(got == expected);
        match (got == expected, listed.contains_key(case.name.as_str())) {
            (false, false) => wrong.push(format!("{}: expected {expected}, got {got}", case.name)),
            (true, true) => wrong.push(format!("{} passes: take it off the list", case.name)),
            _ => {}
        }
    }
    println!("{n_passed} passed, {} failed", cases.len() - n_passed);
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
