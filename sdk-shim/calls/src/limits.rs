//! What one request may hold, counted before work begins, in one place for every host. What happens at each is a refusal with
//! the limit's name. Those of its bytes, its time and its work are the server's and the engine's.

pub use understudy_core::limits::{
    CONDITIONS_PER_RULE_MAX as CONDITIONS_MAX, CONTEXT_FACTS_MAX, ID_BYTES_MAX, REQUEST_IDS_MAX,
};

/// Largest request body, in bytes.
pub const BODY_BYTES_MAX: usize = 10 << 20;
/// Values in the JSON of one question: objects, arrays, texts, numbers. Each takes tens of bytes once it is read, whatever it
/// took before.
pub const JSON_VALUES_MAX: usize = 500_000;
/// Questions of one request: resources of `authorize_resources`, elements of `bulk_actions`. Ten times what AuthZEN's calls
/// take; a quick one has a thousandth of a second.
pub const QUESTIONS_MAX: usize = 10_000;
