//! When a policy may be put in force: it compiles and passes its own tests.

use understudy_core::{
    compile::{Source, compile},
    eval::policy_tests,
    rules::rule::Program,
    snapshot::PolicyText,
};
use understudy_wire as wire;
use wire::{PolicyError, PolicyErrorType, PolicyRefusal};

use crate::{
    build,
    http::{reply::Reply, state::now_s},
};

/// Name in messages of a policy that came without a file name.
const UNNAMED: &str = "policy";

/// Why a policy is not in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyRefused {
    /// The text has errors: one rendered diagnostic each.
    Invalid(Vec<String>),
    /// Its own tests failed.
    Tests(policy_tests::Report),
    /// It could not be stored, built or opened: the server's fault.
    Failed(String),
}

impl PolicyRefused {
    /// Everything that is wrong, for people, a line each.
    pub fn lines(&self) -> Vec<String> {
        match self {
            PolicyRefused::Invalid(errors) => errors.clone(),
            PolicyRefused::Tests(report) => failures(report).collect(),
            PolicyRefused::Failed(message) => vec![message.clone()],
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
            PolicyRefused::Tests(report) => {
                let errors = failures(&report).map(error(PolicyErrorType::AssertionFailed)).collect();
                let n_failed = report.total() - report.passed();
                let message = format!("{n_failed} of {} assertions of the policy's tests failed", report.total());
                let result = |test: policy_tests::TestResult| wire::TestResult {
                    name: test.name,
                    passed: test.n_passed as u64,
                    total: test.n_total as u64,
                };
                let tests = report.tests.into_iter().map(result).collect();
                let test_results = wire::TestResults { success: false, errors, tests };
                Reply::json(400, &PolicyRefusal::TestsFailed { message, test_results })
            }
            PolicyRefused::Failed(message) => Reply::json(500, &PolicyRefusal::Generic { message }),
        }
    }
}

fn failures(report: &policy_tests::Report) -> impl Iterator<Item = String> + '_ {
    let tests = report.tests.iter();
    tests.flat_map(|test| test.failures.iter().map(|failure| format!("test \"{}\": {failure}", test.name)))
}

/// The rules of a stored policy; without one, those that hold without being written.
pub fn program(policy: Option<&PolicyText>) -> Result<Program, Vec<String>> {
    let (name, text) = policy.map_or((UNNAMED, ""), |policy| (name(policy), &policy.text));
    let compiled = compile(&[Source { name, text }]);
    compiled.program.ok_or_else(|| build::render(&compiled.diagnostics))
}

/// Compiles a policy and runs its tests.
pub fn check(policy: &PolicyText) -> Result<Program, PolicyRefused> {
    let compiled = compile(&[Source { name: name(policy), text: &policy.text }]);
    let Some(program) = compiled.program.clone() else {
        return Err(PolicyRefused::Invalid(build::render(&compiled.diagnostics)));
    };
    let report = policy_tests::run(&compiled, now_s(), 0);
    if report.passed() == report.total() { Ok(program) } else { Err(PolicyRefused::Tests(report)) }
}

fn name(policy: &PolicyText) -> &str {
    policy.file.as_deref().filter(|file| !file.is_empty()).unwrap_or(UNNAMED)
}
