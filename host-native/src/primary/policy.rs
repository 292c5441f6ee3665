//! When a policy may be put in force: it compiles, passes its own tests and can be opened, all of it by an instance that
//! has less than the smallest node.

use std::path::PathBuf;

use understudy_core::{
    compile::{Source, compile},
    eval::policy_tests::TestResult,
    raw::Note,
    rules::rule::Program,
    snapshot::PolicyText,
    syntax::diagnostic::Severity,
};
use understudy_wire as wire;
use wire::{Code, PolicyError, PolicyErrorType, PolicyRefusal};

use super::instances::{Instances, NotTried, Sources};
use crate::{
    build::{self, BuildError},
    http::{reply::Reply, state::now_s},
};

/// Name in messages of a policy that came without a file name.
const UNNAMED: &str = "policy";
/// Failures of tests that the message of a refusal names; all of them stand beside it.
const FAILURES_SHOWN: usize = 5;

/// Why a policy is not in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyRefused {
    /// The text has errors: one rendered diagnostic each.
    Invalid(Vec<String>),
    /// Its own tests failed.
    Tests(Vec<TestResult>),
    /// It needs more than there is, of what the text names.
    TooLarge(String),
    /// It could not be stored, built or opened: the server's fault.
    Failed(String),
}

impl PolicyRefused {
    /// Everything that is wrong, for people, a line each.
    pub fn lines(&self) -> Vec<String> {
        match self {
            PolicyRefused::Invalid(errors) => errors.clone(),
            PolicyRefused::Tests(tests) => failures(tests).collect(),
            PolicyRefused::TooLarge(message) | PolicyRefused::Failed(message) => vec![message.clone()],
        }
    }

    /// As `POST /api/policy` answers it.
    pub fn reply(self) -> Reply {
        let error = |error_type| move |message| PolicyError { error_type, message };
        match self {
            PolicyRefused::Invalid(errors) => {
                let message = format!("the policy has errors: {}", errors.join("; "));
                let errors = errors.into_iter().map(error(PolicyErrorType::ValidationFailed)).collect();
                Reply::json(400, &PolicyRefusal::Validation { message, errors })
            }
            PolicyRefused::Tests(tests) => {
                let told: Vec<String> = failures(&tests).collect();
                let n_total: usize = tests.iter().map(|test| test.n_total).sum();
                let n_passed: usize = tests.iter().map(|test| test.n_passed).sum();
                let n_failed = n_total.saturating_sub(n_passed);
                // SDKs show nothing but the message.
                let shown = told.iter().take(FAILURES_SHOWN).cloned().collect::<Vec<_>>().join("; ");
                let more = match told.len().saturating_sub(FAILURES_SHOWN) {
                    0 => String::new(),
                    more => format!("; and {more} more"),
                };
                let message = format!("{n_failed} of {n_total} assertions of the policy's tests failed: {shown}{more}");
                let errors = told.into_iter().map(error(PolicyErrorType::AssertionFailed)).collect();
                let result = |test: TestResult| wire::TestResult {
                    name: test.name,
                    passed: test.n_passed as u64,
                    total: test.n_total as u64,
                };
                let tests = tests.into_iter().map(result).collect();
                let test_results = wire::TestResults { success: false, errors, tests };
                Reply::json(400, &PolicyRefusal::TestsFailed { message, test_results })
            }
            PolicyRefused::TooLarge(message) => {
                Reply::json(Code::TooLarge.status(), &PolicyRefusal::Generic { message })
            }
            PolicyRefused::Failed(message) => Reply::json(500, &PolicyRefusal::Generic { message }),
        }
    }
}

fn failures(tests: &[TestResult]) -> impl Iterator<Item = String> + '_ {
    tests.iter().flat_map(|test| test.failures.iter().map(|failure| format!("test \"{}\": {failure}", test.name)))
}

/// The rules of a stored policy; without one, those that hold without being written.
pub fn program(policy: Option<&PolicyText>) -> Result<Program, Vec<String>> {
    let (name, text) = policy.map_or((UNNAMED, ""), |policy| (name(policy), &policy.text));
    let compiled = compile(&[Source { name, text }]);
    compiled.program.ok_or_else(|| build::render(&compiled.diagnostics))
}

/// A policy that may be put in force.
pub struct Checked {
    /// Its rules.
    pub program: Program,
    /// What its author should look at: one rendered diagnostic each.
    pub warnings: Vec<String>,
}

/// Compiles a policy, runs its tests and opens it, within the bounds of the instances. Blocks.
pub fn check(policy: &PolicyText, instances: &dyn Instances) -> Result<Checked, PolicyRefused> {
    check_sources(&[(name(policy).to_owned(), policy.text.clone())], instances)
}

/// Reads policy files as one policy and checks it, so that a diagnostic names the file and line that its author knows. One
/// file keeps its name; the texts of several are joined by line ends under the first one's name. No file: `None`. Blocks.
pub fn check_files(files: &[PathBuf], instances: &dyn Instances) -> Result<Option<(PolicyText, Checked)>, Vec<String>> {
    let mut sources: Sources = Vec::with_capacity(files.len());
    for file in files {
        let place = file.display().to_string();
        match std::fs::read_to_string(file) {
            Ok(text) => sources.push((place, text)),
            Err(error) => {
                let message = format!("can't be read: {error}");
                return Err(vec![BuildError::File { place, message }.to_string()]);
            }
        }
    }
    let Some(first) = files.first() else { return Ok(None) };
    let file = first.file_name().map(|name| name.to_string_lossy().into_owned());
    let text = sources.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("\n");
    let checked = check_sources(&sources, instances).map_err(|refused| refused.lines())?;
    Ok(Some((PolicyText { file, text }, checked)))
}

fn check_sources(sources: &[(String, String)], instances: &dyn Instances) -> Result<Checked, PolicyRefused> {
    let tried = instances.try_policy(sources.to_vec(), now_s()).map_err(|error| match error {
        NotTried::TooLarge(message) => PolicyRefused::TooLarge(message),
        NotTried::Refused(message) => PolicyRefused::Invalid(vec![message]),
        NotTried::Failed(message) => PolicyRefused::Failed(message),
    })?;
    if tried.has_errors() {
        return Err(PolicyRefused::Invalid(rendered(&tried.notes, Severity::Error)));
    }
    if !tried.passes() {
        return Err(PolicyRefused::Tests(tried.tests));
    }
    // The ledger checks facts by the rules. It has been shown that they fit into the smallest node.
    let sources: Vec<Source<'_>> = sources.iter().map(|(name, text)| Source { name, text }).collect();
    let compiled = compile(&sources);
    let program = compiled.program.ok_or_else(|| PolicyRefused::Invalid(build::render(&compiled.diagnostics)))?;
    Ok(Checked { program, warnings: rendered(&tried.notes, Severity::Warning) })
}

fn rendered(notes: &[Note], severity: Severity) -> Vec<String> {
    let notes = notes.iter().filter(|note| note.severity == severity);
    notes
        .map(|Note { file, line, column, message, help, .. }| {
            let help = help.as_ref().map_or(String::new(), |help| format!(" (help: {help})"));
            format!("{file}:{line}:{column}: {}: {message}{help}", severity.word())
        })
        .collect()
}

fn name(policy: &PolicyText) -> &str {
    policy.file.as_deref().filter(|file| !file.is_empty()).unwrap_or(UNNAMED)
}
