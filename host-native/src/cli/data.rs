//! Where a question is asked: a snapshot, a policy and facts in files (by the native engine), or a server.

use std::{fmt::Display, path::PathBuf, process::ExitCode};

use clap::Args;
use serde_json::{Value as Json, json};
use understudy_calls::{convert::wire_fact, explain::holds};
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
    usage_error,
};
use crate::{build::jsonl, config, guest::instance::Opening, output};

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
    /// Without --url: memory as a node's instance has it for one question, from 64MiB to 3GiB, so that the engine here refuses
    /// where that node does [default: 256MiB].
    #[arg(long, env = "OSO_INSTANCE_MEMORY", hide_env_values = true, value_name = "BYTES")]
    instance_memory: Option<String>,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// The answer; of a no, the names that nobody knows are told on stderr. `Err`: the exit code to end with, the error being told.
pub fn answer(data: &Data, ask: Result<Ask, String>) -> Result<Answer, ExitCode> {
    let request = request(data, ask)?;
    if let Some(remote) = data.remote.remote() {
        let answer = remote.and_then(|remote| {
            let answer = remote_answer(&remote, &request)?;
            if !holds(&answer) {
                // A server that doesn't explain has no more to say.
                remote
                    .post("/api/explain", &question(&request, "short"))
                    .iter()
                    .for_each(|told| tell_unknown(&lines(told)));
            }
            Ok(answer)
        });
        return answer.map_err(|error| usage_error(&error));
    }
    let of_snapshot = |engine: &mut Engine<'_>, request: &Request| {
        let answer = engine.ask(request)?;
        let reasons = if holds(&answer) { None } else { engine.summarize(request).ok() };
        Ok((answer, reasons.map(|reasons| reasons.lines).unwrap_or_default()))
    };
    let of_files = |evaluator: &mut Evaluator<Plain>, program: &Program, _: &[_], request: &Request| {
        let answer = evaluator.ask(request)?;
        let reasons = if holds(&answer) { None } else { evaluator.summarize(program, request).ok() };
        Ok((answer, reasons.map(|(summary, _)| summary.lines()).unwrap_or_default()))
    };
    let (answer, lines) = answered(data, &request, of_snapshot, of_files)?;
    tell_unknown(&lines);
    Ok(answer)
}

/// Says which names of a question nobody knows: a no to a slip looks like any other no. `lines`: the summary of its reasons.
fn tell_unknown(lines: &[String]) {
    let is_unknown = |line: &&String| {
        line.starts_with("policy and facts have no ")
            || line.starts_with("the action is empty")
            || line.starts_with("no fact names `")
            || line.starts_with('`') && line.contains("` has no action `")
    };
    // They follow the verdict.
    for line in lines.iter().skip(1).take_while(is_unknown) {
        output::error_line(format_args!("understudy: {line}"));
    }
}

fn lines(told: &Json) -> Vec<String> {
    told["summary"].as_array().into_iter().flatten().filter_map(Json::as_str).map(ToOwned::to_owned).collect()
}

/// Body of `POST /api/explain`.
fn question(request: &Request, form: &str) -> Json {
    let (call, mut body) = body(request);
    body["call"] = json!(call);
    body["form"] = json!(form);
    body
}

/// What is told over HTTP of a question.
pub enum Explained {
    /// By the engine here.
    Here(Box<Reasons>),
    /// By a server, in its words.
    There(Json),
}

/// The answer with its reasons. `Err`: the exit code to end with, the error being told.
// The method itself is not general over the life of the snapshot's bytes.
#[allow(clippy::redundant_closure_for_method_calls)]
pub fn explain(data: &Data, ask: Result<Ask, String>, is_full: bool) -> Result<Explained, ExitCode> {
    let request = request(data, ask)?;
    if let Some(remote) = data.remote.remote() {
        let question = question(&request, if is_full { "full" } else { "short" });
        let told = remote.and_then(|remote| remote.post("/api/explain", &question));
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
    let memory = config::instance_memory(data.instance_memory.clone()).map_err(|error| usage_error(&error))?;
    let work_bytes_max = memory.map(|bytes| Opening::within(bytes, 0).work_bytes_max);
    let answer = if let Some(file) = &data.snapshot {
        let refused = |error: &dyn Display| usage_error(&format!("{}: {error}", file.display()));
        let bytes = std::fs::read(file).map_err(|error| refused(&format!("can't be read: {error}")))?;
        let options = Options { memory_bytes_max: work_bytes_max, ..Options::default() };
        let mut engine = Engine::open(&bytes, options).map_err(|error| refused(&error))?;
        of_snapshot(&mut engine, request)
    } else {
        let facts = data.facts.as_deref().map_or(Ok(Vec::new()), jsonl::read).map_err(|error| usage_error(&error))?;
        let (compiled, texts) = policy_files::load_with_texts(&data.policy)?;
        let Some(program) = &compiled.program else { return Err(ExitCode::from(super::EXIT_USAGE)) };
        let mut evaluator = Evaluator::new(program, Plain::new(facts), 0);
        work_bytes_max.into_iter().for_each(|bytes| evaluator.set_memory_max(bytes));
        of_files(&mut evaluator, program, &texts, request)
    };
    answer.map_err(|error| usage_error(&error))
}
