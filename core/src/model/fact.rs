//! Facts as the user gives them.

use super::value::Value;

/// A ground atom: `has_role(User{"ann"}, "reader", Repository{"web"})`. One to five arguments.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fact {
    /// Name of the predicate; with the number of arguments it says which predicate.
    pub predicate: String,
    /// The arguments in order.
    pub args: Vec<Value>,
}

/// One write. The highest offset decides for each fact.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// The fact is stored from now on.
    Insert(Fact),
    /// The fact is not stored from now on.
    Delete(Fact),
}
