//! `understudy check`: what is wrong with a policy, and what seems to be.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use serde_json::json;
use understudy_core::compile::{self, Source};

use super::{
    policy_files::{PolicyFiles, is_coloured, read, sources},
    usage_error,
};
use crate::{
    build::{
        BuildError, excerpt,
        fact_warnings::{self, FactWarnings},
        jsonl,
    },
    output,
};

/// `understudy check`.
#[derive(Args, Debug)]
pub struct CheckArgs {
    #[command(flatten)]
    policy: PolicyFiles,
    /// Print one JSON document.
    #[arg(long)]
    json: bool,
    /// Warnings fail too.
    #[arg(long)]
    deny_warnings: bool,
    /// Facts to look at too, one JSON object a line: those that no rule can use are told.
    #[arg(long, value_name = "FILE.jsonl")]
    facts: Option<PathBuf>,
    /// Fail where one of the facts is one that no rule can use.
    #[arg(long, requires = "facts")]
    strict: bool,
}

/// Says what is wrong with a policy, and what seems to be; the last line counts. 0 if no error stops it.
pub fn check(args: &CheckArgs) -> ExitCode {
    let texts = match read(&args.policy.files) {
        Ok(texts) => texts,
        Err(code) => return code,
    };
    let sources = sources(&texts);
    let diagnostics = compile::check(&sources);
    let facts = match args.facts.as_deref().map(|file| check_facts(&sources, file)).transpose() {
        Ok(facts) => facts.unwrap_or_default(),
        Err(error) => return usage_error(&error),
    };
    let text = if args.json {
        let mut document = excerpt::machine(&diagnostics);
        if args.facts.is_some() {
            document["facts"] = json!({"unused": facts.n_facts, "warnings": facts.lines});
        }
        document.to_string()
    } else {
        let told: String = facts.lines.iter().map(|line| format!("{line}\n")).collect();
        excerpt::human(&diagnostics, &sources, is_coloured(&std::io::stdout()))
            + &told
            + &excerpt::counted(&diagnostics)
    };
    output::line(text);
    let (n_errors, n_warnings) = excerpt::counts(&diagnostics);
    let is_strict = args.strict || args.deny_warnings;
    let fails = n_errors > 0 || (args.deny_warnings && n_warnings > 0) || (is_strict && facts.n_facts > 0);
    if fails { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// What of a file of facts no rule can use; a policy with errors has no rules.
fn check_facts(sources: &[Source<'_>], file: &Path) -> Result<FactWarnings, BuildError> {
    let facts = jsonl::read_with_lines(file)?;
    let program = compile::compile(sources).program;
    Ok(program.map(|program| fact_warnings::of_file(&program, file, &facts)).unwrap_or_default())
}
