//! The layers of one instance: the snapshot, later writes with tombstones, one request's context facts.
//!
//! Enters: the base, changes, context facts. Leaves: symbols and rows through [`Facts`], each row once.
//! Never: writes to the base; gives a number to an id that some layer already knows.

mod overlay;
#[cfg(test)]
mod tests;

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use foldhash::fast::FixedState;

use self::overlay::{Position, Rows};
use super::{
    FACT_ARITY_MAX, Facts, Layer, RelationId, Row, RowPattern, Shape,
    stored::{Base, StoredCursor, id_hash},
};
use crate::model::{Change, Fact, Pattern, Sym, TypeId, Value};

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
}

impl<'a> Layered<'a> {
    /// The base with nothing on top. `seed`: for hash tables, from the host.
    pub fn new(base: Base<'a>, seed: u64) -> Self {
        let state = FixedState::with_seed(seed);
        let mut layered = Layered {
            types: Vec::with_capacity(base.types.len()),
            type_numbers: Map::with_hasher(state.clone()),
            relations: Vec::with_capacity(base.relations.len()),
            by_predicate: Map::with_hasher(state),
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
        let number = self.types.len() as u32;
        self.type_numbers.insert(name.clone().into_owned(), number);
        self.types.push(Type { name, n_base, fresh: Vec::new(), numbers: Map::with_hasher(self.state()) });
        number
    }

    fn add_relation(&mut self, predicate: Cow<'a, str>, shape: Shape) -> u32 {
        let number = self.relations.len() as u32;
        let arity = shape.types.len();
        self.by_predicate.entry(self.predicate_hash(&predicate, arity)).or_default().push(number);
        let tombstones = HashSet::with_hasher(self.state());
        let (later, context) = (Rows::new(arity), Rows::new(arity));
        self.relations.push(Relation { predicate, shape, later, tombstones, context });
        number
    }

    fn predicate_hash(&self, predicate: &str, arity: usize) -> u64 {
        id_hash(self.seed ^ arity as u64, predicate.as_bytes())
    }

    fn of_predicate(&self, predicate: &str, arity: usize) -> impl Iterator<Item = u32> + '_ {
        let numbers = self.by_predicate.get(&self.predicate_hash(predicate, arity));
        let predicate = predicate.to_owned();
        numbers.into_iter().flatten().copied().filter(move |number| {
            let relation = &self.relations[*number as usize];
            relation.predicate == predicate && relation.shape.types.len() == arity
        })
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
            let shape = &self.relations[*number as usize].shape;
            shape.types == types && shape.literal.is_none_or(|(position, value)| row[position] == value.id)
        };
        self.of_predicate(predicate, types.len()).find(holds)
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
            let relation_id = RelationId(number as u32);
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

impl Facts for Layered<'_> {
    type Cursor = LayeredCursor;

    fn begin(&mut self, context_facts: &[Fact]) {
        self.end();
        let fresh = self.types.iter().map(|ty| ty.fresh.len()).collect();
        self.before = Some(Before { fresh, relations: self.relations.len() });
        for fact in context_facts {
            let Some((number, row)) = self.place(fact) else { continue };
            if !self.contains(RelationId(number), &row) {
                self.relations[number as usize].context.insert(&row);
                self.touched.push(number);
            }
        }
    }

    fn end(&mut self) {
        let Some(before) = self.before.take() else { return };
        for number in self.touched.drain(..) {
            self.relations[number as usize].context.clear();
        }
        for number in before.relations..self.relations.len() {
            let relation = &self.relations[number];
            let hash = self.predicate_hash(&relation.predicate, relation.shape.types.len());
            if let Some(numbers) = self.by_predicate.get_mut(&hash) {
                numbers.retain(|known| *known as usize != number);
            }
        }
        self.relations.truncate(before.relations);
        for ty in self.types.drain(before.fresh.len()..) {
            self.type_numbers.remove(&*ty.name);
        }
        for (ty, length) in self.types.iter_mut().zip(before.fresh) {
            for id in ty.fresh.drain(length..) {
                ty.numbers.remove(&id);
            }
        }
    }

    fn intern_type(&mut self, name: &str) -> TypeId {
        let known = self.type_numbers.get(name).copied();
        TypeId(known.unwrap_or_else(|| self.add_type(name.to_owned().into(), 0)))
    }

    fn type_name(&self, ty: TypeId) -> &str {
        &self.types[ty.0 as usize].name
    }

    fn intern(&mut self, ty: TypeId, id: &str) -> Sym {
        let number = self.known(ty.0, id).unwrap_or_else(|| {
            let of_type = &mut self.types[ty.0 as usize];
            let number = of_type.n_base + of_type.fresh.len() as u32;
            of_type.fresh.push(id.to_owned());
            of_type.numbers.insert(id.to_owned(), number);
            number
        });
        Sym { ty, id: number }
    }

    fn write_id(&self, symbol: Sym, out: &mut String) {
        let of_type = &self.types[symbol.ty.0 as usize];
        match symbol.id.checked_sub(of_type.n_base) {
            None => self.base.types[symbol.ty.0 as usize].write(symbol.id, out),
            Some(above) => out.push_str(of_type.fresh.get(above as usize).map_or("", String::as_str)),
        }
    }

    fn integer(&self, symbol: Sym) -> Option<i64> {
        let of_type = &self.types[symbol.ty.0 as usize];
        if of_type.name != "Integer" {
            return None;
        }
        match symbol.id.checked_sub(of_type.n_base) {
            None => self.base.types[symbol.ty.0 as usize].integer(symbol.id),
            Some(above) => of_type.fresh.get(above as usize)?.parse().ok(),
        }
    }

    fn relations(&self, predicate: &str, arity: usize, out: &mut Vec<RelationId>) {
        let numbers = self.by_predicate.get(&self.predicate_hash(predicate, arity));
        for number in numbers.into_iter().flatten() {
            let relation = &self.relations[*number as usize];
            if relation.predicate == predicate && relation.shape.types.len() == arity {
                out.push(RelationId(*number));
            }
        }
    }

    fn shape(&self, relation: RelationId) -> &Shape {
        &self.relations[relation.0 as usize].shape
    }

    fn count(&self, relation: RelationId, pattern: &RowPattern) -> usize {
        let above = &self.relations[relation.0 as usize];
        let in_base = self.base.relations.get(relation.0 as usize).map_or(0, |base| base.count(pattern));
        in_base + above.later.count(pattern) + above.context.count(pattern)
    }

    fn contains(&self, relation: RelationId, row: &Row) -> bool {
        let above = &self.relations[relation.0 as usize];
        (self.in_base(relation.0, row) && !above.tombstones.contains(row))
            || above.later.contains(row)
            || above.context.contains(row)
    }

    fn layer(&self, relation: RelationId, row: &Row) -> Option<Layer> {
        let above = &self.relations[relation.0 as usize];
        if self.in_base(relation.0, row) && !above.tombstones.contains(row) {
            Some(Layer::Stored)
        } else if above.later.contains(row) {
            Some(Layer::Later)
        } else {
            above.context.contains(row).then_some(Layer::Context)
        }
    }

    fn open(&self, relation: RelationId, pattern: &RowPattern) -> LayeredCursor {
        let base = self.base.relations.get(relation.0 as usize).map(|base| base.open(pattern)).unwrap_or_default();
        LayeredCursor { relation, pattern: *pattern, layer: 0, base, above: Position::default() }
    }

    fn next(&self, cursor: &mut LayeredCursor, row: &mut Row) -> bool {
        let number = cursor.relation.0 as usize;
        let above = &self.relations[number];
        loop {
            let found = match cursor.layer {
                0 => match self.base.relations.get(number) {
                    Some(base) => base.next(&mut cursor.base, &cursor.pattern, row),
                    None => false,
                },
                1 => above.later.next(&mut cursor.above, &cursor.pattern, row),
                2 => above.context.next(&mut cursor.above, &cursor.pattern, row),
                _ => return false,
            };
            if !found {
                cursor.layer += 1;
                cursor.above = Position::default();
            } else if cursor.layer != 0 || above.tombstones.is_empty() || !above.tombstones.contains(row) {
                return true;
            }
        }
    }
}
