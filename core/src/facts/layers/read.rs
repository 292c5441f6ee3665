//! All layers as one store: what the evaluator reads.

use std::collections::hash_map::Entry;

use super::{Before, Layered, LayeredCursor, Position, Relation};
use crate::{
    facts::{Facts, Layer, RelationId, Row, RowPattern, Shape},
    model::{Fact, Sym, TypeId, number},
};

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
        // INVARIANT: numbers stand in the order given, so that the last relation is the last of its lists.
        while self.relations.len() > before.relations {
            let Some(Relation { predicate, shape, .. }) = self.relations.pop() else { break };
            let by_predicate = self.predicate_hash(&predicate, shape.types.len());
            let by_shape = self.shape_hash(&predicate, &shape.types);
            for (map, hash) in [(&mut self.by_predicate, by_predicate), (&mut self.by_shape, by_shape)] {
                if let Entry::Occupied(mut numbers) = map.entry(hash) {
                    numbers.get_mut().pop();
                    if numbers.get().is_empty() {
                        numbers.remove();
                    }
                }
            }
        }
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
            let number =
                of_type.n_base.checked_add(number(of_type.fresh.len())).expect("fewer than 2^32 ids of a type");
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

    fn all_relations(&self, out: &mut Vec<RelationId>) {
        out.extend((0u32..).take(self.relations.len()).map(RelationId));
    }

    fn predicate(&self, relation: RelationId) -> &str {
        &self.relations[relation.0 as usize].predicate
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
        LayeredCursor { relation, pattern: *pattern, layer: 0, base, above: Position::default(), n_passed: 0 }
    }

    fn next(&self, cursor: &mut LayeredCursor, row: &mut Row) -> bool {
        let number = cursor.relation.0 as usize;
        let above = &self.relations[number];
        loop {
            let found = match cursor.layer {
                0 => match self.base.relations.get(number) {
                    Some(base) => base.next(&mut cursor.base, &cursor.pattern, row, &mut cursor.n_passed),
                    None => false,
                },
                1 => above.later.next(&mut cursor.above, &cursor.pattern, row, &mut cursor.n_passed),
                2 => above.context.next(&mut cursor.above, &cursor.pattern, row, &mut cursor.n_passed),
                _ => return false,
            };
            if !found {
                cursor.layer += 1;
                cursor.above = Position::default();
            } else if cursor.layer != 0 || above.tombstones.is_empty() || !above.tombstones.contains(row) {
                return true;
            } else {
                cursor.n_passed += 1;
            }
        }
    }

    fn n_passed(&self, cursor: &LayeredCursor) -> u64 {
        cursor.n_passed
    }
}
