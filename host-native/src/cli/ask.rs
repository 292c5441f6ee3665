//! `understudy authorize|list|actions|query|who`: one question, and what is printed of its answer.

use std::{collections::BTreeSet, process::ExitCode};

use clap::Args;
use understudy_core::model::{Answer, Ask};

use super::{
    data::{self, Data},
    usage_error, words,
};
use crate::output;

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
    limit: Limit,
    #[command(flatten)]
    data: Data,
}

/// How much is printed.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Limit {
    /// Print no more lines than this, and say on stderr how many there are.
    #[arg(long = "limit", value_name = "N")]
    n_max: Option<usize>,
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
    limit: Limit,
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
    limit: Limit,
    #[command(flatten)]
    data: Data,
}

/// Asks whether; 0 for yes, 1 for no.
pub fn authorize(args: &AuthorizeArgs) -> ExitCode {
    run(&args.data, words::authorize(&args.actor, &args.action, &args.resource), Limit::default())
}

/// Lists what the actor may do this to.
pub fn list(args: &ListArgs) -> ExitCode {
    run(&args.data, words::list(&args.actor, &args.action, &args.resource_type), args.limit)
}

/// Lists what the actor may do.
pub fn actions(args: &ActionsArgs) -> ExitCode {
    run(&args.data, words::actions(&args.actor, &args.resource), Limit::default())
}

/// Prints every solution of a predicate.
pub fn query(args: &QueryArgs) -> ExitCode {
    let Some((predicate, patterns)) = args.words.split_first() else { return usage_error(&"name a predicate") };
    run(&args.data, words::query(predicate, patterns), args.limit)
}

/// Lists who may do this to the resource.
pub fn who(args: &WhoArgs) -> ExitCode {
    let ask = words::who(&args.action, &args.resource, args.actor_type.as_deref());
    match data::answer(&args.data, ask) {
        Ok(Answer::Facts(rows)) => {
            let actors: BTreeSet<String> = rows.iter().filter_map(|row| row.first()).map(words::of_row).collect();
            args.limit.print(actors.iter());
            if actors.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
        }
        Ok(other) => print(&other, args.limit),
        Err(code) => code,
    }
}

fn run(data: &Data, ask: Result<Ask, String>, limit: Limit) -> ExitCode {
    match data::answer(data, ask) {
        Ok(answer) => print(&answer, limit),
        Err(code) => code,
    }
}

impl Limit {
    /// Prints as many of the lines as are wanted.
    pub fn print(self, lines: impl ExactSizeIterator<Item = impl std::fmt::Display>) {
        let n_lines = lines.len();
        let n_shown = self.n_max.map_or(n_lines, |max| max.min(n_lines));
        lines.take(n_shown).for_each(output::line);
        if n_shown < n_lines {
            output::error_line(format_args!("understudy: {n_shown} of {n_lines} lines; raise --limit to see more"));
        }
    }
}

/// 0 where there is an answer to show, 1 for a no.
fn print(answer: &Answer, limit: Limit) -> ExitCode {
    match answer {
        Answer::Decision(allowed) => output::line(if *allowed { "allowed" } else { "denied" }),
        Answer::Ids(ids) => limit.print(ids.iter()),
        Answer::Facts(facts) => {
            let line = |args: &Vec<_>| args.iter().map(words::of_row).collect::<Vec<_>>().join(" ");
            limit.print(facts.iter().map(line));
        }
        Answer::Bindings { .. } => {}
    }
    if understudy_calls::explain::holds(answer) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
