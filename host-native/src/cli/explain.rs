//! `understudy explain`: one question with its reasons, on a few lines, as a tree or as JSON.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value as Json, json};
use understudy_calls::explain::{holds, tree};
use understudy_core::model::{Explanation, Reasons};

use super::{
    ask::Limit,
    data::{self, Data, Explained},
    usage_error, words,
};
use crate::output;

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
    /// After the few lines the whole tree, with the rules' texts.
    #[arg(long)]
    full: bool,
    /// Print one JSON document.
    #[arg(long, conflicts_with = "n_max")]
    json: bool,
    #[command(flatten)]
    limit: Limit,
    #[command(flatten)]
    data: Data,
}

/// Explains; 0 where something holds, 1 where nothing does.
pub fn run(args: &ExplainArgs) -> ExitCode {
    let asked = match (args.words.as_slice(), args.list, args.query, &args.id) {
        ([predicate, patterns @ ..], _, true, _) => words::query(predicate, patterns),
        ([actor, action, resource_type], true, _, Some(id)) => {
            words::authorize(actor, action, &format!("{resource_type}:{id}"))
        }
        ([actor, action, resource_type], true, _, None) => words::list(actor, action, resource_type),
        ([actor, action, resource], false, false, _) => words::authorize(actor, action, resource),
        _ => Err("explain takes an actor, an action and a resource: `User:ann read Repository:web`".to_owned()),
    };
    match data::explain(&args.data, asked, args.full || args.json) {
        Ok(Explained::Here(reasons)) => here(args, &reasons),
        Ok(Explained::There(told)) => there(args, &told),
        Err(code) => code,
    }
}

fn here(args: &ExplainArgs, Reasons { lines, rules, explanation }: &Reasons) -> ExitCode {
    if args.json {
        let mut document = tree(explanation, rules);
        document["summary"] = json!(lines);
        output::line(document);
    } else {
        print(args, lines.iter().map(String::as_str), || explanation.tree(rules));
    }
    if holds(&explanation.answer) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The few lines, and with `--full` the tree's after an empty one.
fn print<'l>(args: &ExplainArgs, lines: impl Iterator<Item = &'l str>, tree: impl FnOnce() -> String) {
    let tree = if args.full { tree() } else { String::new() };
    let lines: Vec<&str> = lines.chain(args.full.then_some("")).collect();
    args.limit.print(lines.iter().copied().chain(tree.lines()).collect::<Vec<_>>().iter());
}

/// The same as a server tells it.
fn there(args: &ExplainArgs, told: &Json) -> ExitCode {
    let Some((allowed, lines)) = told["allowed"].as_bool().zip(told["summary"].as_array()) else {
        return usage_error(&"the server's reply isn't an explanation: is it a node or a primary?");
    };
    if args.json {
        let mut document = told["explanation"].clone();
        document["summary"] = told["summary"].clone();
        output::line(document);
    } else {
        let tree = || told["explanation"]["text"].as_str().unwrap_or_default().to_owned();
        print(args, lines.iter().filter_map(Json::as_str), tree);
    }
    if allowed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// An explanation of a test's failure, as the document of `test --json` has it.
pub fn as_json(explanation: &Explanation) -> Json {
    tree(explanation, &std::collections::BTreeMap::new())
}
