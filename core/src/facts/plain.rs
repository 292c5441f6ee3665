//! The plain store: sorted vectors in memory, nothing clever. For tests, policy tests and the oracle.
//!
//! Enters: facts. Leaves: symbols and rows through [`Facts`]. Never: an index, a shortcut, a layout.

use std::collections::BTreeMap;

use super::{FACT_ARITY_MAX, Facts, Layer, RelationId, Row, RowPattern, Shape};
use crate::model::{Fact, Sym, TypeId, Value};

/// Facts in memory, and the context facts of one request on top.
#[derive(Clone, Debug, Default)]
pub struct Plain {
    types: Vec<PlainType>,
    relations: Vec<PlainRelation>,
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
    at: usize,
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
        let known = self.relations.iter().position(|r| r.predicate == fact.predicate && r.shape.types == types);
        let relation = known.unwrap_or_else(|| {
            let shape = Shape { types, literal: None };
            let (rows, context) = (Vec::new(), Vec::new());
            self.relations.push(PlainRelation { predicate: fact.predicate.clone(), shape, rows, context });
            self.relations.len() - 1
        });
        (relation, row)
    }

    fn intern_value(&mut self, value: &Value) -> Sym {
        let ty = self.intern_type(value.type_name());
        self.intern(ty, value.id())
    }

    fn relation(&self, relation: RelationId) -> &PlainRelation {
        &self.relations[relation.0 as usize]
    }
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
        self.relations.truncate(before.relations);
        for relation in &mut self.relations {
            relation.context.clear();
        }
        self.types.truncate(before.ids.len());
        for (ty, len) in self.types.iter_mut().zip(before.ids) {
            for id in ty.ids.drain(len..) {
                ty.numbers.remove(&id);
            }
        }
    }

    fn intern_type(&mut self, name: &str) -> TypeId {
        let known = self.types.iter().position(|ty| ty.name == name);
        let number = known.unwrap_or_else(|| {
            self.types.push(PlainType { name: name.to_owned(), ids: Vec::new(), numbers: BTreeMap::new() });
            self.types.len() - 1
        });
        TypeId(number as u32)
    }

    fn type_name(&self, ty: TypeId) -> &str {
        &self.types[ty.0 as usize].name
    }

    fn intern(&mut self, ty: TypeId, id: &str) -> Sym {
        let of_type = &mut self.types[ty.0 as usize];
        let number = of_type.numbers.get(id).copied().unwrap_or_else(|| {
            let fresh = of_type.ids.len() as u32;
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
        for (number, relation) in self.relations.iter().enumerate() {
            if relation.predicate == predicate && relation.shape.types.len() == arity {
                out.push(RelationId(number as u32));
            }
        }
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
        PlainCursor { relation, pattern: *pattern, at: 0 }
    }

    fn next(&self, cursor: &mut PlainCursor, row: &mut Row) -> bool {
        let relation = self.relation(cursor.relation);
        let mut rest = relation.rows.iter().chain(&relation.context).skip(cursor.at);
        let Some(skipped) = rest.by_ref().position(|found| fits(&cursor.pattern, found)) else { return false };
        let at = cursor.at + skipped;
        cursor.at = at + 1;
        *row = if at < relation.rows.len() { relation.rows[at] } else { relation.context[at - relation.rows.len()] };
        true
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
        assert_eq!(plain.types.len(), 2);
    }
}
