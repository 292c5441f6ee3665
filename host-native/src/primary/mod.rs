//! The primary: policy and facts by the management API, durable, checked through the component, handed on as a feed.
//!
//! Enters: writes, a policy, questions, nodes that follow. Leaves: acknowledgements of what is on disk, answers that
//! have seen it, snapshots whose epochs only rise. Never: acknowledges what isn't durable; answers without the component;
//! shows a node a snapshot that its own instances have not opened.

pub mod encoding;
pub mod redb_store;
pub mod store;
