//! What the native engine says to a case, as the case's `expect` has it.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use understudy_core::{
    analysis::fact_types,
    compile::{Source, compile},
    eval::{answer::Evaluator, policy_tests, solve::Solver},
    facts::plain::Plain,
    limits::WORK_UNITS_PER_REQUEST,
    model::{Fact, Request, Value},
    rules::rule::BlockMetadata,
};

use crate::{
    ask::{answer, ask, items, text},
    case::Case,
};

/// `@current_unix_time` of cases that name none.
pub const NOW_S: i64 = 1_780_000_000;

/// The answer by a given evaluator; where there is none, what stands in its place.
pub fn outcome<S: Solver>(case: &Case) -> Json {
    let compiled = compile(&[Source { name: &case.name, text: &case.policy }]);
    let Some(program) = compiled.program.as_ref() else {
        if case.ask["kind"] == "parse" {
            return json!("error");
        }
        return json!(compiled.diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>());
    };
    match text(&case.ask["kind"]).as_str() {
        "parse" => json!("ok"),
        "fact_check" => {
            let (predicate, args) = fact(case);
            let args: Result<Vec<Value>, _> = args.into_iter().map(|(ty, id)| Value::new(ty, id)).collect();
            let checked = args.map_err(|error| error.to_string()).and_then(|args| {
                let fact = Fact { predicate, args };
                fact_types::check_size(&fact)?;
                fact_types::check(program, &fact)
            });
            json!(if checked.is_ok() { "ok" } else { "error" })
        }
        "metadata" => metadata(&program.metadata),
        "policy_tests" => {
            let report = policy_tests::run_plainly::<S>(&compiled, case.now_s.unwrap_or(NOW_S), 0);
            json!({"passed": report.passed(), "total": report.total()})
        }
        _ => {
            let Some(request) = request(case) else { return json!("unknown kind") };
            let mut evaluator = Evaluator::new(program, Plain::new(case.facts.clone()), 0);
            evaluator.ask_by::<S>(&request).map_or_else(|error| json!({"error": error.kind()}), |found| answer(&found))
        }
    }
}

/// A case's question with all that belongs to it; `None` for kinds that ask about the policy alone.
pub fn request(case: &Case) -> Option<Request> {
    let (ask, context_facts) = (ask(&case.ask)?, case.context_facts.clone());
    Some(Request { ask, context_facts, now_s: case.now_s.unwrap_or(NOW_S), budget: WORK_UNITS_PER_REQUEST })
}

/// Predicate and texts of the fact that a case of kind `fact_check` asks about.
pub fn fact(case: &Case) -> (String, Vec<(String, String)>) {
    let Json::Object(fact) = &case.ask["fact"] else { return Default::default() };
    let args = items(&fact["args"]).iter().map(|arg| (text(&arg["type"]), text(&arg["id"])));
    (text(&fact["predicate"]), args.collect())
}

/// Blocks as a case of kind `metadata` expects them.
pub fn metadata(blocks: &[(String, BlockMetadata)]) -> Json {
    let block = |(name, own): &(String, BlockMetadata)| {
        let relations: BTreeMap<_, _> = own.relations.iter().cloned().collect();
        (name.clone(), json!({"roles": own.roles, "permissions": own.permissions, "relations": relations}))
    };
    json!({"resources": blocks.iter().map(block).collect::<BTreeMap<_, _>>()})
}
