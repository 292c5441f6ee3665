//! Policy text → program: the whole walk, every pass named in order.

use crate::{rules::rule::Program, syntax::diagnostic::Diagnostic, syntax::tests::PolicyTests};

/// A policy file as given.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// Name shown in messages.
    pub name: &'a str,
    /// UTF-8 text.
    pub text: &'a str,
}

/// What compiling gives.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The rules; absent if a diagnostic is an error.
    pub program: Option<Program>,
    /// The `test` blocks, to be run by `eval::policy_tests`.
    pub tests: PolicyTests,
    /// Everything found, sorted by place.
    pub diagnostics: Vec<Diagnostic>,
}
