//! The JSON contract: types, paths, codes and their HTTP statuses. The only serde types of the wire.
//!
//! Enters: nothing of ours. Leaves: one type per request and response body, the table of paths, error codes.
//! Never: checks a policy, opens a socket, knows the engine. Responses have exactly the keys written here (some SDKs
//! refuse a key too many); requests may carry keys that nobody reads, and `null` where a field is optional.

// No size or place that comes from a body is cut to a width or taken for one that is there.
#![cfg_attr(not(test), warn(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::indexing_slicing))]

pub mod agent;
pub mod authzen;
pub mod check;
pub mod data;
pub mod error;
pub mod feed;
pub mod lenient;
pub mod objects;
pub mod paths;
pub mod policy;
pub mod report;
pub mod value;

#[cfg(test)]
mod tests;

pub use agent::AgentEvent;
pub use check::*;
pub use data::*;
pub use error::{ApiError, ApiResult, Code};
pub use feed::{Blob, Head};
pub use policy::*;
pub use report::{ErrorCount, Report, RequestCount};
pub use value::{Fact, FactPattern, TypedId, Value};
