//! Policy uploads, their refusals, and policy metadata.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Body of `POST /api/policy`, and the inside of [`GetPolicyResult`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicySource {
    /// Name of the file, where there is one.
    #[serde(default)]
    pub filename: Option<String>,
    /// The text.
    pub src: String,
}

/// Answer of `GET /api/policy`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GetPolicyResult {
    /// Null while there is none.
    pub policy: Option<PolicySource>,
}

/// Answer of `POST /api/policy` that took a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyAccepted {
    /// For people.
    pub message: String,
    /// What the policy's author should look at, one line each; left out where there is nothing. An addition of ours.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// Why `POST /api/policy` refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "error_type")]
pub enum PolicyRefusal {
    /// Anything else.
    Generic {
        /// For people.
        message: String,
    },
    /// The text has errors.
    Validation {
        /// For people.
        message: String,
        /// One per error.
        errors: Vec<PolicyError>,
    },
    /// Its own tests failed.
    TestsFailed {
        /// For people.
        message: String,
        /// What failed.
        test_results: TestResults,
    },
}

/// What the tests of a policy gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestResults {
    /// Did all pass?
    pub success: bool,
    /// One per failed assertion.
    pub errors: Vec<PolicyError>,
    /// One per test.
    pub tests: Vec<TestResult>,
}

/// One test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestResult {
    /// Its name.
    pub name: String,
    /// Assertions that held.
    pub passed: u64,
    /// Assertions.
    pub total: u64,
}

/// One thing wrong with a policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyError {
    /// Kind.
    pub error_type: PolicyErrorType,
    /// For people.
    pub message: String,
}

/// Kind of a [`PolicyError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PolicyErrorType {
    /// The text is wrong.
    ValidationFailed,
    /// An assertion of a test didn't hold.
    AssertionFailed,
    /// The server is at fault.
    ServerError,
}

/// Answer of `GET /api/policy_metadata`. Keys come out in bytewise order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyMetadataResult {
    /// The metadata.
    pub metadata: PolicyMetadata,
}

/// Every block of the policy, and `global` always.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyMetadata {
    /// By name of the block.
    pub resources: BTreeMap<String, ResourceMetadata>,
}

/// One block.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceMetadata {
    /// Its roles, sorted.
    pub roles: Vec<String>,
    /// Its permissions, sorted.
    pub permissions: Vec<String>,
    /// Relation → type.
    pub relations: BTreeMap<String, String>,
}
