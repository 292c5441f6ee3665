//! Facts and a policy → bytes.

use std::fmt;

use super::manifest::{Key, Manifest, PolicyText};
use crate::{model::Fact, syntax::diagnostic::Diagnostic};

/// What goes into a snapshot besides the facts.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// Which snapshot it is; `counts` is filled in.
    pub manifest: Manifest,
    /// The policy; `None`: the environment has none.
    pub policy: Option<PolicyText>,
    /// Digests of the environment's keys; `None`: the maker doesn't know them.
    pub keys: Option<Vec<Key>>,
}

/// Why no snapshot can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// The policy has errors.
    Policy(Vec<Diagnostic>),
    /// A count is past what the format can number.
    TooLarge {
        /// What there is too much of, with how many are allowed.
        what: String,
    },
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WriteError::Policy(_) => write!(f, "the policy has errors"),
            WriteError::TooLarge { what } => write!(f, "too large for one snapshot: {what}"),
        }
    }
}

impl std::error::Error for WriteError {}

/// Makes a snapshot. Facts may come in any order; one given twice is stored once.
/// The bytes depend only on the contents, not on the order of the facts.
pub fn write(contents: &Contents, facts: impl IntoIterator<Item = Fact>) -> Result<Vec<u8>, WriteError> {
    let _ = (contents, facts.into_iter().count());
    Err(WriteError::TooLarge { what: "not built yet".into() })
}
