//! HTTP: wire ↔ engine questions. Shared by the node and the primary.
//!
//! Enters: requests. Leaves: replies, each JSON with an `X-Request-ID`. Never: knows a policy, keeps state of a request
//! after its reply, turns an error into an allow.

pub mod actions;
pub mod admin;
pub mod apart;
pub mod authorize;
pub mod authzen;
mod body;
mod certificate;
mod connection;
pub mod cors;
mod demotion;
mod exchange;
pub mod explain;
pub mod facts;
mod fair_queue;
mod label;
pub mod limits;
pub mod list;
pub mod metadata;
mod peers;
mod probes;
pub mod query;
mod refused;
pub mod reply;
pub mod router;
pub mod server;
pub mod service;
mod shares;
mod socket;
pub mod state;
pub mod tally;
pub mod tls;
mod worker;

// What the other HTTP host does the same.
pub use understudy_calls::{convert, head, page, question, refusal};

#[cfg(test)]
mod server_tests;
#[cfg(test)]
mod tests;
