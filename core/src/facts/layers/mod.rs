//! The layers of one instance: the snapshot, later writes with tombstones, one request's context facts.
//!
//! Enters: the base, changes, context facts. Leaves: symbols and rows through [`Facts`], each row once.
//! Never: writes to the base; gives a number to an id that some layer already knows.

mod overlay;
mod read;
#[cfg(test)]
mod tests;

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap, HashSet},
};

use foldhash::fast::FixedState;

use self::overlay::{Position, Rows};
use super::{
    FACT_ARITY_MAX, Facts, RelationId, Row, RowPattern, Shape,
    stored::{Base, StoredCursor, id_hash},
};
use crate::model::{Change, Fact, Pattern, Sym, TypeId, Value, number};

type Map<K, V> = HashMap<K, V, FixedState>;

/// Base, later writes, context facts.
pub struct Layered<'a> {
    base: Base<'a>,
    seed: u64,
    /// By number, the base's first.
    types: Vec<Type<'a>>,
    type_numbers: Map<String, u32>,
    /// By number, the base's first.
    relations: Vec<Relation<'a>>,
    /// Relations by hash of predicate and arity.
    by_predicate: Map<u64, Vec<u32>>,
    /// Relations by hash of predicate and types: several only where one is split by literals, or hashes meet.
    by_shape: Map<u64, Vec<u32>>,
    /// Set between `begin` and `end`.
    before: Option<Before>,
    /// Relations with context rows.
    touched: Vec<u32>,
}

struct Type<'a> {
    name: Cow<'a, str>,
    n_base: u32,
    /// Ids above the base's: of later writes and of the program, then of this request.
    fresh: Vec<String>,
    numbers: Map<String, u32>,
}

struct Relation<'a> {
    predicate: Cow<'a, str>,
    shape: Shape,
    /// Rows written later that the base doesn't have.
    later: Rows,
    /// Rows of the base that were deleted later.
    tombstones: HashSet<Row, FixedState>,
    /// Rows of this request that no layer below has.
    context: Rows,
}

struct Before {
    fresh: Vec<usize>,
    relations: usize,
}

/// Position in a relation of [`Layered`].
#[derive(Clone, Debug)]
pub struct LayeredCursor {
    relation: RelationId,
    pattern: RowPattern,
    layer: u8,
    base: StoredCursor,
    above: Position,
    /// Rows looked at in vain.
    n_passed: u64,
}

impl<'a> Layered<'a> {
    /// Names of the types that program and facts name, in no order.
    pub fn type_names(&self) -> impl Iterator<Item = &str> {
        self.types.iter().map(|ty| &*ty.name)
    }

    /// Name and arity of the predicates that facts have or had, in no order.
    pub fn predicates(&self) -> impl Iterator<Item = (&str, usize)> {
        self.relations.iter().map(|relation| (&*relation.predicate, relation.shape.types.len()))
    }

    /// The base with nothing on top. `seed`: for hash tables, from the host.
    pub fn new(base: Base<'a>, seed: u64) -> Self {
        let state = FixedState::with_seed(seed);
        let mut layered = Layered {
            types: Vec::with_capacity(base.types.len()),
            type_numbers: Map::with_hasher(state.clone()),
            relations: Vec::with_capacity(base.relations.len()),
            by_predicate: Map::with_hasher(state.clone()),
            by_shape: Map::with_hasher(state),
            before: None,
            touched: Vec::new(),
            base: Base::default(),
            seed,
        };
        for ty in &base.types {
            layered.add_type(ty.name.into(), ty.n_ids);
        }
        for relation in &base.relations {
            layered.add_relation(relation.predicate.into(), relation.shape.clone());
        }
        layered.base = base;
        layered
    }

    fn state(&self) -> FixedState {
        FixedState::with_seed(self.seed)
    }

    fn add_type(&mut self, name: Cow<'a, str>, n_base: u32) -> u32 {
        let number = number(self.types.len());
        self.type_numbers.insert(name.clone().into_owned(), number);
        self.types.push(Type { name, n_base, fresh: Vec::new(), numbers: Map::with_hasher(self.state()) });
        number
    }

    fn add_relation(&mut self, predicate: Cow<'a, str>, shape: Shape) -> u32 {
        let number = number(self.relations.len());
        let arity = shape.types.len();
        self.by_predicate.entry(self.predicate_hash(&predicate, arity)).or_default().push(number);
        self.by_shape.entry(self.shape_hash(&predicate, &shape.types)).or_default().push(number);
        let tombstones = HashSet::with_hasher(self.state());
        let (later, context) = (Rows::new(arity), Rows::new(arity));
        self.relations.push(Relation { predicate, shape, later, tombstones, context });
        number
    }

    fn predicate_hash(&self, predicate: &str, arity: usize) -> u64 {
        id_hash(self.seed ^ arity as u64, predicate.as_bytes())
    }

    fn shape_hash(&self, predicate: &str, types: &[TypeId]) -> u64 {
        let bytes: Vec<u8> = types.iter().flat_map(|ty| ty.0.to_le_bytes()).collect();
        id_hash(self.predicate_hash(predicate, types.len()), &bytes)
    }

    /// Applies later writes in order: inserts and tombstones. Never while a request is under way.
    pub fn apply(&mut self, changes: &[Change]) {
        debug_assert!(self.before.is_none(), "a request is under way");
        for change in changes {
            match change {
                Change::Insert(fact) => {
                    let Some((number, row)) = self.place(fact) else { continue };
                    let in_base = self.in_base(number, &row);
                    let relation = &mut self.relations[number as usize];
                    relation.tombstones.remove(&row);
                    if !in_base {
                        relation.later.insert(&row);
                    }
                }
                Change::Delete(fact) => {
                    // A fact of names that no layer knows is not stored.
                    let Some((number, row)) = self.find(fact) else { continue };
                    let in_base = self.in_base(number, &row);
                    let relation = &mut self.relations[number as usize];
                    relation.later.remove(&row);
                    if in_base {
                        relation.tombstones.insert(row);
                    }
                }
            }
        }
    }

    /// Rows and tombstones above the base, for a host that decides when to build a new snapshot.
    pub fn n_later(&self) -> usize {
        self.relations.iter().map(|relation| relation.later.len() + relation.tombstones.len()).sum()
    }

    fn in_base(&self, number: u32, row: &Row) -> bool {
        self.base.relations.get(number as usize).is_some_and(|relation| relation.contains(row))
    }

    /// Relation and row of a fact, with numbers given to what is new.
    fn place(&mut self, fact: &Fact) -> Option<(u32, Row)> {
        if !(1..=FACT_ARITY_MAX).contains(&fact.args.len()) {
            return None;
        }
        let mut row = Row::default();
        let mut types = Vec::with_capacity(fact.args.len());
        for (value, id) in fact.args.iter().zip(&mut row) {
            let ty = self.intern_type(value.type_name());
            *id = self.intern(ty, value.id()).id;
            types.push(ty);
        }
        let number = self.relation_of(&fact.predicate, &types, &row);
        let shape = || Shape { types: types.clone(), literal: None };
        Some((number.unwrap_or_else(|| self.add_relation(fact.predicate.clone().into(), shape())), row))
    }

    /// The one relation that holds such a row: split by its literal, else not split.
    fn relation_of(&self, predicate: &str, types: &[TypeId], row: &Row) -> Option<u32> {
        let holds = |number: &u32| {
            let Relation { predicate: of, shape, .. } = &self.relations[*number as usize];
            of == predicate
                && shape.types == types
                && shape.literal.is_none_or(|(position, value)| row[position] == value.id)
        };
        self.by_shape.get(&self.shape_hash(predicate, types))?.iter().copied().find(holds)
    }

    /// Relation and row of a fact of known names.
    fn find(&self, fact: &Fact) -> Option<(u32, Row)> {
        let mut row = Row::default();
        let mut types = Vec::with_capacity(fact.args.len());
        if fact.args.len() > FACT_ARITY_MAX {
            return None;
        }
        for (value, id) in fact.args.iter().zip(&mut row) {
            let ty = *self.type_numbers.get(value.type_name())?;
            *id = self.known(ty, value.id())?;
            types.push(TypeId(ty));
        }
        Some((self.relation_of(&fact.predicate, &types, &row)?, row))
    }

    /// Number of an id in any layer.
    fn known(&self, ty: u32, id: &str) -> Option<u32> {
        let in_base = self.base.types.get(ty as usize).and_then(|dictionary| dictionary.find(id));
        in_base.or_else(|| self.types[ty as usize].numbers.get(id).copied())
    }

    /// Stored facts that fit, base and later writes, sorted by predicate, then arguments. A pattern may be shorter than
    /// the facts: what it doesn't name may be anything.
    pub fn matching(&self, predicate: Option<&str>, args: &[Pattern]) -> Vec<Fact> {
        let mut found = Vec::new();
        for (number, relation) in self.relations.iter().enumerate() {
            let types = &relation.shape.types;
            if predicate.is_some_and(|name| relation.predicate != name) || types.len() < args.len() {
                continue;
            }
            let Some(pattern) = self.row_pattern(types, args) else { continue };
            let relation_id = RelationId(self::number(number));
            let (mut cursor, mut row) = (self.open(relation_id, &pattern), Row::default());
            while self.next(&mut cursor, &mut row) {
                let values = types.iter().zip(row).map(|(ty, id)| {
                    let mut text = String::new();
                    self.write_id(Sym { ty: *ty, id }, &mut text);
                    Value::new(self.type_name(*ty), text).ok()
                });
                if let Some(args) = values.collect::<Option<_>>() {
                    found.push(Fact { predicate: relation.predicate.clone().into_owned(), args });
                }
            }
        }
        found.sort_unstable();
        found
    }

    /// Ids of a type in stored facts, base and later writes: at the positions wanted (predicate, types of all positions,
    /// position).
    pub fn ids(&self, type_name: &str, wanted: impl Fn(&str, &[&str], usize) -> bool) -> BTreeSet<String> {
        let Some(ty) = self.type_numbers.get(type_name).map(|ty| TypeId(*ty)) else { return BTreeSet::new() };
        let mut symbols = HashSet::with_hasher(self.state());
        for (number, relation) in self.relations.iter().enumerate() {
            let types: Vec<&str> = relation.shape.types.iter().map(|ty| self.type_name(*ty)).collect();
            let of_type = |at: &usize| relation.shape.types[*at] == ty && wanted(&relation.predicate, &types, *at);
            let places: Vec<usize> = (0..types.len()).filter(of_type).collect();
            if places.is_empty() {
                continue;
            }
            let (mut cursor, mut row) =
                (self.open(RelationId(self::number(number)), &RowPattern::default()), Row::default());
            while self.next(&mut cursor, &mut row) {
                symbols.extend(places.iter().map(|at| row[*at]));
            }
        }
        let id = |id: u32| {
            let mut text = String::new();
            self.write_id(Sym { ty, id }, &mut text);
            text
        };
        symbols.into_iter().map(id).collect()
    }

    /// `None`: nothing of these types fits.
    fn row_pattern(&self, types: &[TypeId], args: &[Pattern]) -> Option<RowPattern> {
        let mut pattern = RowPattern::default();
        for ((arg, ty), place) in args.iter().zip(types).zip(&mut pattern) {
            match arg {
                Pattern::Any => {}
                Pattern::Type(name) if self.type_name(*ty) == name => {}
                Pattern::Exact(value) if self.type_name(*ty) == value.type_name() => {
                    *place = Some(self.known(ty.0, value.id())?);
                }
                Pattern::Type(_) | Pattern::Exact(_) => return None,
            }
        }
        Some(pattern)
    }
}
