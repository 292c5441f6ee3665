//! What is asked. Names need not be known to policy or facts: the universe is open.

use std::fmt;

use super::{
    fact::Fact,
    value::{Pattern, Value},
};

/// One question with everything its answer depends on besides the snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The question.
    pub ask: Ask,
    /// Facts that hold for this request only.
    pub context_facts: Vec<Fact>,
    /// `@current_unix_time`: seconds since 1970-01-01 UTC, sampled once.
    pub now_s: i64,
    /// Work units this request may spend: `limits::WORK_UNITS_DEFAULT` unless the host says otherwise, who may give up to
    /// `limits::WORK_UNITS_PER_REQUEST`.
    pub budget: u64,
}

/// The query forms of polar.md §13.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// May the actor do this to the resource?
    Authorize {
        /// Who.
        actor: Value,
        /// Does what.
        action: String,
        /// To what.
        resource: Value,
    },
    /// Which resources of this type may the actor do this to?
    List {
        /// Who.
        actor: Value,
        /// Does what.
        action: String,
        /// Exact type of the resources.
        resource_type: String,
    },
    /// What may the actor do to the resource?
    Actions {
        /// Who.
        actor: Value,
        /// To what.
        resource: Value,
    },
    /// Every solution of one predicate (v1 `query`).
    Query {
        /// Name of the predicate.
        predicate: String,
        /// One pattern per argument.
        args: Vec<Pattern>,
    },
    /// A conjunction over variables (v2 `evaluate_query`).
    Evaluate {
        /// Predicate and its variables, then further ones joined to it.
        calls: Vec<(String, Vec<String>)>,
        /// One entry per variable, sorted by name; every variable of `calls` has one.
        constraints: Vec<(String, Constraint)>,
    },
}

/// What a variable of [`Ask::Evaluate`] may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    /// Exact, concrete type.
    pub type_name: String,
    /// `None`: any value; otherwise one of these (an empty list matches nothing).
    pub ids: Option<Vec<String>>,
}

/// A request has more of something than any may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany {
    /// Of what, in plain words: `context facts`.
    pub what: &'static str,
    /// How many there are.
    pub n_found: usize,
    /// How many there may be.
    pub n_max: usize,
}

impl TooMany {
    /// Refuses what is over a limit.
    pub fn check(what: &'static str, n_found: usize, n_max: usize) -> Result<(), TooMany> {
        if n_found <= n_max { Ok(()) } else { Err(TooMany { what, n_found, n_max }) }
    }
}

impl fmt::Display for TooMany {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TooMany { what, n_found, n_max } = self;
        write!(f, "the query has {n_found} {what}; at most {n_max} are allowed")
    }
}
