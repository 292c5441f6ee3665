//! `understudy authorize|list|actions|query`: one question to a snapshot, or to a policy and facts in files, by the native
//! engine.

use std::{
    fmt::Display,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use understudy_core::{
    engine::Engine,
    eval::answer::Evaluator,
    facts::plain::Plain,
    limits::WORK_UNITS_PER_REQUEST,
    model::{Answer, Ask, AskError, Pattern, Request, Row, Value},
    snapshot,
};

use super::{policy, usage_error};
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
    let ask = value(&args.actor)
        .and_then(|actor| Ok(Ask::Authorize { actor, action: args.action.clone(), resource: value(&args.resource)? }));
    run(&args.data, ask)
}

/// Lists what the actor may do this to.
pub fn list(args: &ListArgs) -> ExitCode {
    let (action, resource_type) = (args.action.clone(), args.resource_type.clone());
    run(&args.data, value(&args.actor).map(|actor| Ask::List { actor, action, resource_type }))
}

/// Lists what the actor may do.
pub fn actions(args: &ActionsArgs) -> ExitCode {
    let ask = value(&args.actor).and_then(|actor| Ok(Ask::Actions { actor, resource: value(&args.resource)? }));
    run(&args.data, ask)
}

/// Prints every solution of a predicate.
pub fn query(args: &QueryArgs) -> ExitCode {
    let Some((predicate, patterns)) = args.words.split_first() else { return usage_error(&"name a predicate") };
    let patterns: Result<Vec<_>, _> = patterns.iter().map(|word| pattern(word)).collect();
    run(&args.data, patterns.map(|args| Ask::Query { predicate: predicate.clone(), args }))
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

fn run(data: &Data, ask: Result<Ask, String>) -> ExitCode {
    let context = data.context.as_deref().map_or(Ok(Vec::new()), jsonl::read);
    let (ask, context_facts) = match (ask, context) {
        (Ok(ask), Ok(context)) => (ask, context),
        (Err(error), _) => return usage_error(&error),
        (_, Err(error)) => return usage_error(&error),
    };
    let request = Request { ask, context_facts, now_s: policy::now_s(), budget: WORK_UNITS_PER_REQUEST };
    let answer = match &data.snapshot {
        Some(file) => of_snapshot(file, &request),
        None => of_files(data, &request),
    };
    match answer {
        Ok(Ok(answer)) => print(&answer),
        Ok(Err(error)) => usage_error(&error),
        Err(code) => code,
    }
}

fn of_snapshot(file: &Path, request: &Request) -> Result<Result<Answer, AskError>, ExitCode> {
    let refused = |error: &dyn Display| usage_error(&format!("{}: {error}", file.display()));
    let bytes = std::fs::read(file).map_err(|error| refused(&format!("can't be read: {error}")))?;
    // The engine is safe on any bytes, but only verified ones give right answers.
    snapshot::verify(&bytes).map_err(|error| refused(&error))?;
    let mut engine = Engine::open(&bytes, 0).map_err(|error| refused(&error))?;
    Ok(engine.ask(request))
}

fn of_files(data: &Data, request: &Request) -> Result<Result<Answer, AskError>, ExitCode> {
    let facts = data.facts.as_deref().map_or(Ok(Vec::new()), jsonl::read).map_err(|error| usage_error(&error))?;
    let (program, _) = policy::load(&data.policy)?;
    Ok(Evaluator::new(&program, Plain::new(facts), 0).ask(request))
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
