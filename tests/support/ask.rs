//! Questions and answers of cases: JSON ↔ model.

use serde_json::{Value as Json, json};
use understudy_core::model::{Answer, Ask, Constraint, Pattern, Row, Value};

/// A JSON string's text; empty for anything else.
pub fn text(json: &Json) -> String {
    json.as_str().unwrap_or_default().to_owned()
}

/// A concrete value.
pub fn value(json: &Json) -> Value {
    Value::new(text(&json["type"]), text(&json["id"])).expect("a case asks about values")
}

fn pattern(json: &Json) -> Pattern {
    match (json["type"].as_str(), json["id"].as_str()) {
        (None, _) => Pattern::Any,
        (Some(type_name), None) => Pattern::Type(type_name.to_owned()),
        (Some(_), Some(_)) => Pattern::Exact(value(json)),
    }
}

/// A JSON array's elements; none for anything else.
pub fn items(json: &Json) -> &[Json] {
    json.as_array().map_or(&[], Vec::as_slice)
}

fn call(json: &Json) -> (String, Vec<String>) {
    (text(&json[0]), items(&json[1]).iter().map(text).collect())
}

/// The question of a case's `ask`; `None` for kinds that ask about the policy alone.
pub fn ask(json: &Json) -> Option<Ask> {
    Some(match json["kind"].as_str().unwrap_or_default() {
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
        "evaluate" | "evaluate_query" => Ask::Evaluate {
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
        _ => return None,
    })
}

fn row(row: &Row) -> Json {
    match row {
        Row::Any => json!({"type": null, "id": null}),
        Row::AnyOf(type_name) => json!({"type": type_name, "id": null}),
        Row::Exact(value) => json!({"type": value.type_name(), "id": value.id()}),
    }
}

/// The answer as a case's `expect` has it.
pub fn answer(answer: &Answer) -> Json {
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
pub fn sorted(json: Json) -> Json {
    let Json::Array(mut elements) = json else { return json };
    elements.sort_by_key(Json::to_string);
    Json::Array(elements)
}
