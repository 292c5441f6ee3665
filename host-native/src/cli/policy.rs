//! `understudy check`: what is wrong with a policy, and what seems to be.

use std::{io::Write, process::ExitCode};

use clap::Args;
use understudy_core::compile;

use super::policy_files::{PolicyFiles, is_coloured, read, sources};
use crate::build::excerpt;

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
}

/// Says what is wrong with a policy, and what seems to be; the last line counts. 0 if no error stops it.
pub fn check(args: &CheckArgs) -> ExitCode {
    let texts = match read(&args.policy.files) {
        Ok(texts) => texts,
        Err(code) => return code,
    };
    let sources = sources(&texts);
    let diagnostics = compile::check(&sources);
    let text = if args.json {
        excerpt::machine(&diagnostics).to_string()
    } else {
        excerpt::human(&diagnostics, &sources, is_coloured(&std::io::stdout())) + &excerpt::counted(&diagnostics)
    };
    // Who reads only the beginning closes the pipe: the exit code tells the rest.
    let _ = writeln!(std::io::stdout(), "{text}");
    let (n_errors, n_warnings) = excerpt::counts(&diagnostics);
    if n_errors > 0 || (args.deny_warnings && n_warnings > 0) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
