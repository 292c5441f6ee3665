//! The `test` blocks of a policy, ready to be run.

/// All tests of a policy.
#[derive(Clone, Debug, Default)]
pub struct PolicyTests {}
