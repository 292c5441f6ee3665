//! The GitHub-like workload at its smallest size: policy tests, and every query against its known answer.

use std::{path::Path, process::Command};

use serde_json::Value as Json;
use understudy_core::{
    compile::{Source, compile},
    eval::{answer::Evaluator, policy_tests},
    facts::plain::Plain,
    limits::WORK_UNITS_PER_REQUEST,
    model::{Answer, Ask, Fact, Pattern, Request, Row, Value},
};

const NOW_S: i64 = 1_780_000_000;

fn text(json: &Json) -> String {
    json.as_str().unwrap_or_default().to_owned()
}

fn value(json: &Json) -> Value {
    Value::new(text(&json["type"]), text(&json["id"])).expect("the workload holds values")
}

fn lines(folder: &Path, name: &str) -> Vec<Json> {
    let file = std::fs::read_to_string(folder.join(name)).expect("the generator wrote it");
    file.lines().map(|line| serde_json::from_str(line).expect("one JSON object a line")).collect()
}

fn ask(query: &Json) -> Ask {
    let (action, resource) = (text(&query["action"]), &query["resource"]);
    match text(&query["op"]).as_str() {
        "authorize" => Ask::Authorize { actor: value(&query["actor"]), action, resource: value(resource) },
        "list" => Ask::List { actor: value(&query["actor"]), action, resource_type: text(&query["resource_type"]) },
        "actions" => Ask::Actions { actor: value(&query["actor"]), resource: value(resource) },
        _ => Ask::Query {
            predicate: "allow".to_owned(),
            args: vec![
                Pattern::Type(text(&query["actor_type"])),
                Pattern::Exact(Value::new("String", action).expect("an action is a String")),
                Pattern::Exact(value(resource)),
            ],
        },
    }
}

/// The ids of an answer, sorted; `true` and `false` of a decision.
fn ids(answer: Answer) -> Vec<String> {
    match answer {
        Answer::Decision(allowed) => vec![allowed.to_string()],
        Answer::Ids(ids) => ids,
        Answer::Facts(facts) => {
            let mut ids: Vec<String> = facts
                .into_iter()
                .map(|args| match &args[0] {
                    Row::Exact(actor) => actor.id().to_owned(),
                    Row::Any | Row::AnyOf(_) => "*".to_owned(),
                })
                .collect();
            ids.sort_unstable();
            ids
        }
        Answer::Bindings { .. } => Vec::new(),
    }
}

#[test]
fn every_query_has_its_known_answer() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let generator = Path::new(env!("CARGO_MANIFEST_DIR")).join("workload/github_workload.py");
    let generated = Command::new("python3").arg(generator).args(["--size", "XS", "--out"]).arg(folder.path()).output();
    let Ok(generated) = generated else {
        assert!(std::env::var_os("CI").is_none(), "python3 is needed");
        eprintln!("skipped: python3 is not installed");
        return;
    };
    assert!(generated.status.success(), "{}", String::from_utf8_lossy(&generated.stderr));

    let policy = std::fs::read_to_string(folder.path().join("policy.polar")).expect("the generator wrote it");
    let compiled = compile(&[Source { name: "policy.polar", text: &policy }]);
    let program = compiled.program.expect("the policy compiles");
    let report = policy_tests::run(&program, &compiled.policy, NOW_S, 0);
    assert_eq!((report.passed(), report.total()), (11, 11));

    let facts = lines(folder.path(), "facts.jsonl").into_iter().map(|fact| {
        let args = fact["args"].as_array().into_iter().flatten().map(value).collect();
        Fact { predicate: text(&fact["predicate"]), args }
    });
    let mut evaluator = Evaluator::new(&program, Plain::new(facts), 0);
    let queries = lines(folder.path(), "queries.jsonl");
    let mut wrong = Vec::new();
    for query in &queries {
        let request =
            Request { ask: ask(query), context_facts: Vec::new(), now_s: NOW_S, budget: WORK_UNITS_PER_REQUEST };
        let got = ids(evaluator.ask(&request).expect("the workload's queries have answers"));
        let right = match &query["expected"] {
            Json::Bool(allowed) => got == [allowed.to_string()],
            Json::Array(expected) => got == expected.iter().map(text).collect::<Vec<_>>(),
            _ => Some(got.len() as u64) == query["expected_count"].as_u64(),
        };
        if !right {
            wrong.push(text(&query["id"]));
        }
    }
    println!("{} passed, {} failed", queries.len() - wrong.len(), wrong.len());
    assert!(wrong.is_empty(), "wrong: {wrong:?}");
}
