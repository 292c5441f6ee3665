//! `understudy authorize|list|actions|query|who`: one question to a snapshot, to a policy and facts in files (by the native
//! engine), or to a server.

use std::{fmt::Display, path::PathBuf, process::ExitCode};

use clap::Args;
use serde_json::{Value as Json, json};
use understudy_calls::convert::wire_fact;
use understudy_core::{
    engine::{Engine, Options},
    eval::{answer::Evaluator, rule_text},
    facts::plain::Plain,
    limits::WORK_UNITS_PER_REQUEST,
    model::{Answer, Ask, AskError, Pattern, Reasons, Request, Row, Value},
    rules::rule::Program,
};

use super::{
    policy_files,
    remote::{Remote, RemoteArgs},
    usage_error, words,
};
use crate::{build::jsonl, output};

/// Where policy and facts come from.
#[derive(Args, Debug)]
pub struct Data {
    /// A snapshot: policy and facts in one file.
    #[arg(long, value_name = "FILE.snapshot", conflicts_with_all = ["policy", "facts"])]
    snapshot: Option<PathBuf>,
    /// Polar files; several make one policy.
    #[arg(long, required_unless_present_any = ["snapshot", "url"], num_args = 1.., value_name = "FILE", conflicts_with = "url")]
    policy: Vec<PathBuf>,
    /// Facts, one JSON object a line: `{"predicate":"has_role","args":[{"type":"User","id":"ann"}, ..]}`.
    #[arg(long, value_name = "FILE.jsonl", conflicts_with = "url")]
    facts: Option<PathBuf>,
    /// More facts, as in `--facts`, that hold for this question.
    #[arg(long, value_name = "FILE.jsonl")]
    context: Option<PathBuf>,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// `understudy authorize`.
#[derive(Args, Debug)]
pub struct AuthorizeArgs {
    /// Who: `User:ann`.
    actor: String,
    /// Does what: `read`.
    action: String,
    /// To what: `Repository:web`.
    resource: String,
    #[command(flatten)]
    data: Data,
}

/// `understudy list`.
#[derive(Args, Debug)]
pub struct ListArgs {
    /// Who: `User:ann`.
    actor: String,
    /// Does what: `read`.
    action: String,
    /// Type of the resources: `Repository`.
    resource_type: String,
    #[command(flatten)]
    data: Data,
}

/// `understudy actions`.
#[derive(Args, Debug)]
pub struct ActionsArgs {
    /// Who: `User:ann`.
    actor: String,
    /// To what: `Repository:web`.
    resource: String,
    #[command(flatten)]
    data: Data,
}

/// `understudy query`.
#[derive(Args, Debug)]
pub struct QueryArgs {
    /// Predicate, then its arguments: `Type:id`, `text` for a String, `Type:_` for any of a type, `_` for anything.
    #[arg(required = true, value_name = "WORD")]
    words: Vec<String>,
    #[command(flatten)]
    data: Data,
}

/// `understudy who`.
#[derive(Args, Debug)]
pub struct WhoArgs {
    /// Does what: `read`.
    action: String,
    /// To what: `Repository:web`.
    resource: String,
    /// Only those of this type: `User`.
    #[arg(long = "type", value_name = "TYPE")]
    actor_type: Option<String>,
    #[command(flatten)]
    data: Data,
}

/// Asks whether; 0 for yes, 1 for no.
pub fn authorize(args: &AuthorizeArgs) -> ExitCode {
    run(&args.data, words::authorize(&args.actor, &args.action, &args.resource))
}

/// Lists what the actor may do this to.
pub fn list(args: &ListArgs) -> ExitCode {
    run(&args.data, words::list(&args.actor, &args.action, &args.resource_type))
}

/// Lists what the actor may do.
pub fn actions(args: &ActionsArgs) -> ExitCode {
    run(&args.data, words::actions(&args.actor, &args.resource))
}

/// Prints every solution of a predicate.
pub fn query(args: &QueryArgs) -> ExitCode {
    let Some((predicate, patterns)) = args.words.split_first() else { return usage_error(&"name a predicate") };
    run(&args.data, words::query(predicate, patterns))
}

/// Lists who may do this to the resource.
pub fn who(args: &WhoArgs) -> ExitCode {
    let ask = words::who(&args.action, &args.resource, args.actor_type.as_deref());
    match answer(&args.data, ask) {
        Ok(Answer::Facts(rows)) => {
            let actors: std::collections::BTreeSet<String> =
                rows.iter().filter_map(|row| row.first()).map(words::of_row).collect();
            actors.iter().for_each(output::line);
            if actors.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
        Ok(other) => print(&other),
        Err(code) => code,
    }
}

fn run(data: &Data, ask: Result<Ask, String>) -> ExitCode {
    match answer(data, ask) {
        Ok(answer) => print(&answer),
        Err(code) => code,
    }
}

// The method itself is not general over the life of the snapshot's bytes.
#[allow(clippy::redundant_closure_for_method_calls)]
fn answer(data: &Data, ask: Result<Ask, String>) -> Result<Answer, ExitCode> {
    let request = request(data, ask)?;
    if let Some(remote) = data.remote.remote() {
        return remote.and_then(|remote| remote_answer(&remote, &request)).map_err(|error| usage_error(&error));
    }
    answered(data, &request, |engine, request| engine.ask(request), |evaluator, _, _, request| evaluator.ask(request))
}

/// What is told over HTTP of a question.
pub enum Explained {
    /// By the engine here.
    Here(Box<Reasons>),
    /// By a server, in its words.
    There(Json),
}

/// The answer with its reasons. `Err`: the exit code to end with, the error being told.
// As above.
#[allow(clippy::redundant_closure_for_method_calls)]
pub fn explain(data: &Data, ask: Result<Ask, String>, is_full: bool) -> Result<Explained, ExitCode> {
    let request = request(data, ask)?;
    if let Some(remote) = data.remote.remote() {
        let (call, mut body) = body(&request);
        body["call"] = json!(call);
        body["form"] = json!(if is_full { "full" } else { "short" });
        let told = remote.and_then(|remote| remote.post("/api/explain", &body));
        return told.map(Explained::There).map_err(|error| usage_error(&error));
    }
    let of_files =
        |evaluator: &mut Evaluator<Plain>, program: &Program, texts: &[(String, String)], request: &Request| {
            let (summary, explanation) = evaluator.summarize(program, request)?;
            let rules = rule_text::texts(program, &policy_files::sources(texts), &explanation);
            Ok(Reasons { lines: summary.lines(), rules, explanation })
        };
    answered(data, &request, |engine, request| engine.summarize(request), of_files)
        .map(|reasons| Explained::Here(Box::new(reasons)))
}

fn request(data: &Data, ask: Result<Ask, String>) -> Result<Request, ExitCode> {
    let ask = ask.map_err(|error| usage_error(&error))?;
    let context = data.context.as_deref().map_or(Ok(Vec::new()), jsonl::read);
    let context_facts = context.map_err(|error| usage_error(&error))?;
    Ok(Request { ask, context_facts, now_s: policy_files::now_s(), budget: WORK_UNITS_PER_REQUEST })
}

/// Name of the call and its body.
fn body(request: &Request) -> (&'static str, Json) {
    let (call, mut body) = match &request.ask {
        Ask::Authorize { actor, action, resource } => (
            "authorize",
            json!({
                "actor_type": actor.type_name(), "actor_id": actor.id(), "action": action,
                "resource_type": resource.type_name(), "resource_id": resource.id(),
            }),
        ),
        Ask::List { actor, action, resource_type } => (
            "list",
            json!({
                "actor_type": actor.type_name(), "actor_id": actor.id(), "action": action,
                "resource_type": resource_type,
            }),
        ),
        Ask::Actions { actor, resource } => (
            "actions",
            json!({
                "actor_type": actor.type_name(), "actor_id": actor.id(),
                "resource_type": resource.type_name(), "resource_id": resource.id(),
            }),
        ),
        Ask::Query { predicate, args } => {
            ("query", json!({"fact": {"predicate": predicate, "args": args.iter().map(pattern).collect::<Json>()}}))
        }
        // No command asks it.
        Ask::Evaluate { .. } => ("evaluate_query", json!({})),
    };
    let facts = request.context_facts.iter().cloned().map(wire_fact);
    body["context_facts"] = json!(facts.collect::<Vec<_>>());
    (call, body)
}

/// An argument as the wire has it.
pub fn pattern(pattern: &Pattern) -> Json {
    match pattern {
        Pattern::Any => json!({"type": null, "id": null}),
        Pattern::Type(type_name) => json!({"type": type_name, "id": null}),
        Pattern::Exact(value) => json!({"type": value.type_name(), "id": value.id()}),
    }
}

fn remote_answer(remote: &Remote, request: &Request) -> Result<Answer, String> {
    let (call, body) = body(request);
    let reply = remote.post(&format!("/api/{call}"), &body)?;
    let nonsense = || "the server's reply isn't one to this question: is it a node or a primary?".to_owned();
    Ok(match &request.ask {
        Ask::Authorize { .. } => Answer::Decision(reply["allowed"].as_bool().ok_or_else(nonsense)?),
        Ask::List { .. } | Ask::Actions { .. } => {
            let ids = reply["results"].as_array().ok_or_else(nonsense)?.iter();
            Answer::Ids(ids.filter_map(Json::as_str).map(str::to_owned).collect())
        }
        Ask::Query { .. } | Ask::Evaluate { .. } => {
            let rows = reply["results"].as_array().ok_or_else(nonsense)?.iter();
            let row = |row: &Json| row["args"].as_array()?.iter().map(row_of).collect::<Option<Vec<_>>>();
            Answer::Facts(rows.map(row).collect::<Option<_>>().ok_or_else(nonsense)?)
        }
    })
}

fn row_of(arg: &Json) -> Option<Row> {
    match (arg["type"].as_str(), arg["id"].as_str()) {
        (None, _) => Some(Row::Any),
        (Some(type_name), None) => Some(Row::AnyOf(type_name.to_owned())),
        (Some(type_name), Some(id)) => Value::new(type_name, id).ok().map(Row::Exact),
    }
}

/// Asks the snapshot, or the policy and facts in files.
fn answered<T>(
    data: &Data,
    request: &Request,
    of_snapshot: impl FnOnce(&mut Engine<'_>, &Request) -> Result<T, AskError>,
    of_files: impl FnOnce(&mut Evaluator<Plain>, &Program, &[(String, String)], &Request) -> Result<T, AskError>,
) -> Result<T, ExitCode> {
    let answer = if let Some(file) = &data.snapshot {
        let refused = |error: &dyn Display| usage_error(&format!("{}: {error}", file.display()));
        let bytes = std::fs::read(file).map_err(|error| refused(&format!("can't be read: {error}")))?;
        let mut engine = Engine::open(&bytes, Options::default()).map_err(|error| refused(&error))?;
        of_snapshot(&mut engine, request)
    } else {
        let facts = data.facts.as_deref().map_or(Ok(Vec::new()), jsonl::read).map_err(|error| usage_error(&error))?;
        let (compiled, texts) = policy_files::load_with_texts(&data.policy)?;
        let Some(program) = &compiled.program else { return Err(ExitCode::from(super::EXIT_USAGE)) };
        of_files(&mut Evaluator::new(program, Plain::new(facts), 0), program, &texts, request)
    };
    answer.map_err(|error| usage_error(&error))
}

/// 0 where there is an answer to show, 1 for a no.
fn print(answer: &Answer) -> ExitCode {
    match answer {
        Answer::Decision(allowed) => output::line(if *allowed { "allowed" } else { "denied" }),
        Answer::Ids(ids) => ids.iter().for_each(output::line),
        Answer::Facts(facts) => {
            for args in facts {
                output::line(args.iter().map(words::of_row).collect::<Vec<_>>().join(" "));
            }
        }
        Answer::Bindings { .. } => {}
    }
    if understudy_calls::explain::holds(answer) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
