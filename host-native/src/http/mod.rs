//! HTTP: wire ↔ engine questions. Shared by the node and the primary.
//!
//! Enters: requests. Leaves: replies, each JSON with an `X-Request-ID`. Never: knows a policy, keeps state of a request
//! after its reply, turns an error into an allow.

pub mod actions;
pub mod admin;
pub mod authorize;
pub mod convert;
pub mod facts;
pub mod list;
pub mod metadata;
pub mod page;
pub mod query;
pub mod reply;
pub mod router;
pub mod server;
pub mod state;

#[cfg(test)]
mod tests;
