//! Rows → columns in every direction, and the bytes of the relations section.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    WriteError,
    dictionary::{Numbers, Type},
    gather::{Group, number_of},
    sections::Arena,
};
use crate::{
    facts::stored::{DirectionKind, NO_TARGET},
    snapshot::layout::{NONE, RELATION_RECORD_WORDS},
};

/// Most literals that split one predicate: each is a relation with tables of its own.
const LITERALS_MAX: usize = 256;
/// Most labels beside the targets of one relation: their numbers are 16 bits wide.
const LABELS_MAX: usize = 1 << 16;

/// A relation, its rows over final numbers.
pub(super) struct Relation {
    predicate: String,
    types: Vec<u32>,
    /// Position and id.
    literal: Option<(usize, u32)>,
    /// Position and the ids that stand there, ascending.
    label: Option<(usize, Vec<u32>)>,
    n_rows: usize,
    directions: Vec<Direction>,
}

#[derive(Default)]
struct Direction {
    kind: DirectionKind,
    keys: Vec<u32>,
    offsets: Vec<u32>,
    targets: Vec<u32>,
    labels: Vec<u16>,
}

impl Relation {
    pub(super) fn n_rows(&self) -> usize {
        self.n_rows
    }
}

/// Gives every group its relations, in order of predicate, types, literal.
pub(super) fn lay_out(
    groups: Vec<Group>,
    types: &[Type],
    numbers: &Numbers,
    split_hints: &[(String, u8, u8)],
) -> Result<Vec<Relation>, WriteError> {
    let mut relations = Vec::new();
    let string = types.iter().position(|ty| ty.name == "String").map(crate::model::number);
    for group in groups {
        let arity = group.types.len();
        let types_final: Vec<u32> = group.types.iter().map(|ty| numbers.types[*ty as usize]).collect();
        let mut rows: Vec<Vec<u32>> = Vec::with_capacity(group.rows.len() / arity);
        for row in group.rows.chunks_exact(arity) {
            let ids = row.iter().zip(&group.types).map(|(id, ty)| numbers.ids[*ty as usize][*id as usize]);
            rows.push(ids.collect());
        }
        drop(group.rows);
        rows.sort_unstable();
        rows.dedup();
        number_of(rows.len(), "facts of one relation")?;
        let hint = split_hints.iter().find(|(name, hint_arity, position)| {
            *name == group.predicate
                && usize::from(*hint_arity) == arity
                && arity > 1
                && types_final.get(usize::from(*position)).copied() == string
        });
        let split = hint.map(|(_, _, position)| usize::from(*position)).and_then(|at| split(&rows, at));
        for (literal, rows) in split.unwrap_or_else(|| vec![(None, rows)]) {
            let types_final = types_final.clone();
            relations.push(relation(group.predicate.clone(), types_final, literal, &rows, types, string));
        }
    }
    relations.sort_by(|a, b| (&a.predicate, &a.types, a.literal).cmp(&(&b.predicate, &b.types, b.literal)));
    Ok(relations)
}

type Split = Vec<(Option<(usize, u32)>, Vec<Vec<u32>>)>;

/// The rows by the value at one position, where that makes most of them functional; `None`: better as a label.
fn split(rows: &[Vec<u32>], position: usize) -> Option<Split> {
    let mut by_literal: BTreeMap<u32, Vec<Vec<u32>>> = BTreeMap::new();
    for row in rows {
        by_literal.entry(row[position]).or_default().push(row.clone());
    }
    let n_functional: usize = by_literal.values().filter(|rows| is_functional(rows, position)).map(Vec::len).sum();
    let fits = by_literal.len() <= LITERALS_MAX && n_functional * 2 >= rows.len();
    fits.then(|| by_literal.into_iter().map(|(id, rows)| (Some((position, id)), rows)).collect())
}

/// Has every value of some end at most one row?
fn is_functional(rows: &[Vec<u32>], literal: usize) -> bool {
    let arity = rows.first().map_or(0, Vec::len);
    (0..arity).filter(|end| *end != literal).any(|end| {
        let keys: BTreeSet<u32> = rows.iter().map(|row| row[end]).collect();
        keys.len() == rows.len()
    })
}

fn relation(
    predicate: String,
    types: Vec<u32>,
    literal: Option<(usize, u32)>,
    rows: &[Vec<u32>],
    all_types: &[Type],
    string: Option<u32>,
) -> Relation {
    let mut ends: Vec<usize> = (0..types.len()).filter(|at| literal.is_none_or(|(split, _)| split != *at)).collect();
    let mut label = None;
    let strings: Vec<usize> = ends.iter().copied().filter(|at| Some(types[*at]) == string).collect();
    if let (3, [position]) = (ends.len(), &strings[..]) {
        let ids: BTreeSet<u32> = rows.iter().map(|row| row[*position]).collect();
        if ids.len() <= LABELS_MAX {
            label = Some((*position, ids.into_iter().collect::<Vec<u32>>()));
            ends.retain(|at| at != position);
        }
    }
    let n_ids = |end: usize| all_types[types[end] as usize].ids.len();
    let directions = match ends[..] {
        [only] => vec![Direction { targets: rows.iter().map(|row| row[only]).collect(), ..Direction::default() }],
        [first, second] => {
            let labelled = |key: usize, target: usize| {
                let number = |row: &Vec<u32>| match &label {
                    Some((position, ids)) => {
                        let number = ids.binary_search(&row[*position]).unwrap_or_default();
                        u16::try_from(number).expect("labels are at most `LABELS_MAX`")
                    }
                    None => 0,
                };
                let mut rows: Vec<(u32, u32, u16)> = rows.iter().map(|r| (r[key], r[target], number(r))).collect();
                rows.sort_unstable();
                pair_direction(&rows, n_ids(key), label.is_some())
            };
            vec![labelled(first, second), labelled(second, first)]
        }
        _ => (0..ends.len()).map(|turn| table(rows, &ends, turn)).collect(),
    };
    Relation { predicate, types, literal, label, n_rows: rows.len(), directions }
}

/// Rows of (key, target, label), ascending.
fn pair_direction(rows: &[(u32, u32, u16)], n_keys: usize, has_labels: bool) -> Direction {
    let mut direction = Direction { kind: DirectionKind::Dense, ..Direction::default() };
    let n_used = rows.chunk_by(|a, b| a.0 == b.0).count();
    // 45 %: where one word a key is no more than a key and an offset for each that is used.
    if n_used == rows.len() && n_used * 100 >= n_keys * 45 {
        direction.kind = DirectionKind::Functional;
        direction.targets = vec![NO_TARGET; n_keys];
        if has_labels {
            direction.labels = vec![0; n_keys];
        }
        for (key, target, label) in rows {
            direction.targets[*key as usize] = *target;
            if has_labels {
                direction.labels[*key as usize] = *label;
            }
        }
        return direction;
    }
    direction.targets = rows.iter().map(|row| row.1).collect();
    if has_labels {
        direction.labels = rows.iter().map(|row| row.2).collect();
    }
    if n_used * 2 < n_keys {
        direction.kind = DirectionKind::Sparse;
        let mut at = 0;
        for of_key in rows.chunk_by(|a, b| a.0 == b.0) {
            direction.keys.push(of_key[0].0);
            direction.offsets.push(at);
            at += crate::model::number(of_key.len());
        }
        direction.offsets.push(at);
    } else {
        direction.offsets = vec![0; n_keys + 1];
        for row in rows {
            direction.offsets[row.0 as usize + 1] += 1;
        }
        for key in 0..n_keys {
            direction.offsets[key + 1] += direction.offsets[key];
        }
    }
    direction
}

/// All ends of every row, beginning with the one whose turn it is, ascending.
fn table(rows: &[Vec<u32>], ends: &[usize], turn: usize) -> Direction {
    let turned = |row: &Vec<u32>| -> Vec<u32> { (0..ends.len()).map(|i| row[ends[(turn + i) % ends.len()]]).collect() };
    let mut rows: Vec<Vec<u32>> = rows.iter().map(turned).collect();
    rows.sort_unstable();
    Direction { kind: DirectionKind::Table, targets: rows.concat(), ..Direction::default() }
}

/// The section: number of relations, a record each, then what the records point to.
pub(super) fn encode(relations: &[Relation]) -> Vec<u8> {
    let mut arena = Arena::with_records(1 + relations.len() * RELATION_RECORD_WORDS);
    arena.set(0, relations.len() as u64);
    for (number, relation) in relations.iter().enumerate() {
        let mut record = vec![arena.put(relation.predicate.as_bytes()), relation.predicate.len() as u64];
        record.push(relation.types.len() as u64);
        record.extend(
            (0..crate::facts::FACT_ARITY_MAX).map(|at| relation.types.get(at).map_or(NONE, |ty| u64::from(*ty))),
        );
        let (position, id) = relation.literal.map_or((NONE, NONE), |(at, id)| (at as u64, u64::from(id)));
        record.extend([position, id]);
        let (position, labels) = relation.label.as_ref().map_or((NONE, &[][..]), |(at, ids)| (*at as u64, &ids[..]));
        record.extend([position, relation.n_rows as u64, labels.len() as u64, arena.put_words(labels)]);
        for direction in &relation.directions {
            record.extend([
                direction.kind.number(),
                arena.put_words(&direction.keys),
                direction.keys.len() as u64,
                arena.put_words(&direction.offsets),
                arena.put_words(&direction.targets),
                arena.put_halves(&direction.labels),
            ]);
        }
        record.resize(RELATION_RECORD_WORDS, 0);
        for (word, value) in record.into_iter().enumerate() {
            arena.set(1 + number * RELATION_RECORD_WORDS + word, value);
        }
    }
    arena.bytes()
}
