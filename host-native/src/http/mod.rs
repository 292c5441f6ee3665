//! HTTP: wire ↔ engine questions. Shared by the node and the primary.
//!
//! Enters: requests. Leaves: replies, each JSON with an `X-Request-ID`. Never: knows a policy, keeps state of a request
//! after its reply, turns an error into an allow.

pub mod actions;
pub mod admin;
pub mod authorize;
pub mod authzen;
pub mod facts;
mod label;
pub mod list;
pub mod metadata;
pub mod query;
pub mod reply;
pub mod router;
pub mod server;
pub mod state;

// What the other HTTP host does the same.
pub use understudy_calls::{convert, head, page, question, refusal};

#[cfg(test)]
mod tests;
