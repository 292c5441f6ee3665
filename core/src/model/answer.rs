//! What comes back.

use std::fmt;

use super::{request::TooMany, value::Value};

/// The answer to an [`super::Ask`], in the order the wire promises (http-api.md §9.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Of `Authorize`.
    Decision(bool),
    /// Of `List` and `Actions`: `"*"` first if everything fits, then distinct ids in bytewise order.
    Ids(Vec<String>),
    /// Of `Query`: one row of arguments per solution.
    Facts(Vec<Vec<Row>>),
    /// Of `Evaluate`: variables sorted by name, and rows with one id per variable (`None`: any value of its type).
    Bindings {
        /// Names of the variables.
        variables: Vec<String>,
        /// Distinct rows.
        rows: Vec<Vec<Option<String>>>,
    },
}

impl Answer {
    /// How many answers there are: 1 of a decision that allows, 0 of one that doesn't.
    pub fn n_rows(&self) -> usize {
        match self {
            Answer::Decision(allowed) => usize::from(*allowed),
            Answer::Ids(ids) => ids.len(),
            Answer::Facts(rows) => rows.len(),
            Answer::Bindings { rows, .. } => rows.len(),
        }
    }
}

/// One argument of a solution of `Query`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Row {
    /// Any value of any type.
    Any,
    /// Any value of this type.
    AnyOf(String),
    /// This value.
    Exact(Value),
}

/// Why a request has no answer (polar.md §12.7). Never read as an allow or a deny.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AskError {
    /// A negation with a variable that stays free (U12), or of a comparison with a value that is no Integer (U14).
    Negation {
        /// Where: line of the rule.
        place: String,
        /// Line of the comparison under it; 0 where it is none.
        compared: u32,
    },
    /// An atom that depends on its own negation (U13).
    Recursion {
        /// Where.
        place: String,
    },
    /// A comparison with a variable that stays free.
    Comparison {
        /// Where.
        place: String,
    },
    /// An answer that can't be written down: one free variable in two positions, or a concrete id `*` (U12).
    Unrenderable {
        /// What.
        place: String,
    },
    /// The request's work units are spent.
    Budget {
        /// Units it was given.
        units: u64,
    },
    /// What the request needs to remember is more than it may.
    Memory {
        /// Bytes it was given.
        bytes: u64,
    },
    /// The request itself can't be read: unknown variable, abstract type, over a limit.
    Invalid {
        /// What, and what to do.
        message: String,
    },
}

impl AskError {
    /// Stable one-word name: `negation`, `recursion`, `comparison`, `unrenderable`, `budget`, `memory`, `invalid`.
    pub fn kind(&self) -> &'static str {
        match self {
            AskError::Negation { .. } => "negation",
            AskError::Recursion { .. } => "recursion",
            AskError::Comparison { .. } => "comparison",
            AskError::Unrenderable { .. } => "unrenderable",
            AskError::Budget { .. } => "budget",
            AskError::Memory { .. } => "memory",
            AskError::Invalid { .. } => "invalid",
        }
    }
}

impl fmt::Display for AskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AskError::Negation { place, compared } if *compared > 0 => {
                write!(
                    f,
                    "a comparison at line {compared} meets a value that isn't an Integer, such as a String, under the `not` at \
                     {place}: store Integers there, as `<`, `<=`, `>` and `>=` compare nothing else"
                )
            }
            AskError::Negation { place, .. } => {
                write!(
                    f,
                    "a `not` at {place} has a variable that nothing binds: bind it by a positive condition of the same rule"
                )
            }
            AskError::Recursion { place } => {
                write!(
                    f,
                    "{place} depends on its own negation for these values: break the circle in the policy or the facts"
                )
            }
            AskError::Comparison { place } => {
                write!(
                    f,
                    "a comparison at {place} has a side that nothing binds: bind it by a positive condition of the same rule"
                )
            }
            AskError::Unrenderable { place } => {
                write!(
                    f,
                    "{place} has an answer that can't be written as values and wildcards: ask with more arguments given"
                )
            }
            AskError::Budget { units } => {
                write!(f, "the query needs more than {units} units of work: ask for less at once, or raise the limit")
            }
            AskError::Memory { bytes } => {
                write!(f, "the query needs more than {bytes} bytes of memory: ask for less at once, or raise the limit")
            }
            AskError::Invalid { message } => f.write_str(message),
        }
    }
}

impl std::error::Error for AskError {}

impl From<TooMany> for AskError {
    fn from(error: TooMany) -> Self {
        AskError::Invalid { message: error.to_string() }
    }
}
