//! `understudy explain`: one question with its reasons, as a tree or as JSON.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value as Json, json};
use understudy_core::model::{
    Answer, Explanation, Row,
    explanation::{Arg, Atom, By, Condition, Outcome, Step, Way, What},
};

use super::ask::{self, Data};

/// `understudy explain`.
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// ACTOR ACTION RESOURCE: `User:ann read Repository:web`. With `--list` a type stands for the resource, with `--query`
    /// these are a predicate and its arguments, as for `understudy query`.
    #[arg(required = true, value_name = "WORD")]
    words: Vec<String>,
    /// Why each resource of a type is listed.
    #[arg(long, conflicts_with = "query")]
    list: bool,
    /// With `--list`: why this id is in the list, or why not.
    #[arg(long, requires = "list", value_name = "ID")]
    id: Option<String>,
    /// Why each solution of a predicate holds.
    #[arg(long)]
    query: bool,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    data: Data,
}

/// Explains; 0 where something holds, 1 where nothing does.
pub fn run(args: &ExplainArgs) -> ExitCode {
    let ask = match (args.words.as_slice(), args.list, args.query) {
        ([predicate, patterns @ ..], _, true) => ask::query_of(predicate, patterns),
        ([actor, action, resource_type], true, _) => ask::list_of(actor, action, resource_type),
        ([actor, action, resource], false, false) => ask::authorize_of(actor, action, resource),
        _ => Err("`explain` takes an actor, an action and a resource".to_owned()),
    };
    let mut explanation = match ask::explain(&args.data, ask) {
        Ok(explanation) => explanation,
        Err(code) => return code,
    };
    if let (Some(id), [actor, action, resource_type]) = (&args.id, args.words.as_slice()) {
        explanation.roots.retain(|root| match explanation.steps[*root].goal.args.last() {
            Some(Arg::Exact { id: own, .. }) => own == id,
            Some(Arg::Any { .. }) => true,
            None => false,
        });
        if explanation.roots.iter().all(|root| !explanation.steps[*root].holds) {
            let resource = format!("{resource_type}:{id}");
            explanation = match ask::explain(&args.data, ask::authorize_of(actor, action, &resource)) {
                Ok(explanation) => explanation,
                Err(code) => return code,
            };
        }
    }
    let holds = match &explanation.answer {
        Answer::Decision(allowed) => *allowed,
        Answer::Ids(ids) => !ids.is_empty(),
        Answer::Facts(rows) => !rows.is_empty(),
        Answer::Bindings { rows, .. } => !rows.is_empty(),
    };
    if args.json {
        println!("{}", as_json(&explanation));
    } else {
        match &explanation.answer {
            Answer::Decision(allowed) => println!("{}", if *allowed { "allowed" } else { "denied" }),
            _ if !holds => println!("nothing"),
            _ => {}
        }
        if let Some(nearest) = explanation.nearest_miss() {
            println!("nearest: {nearest}");
        }
        print!("{explanation}");
    }
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The document: goals by place, what they need by the places of other goals.
pub fn as_json(explanation: &Explanation) -> Json {
    json!({
        "answer": answer(&explanation.answer),
        "nearest": explanation.nearest_miss(),
        "roots": explanation.roots,
        "steps": explanation.steps.iter().map(step).collect::<Json>(),
        "cut": explanation.is_cut,
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

fn step(step: &Step) -> Json {
    json!({"goal": atom(&step.goal), "holds": step.holds, "ways": step.ways.iter().map(way).collect::<Json>()})
}

fn atom(atom: &Atom) -> Json {
    let args = atom.args.iter().map(|arg| match arg {
        Arg::Exact { type_name, id } => json!({"type": type_name, "id": id}),
        Arg::Any { number, type_name } => json!({"type": type_name, "id": null, "number": number}),
    });
    json!({"predicate": atom.predicate, "args": args.collect::<Json>(), "text": atom.to_string()})
}

fn way(way: &Way) -> Json {
    let (kind, place) = match &way.by {
        By::StoredFact => ("stored_fact", None),
        By::LaterFact => ("later_fact", None),
        By::ContextFact => ("context_fact", None),
        By::Question => ("question", None),
        By::Rule { line: 0, .. } => ("default_rule", None),
        By::Rule { file, line, .. } => ("rule", Some((file, line))),
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
        "file": place.map(|(file, _)| file),
        "line": place.map(|(_, line)| line),
        "conditions": conditions.collect::<Json>(),
    })
}
