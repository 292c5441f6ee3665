//! Facts as they lie in a snapshot: views over its bytes, nothing copied, nothing changed.
//!
//! Enters: slices of the snapshot (the reader found them), values, row patterns. Leaves: ids, rows.
//! Never: panics on any bytes: what doesn't add up reads as absent. Only verified bytes are right besides being safe.

mod dictionary;
mod relation;
mod words;

pub use self::{
    dictionary::{Class, Dictionary, encode, id_hash, slot_parts},
    relation::{Direction, DirectionKind, LabelColumn, NO_TARGET, Stored, StoredCursor},
    words::{Halves, Longs, Words},
};

/// Everything stored in one snapshot.
#[derive(Clone, Debug, Default)]
pub struct Base<'a> {
    /// One per type: position is the type's number. Names are distinct.
    pub types: Vec<Dictionary<'a>>,
    /// Every relation: predicate, types and literal are distinct.
    pub relations: Vec<Stored<'a>>,
}
