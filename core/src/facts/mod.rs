//! Facts as evaluation sees them: symbols, relations, rows. Uses `model` only.
//!
//! Enters: values as text, changes, bound row patterns. Leaves: symbols, rows.
//! Never: knows a rule. Evaluation reads facts through [`Facts`] alone, so that it runs on the snapshot's layers and on
//! the plain store of tests and policy tests alike.

pub mod layers;
pub mod plain;
pub mod stored;

use crate::model::{Fact, Sym, TypeId};

/// A relation of one instance: predicate, arity and one concrete type per position, over all layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelationId(pub u32);

/// Where a visible row comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Layer {
    /// The snapshot, or the facts a store was made of.
    Stored,
    /// A write since the snapshot.
    Later,
    /// This request's context facts, and no layer below.
    Context,
}

/// What a relation holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    /// Concrete type of each position.
    pub types: Vec<TypeId>,
    /// Set where the relation is split by a literal: position and the one value there.
    pub literal: Option<(usize, Sym)>,
}

/// Most arguments a stored fact has (polar.md §16).
pub const FACT_ARITY_MAX: usize = 5;

/// A row pattern: the bound positions' ids (of the shape's type there).
pub type RowPattern = [Option<u32>; FACT_ARITY_MAX];

/// A row: one id per position of the shape; positions past the arity are 0.
pub type Row = [u32; FACT_ARITY_MAX];

/// Symbols and rows over all layers: base, later writes, this request's context facts.
///
/// The layers of a request are entered by [`Facts::begin`] and left by [`Facts::end`]; what was interned or added in
/// between is gone then. Cursors are plain data and are good until the next `begin`, `end` or change.
pub trait Facts {
    /// Position in the rows of one relation under one pattern. Plain data.
    type Cursor;

    /// Opens the request's layer: context facts (on top of everything), and room for values it names.
    fn begin(&mut self, context_facts: &[Fact]);
    /// Drops the request's layer.
    fn end(&mut self);

    /// Number of a type, given one if no layer knows the name yet.
    fn intern_type(&mut self, name: &str) -> TypeId;
    /// Name of a type.
    fn type_name(&self, ty: TypeId) -> &str;
    /// Symbol of a value: looked for in every layer, base first; a fresh number only if none has it.
    /// `id` is canonical ([`crate::model::value::canonical_id`]).
    fn intern(&mut self, ty: TypeId, id: &str) -> Sym;
    /// Appends the id's text, the same bytes that were interned.
    fn write_id(&self, symbol: Sym, out: &mut String);
    /// Value of a symbol of type `Integer`; `None` for every other type.
    fn integer(&self, symbol: Sym) -> Option<i64>;

    /// Every relation of this name and arity that has a row in any layer, appended in a stable order.
    fn relations(&self, predicate: &str, arity: usize, out: &mut Vec<RelationId>);
    /// Every relation, of any name: for telling what is known, never on the path of a question.
    fn all_relations(&self, out: &mut Vec<RelationId>);
    /// Name of a relation's predicate.
    fn predicate(&self, relation: RelationId) -> &str;
    /// What a relation holds.
    fn shape(&self, relation: RelationId) -> &Shape;
    /// About how many rows fit (an upper bound is fine). Cost: O(1) look-ups. For choosing an order.
    fn count(&self, relation: RelationId, pattern: &RowPattern) -> usize;
    /// Is this row visible?
    fn contains(&self, relation: RelationId, row: &Row) -> bool;
    /// Which layer makes the row visible; `None` where it isn't.
    fn layer(&self, relation: RelationId, row: &Row) -> Option<Layer>;
    /// Starts over the rows that fit the pattern, each once, in a stable order.
    fn open(&self, relation: RelationId, pattern: &RowPattern) -> Self::Cursor;
    /// Next row, or `false`.
    fn next(&self, cursor: &mut Self::Cursor, row: &mut Row) -> bool;
    /// Rows that were looked at since the cursor was opened and did not fit, where that may be more than a few: they are
    /// work, too.
    fn n_passed(&self, _cursor: &Self::Cursor) -> u64 {
        0
    }
}
