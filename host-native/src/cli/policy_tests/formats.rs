//! Results of a policy's tests as text, JSON, JUnit's XML and GitHub's annotations.

use std::fmt::Write;

use serde_json::{Value as Json, json};
use understudy_core::eval::policy_tests::{Failure, FailureKind, Report, TestResult, coverage::Use};

use super::super::explain;

/// What is written besides the results.
pub struct Shown {
    /// Is the coverage shown, and with which minimum?
    pub coverage: Option<Option<f64>>,
    /// Is everything as it must be?
    pub success: bool,
    /// What the run took.
    pub seconds: f64,
    /// What each test took, in order; none where they didn't run.
    pub test_seconds: Vec<f64>,
    /// May the text have colours?
    pub colour: bool,
}

/// Seconds of a test from which the text has them: what is quick is of no interest.
const SECONDS_SHOWN_MIN: f64 = 0.1;

impl Shown {
    /// The tests, each with what it took.
    fn timed<'r>(&self, report: &'r Report) -> impl Iterator<Item = (&'r TestResult, f64)> {
        report.tests.iter().zip(self.test_seconds.iter().copied().chain(std::iter::repeat(0.0)))
    }
}

/// For people: a mark and a line a test, below it what failed; the last line counts assertions.
pub fn text(report: &Report, shown: &Shown) -> String {
    let painted = |code: &str, text: &str| {
        if shown.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    };
    let mut out = String::new();
    for (test, seconds) in shown.timed(report) {
        let mark = if test.failures.is_empty() { painted("32", "✓") } else { painted("31", "✗") };
        let took = if seconds < SECONDS_SHOWN_MIN { String::new() } else { format!(" in {seconds:.2} s") };
        let _ = writeln!(out, "{mark} {}: {} of {}{took}", printable(&test.name), test.n_passed, test.n_total);
        for failure in &test.failures {
            let _ = writeln!(out, "  {}", printable(&failure.to_string()));
            let why = failure.explanation.as_ref().map(ToString::to_string).unwrap_or_default();
            for line in why.lines() {
                let _ = writeln!(out, "    {}", printable(line));
            }
        }
    }
    if shown.coverage.is_some() {
        out += &coverage(report);
    }
    let n_tests = report.tests.len();
    let plural = if n_tests == 1 { "" } else { "s" };
    let _ = writeln!(out, "{n_tests} test{plural} in {:.2} s", shown.seconds);
    let (n_passed, n_failed) = counts(report);
    let count = format!("{n_passed} passed, {n_failed} failed");
    out + &painted(if n_failed == 0 { "32" } else { "31" }, &count) + "\n"
}

/// A policy's own text must not speak to the terminal.
fn printable(text: &str) -> String {
    let safe = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(safe).collect()
}

fn counts(report: &Report) -> (usize, usize) {
    (report.passed(), report.total() - report.passed())
}

/// What no assertion needed, below the share of what some did. Forms without a place for it leave it to standard error.
pub fn coverage(report: &Report) -> String {
    let coverage = &report.coverage;
    let mut out = format!(
        "coverage: {:.1} % ({} of {} rules, lines of blocks and branches)\n",
        report.coverage_percent(),
        coverage.n_exercised(),
        coverage.items.len()
    );
    for item in coverage.items.iter().filter(|item| item.used != Use::Exercised) {
        let why = if item.used == Use::Tried { "only tried" } else { "missed" };
        let _ = writeln!(out, "  {}:{}: {}: {why}", item.file, item.line, item.label);
    }
    out
}

/// One document of JUnit's form: a case a test, its failures joined.
pub fn junit(report: &Report, shown: &Shown) -> String {
    let n_wrong = |is: fn(&TestResult) -> bool| report.tests.iter().filter(|test| is(test)).count();
    let n_errors = n_wrong(is_error);
    let n_failures = n_wrong(|test| !test.failures.is_empty()) - n_errors;
    let attributes = format!(
        "tests=\"{}\" failures=\"{n_failures}\" errors=\"{n_errors}\" time=\"{:.3}\"",
        report.tests.len(),
        shown.seconds
    );
    let mut out = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {attributes}>\n  \
         <testsuite name=\"policy\" {attributes}>\n"
    );
    for (test, seconds) in shown.timed(report) {
        let case = format!(
            "    <testcase name=\"{}\" classname=\"{}\" file=\"{1}\" line=\"{}\" assertions=\"{}\" \
             time=\"{seconds:.3}\"",
            xml(&test.name),
            xml(&test.file),
            test.line,
            test.n_total
        );
        let Some(first) = test.failures.first() else {
            out += &(case + "/>\n");
            continue;
        };
        let tag = if is_error(test) { "error" } else { "failure" };
        let lines: Vec<String> = test.failures.iter().map(ToString::to_string).collect();
        let _ = writeln!(
            out,
            "{case}>\n      <{tag} message=\"{}\">{}</{tag}>\n    </testcase>",
            xml(&first.message),
            xml(&lines.join("\n"))
        );
    }
    out + "  </testsuite>\n</testsuites>\n"
}

fn is_error(test: &TestResult) -> bool {
    test.failures.iter().any(|failure| failure.kind == FailureKind::Error)
}

/// Text within XML: what it can't hold at all is left out.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\n' | '\t' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => out.push(c),
        }
    }
    out
}

/// An annotation a failed assertion, as GitHub's runners read them from the output; the last line counts assertions.
pub fn github(report: &Report) -> String {
    let mut out = String::new();
    for test in &report.tests {
        for Failure { file, line, assertion, message, .. } in &test.failures {
            let _ = writeln!(
                out,
                "::error file={},line={line},title={}::{}",
                property(file),
                property(&format!("test \"{}\"", test.name)),
                escaped(&format!("{assertion}: {message}"))
            );
        }
    }
    let (n_passed, n_failed) = counts(report);
    out + &format!("{n_passed} passed, {n_failed} failed\n")
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    escaped(text).replace(':', "%3A").replace(',', "%2C")
}

/// One JSON document.
pub fn json(report: &Report, shown: &Shown) -> Json {
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
    let test = |(test, seconds): (&TestResult, f64)| {
        json!({
            "name": test.name,
            "file": test.file,
            "line": test.line,
            "passed": test.n_passed,
            "total": test.n_total,
            "seconds": seconds,
            "failures": test.failures.iter().map(failure).collect::<Json>(),
        })
    };
    let mut document = json!({
        "success": shown.success,
        "passed": report.passed(),
        "failed": report.total() - report.passed(),
        "seconds": shown.seconds,
        "tests": shown.timed(report).map(test).collect::<Json>(),
    });
    if let Some(min) = shown.coverage {
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
            "percent": report.coverage_percent(),
            "exercised": report.coverage.n_exercised(),
            "total": report.coverage.items.len(),
            "min": min,
            "items": items.collect::<Json>(),
        });
    }
    document
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use understudy_core::{
        compile::{Source, compile},
        eval::policy_tests::run,
    };

    use super::*;

    fn report() -> Report {
        let text = "actor U {}\np(u: U) if q(u);\ntest \"a <b> & \\\"c\\\"\" { setup { q(U{\"1\"}); } assert p(U{\"1\"}); }\n\
                    test \"bad: 100%, really\" {\n  assert p(U{\"2\"});\n}";
        run(&compile(&[Source { name: "dir/a.polar", text }]), 0, 0)
    }

    fn shown(test_seconds: Vec<f64>) -> Shown {
        Shown { coverage: None, success: false, seconds: 0.25, test_seconds, colour: false }
    }

    #[test]
    fn text_marks_every_test_and_ends_with_the_count() {
        let shown = shown(vec![0.01, 0.1]);
        let out = text(&report(), &shown);
        assert!(
            out.starts_with("✓ a <b> & \"c\": 1 of 1\n✗ bad: 100%, really: 0 of 1 in 0.10 s\n  dir/a.polar:5: "),
            "{out}"
        );
        assert!(out.ends_with("\n2 tests in 0.25 s\n1 passed, 1 failed\n"), "{out}");
        let coloured = text(&report(), &Shown { colour: true, ..shown });
        assert!(coloured.starts_with("\u{1b}[32m✓\u{1b}[0m a"), "{coloured}");
    }

    #[test]
    fn junit_has_a_case_a_test() {
        let out = junit(&report(), &shown(vec![0.125, 0.0]));
        assert!(
            out.contains("<testsuite name=\"policy\" tests=\"2\" failures=\"1\" errors=\"0\" time=\"0.250\">"),
            "{out}"
        );
        assert!(out.contains("<testcase name=\"a &lt;b&gt; &amp; &quot;c&quot;\" classname=\"dir/a.polar\""), "{out}");
        assert!(out.contains("<failure message=\"expected an answer, got none"), "{out}");
        assert!(out.contains("line=\"3\" assertions=\"1\" time=\"0.125\"/>"), "{out}");
        assert_eq!(out.matches("<testcase").count(), 2);
    }

    #[test]
    fn github_gets_an_annotation_a_failure() {
        let out = github(&report());
        assert!(
            out.starts_with(
                "::error file=dir/a.polar,line=5,title=test \"bad%3A 100%25%2C really\"::assert p(U{\"2\"}): "
            ),
            "{out}"
        );
        assert!(out.ends_with("1 passed, 1 failed\n"), "{out}");
    }
}
