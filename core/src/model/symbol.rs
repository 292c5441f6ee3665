//! Small numbers that stand for values inside the engine.

/// A place in a list as a number of 32 bits. Never wraps: as many types, ids, relations, rules or rows don't fit a memory that
/// requests and snapshots are bounded by.
pub fn number(place: usize) -> u32 {
    u32::try_from(place).expect("fewer than 2^32 of anything that has a number")
}

/// Number of a type in one instance: the snapshot's types first, then those that later writes name, then the request's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeId(pub u32);

/// A value inside the engine. Ids are dense per type; numbers above a layer's range were given by the layer above it.
/// Equality of symbols is equality of values; their order means nothing outside one snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sym {
    /// The value's type.
    pub ty: TypeId,
    /// The value's number within its type.
    pub id: u32,
}
