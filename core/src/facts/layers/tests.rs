//! The layers against the plain store: the same facts, whatever the layout and the layer they lie in.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use super::*;
use crate::{
    facts::plain::Plain,
    snapshot::{Contents, PolicyText, Snapshot, write},
};

/// Pseudo-random numbers from a seed (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % n
    }

    fn value(&mut self, type_name: &str, n_ids: u64) -> Value {
        let number = self.below(n_ids);
        let id = match (type_name, number % 4) {
            ("Integer", _) => (number as i64 - 5).to_string(),
            ("Uuid", _) => format!("0d6e4079-e36a-4b0a-a3f1-{number:012x}"),
            ("Mixed", 0) => format!("a\0{number}"),
            ("Mixed", 1) => format!("a much longer identifier {number}"),
            _ => format!("x{number}"),
        };
        Value::new(type_name, id).unwrap()
    }

    fn fact(&mut self, n_ids: u64) -> Fact {
        let (predicate, types): (&str, &[&str]) = match self.below(9) {
            0 => ("is_public", &["Repo"]),
            1 => ("has_role", &["User", "String", "Repo"]),
            2 => ("has_relation", &["Repo", "String", "Org"]),
            3 => ("member", &["Uuid", "Mixed"]),
            4 => ("parent", &["Repo", "Org"]),
            5 => ("expires", &["User", "Repo", "Integer"]),
            6 => ("wide", &["User", "String", "String", "Integer", "Mixed"]),
            7 => ("has_role", &["Mixed", "String", "Mixed"]),
            _ => ("has_relation", &["Repo", "String", "Repo"]),
        };
        let args = types.iter().map(|ty| match *ty {
            "String" => self.value("String", 4),
            // Functional and sparse directions come from uneven ranges.
            "Org" => self.value("Org", n_ids / 4 + 1),
            ty => self.value(ty, n_ids),
        });
        Fact { predicate: predicate.to_owned(), args: args.collect() }
    }
}

fn rows<F: Facts>(
    facts: &F,
    predicate: &str,
    arity: usize,
    pattern: &[Option<Value>],
    symbols: &[Option<Sym>],
) -> BTreeSet<Vec<String>> {
    let mut relations = Vec::new();
    facts.relations(predicate, arity, &mut relations);
    let mut found = BTreeSet::new();
    for relation in relations {
        let types = facts.shape(relation).types.clone();
        let mut bound = RowPattern::default();
        let fits = symbols.iter().zip(&types).zip(&mut bound).all(|((symbol, ty), place)| {
            *place = symbol.map(|symbol| symbol.id);
            symbol.is_none_or(|symbol| symbol.ty == *ty)
        });
        if !fits {
            continue;
        }
        let count = facts.count(relation, &bound);
        let (mut cursor, mut row, mut n_rows) = (facts.open(relation, &bound), Row::default(), 0);
        while facts.next(&mut cursor, &mut row) {
            assert!(facts.contains(relation, &row));
            let texts = types.iter().zip(row).map(|(ty, id)| {
                let mut text = format!("{}:", facts.type_name(*ty));
                facts.write_id(Sym { ty: *ty, id }, &mut text);
                text
            });
            assert!(found.insert(texts.collect()), "{predicate}{pattern:?}: a row came twice");
            n_rows += 1;
        }
        assert!(n_rows <= count, "{predicate}: {n_rows} rows, counted {count}");
    }
    found
}

fn ask<F: Facts>(facts: &mut F, like: &Fact, mask: u64) -> BTreeSet<Vec<String>> {
    let pattern: Vec<Option<Value>> =
        like.args.iter().enumerate().map(|(at, value)| (mask >> at & 1 == 1).then(|| value.clone())).collect();
    let symbols: Vec<Option<Sym>> = pattern
        .iter()
        .map(|value| {
            value.as_ref().map(|value| {
                let ty = facts.intern_type(value.type_name());
                facts.intern(ty, value.id())
            })
        })
        .collect();
    rows(facts, &like.predicate, like.args.len(), &pattern, &symbols)
}

#[test]
fn layers_hold_what_the_plain_store_holds() {
    let policy = r#"actor User {} resource Org {} resource Repo { relations = { owner: Org, fork: Repo }; roles = ["x0"];
        "x0" if "x0" on "fork"; } p(r: Repo) if has_relation(r, "x1", o) and parent(r, o);"#;
    for world in 0..300 {
        let mut random = Random(world);
        let n_ids = 2 + random.below(30);
        let base: Vec<Fact> = (0..random.below(200)).map(|_| random.fact(n_ids)).collect();
        let contents =
            Contents { policy: Some(PolicyText { file: None, text: policy.to_owned() }), ..Contents::default() };
        let bytes = write(&contents, base.clone()).unwrap();
        let snapshot = Snapshot::open(&bytes).unwrap();
        let stored: BTreeSet<Fact> = snapshot.facts().collect();
        let mut expected: BTreeSet<Fact> = base.into_iter().collect();
        assert_eq!(stored, expected, "world {world}");
        assert_eq!(snapshot.manifest().counts.facts, expected.len() as u64);

        let mut layered = Layered::new(snapshot.base().clone(), world);
        for _ in 0..random.below(60) {
            let known = expected.iter().nth(random.below(expected.len() as u64 + 1) as usize).cloned();
            let change = match (random.below(2), known) {
                (0, Some(known)) => Change::Delete(known),
                (1, Some(known)) if random.below(4) == 0 => Change::Insert(known),
                _ => Change::Insert(random.fact(n_ids + 10)),
            };
            match &change {
                Change::Insert(fact) => expected.insert(fact.clone()),
                Change::Delete(fact) => expected.remove(fact),
            };
            layered.apply(&[change]);
        }
        let mut plain = Plain::new(expected.iter().cloned());
        assert_eq!(layered.matching(None, &[]), expected.iter().cloned().collect::<Vec<_>>(), "world {world}");
        for request in 0..3 {
            let context: Vec<Fact> = (0..random.below(5) * request).map(|_| random.fact(n_ids + 12)).collect();
            layered.begin(&context);
            plain.begin(&context);
            for _ in 0..20 {
                let like = random.fact(n_ids + 14);
                let mask = random.below(1 << like.args.len());
                let (found, wanted) = (ask(&mut layered, &like, mask), ask(&mut plain, &like, mask));
                assert_eq!(found, wanted, "world {world}: {like:?} by {mask:b}");
            }
            layered.end();
            plain.end();
        }
    }
}

#[test]
fn a_request_leaves_nothing_behind() {
    let bytes = write(&Contents::default(), []).unwrap();
    let mut layered = Layered::new(Snapshot::open(&bytes).unwrap().base().clone(), 1);
    let fact = Fact { predicate: "p".into(), args: vec![Value::new("T", "a").unwrap()] };
    layered.begin(std::slice::from_ref(&fact));
    let mut found = Vec::new();
    layered.relations("p", 1, &mut found);
    assert_eq!(found.len(), 1);
    layered.end();
    found.clear();
    layered.relations("p", 1, &mut found);
    assert!(found.is_empty() && layered.types.is_empty() && layered.relations.is_empty());
    assert!(layered.by_predicate.is_empty() && layered.by_shape.is_empty() && layered.type_numbers.is_empty());
}
