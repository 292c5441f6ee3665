//! What became of a policy's tests.

use std::fmt;

use super::coverage::Coverage;
use crate::model::Explanation;

/// Result of one test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestResult {
    /// Its name.
    pub name: String,
    /// Source of its block.
    pub file: String,
    /// Line of its block, from 1.
    pub line: u32,
    /// Assertions that hold.
    pub n_passed: usize,
    /// Assertions in all.
    pub n_total: usize,
    /// One per assertion that doesn't hold.
    pub failures: Vec<Failure>,
}

/// Why an assertion doesn't hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// It is not as asserted.
    Assertion,
    /// The question has no answer: it can't be read, or evaluation ends in an error.
    Error,
}

/// An assertion that doesn't hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind.
    pub kind: FailureKind,
    /// Source of the assertion.
    pub file: String,
    /// Line of the assertion, from 1.
    pub line: u32,
    /// The assertion in one line, without its `iff`.
    pub assertion: String,
    /// What was found instead: lower case, no full stop.
    pub message: String,
    /// Of `assert`: what is missing; of `assert_not`: why it holds. None for an `iff` and for errors.
    pub explanation: Option<Explanation>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { file, line, assertion, message, .. } = self;
        write!(f, "{file}:{line}: `{assertion}`: {message}")
    }
}

/// Results of the tests of a policy, in order of source, and what they exercised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// One per test.
    pub tests: Vec<TestResult>,
    /// Of the tests that ran.
    pub coverage: Coverage,
}

impl Report {
    /// Assertions that hold.
    pub fn passed(&self) -> usize {
        self.tests.iter().map(|test| test.n_passed).sum()
    }

    /// Assertions in all.
    pub fn total(&self) -> usize {
        self.tests.iter().map(|test| test.n_total).sum()
    }

    /// Exercised items in a hundred. Where no assertion held there may be no items because nothing ran: that is 0.
    pub fn coverage_percent(&self) -> f64 {
        if self.coverage.items.is_empty() && self.passed() == 0 { 0.0 } else { self.coverage.percent() }
    }
}
