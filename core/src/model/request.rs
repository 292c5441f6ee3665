//! What is asked. Names need not be known to policy or facts: the universe is open.

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
    /// Work units this request may spend; `limits::WORK_UNITS_PER_REQUEST` unless the host says otherwise.
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
