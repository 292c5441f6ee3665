//! The plain store: sorted vectors in memory, nothing clever. For tests, policy tests and the oracle.
//!
//! Enters: facts. Leaves: symbols and rows through [`Facts`]. Never: an index of rows, a shortcut, a layout.

use std::collections::BTreeMap;

use super::{FACT_ARITY_MAX, Facts, Layer, RelationId, Row, RowPattern, Shape};
use crate::model::{Fact, Sym, TypeId, Value, number};

/// Facts in memory, and the context facts of one request on top.
#[derive(Clone, Debug, Default)]
pub struct Plain {
    types: Vec<PlainType>,
    type_numbers: BTreeMap<String, u32>,
    relations: Vec<PlainRelation>,
    /// Relations by predicate, arity and types.
    relation_numbers: BTreeMap<(String, usize, Vec<TypeId>), u32>,
    /// Set between `begin` and `end`: how much of everything there was before.
    before: Option<Lengths>,
}

#[derive(Clone, Debug)]
struct PlainType {
    name: String,
    ids: Vec<String>,
    numbers: BTreeMap<String, u32>,
}

#[derive(Clone, Debug)]
struct PlainRelation {
    predicate: String,
    shape: Shape,
    /// Stored rows, ascending.
    rows: Vec<Row>,
    /// Rows of this request that are not in `rows`, ascending.
    context: Vec<Row>,
}

#[derive(Clone, Debug)]
struct Lengths {
    ids: Vec<usize>,
    relations: usize,
}

/// Position in a [`Plain`] relation.
#[derive(Clone, Copy, Debug)]
pub struct PlainCursor {
    relation: RelationId,
    pattern: RowPattern,
    /// Rows that may fit: stored, of the request. What has been looked at is taken away.
    rows: (usize, usize),
    context: (usize, usize),
    n_passed: u64,
}

impl Plain {
    /// Stores the facts; one given twice is stored once.
    pub fn new(facts: impl IntoIterator<Item = Fact>) -> Self {
        let mut plain = Plain::default();
        for fact in facts {
            let (relation, row) = plain.place(&fact);
            plain.relations[relation].rows.push(row);
        }
        for relation in &mut plain.relations {
            relation.rows.sort_unstable();
            relation.rows.dedup();
        }
        plain
    }

    /// Relation and row of a fact, with numbers given to whatever is new.
    fn place(&mut self, fact: &Fact) -> (usize, Row) {
        let mut row = Row::default();
        let mut types = Vec::with_capacity(fact.args.len());
        for (value, id) in fact.args.iter().zip(&mut row) {
            let symbol = self.intern_value(value);
            *id = symbol.id;
            types.push(symbol.ty);
        }
        let key = (fact.predicate.clone(), types.len(), types.clone());
        let number = *self.relation_numbers.entry(key).or_insert_with(|| {
            let shape = Shape { types, literal: None };
            let (rows, context) = (Vec::new(), Vec::new());
            self.relations.push(PlainRelation { predicate: fact.predicate.clone(), shape, rows, context });
            number(self.relations.len() - 1)
        });
        (number as usize, row)
    }

    fn intern_value(&mut self, value: &Value) -> Sym {
        let ty = self.intern_type(value.type_name());
        self.intern(ty, value.id())
    }

    fn relation(&self, relation: RelationId) -> &PlainRelation {
        &self.relations[relation.0 as usize]
    }
}

/// The part of sorted rows that begins with what the pattern binds first: the others need not be looked at.
fn candidates(pattern: &RowPattern, rows: &[Row]) -> (usize, usize) {
    let bound: Vec<u32> = pattern.iter().map_while(|id| *id).collect();
    let begins = |row: &Row| row.iter().take(bound.len()).copied().cmp(bound.iter().copied());
    (rows.partition_point(|row| begins(row).is_lt()), rows.partition_point(|row| begins(row).is_le()))
}

fn fits(pattern: &RowPattern, row: &Row) -> bool {
    pattern.iter().zip(row).all(|(bound, id)| bound.is_none_or(|bound| bound == *id))
}

impl Facts for Plain {
    type Cursor = PlainCursor;

    fn begin(&mut self, context_facts: &[Fact]) {
        self.end();
        let ids = self.types.iter().map(|ty| ty.ids.len()).collect();
        self.before = Some(Lengths { ids, relations: self.relations.len() });
        for fact in context_facts.iter().filter(|f| (1..=FACT_ARITY_MAX).contains(&f.args.len())) {
            let (relation, row) = self.place(fact);
            let relation = &mut self.relations[relation];
            if relation.rows.binary_search(&row).is_err() {
                relation.context.push(row);
            }
        }
        for relation in &mut self.relations {
            relation.context.sort_unstable();
            relation.context.dedup();
        }
    }

    fn end(&mut self) {
        let Some(before) = self.before.take() else { return };
        for PlainRelation { predicate, shape: Shape { types, .. }, .. } in self.relations.drain(before.relations..) {
            self.relation_numbers.remove(&(predicate, types.len(), types));
        }
        for relation in &mut self.relations {
            relation.context.clear();
        }
        for ty in self.types.drain(before.ids.len()..) {
            self.type_numbers.remove(&ty.name);
        }
        for (ty, len) in self.types.iter_mut().zip(before.ids) {
            for id in ty.ids.drain(len..) {
                ty.numbers.remove(&id);
            }
        }
    }

    fn intern_type(&mut self, name: &str) -> TypeId {
        if let Some(known) = self.type_numbers.get(name) {
            return TypeId(*known);
        }
        let fresh = number(self.types.len());
        self.types.push(PlainType { name: name.to_owned(), ids: Vec::new(), numbers: BTreeMap::new() });
        self.type_numbers.insert(name.to_owned(), fresh);
        TypeId(fresh)
    }

    fn type_name(&self, ty: TypeId) -> &str {
        &self.types[ty.0 as usize].name
    }

    fn intern(&mut self, ty: TypeId, id: &str) -> Sym {
        let of_type = &mut self.types[ty.0 as usize];
        let number = of_type.numbers.get(id).copied().unwrap_or_else(|| {
            let fresh = number(of_type.ids.len());
            of_type.ids.push(id.to_owned());
            of_type.numbers.insert(id.to_owned(), fresh);
            fresh
        });
        Sym { ty, id: number }
    }

    fn write_id(&self, symbol: Sym, out: &mut String) {
        out.push_str(&self.types[symbol.ty.0 as usize].ids[symbol.id as usize]);
    }

    fn integer(&self, symbol: Sym) -> Option<i64> {
        let ty = &self.types[symbol.ty.0 as usize];
        if ty.name == "Integer" { ty.ids[symbol.id as usize].parse().ok() } else { None }
    }

    fn relations(&self, predicate: &str, arity: usize, out: &mut Vec<RelationId>) {
        let first = (predicate.to_owned(), arity, Vec::new());
        let of_predicate = self.relation_numbers.range(first..);
        let of_predicate = of_predicate.take_while(|((name, n, _), _)| name == predicate && *n == arity);
        let before = out.len();
        out.extend(of_predicate.map(|(_, number)| RelationId(*number)));
        out[before..].sort_unstable();
    }

    fn all_relations(&self, out: &mut Vec<RelationId>) {
        out.extend((0u32..).take(self.relations.len()).map(RelationId));
    }

    fn predicate(&self, relation: RelationId) -> &str {
        &self.relation(relation).predicate
    }

    fn shape(&self, relation: RelationId) -> &Shape {
        &self.relation(relation).shape
    }

    fn count(&self, relation: RelationId, _pattern: &RowPattern) -> usize {
        let relation = self.relation(relation);
        relation.rows.len() + relation.context.len()
    }

    fn contains(&self, relation: RelationId, row: &Row) -> bool {
        let relation = self.relation(relation);
        relation.rows.binary_search(row).is_ok() || relation.context.binary_search(row).is_ok()
    }

    fn layer(&self, relation: RelationId, row: &Row) -> Option<Layer> {
        let relation = self.relation(relation);
        match (relation.rows.binary_search(row), relation.context.binary_search(row)) {
            (Ok(_), _) => Some(Layer::Stored),
            (Err(_), Ok(_)) => Some(Layer::Context),
            (Err(_), Err(_)) => None,
        }
    }

    fn open(&self, relation: RelationId, pattern: &RowPattern) -> PlainCursor {
        let PlainRelation { rows, context, .. } = self.relation(relation);
        let (rows, context) = (candidates(pattern, rows), candidates(pattern, context));
        PlainCursor { relation, pattern: *pattern, rows, context, n_passed: 0 }
    }

    fn next(&self, cursor: &mut PlainCursor, row: &mut Row) -> bool {
        let PlainRelation { rows, context, .. } = self.relation(cursor.relation);
        for (all, left) in [(rows, &mut cursor.rows), (context, &mut cursor.context)] {
            for candidate in all.get(left.0..left.1).unwrap_or_default() {
                left.0 += 1;
                if fits(&cursor.pattern, candidate) {
                    *row = *candidate;
                    return true;
                }
                cursor.n_passed += 1;
            }
        }
        false
    }

    fn n_passed(&self, cursor: &PlainCursor) -> u64 {
        cursor.n_passed
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn fact(predicate: &str, args: &[(&str, &str)]) -> Fact {
        let args = args.iter().map(|(ty, id)| Value::new(*ty, *id).unwrap()).collect();
        Fact { predicate: predicate.to_owned(), args }
    }

    fn scan(plain: &Plain, predicate: &str, arity: usize, pattern: &RowPattern) -> usize {
        let mut relations = Vec::new();
        plain.relations(predicate, arity, &mut relations);
        let mut found = 0;
        for relation in relations {
            let (mut cursor, mut row) = (plain.open(relation, pattern), Row::default());
            while plain.next(&mut cursor, &mut row) {
                assert!(plain.contains(relation, &row));
                found += 1;
            }
        }
        found
    }

    #[test]
    fn a_request_leaves_nothing_behind() {
        let stored = fact("is_member", &[("User", "ann"), ("Team", "core")]);
        let mut plain = Plain::new([stored.clone(), stored.clone()]);
        assert_eq!(scan(&plain, "is_member", 2, &RowPattern::default()), 1);
        plain.begin(&[stored, fact("is_member", &[("User", "bob"), ("Team", "core")]), fact("new", &[("Odd", "x")])]);
        assert_eq!(scan(&plain, "is_member", 2, &RowPattern::default()), 2);
        let bob = plain.intern(TypeId(0), "bob").id;
        assert_eq!(scan(&plain, "is_member", 2, &[Some(bob), None, None, None, None]), 1);
        assert_eq!(scan(&plain, "new", 1, &RowPattern::default()), 1);
        plain.end();
        assert_eq!(scan(&plain, "is_member", 2, &RowPattern::default()), 1);
        assert_eq!(scan(&plain, "new", 1, &RowPattern::default()), 0);
        assert_eq!((plain.types.len(), plain.type_numbers.len(), plain.relation_numbers.len()), (2, 2, 1));
    }
}
