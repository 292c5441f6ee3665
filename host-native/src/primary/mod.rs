//! The primary: policy and facts by the management API, durable, checked through the component, handed on as a feed.
//!
//! Enters: writes, a policy, questions, nodes that follow. Leaves: acknowledgements of what is on disk, answers that
//! have seen it, snapshots whose epochs only rise. Never: acknowledges what isn't durable; answers without the component;
//! shows a node a snapshot that its own instances have not opened.

pub mod blobs;
pub mod bounded;
pub mod changes;
pub mod config;
pub mod database;
pub mod encoding;
pub mod environment;
pub mod environments;
pub mod expectations;
pub mod facts;
pub mod feed;
pub mod health;
pub mod instances;
pub mod ledger;
pub mod limits;
pub mod metrics;
pub mod pace;
pub mod policy;
pub mod publisher;
mod publishing;
pub mod rate;
pub mod reads;
pub mod redb_store;
pub mod restore;
pub mod service;
pub mod start;
pub mod store;
pub mod sums;
pub mod tables;
pub mod test_environments;
pub mod upgrade;
pub mod uploads;
pub mod watch;
pub mod witness;
pub mod writes;

pub use config::PrimaryConfig;

#[cfg(test)]
mod tests;
