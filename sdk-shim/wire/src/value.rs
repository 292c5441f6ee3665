//! Values, facts and patterns of facts.

use serde::{Deserialize, Serialize};

use crate::lenient;

/// A concrete value: both keys, both strings.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TypedId {
    /// Name of the type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The id; a whole number is read as its text.
    #[serde(deserialize_with = "lenient::id")]
    pub id: String,
}

/// A value or a pattern: both null is anything, the type alone any id of it. Written with explicit nulls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Value {
    /// Name of the type.
    #[serde(rename = "type", default)]
    pub type_name: Option<String>,
    /// The id.
    #[serde(default, deserialize_with = "lenient::optional_id")]
    pub id: Option<String>,
}

/// A concrete fact.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fact {
    /// Name of the predicate.
    pub predicate: String,
    /// Its arguments.
    pub args: Vec<TypedId>,
}

/// A pattern of facts, and a solution of `/query`, whose wildcards have nulls.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FactPattern {
    /// Name of the predicate.
    pub predicate: String,
    /// Its arguments.
    pub args: Vec<Value>,
}
