//! `understudy authorize|list|actions|query`: one question to a policy and facts in files, by the native engine.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use understudy_core::{
    eval::answer::Evaluator,
    facts::plain::Plain,
    limits::WORK_UNITS_PER_REQUEST,
    model::{Answer, Ask, Pattern, Request, Row, Value},
};

use super::{policy, usage_error};
use crate::build;

/// Where policy and facts come from.
#[derive(Args, Debug)]
pub struct Data {
    /// Polar files; several make one policy.
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
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
    let read = |file: &Option<PathBuf>| file.as_ref().map_or(Ok(Vec::new()), |file| build::jsonl::read(file));
    let (ask, facts, context_facts) = match (ask, read(&data.facts), read(&data.context)) {
        (Ok(ask), Ok(facts), Ok(context)) => (ask, facts, context),
        (Err(error), _, _) => return usage_error(&error),
        (_, Err(error), _) | (_, _, Err(error)) => return usage_error(&error),
    };
    let program = match policy::load(&data.policy) {
        Ok((program, _)) => program,
        Err(code) => return code,
    };
    let mut evaluator = Evaluator::new(&program, Plain::new(facts), 0);
    let request = Request { ask, context_facts, now_s: policy::now_s(), budget: WORK_UNITS_PER_REQUEST };
    match evaluator.ask(&request) {
        Ok(answer) => print(&answer),
        Err(error) => usage_error(&error),
    }
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
