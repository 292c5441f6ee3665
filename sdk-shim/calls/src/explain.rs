//! `/api/explain`: the body of another call, and what its answer rests on or lacks.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value as Json, json};
use understudy_core::model::{
    Answer, Ask, Explanation, Fact, Reasons, Row,
    explanation::{Arg, Atom, By, Condition, Outcome, Step, Way, What},
};
use understudy_wire as wire;

use crate::question;
use crate::{convert, refusal::Unreadable};

/// How much is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// The short form alone.
    #[default]
    Short,
    /// The tree too.
    Full,
}

/// What is to be explained.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The question.
    pub ask: Ask,
    /// Facts for this request only.
    pub context_facts: Vec<Fact>,
    /// How much is told.
    pub form: Form,
}

/// What tells the calls apart; their own members are read by the types of the wire.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    call: Option<String>,
    #[serde(default)]
    form: Option<String>,
    #[serde(default)]
    action: Option<IgnoredAny>,
    #[serde(default)]
    resource_id: Option<IgnoredAny>,
    #[serde(default)]
    fact: Option<IgnoredAny>,
    #[serde(default)]
    predicate: Option<IgnoredAny>,
}

/// Calls as `call` names them, and as they are told apart without it.
const CALLS: &str = "authorize, list, actions, query or evaluate_query";

/// Reads a body: that of `/api/authorize`, `list`, `actions`, `query` or `evaluate_query`, with `call` where the fields are
/// to be read as one of them, and `form`.
pub fn read(body: &[u8]) -> Result<Asked, Unreadable> {
    let head: Head = convert::body(body)?;
    let form = match head.form.as_deref() {
        None | Some("short") => Form::Short,
        Some("full") => Form::Full,
        Some(other) => return Err(not_allowed("form", other, "short or full")),
    };
    let call = match head.call.as_deref() {
        Some(call) => call,
        None if head.fact.is_some() => "query",
        None if head.predicate.is_some() => "evaluate_query",
        None => match (head.action.is_some(), head.resource_id.is_some()) {
            (true, true) => "authorize",
            (true, false) => "list",
            (false, _) => "actions",
        },
    };
    let (ask, context_facts) = match call {
        "authorize" => {
            let asked: wire::AuthorizeRequest = convert::question(body)?;
            (question::authorize(&asked)?, convert::facts(&asked.context_facts)?)
        }
        "list" => {
            let asked: wire::ListRequest = convert::question(body)?;
            (question::list(&asked)?, convert::facts(&asked.context_facts)?)
        }
        "actions" => {
            let asked: wire::ActionsRequest = convert::question(body)?;
            (question::actions(&asked)?, convert::facts(&asked.context_facts)?)
        }
        "query" => {
            let asked: wire::QueryRequest = convert::question(body)?;
            (question::query(&asked)?, convert::facts(&asked.context_facts)?)
        }
        "evaluate_query" => {
            let asked: wire::EvaluateRequest = convert::question(body)?;
            let context_facts = convert::facts(&asked.context_facts)?;
            (convert::evaluate(asked)?, context_facts)
        }
        other => return Err(not_allowed("call", other, CALLS)),
    };
    Ok(Asked { ask, context_facts, form })
}

fn not_allowed(name: &str, found: &str, allowed: &str) -> Unreadable {
    Unreadable(format!("`{name}` is `{}`: it must be {allowed}", found.escape_debug()))
}

/// Does anything hold?
pub fn holds(answer: &Answer) -> bool {
    answer.n_rows() > 0
}

/// The reply's body.
pub fn result(reasons: &Reasons, form: Form) -> wire::ExplainResult {
    wire::ExplainResult {
        allowed: holds(&reasons.explanation.answer),
        summary: reasons.lines.clone(),
        explanation: (form == Form::Full).then(|| tree(&reasons.explanation, &reasons.rules)),
    }
}

/// The long form: goals by place, what they need by the places of other goals; and the same as indented text. `rules`: their
/// texts by number.
pub fn tree(explanation: &Explanation, rules: &BTreeMap<u32, String>) -> Json {
    json!({
        "answer": answer(&explanation.answer),
        "nearest": explanation.nearest_miss(),
        "roots": explanation.roots,
        "steps": explanation.steps.iter().map(|one| step(one, rules)).collect::<Json>(),
        "cut": explanation.is_cut,
        "text": explanation.tree(rules),
    })
}

fn answer(answer: &Answer) -> Json {
    let row = |row: &Row| match row {
        Row::Any => json!({"type": null, "id": null}),
        Row::AnyOf(type_name) => json!({"type": type_name, "id": null}),
        Row::Exact(value) => json!({"type": value.type_name(), "id": value.id()}),
    };
    match answer {
        Answer::Decision(allowed) => json!(allowed),
        Answer::Ids(ids) => json!(ids),
        Answer::Facts(rows) => rows.iter().map(|args| args.iter().map(row).collect::<Json>()).collect(),
        Answer::Bindings { rows, .. } => json!(rows),
    }
}

fn step(step: &Step, rules: &BTreeMap<u32, String>) -> Json {
    let ways = step.ways.iter().map(|one| way(one, rules));
    json!({"goal": atom(&step.goal), "holds": step.holds, "ways": ways.collect::<Json>()})
}

fn atom(atom: &Atom) -> Json {
    let args = atom.args.iter().map(|arg| match arg {
        Arg::Exact { type_name, id } => json!({"type": type_name, "id": id}),
        Arg::Any { number, type_name } => json!({"type": type_name, "id": null, "number": number}),
    });
    json!({"predicate": atom.predicate, "args": args.collect::<Json>(), "text": atom.to_string()})
}

fn way(way: &Way, rules: &BTreeMap<u32, String>) -> Json {
    let (kind, place) = match &way.by {
        By::StoredFact => ("stored_fact", None),
        By::LaterFact => ("later_fact", None),
        By::ContextFact => ("context_fact", None),
        By::Question => ("question", None),
        By::Rule { line: 0, .. } => ("default_rule", None),
        By::Rule { number, file, line } => ("rule", Some((number, file, line))),
    };
    let conditions = way.conditions.iter().map(|Condition { what, outcome, step }| {
        let kind = match what {
            What::Goal(_) => "goal",
            What::Not(_) => "not",
            What::Compare(..) => "compare",
            What::In(..) => "in",
            What::Never => "never",
        };
        let outcome = match outcome {
            Outcome::Met => "met",
            Outcome::Failed => "failed",
            Outcome::Open => "open",
        };
        json!({"kind": kind, "text": what.to_string(), "outcome": outcome, "step": step})
    });
    json!({
        "by": kind,
        "file": place.map(|(_, file, _)| file),
        "line": place.map(|(_, _, line)| line),
        "rule": place.and_then(|(number, _, _)| rules.get(number)),
        "conditions": conditions.collect::<Json>(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_fields_say_which_call_it_is() {
        let actor = r#""actor_type":"User","actor_id":"ann""#;
        for (body, expected) in [
            (format!(r#"{{{actor},"action":"read","resource_type":"R","resource_id":"1"}}"#), "Authorize"),
            (format!(r#"{{{actor},"action":"read","resource_type":"R"}}"#), "List"),
            (format!(r#"{{{actor},"resource_type":"R","resource_id":"1","form":"full"}}"#), "Actions"),
            (format!(r#"{{"call":"list",{actor},"action":"read","resource_type":"R","resource_id":"1"}}"#), "List"),
            (r#"{"fact":{"predicate":"p","args":[]}}"#.to_owned(), "Query"),
            (r#"{"predicate":["p",["x"]],"constraints":{"x":{"type":"R"}}}"#.to_owned(), "Evaluate"),
        ] {
            let asked = read(body.as_bytes()).unwrap_or_else(|error| panic!("{body}: {}", error.0));
            assert!(format!("{:?}", asked.ask).starts_with(expected), "{body}: {asked:?}");
            assert_eq!(asked.form == Form::Full, body.contains("full"));
        }
        for (body, expected) in [
            (r#"{"call":"ask"}"#, "`call` is `ask`: it must be authorize, list"),
            (r#"{"form":"long"}"#, "`form` is `long`: it must be short or full"),
            ("{}", "missing field `actor_type`"),
            ("[]", "invalid type: array"),
        ] {
            let message = read(body.as_bytes()).unwrap_err().0;
            assert!(message.contains(expected), "{message}");
        }
    }
}
