//! `understudy tell|delete|get`: facts of a primary, written and read over HTTP.

use std::{collections::BTreeSet, path::PathBuf, process::ExitCode};

use clap::Args;
use serde_json::{Value as Json, json};
use understudy_calls::convert::wire_fact;
use understudy_core::model::Pattern;

use super::{
    data::pattern,
    remote::{Done, Remote},
    usage_error, words,
};
use crate::{build::jsonl, output};

/// Facts of one write; a primary takes more, but a plan may not.
const FACTS_PER_WRITE: usize = 1_000;

/// The server.
#[derive(Args, Debug)]
pub struct ServerArgs {
    /// A primary, or a node to read from.
    #[arg(long, env = "OSO_URL", hide_env_values = true, default_value = "http://127.0.0.1:8081", value_name = "URL")]
    url: String,
    /// Its API key [default: the development key, on this machine].
    #[arg(long, env = "OSO_AUTH", hide_env_values = true, value_name = "KEY")]
    key: Option<String>,
    /// File with certificates, in PEM, of who may sign its certificate beside the public authorities.
    #[arg(long, env = "OSO_URL_CA", hide_env_values = true, value_name = "FILE")]
    url_ca: Option<PathBuf>,
}

impl ServerArgs {
    fn remote(&self) -> Result<Remote, String> {
        Remote::new(&self.url, self.key.as_deref(), self.url_ca.as_deref())
    }
}

/// `understudy tell`.
#[derive(Args, Debug)]
pub struct TellArgs {
    /// Predicate, then its arguments: `has_role User:ann reader Repository:web`.
    #[arg(required_unless_present = "facts", value_name = "WORD")]
    words: Vec<String>,
    /// Every fact of a file instead, one JSON object a line.
    #[arg(long, value_name = "FILE.jsonl", conflicts_with = "words")]
    facts: Option<PathBuf>,
    #[command(flatten)]
    server: ServerArgs,
}

/// `understudy delete`.
#[derive(Args, Debug)]
pub struct DeleteArgs {
    /// Predicate, then its arguments: `Type:id`, `text` for a String, `Type:_` for any of a type, `_` for anything.
    #[arg(required = true, value_name = "WORD")]
    words: Vec<String>,
    #[command(flatten)]
    server: ServerArgs,
}

/// `understudy get`.
#[derive(Args, Debug)]
pub struct GetArgs {
    /// Predicate, then the first of its arguments, as for `delete`; nothing: every fact.
    #[arg(value_name = "WORD")]
    words: Vec<String>,
    /// Print one JSON object a line, as `build` and `--facts` read them.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArgs,
}

/// Stores facts.
pub fn tell(args: &TellArgs) -> ExitCode {
    let facts = match &args.facts {
        Some(file) => jsonl::read(file).map_err(|error| error.to_string()),
        None => words::fact(&args.words).map(|fact| vec![fact]),
    };
    let told = facts.and_then(|facts| {
        let remote = args.server.remote()?;
        let (mut n_new, mut warnings) = (Some(0), BTreeSet::new());
        let n_facts = facts.len();
        let wired: Vec<_> = facts.into_iter().map(wire_fact).collect();
        for (number, some) in wired.chunks(FACTS_PER_WRITE).enumerate() {
            let written = number * FACTS_PER_WRITE;
            let done = remote.write("/api/batch", &json!([{"inserts": some}])).map_err(|error| {
                if written == 0 { error } else { format!("{error} ({written} facts were written before)") }
            })?;
            n_new = n_new.zip(counted(&done, "inserted")).map(|(sum, n)| sum + n);
            // A file with one slip in many lines has one warning.
            if let Some(warning) = done.warning.filter(|warning| warnings.insert(warning.clone())) {
                output::error_line(format_args!("understudy: warning: {warning}"));
            }
        }
        Ok((n_facts, n_new))
    });
    match told {
        Ok((n_facts, n_new)) => {
            let new = n_new.filter(|n_new| *n_new != n_facts as u64).map(|n_new| format!(", {n_new} of them new"));
            output::line(format_args!("{} told{}", facts_in_words(n_facts as u64), new.unwrap_or_default()));
            ExitCode::SUCCESS
        }
        Err(error) => usage_error(&error),
    }
}

/// Removes every fact that fits.
pub fn delete(args: &DeleteArgs) -> ExitCode {
    let Some((predicate, args_of)) = args.words.split_first() else { return usage_error(&"name a predicate") };
    let deleted = words::patterns(args_of).and_then(|patterns| {
        let args_json: Vec<Json> = patterns.iter().map(pattern).collect();
        args.server.remote()?.write("/api/batch", &json!([{"deletes": [{"predicate": predicate, "args": args_json}]}]))
    });
    match deleted {
        Ok(done) => {
            match counted(&done, "deleted") {
                Some(n_deleted) => output::line(format_args!("{} deleted", facts_in_words(n_deleted))),
                // Another server than ours.
                None => output::line("deleted what fits"),
            }
            done.warning.iter().for_each(|warning| output::error_line(format_args!("understudy: warning: {warning}")));
            ExitCode::SUCCESS
        }
        Err(error) => usage_error(&error),
    }
}

/// How many facts a write says that it has `inserted` or `deleted`: `2 inserted, 1 deleted`.
fn counted(done: &Done, what: &str) -> Option<u64> {
    let parts = done.reply["message"].as_str()?.split(", ");
    parts.filter_map(|part| part.strip_suffix(what)).find_map(|number| number.trim().parse().ok())
}

fn facts_in_words(n_facts: u64) -> String {
    format!("{n_facts} {}", if n_facts == 1 { "fact" } else { "facts" })
}

/// Prints every fact that fits; 1 where there is none.
pub fn get(args: &GetArgs) -> ExitCode {
    let mut query = Vec::new();
    if let Some((predicate, args_of)) = args.words.split_first() {
        query.push(("predicate".to_owned(), predicate.clone()));
        match words::patterns(args_of) {
            Ok(patterns) => query.extend(patterns.iter().enumerate().flat_map(|(at, pattern)| query_of(at, pattern))),
            Err(error) => return usage_error(&error),
        }
    }
    let facts = match args.server.remote().and_then(|remote| remote.get("/api/facts", &query)) {
        Ok(Json::Array(facts)) => facts,
        Ok(_) => return usage_error(&"the server's reply isn't a list of facts: is it a node or a primary?"),
        Err(error) => return usage_error(&error),
    };
    for fact in &facts {
        if args.json {
            output::line(fact);
        } else {
            output::line(text(fact));
        }
    }
    if facts.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn query_of(at: usize, pattern: &Pattern) -> Vec<(String, String)> {
    let of = |part: &str, value: &str| (format!("args.{at}.{part}"), value.to_owned());
    match pattern {
        Pattern::Any => Vec::new(),
        Pattern::Type(type_name) => vec![of("type", type_name)],
        Pattern::Exact(value) => vec![of("type", value.type_name()), of("id", value.id())],
    }
}

fn text(fact: &Json) -> String {
    let mut text = fact["predicate"].as_str().unwrap_or_default().to_owned();
    for arg in fact["args"].as_array().into_iter().flatten() {
        text += &format!(" {}:{}", arg["type"].as_str().unwrap_or_default(), arg["id"].as_str().unwrap_or_default());
    }
    text
}
