//! Calls of the AuthZEN Authorization API 1.0 as questions to the engine, and the answers as its bodies.
//!
//! Enters: JSON bodies, what was told of each question. Leaves: dialogues, decisions, pages of results, refusals.
//! Never: knows a path or a header, asks an engine, gives a caller's property another predicate than the four of
//! [`source::Source`], leaves a property out that rules could see.

pub mod batch;
pub mod entity;
pub mod json;
pub mod limits;
pub mod members;
mod number;
#[allow(clippy::cast_possible_truncation, reason = "the largest page is far below 2^32")]
pub mod page;
pub mod properties;
pub mod question;
pub mod search;
pub mod source;
pub mod types;

#[cfg(test)]
mod tests;

use understudy_core::model::AskError;
use understudy_wire::Code;

use crate::refusal::Refusal;
use types::TypeMap;

/// What an operator has set.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The environment that answers: a page token of another is refused.
    pub environment: String,
    /// Types of callers and the policy's for them.
    pub types: TypeMap,
    /// Read native facts from the member [`question::CONTEXT_FACTS`] of a context?
    pub takes_context_facts: bool,
    /// Most facts that one evaluation may bring along, of those that rules can see.
    pub facts_max: usize,
    /// Give the reasons of decisions to callers who ask for them?
    pub gives_reasons: bool,
}

impl Default for Terms {
    /// Of no environment, types as they are, no native facts, [`limits::FACTS_MAX`].
    fn default() -> Self {
        Terms {
            environment: String::new(),
            types: TypeMap::default(),
            takes_context_facts: false,
            facts_max: limits::FACTS_MAX,
            gives_reasons: true,
        }
    }
}

/// The request can't be read (400).
fn unreadable(message: impl Into<String>) -> Refusal {
    Refusal::new(Code::BadRequest, message)
}

/// Why a well-formed request has no answer: unlike the native API's it is the service's failure (500).
fn unanswered(error: &AskError) -> Refusal {
    let code = if matches!(error, AskError::Invalid { .. }) { Code::BadRequest } else { Code::Internal };
    Refusal::new(code, error.to_string())
}

/// The engine told something else than was asked (500).
fn mismatch() -> Refusal {
    Refusal::new(Code::Internal, "the answer doesn't fit the question: ask again")
}
