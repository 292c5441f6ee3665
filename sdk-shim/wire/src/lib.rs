//! The JSON contract: types, paths, codes and their HTTP statuses. The only serde types of the wire.

pub mod feed;
