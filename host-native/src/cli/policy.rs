//! `understudy check` and `understudy test`: what a policy's author asks of it.

use std::{io::Write, process::ExitCode};

use clap::Args;
use serde_json::{Value as Json, json};
use understudy_core::{
    compile,
    eval::policy_tests::{
        self, Failure, FailureKind, Report,
        coverage::{Coverage, Use},
    },
};

use super::{
    explain,
    policy_files::{PolicyFiles, is_coloured, load, now_s, read, sources},
    usage_error,
};
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

/// `understudy test`.
#[derive(Args, Debug)]
pub struct TestArgs {
    #[command(flatten)]
    policy: PolicyFiles,
    /// Print the results as one JSON document.
    #[arg(long)]
    json: bool,
    /// Only tests whose name contains this.
    #[arg(long, value_name = "NAME")]
    filter: Option<String>,
    /// Say which rules, lines of blocks and branches of `or` no assertion needed.
    #[arg(long)]
    coverage: bool,
    /// Fail where less of these, in a hundred, was exercised; says which, as `--coverage`.
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    min: Option<f64>,
}

fn percent(text: &str) -> Result<f64, String> {
    let number: Result<f64, _> = text.parse();
    number.ok().filter(|number| (0.0..=100.0).contains(number)).ok_or_else(|| "give a number from 0 to 100".to_owned())
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
    let compiled = match load(&args.policy.files) {
        Ok(compiled) => compiled,
        Err(code) => return code,
    };
    let wanted = args.filter.as_deref().unwrap_or_default();
    let report = policy_tests::run_some(&compiled, now_s(), 0, |name| name.contains(wanted));
    if report.tests.is_empty() && !wanted.is_empty() {
        return usage_error(&format!("no test has a name with `{wanted}` in it"));
    }
    let is_covered = args.min.is_none_or(|min| report.coverage.percent() >= min);
    let shows_coverage = args.coverage || args.min.is_some();
    let success = report.passed() == report.total() && is_covered;
    if args.json {
        println!("{}", as_json(&report, shows_coverage.then_some(args.min), success));
    } else {
        print(&report, shows_coverage);
    }
    if let Some(min) = args.min.filter(|_| !is_covered) {
        eprintln!("understudy: coverage is {:.1} %, less than {min} %", report.coverage.percent());
    }
    if success { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn print(report: &Report, shows_coverage: bool) {
    for test in &report.tests {
        println!("{}: {} of {}", test.name, test.n_passed, test.n_total);
        for failure in &test.failures {
            println!("  {failure}");
            let why = failure.explanation.as_ref().map(ToString::to_string).unwrap_or_default();
            why.lines().for_each(|line| println!("    {line}"));
        }
    }
    if shows_coverage {
        let Coverage { items } = &report.coverage;
        println!(
            "coverage: {:.1} % ({} of {} rules, lines of blocks and branches)",
            report.coverage.percent(),
            report.coverage.n_exercised(),
            items.len()
        );
        for item in items.iter().filter(|item| item.used != Use::Exercised) {
            let why = if item.used == Use::Tried { "only tried" } else { "missed" };
            println!("  {}:{}: {}: {why}", item.file, item.line, item.label);
        }
    }
    println!("{} passed, {} failed", report.passed(), report.total() - report.passed());
}

fn as_json(report: &Report, coverage: Option<Option<f64>>, success: bool) -> Json {
    let failure = |failure: &Failure| {
        let kind = match failure.kind {
            FailureKind::Assertion => "assertion",
            FailureKind::Error => "error",
        };
        json!({
            "kind": kind,
            "file": failure.file,
            "line": failure.line,
            "assertion": failure.assertion,
            "message": failure.message,
            "explanation": failure.explanation.as_ref().map(explain::as_json),
        })
    };
    let test = |test: &policy_tests::TestResult| {
        json!({
            "name": test.name,
            "file": test.file,
            "line": test.line,
            "passed": test.n_passed,
            "total": test.n_total,
            "failures": test.failures.iter().map(failure).collect::<Json>(),
        })
    };
    let mut document = json!({
        "success": success,
        "passed": report.passed(),
        "failed": report.total() - report.passed(),
        "tests": report.tests.iter().map(test).collect::<Json>(),
    });
    if let Some(min) = coverage {
        let items = report.coverage.items.iter().map(|item| {
            json!({
                "kind": item.kind,
                "file": item.file,
                "line": item.line,
                "label": item.label,
                "use": item.used.name(),
            })
        });
        document["coverage"] = json!({
            "percent": report.coverage.percent(),
            "exercised": report.coverage.n_exercised(),
            "total": report.coverage.items.len(),
            "min": min,
            "items": items.collect::<Json>(),
        });
    }
    document
}
