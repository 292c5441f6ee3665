//! What a snapshot says of itself.

use serde::{Deserialize, Serialize};

/// Which snapshot it is, and how much is in it. Stored in postcard as the first section.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Environment it is of.
    pub environment: String,
    /// Tenant of the environment, where the maker knows it.
    pub tenant: String,
    /// Random id of the store that made it.
    pub store: String,
    /// Its number within the store; only rises.
    pub epoch: u64,
    /// When it was made, in milliseconds since 1970-01-01 UTC.
    pub created_ms: u64,
    /// Offset of the last write it contains.
    pub offset: u64,
    /// How much is in it. Filled in by the writer.
    pub counts: Counts,
}

/// Sizes, for people and for choosing how to load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Facts.
    pub facts: u64,
    /// Types that facts or policy name.
    pub types: u64,
    /// Distinct values.
    pub values: u64,
    /// Stored relations.
    pub relations: u64,
}

/// The policy as it was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyText {
    /// Its file name, where one was given.
    pub file: Option<String>,
    /// The text.
    pub text: String,
}

/// An API key of the environment: never the key itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// SHA-256 of the key's text, salted with the store's id (`core/snapshot/FORMAT.md`); unsalted in old snapshots.
    pub digest: [u8; 32],
    /// May it write?
    pub write: bool,
}
