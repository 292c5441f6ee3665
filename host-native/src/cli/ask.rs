//! `understudy authorize|list|actions|query`: one question to a snapshot, or to a policy and facts in files, by the native
//! engine.

use std::{fmt::Display, path::PathBuf, process::ExitCode};

use clap::Args;
use understudy_core::{
    engine::{Engine, Options},
    eval::answer::Evaluator,
    facts::plain::Plain,
    limits::WORK_UNITS_PER_REQUEST,
    model::{Answer, Ask, AskError, Explanation, Pattern, Request, Row, Value},
    rules::rule::Program,
};

use super::{policy_files, usage_error};
use crate::build::jsonl;

/// Where policy and facts come from.
#[derive(Args, Debug)]
pub struct Data {
    /// A snapshot: policy and facts in one file.
    #[arg(long, value_name = "FILE.snapshot", conflicts_with_all = ["policy", "facts"])]
    snapshot: Option<PathBuf>,
    /// Polar files; several make one policy.
    #[arg(long, required_unless_present = "snapshot", num_args = 1.., value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// Facts, one JSON object a line: `{"predicate":"has_role","args":[{"type":"User","id":"ann"}, ..]}`.
    #[arg(long, value_name = "FILE.jsonl")]
    facts: Option<PathBuf>,
    /// More facts, as in `--facts`, that hold for this question.
    #[arg(long, value_name = "FILE.jsonl")]
    context: Option<PathBuf>,
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

/// Asks whether; 0 for yes, 1 for no.
pub fn authorize(args: &AuthorizeArgs) -> ExitCode {
    run(&args.data, authorize_of(&args.actor, &args.action, &args.resource))
}

/// Lists what the actor may do this to.
pub fn list(args: &ListArgs) -> ExitCode {
    run(&args.data, list_of(&args.actor, &args.action, &args.resource_type))
}

/// Lists what the actor may do.
pub fn actions(args: &ActionsArgs) -> ExitCode {
    let ask = value(&args.actor).and_then(|actor| Ok(Ask::Actions { actor, resource: value(&args.resource)? }));
    run(&args.data, ask)
}

/// Prints every solution of a predicate.
pub fn query(args: &QueryArgs) -> ExitCode {
    let Some((predicate, patterns)) = args.words.split_first() else { return usage_error(&"name a predicate") };
    run(&args.data, query_of(predicate, patterns))
}

/// `User:ann read Repository:web`.
pub fn authorize_of(actor: &str, action: &str, resource: &str) -> Result<Ask, String> {
    Ok(Ask::Authorize { actor: value(actor)?, action: action.to_owned(), resource: value(resource)? })
}

/// `User:ann read Repository`.
pub fn list_of(actor: &str, action: &str, resource_type: &str) -> Result<Ask, String> {
    let (action, resource_type) = (action.to_owned(), resource_type.to_owned());
    Ok(Ask::List { actor: value(actor)?, action, resource_type })
}

/// A predicate and its patterns.
pub fn query_of(predicate: &str, patterns: &[String]) -> Result<Ask, String> {
    let args: Result<Vec<_>, _> = patterns.iter().map(|word| pattern(word)).collect();
    Ok(Ask::Query { predicate: predicate.to_owned(), args: args? })
}

/// `[Type:]id`; a String without the type.
fn value(word: &str) -> Result<Value, String> {
    let (type_name, id) = word.split_once(':').unwrap_or(("String", word));
    Value::new(type_name, id).map_err(|error| format!("`{word}`: {error}"))
}

fn pattern(word: &str) -> Result<Pattern, String> {
    match word.split_once(':') {
        None if word == "_" => Ok(Pattern::Any),
        Some((type_name, "_")) => Ok(Pattern::Type(type_name.to_owned())),
        _ => value(word).map(Pattern::Exact),
    }
}

// The method itself is not general over the life of the snapshot's bytes.
#[allow(clippy::redundant_closure_for_method_calls)]
fn run(data: &Data, ask: Result<Ask, String>) -> ExitCode {
    match request(data, ask).and_then(|request| {
        answered(data, &request, |engine, request| engine.ask(request), |evaluator, _, request| evaluator.ask(request))
    }) {
        Ok(answer) => print(&answer),
        Err(code) => code,
    }
}

/// The answer with its reasons. `Err`: the exit code to end with, the error being told.
// As above.
#[allow(clippy::redundant_closure_for_method_calls)]
pub fn explain(data: &Data, ask: Result<Ask, String>) -> Result<Explanation, ExitCode> {
    let request = request(data, ask)?;
    answered(data, &request, |engine, request| engine.explain(request), Evaluator::explain)
}

fn request(data: &Data, ask: Result<Ask, String>) -> Result<Request, ExitCode> {
    let ask = ask.map_err(|error| usage_error(&error))?;
    let context = data.context.as_deref().map_or(Ok(Vec::new()), jsonl::read);
    let context_facts = context.map_err(|error| usage_error(&error))?;
    Ok(Request { ask, context_facts, now_s: policy_files::now_s(), budget: WORK_UNITS_PER_REQUEST })
}

/// Asks the snapshot, or the policy and facts in files.
fn answered<T>(
    data: &Data,
    request: &Request,
    of_snapshot: impl FnOnce(&mut Engine<'_>, &Request) -> Result<T, AskError>,
    of_files: impl FnOnce(&mut Evaluator<Plain>, &Program, &Request) -> Result<T, AskError>,
) -> Result<T, ExitCode> {
    let answer = if let Some(file) = &data.snapshot {
        let refused = |error: &dyn Display| usage_error(&format!("{}: {error}", file.display()));
        let bytes = std::fs::read(file).map_err(|error| refused(&format!("can't be read: {error}")))?;
        let mut engine = Engine::open(&bytes, Options::default()).map_err(|error| refused(&error))?;
        of_snapshot(&mut engine, request)
    } else {
        let facts = data.facts.as_deref().map_or(Ok(Vec::new()), jsonl::read).map_err(|error| usage_error(&error))?;
        let compiled = policy_files::load(&data.policy)?;
        let Some(program) = &compiled.program else { return Err(ExitCode::from(super::EXIT_USAGE)) };
        of_files(&mut Evaluator::new(program, Plain::new(facts), 0), program, request)
    };
    answer.map_err(|error| usage_error(&error))
}

/// 0 where there is an answer to show, 1 for a no.
fn print(answer: &Answer) -> ExitCode {
    let is_empty = match answer {
        Answer::Decision(allowed) => {
            println!("{}", if *allowed { "allowed" } else { "denied" });
            !allowed
        }
        Answer::Ids(ids) => {
            ids.iter().for_each(|id| println!("{id}"));
            ids.is_empty()
        }
        Answer::Facts(facts) => {
            for args in facts {
                let words = args.iter().map(|row| match row {
                    Row::Any => "_".to_owned(),
                    Row::AnyOf(type_name) => format!("{type_name}:_"),
                    Row::Exact(value) => format!("{}:{}", value.type_name(), value.id()),
                });
                println!("{}", words.collect::<Vec<_>>().join(" "));
            }
            facts.is_empty()
        }
        Answer::Bindings { rows, .. } => rows.is_empty(),
    };
    if is_empty { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
