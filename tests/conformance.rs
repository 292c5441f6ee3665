//! Every case of `tests/cases`, natively. `cases/failing.txt` lists those that don't pass yet, each with its reason; a
//! listed case that passes is a failure too, so that the list only shrinks.

use std::{collections::BTreeMap, path::Path};

use serde_json::{Value as Json, json};
use understudy_core::{
    analysis::fact_types,
    compile::{Source, compile},
    eval::{answer::Evaluator, policy_tests},
    facts::plain::Plain,
    limits::WORK_UNITS_PER_REQUEST,
    model::{Answer, Ask, Constraint, Fact, Pattern, Request, Row, Value},
};
use understudy_tests::case::{Case, all};

fn text(json: &Json) -> String {
    json.as_str().unwrap_or_default().to_owned()
}

fn value(json: &Json) -> Value {
    Value::new(text(&json["type"]), text(&json["id"])).expect("a case asks about values")
}

fn pattern(json: &Json) -> Pattern {
    match (json["type"].as_str(), json["id"].as_str()) {
        (None, _) => Pattern::Any,
        (Some(type_name), None) => Pattern::Type(type_name.to_owned()),
        (Some(_), Some(_)) => Pattern::Exact(value(json)),
    }
}

fn items(json: &Json) -> &[Json] {
    json.as_array().map_or(&[], Vec::as_slice)
}

fn call(json: &Json) -> (String, Vec<String>) {
    (text(&json[0]), items(&json[1]).iter().map(text).collect())
}

fn ask(json: &Json) -> Ask {
    match text(&json["kind"]).as_str() {
        "authorize" => Ask::Authorize {
            actor: value(&json["actor"]),
            action: text(&json["action"]),
            resource: value(&json["resource"]),
        },
        "list" => Ask::List {
            actor: value(&json["actor"]),
            action: text(&json["action"]),
            resource_type: text(&json["resource_type"]),
        },
        "actions" => Ask::Actions { actor: value(&json["actor"]), resource: value(&json["resource"]) },
        "query" => {
            Ask::Query { predicate: text(&json["predicate"]), args: items(&json["args"]).iter().map(pattern).collect() }
        }
        _ => Ask::Evaluate {
            calls: std::iter::once(&json["predicate"]).chain(items(&json["calls"])).map(call).collect(),
            constraints: json["constraints"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, constraint)| {
                    let ids = constraint["ids"].as_array().map(|ids| ids.iter().map(text).collect());
                    (name.clone(), Constraint { type_name: text(&constraint["type"]), ids })
                })
                .collect(),
        },
    }
}

fn row(row: &Row) -> Json {
    match row {
        Row::Any => json!({"type": null, "id": null}),
        Row::AnyOf(type_name) => json!({"type": type_name, "id": null}),
        Row::Exact(value) => json!({"type": value.type_name(), "id": value.id()}),
    }
}

fn answer(answer: &Answer) -> Json {
    match answer {
        Answer::Decision(allowed) => json!(allowed),
        Answer::Ids(ids) => json!(ids),
        Answer::Facts(facts) => facts.iter().map(|args| args.iter().map(row).collect::<Json>()).collect(),
        Answer::Bindings { variables, rows } => rows
            .iter()
            .map(|ids| variables.iter().cloned().zip(ids.iter().map(|id| json!(id))).collect::<Json>())
            .collect(),
    }
}

/// Arrays are compared as sets.
fn sorted(json: Json) -> Json {
    let Json::Array(mut elements) = json else { return json };
    elements.sort_by_key(Json::to_string);
    Json::Array(elements)
}

fn run(case: &Case) -> Json {
    let compiled = compile(&[Source { name: &case.name, text: &case.policy }]);
    let Some(program) = compiled.program else {
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
                fact_types::check(&program, &fact)
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
            let report = policy_tests::run(&program, &compiled.policy, now_s, 0);
            json!({"passed": report.passed(), "total": report.total()})
        }
        _ => {
            let mut evaluator = Evaluator::new(&program, Plain::new(case.facts.clone()), 0);
            let context_facts = case.context_facts.clone();
            let request = Request { ask: ask(&case.ask), context_facts, now_s, budget: WORK_UNITS_PER_REQUEST };
            evaluator.ask(&request).map_or_else(|error| json!({"error": error.kind()}), |found| answer(&found))
        }
    }
}

#[test]
fn every_case_passes_or_is_listed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("cases");
    let listed = std::fs::read_to_string(folder.join("failing.txt")).unwrap_or_default();
    let listed: BTreeMap<&str, &str> =
        listed.lines().filter(|l| !l.starts_with('#')).filter_map(|l| l.split_once(": ")).collect();
    let cases = all(&folder);
    let (mut n_passed, mut wrong) = (0, Vec::new());
    for case in &cases {
        let (got, expected) = (sorted(run(case)), sorted(case.expect.clone()));
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
