//! `understudy check` and `understudy test`: what a policy's author asks of it.

use std::{
    io::{IsTerminal, Write},
    path::PathBuf,
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use clap::Args;
use understudy_core::{
    compile::{self, Compiled, Source, compile},
    eval::policy_tests,
    rules::rule::Program,
    syntax::ast::Policy,
};

use super::usage_error;
use crate::build::excerpt;

/// Policy files: several are one policy.
#[derive(Args, Debug)]
pub struct PolicyFiles {
    /// Polar files; several make one policy.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

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

/// `understudy test`.
#[derive(Args, Debug)]
pub struct TestArgs {
    #[command(flatten)]
    policy: PolicyFiles,
    /// Print the results as JSON.
    #[arg(long)]
    json: bool,
}

/// Names and texts of files. `Err`: the exit code to end with.
pub fn read(files: &[PathBuf]) -> Result<Vec<(String, String)>, ExitCode> {
    let read = |file: &PathBuf| match std::fs::read_to_string(file) {
        Ok(text) => Ok((file.display().to_string(), text)),
        Err(error) => Err(usage_error(&format!("{}: can't be read: {error}", file.display()))),
    };
    files.iter().map(read).collect()
}

/// The texts as one policy.
pub fn sources(texts: &[(String, String)]) -> Vec<Source<'_>> {
    texts.iter().map(|(name, text)| Source { name, text }).collect()
}

/// May the stream be written to in colour? Not into a file or a pipe, and not where `NO_COLOR` says so.
pub fn is_coloured(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Reads and compiles; errors go to stderr. `Err`: the exit code to end with.
pub fn load(files: &[PathBuf]) -> Result<(Program, Policy), ExitCode> {
    let texts = read(files)?;
    let sources = sources(&texts);
    let Compiled { program, policy, diagnostics } = compile(&sources);
    eprint!("{}", excerpt::human(&diagnostics, &sources, is_coloured(&std::io::stderr())));
    program.map(|program| (program, policy)).ok_or(ExitCode::from(super::EXIT_USAGE))
}

/// Seconds since 1970, UTC.
pub fn now_s() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
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

/// Runs a policy's tests; the last line counts assertions.
pub fn test(args: &TestArgs) -> ExitCode {
    let (program, policy) = match load(&args.policy.files) {
        Ok(loaded) => loaded,
        Err(code) => return code,
    };
    let report = policy_tests::run(&program, &policy, now_s(), 0);
    let (n_passed, n_total) = (report.passed(), report.total());
    if args.json {
        let tests: Vec<_> = report
            .tests
            .iter()
            .map(|t| serde_json::json!({"name": t.name, "passed": t.n_passed, "total": t.n_total, "failures": t.failures}))
            .collect();
        println!("{}", serde_json::json!({"success": n_passed == n_total, "tests": tests}));
    } else {
        for test in &report.tests {
            println!("{}: {} of {}", test.name, test.n_passed, test.n_total);
            for failure in &test.failures {
                println!("  {failure}");
            }
        }
        println!("{n_passed} passed, {} failed", n_total - n_passed);
    }
    if n_passed == n_total { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
