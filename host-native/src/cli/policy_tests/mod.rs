//! `understudy test`: runs the tests of a policy, once or at each change of its files.

mod formats;

use std::{
    cell::RefCell,
    io::Write,
    process::ExitCode,
    thread::sleep,
    time::{Duration, Instant},
};

use clap::{Args, ValueEnum};
use understudy_core::eval::policy_tests::{self, Report};

use self::formats::Shown;
use super::{
    policy_files::{PolicyFiles, is_coloured, load, now_s},
    usage_error,
};

/// Time between looks at watched files.
const WATCH_INTERVAL: Duration = Duration::from_millis(300);

/// `understudy test`.
#[derive(Args, Debug)]
pub struct TestArgs {
    #[command(flatten)]
    policy: PolicyFiles,
    /// Print the results as one JSON document: the same as `--format json`.
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// How results are printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Only tests whose name contains this.
    #[arg(long, value_name = "NAME")]
    filter: Option<String>,
    /// Say which rules, lines of blocks and branches of `or` no assertion needed; with `--format junit` or `github` on
    /// standard error.
    #[arg(long)]
    coverage: bool,
    /// Fail where less of these, in a hundred, was exercised; says which, as `--coverage`.
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    min: Option<f64>,
    /// Exit with 2 where the policy has no tests, or none of them asserts anything.
    #[arg(long)]
    require_tests: bool,
    /// Run again at each change of the files, until interrupted.
    #[arg(long)]
    watch: bool,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A mark and a line a test, what failed below it.
    Text,
    /// JUnit's XML, which CI systems read.
    Junit,
    /// Annotations of GitHub Actions.
    Github,
    /// One JSON document.
    Json,
}

fn percent(text: &str) -> Result<f64, String> {
    let number: Result<f64, _> = text.parse();
    number.ok().filter(|number| (0.0..=100.0).contains(number)).ok_or_else(|| "give a number from 0 to 100".to_owned())
}

/// Runs a policy's tests; as text, the last line counts assertions.
pub fn run(args: &TestArgs) -> ExitCode {
    if !args.watch {
        return once(args);
    }
    loop {
        let before = texts(args);
        let _ = once(args);
        say(&format!("\nwatching {} files: a change runs the tests again\n", args.policy.files.len()));
        // A file that can't be read has been told; it may come back.
        while texts(args) == before {
            sleep(WATCH_INTERVAL);
        }
    }
}

/// The files as they are now; `None` where one can't be read.
fn texts(args: &TestArgs) -> Option<Vec<String>> {
    args.policy.files.iter().map(|file| std::fs::read_to_string(file).ok()).collect()
}

fn once(args: &TestArgs) -> ExitCode {
    let compiled = match load(&args.policy.files) {
        Ok(compiled) => compiled,
        Err(code) => return code,
    };
    let begun = Instant::now();
    let wanted = args.filter.as_deref().unwrap_or_default();
    // The engine has no clock; it asks for each test's name before it runs it.
    let asked_at = RefCell::new(Vec::new());
    let report = policy_tests::run_some(&compiled, now_s(), 0, |name| {
        let is_wanted = name.contains(wanted);
        asked_at.borrow_mut().push((Instant::now(), is_wanted));
        is_wanted
    });
    let test_seconds = seconds_of_each(&asked_at.into_inner(), Instant::now());
    if report.tests.is_empty() && !wanted.is_empty() {
        return usage_error(&format!("no test has a name with `{wanted}` in it"));
    }
    if let Some(message) = without_assertions(&report) {
        if args.require_tests && report.total() == 0 {
            return usage_error(&message);
        }
        tell(&message);
    }
    let is_covered = args.min.is_none_or(|min| report.coverage_percent() >= min);
    let shown = Shown {
        coverage: (args.coverage || args.min.is_some()).then_some(args.min),
        success: report.passed() == report.total() && is_covered,
        seconds: begun.elapsed().as_secs_f64(),
        test_seconds,
        colour: is_coloured(&std::io::stdout()),
    };
    let format = if args.json { Format::Json } else { args.format };
    let text = match format {
        Format::Text => formats::text(&report, &shown),
        Format::Junit => formats::junit(&report, &shown),
        Format::Github => formats::github(&report),
        Format::Json => format!("{}\n", formats::json(&report, &shown)),
    };
    say(&text);
    if shown.coverage.is_some() && matches!(format, Format::Junit | Format::Github) {
        let _ = std::io::stderr().write_all(formats::coverage(&report).as_bytes());
    }
    if let Some(min) = args.min.filter(|_| !is_covered) {
        let why = if report.total() == 0 { ": no assertion ran" } else { "" };
        tell(&format!("coverage is {:.1} %, less than {min} %{why}", report.coverage_percent()));
    }
    if shown.success { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What each wanted test took: from its name being asked for to that of the next one, or to the end.
fn seconds_of_each(asked_at: &[(Instant, bool)], end: Instant) -> Vec<f64> {
    let ends = asked_at.iter().skip(1).map(|(at, _)| *at).chain([end]);
    let each = asked_at.iter().zip(ends).filter(|((_, is_wanted), _)| *is_wanted);
    each.map(|((begin, _), end)| end.duration_since(*begin).as_secs_f64()).collect()
}

/// A word on tests that can't fail: of none at all, and of blocks that assert nothing.
fn without_assertions(report: &Report) -> Option<String> {
    if report.tests.is_empty() {
        let message = "the policy has no tests: write one, as `test \"name\" { setup { … } assert allow(…); }`";
        return Some(message.to_owned());
    }
    let empty = report.tests.iter().filter(|test| test.n_total == 0);
    let names: Vec<String> = empty.map(|test| format!("{}:{}: `test {:?}`", test.file, test.line, test.name)).collect();
    let (first, rest) = names.split_first()?;
    let (more, verb) = match rest.len() {
        0 => (String::new(), "asserts"),
        n => (format!(" and {n} more"), "assert"),
    };
    Some(format!("{first}{more} {verb} nothing and can't fail: write what must hold, as `assert allow(…);`"))
}

fn tell(message: &str) {
    let _ = writeln!(std::io::stderr(), "understudy: {message}");
}

/// Writes to standard output. Who reads only the beginning closes the pipe: the exit code tells the rest.
fn say(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes());
}
