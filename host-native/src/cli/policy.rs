//! `understudy check` and `understudy test`: what a policy's author asks of it.

use std::{
    path::PathBuf,
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use clap::Args;
use understudy_core::{
    compile::{Compiled, Source, compile},
    eval::policy_tests,
    rules::rule::Program,
    syntax::ast::Policy,
};

use super::usage_error;

/// Policy files: several are one policy.
#[derive(Args, Debug)]
pub struct PolicyFiles {
    /// Polar files; several make one policy.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
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

/// Reads and compiles; diagnostics go to stderr. `Err`: the exit code to end with.
pub fn load(files: &[PathBuf]) -> Result<(Program, Policy), ExitCode> {
    let mut texts = Vec::with_capacity(files.len());
    for file in files {
        let text = std::fs::read_to_string(file)
            .map_err(|error| usage_error(&format!("{}: can't be read: {error}", file.display())))?;
        texts.push((file.display().to_string(), text));
    }
    let sources: Vec<Source<'_>> = texts.iter().map(|(name, text)| Source { name, text }).collect();
    let Compiled { program, policy, diagnostics } = compile(&sources);
    for diagnostic in &diagnostics {
        eprintln!("{diagnostic}");
    }
    program.map(|program| (program, policy)).ok_or(ExitCode::from(super::EXIT_USAGE))
}

/// Seconds since 1970, UTC.
pub fn now_s() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}

/// Says what is wrong with a policy; 0 if nothing stops it.
pub fn check(args: &PolicyFiles) -> ExitCode {
    match load(&args.files) {
        Ok(_) => ExitCode::SUCCESS,
        Err(code) => code,
    }
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
