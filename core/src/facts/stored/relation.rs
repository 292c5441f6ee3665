//! Rows of one stored relation, in every direction it has; the one accessor over all layouts.

use super::words::{Halves, Words};
use crate::facts::{FACT_ARITY_MAX, Row, RowPattern, Shape};

/// In a functional direction: this key has no row. No id is as large.
pub const NO_TARGET: u32 = u32::MAX;

/// How the rows of a direction are found by key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DirectionKind {
    /// One end: its ids ascend in `targets`.
    #[default]
    List,
    /// Two ends: `offsets[key]..offsets[key + 1]` are the places of the key's rows.
    Dense,
    /// Two ends, few keys: `keys` ascend; `offsets` counts in them.
    Sparse,
    /// Two ends, at most one row a key: `targets[key]`, or [`NO_TARGET`].
    Functional,
    /// More ends: rows in `targets`, all ends each, this direction's end first and then the others in turn, ascending.
    Table,
}

impl DirectionKind {
    /// The number that stands for it in the file.
    pub fn number(self) -> u64 {
        match self {
            DirectionKind::List => 1,
            DirectionKind::Dense => 2,
            DirectionKind::Sparse => 3,
            DirectionKind::Functional => 4,
            DirectionKind::Table => 5,
        }
    }

    /// The kind of this number.
    pub fn of_number(number: u64) -> Option<Self> {
        let all = [Self::List, Self::Dense, Self::Sparse, Self::Functional, Self::Table];
        all.into_iter().find(|kind| kind.number() == number)
    }
}

/// The rows sorted by one end.
#[derive(Clone, Copy, Debug, Default)]
pub struct Direction<'a> {
    /// Layout.
    pub kind: DirectionKind,
    /// See [`DirectionKind::Sparse`].
    pub keys: Words<'a>,
    /// Where a key's rows begin; the next entry is where they end.
    pub offsets: Words<'a>,
    /// The other ends.
    pub targets: Words<'a>,
    /// Labels beside the targets; a key's rows ascend by target, then label.
    pub labels: Halves<'a>,
}

/// A String position kept as a small number beside the targets.
#[derive(Clone, Copy, Debug)]
pub struct LabelColumn<'a> {
    /// Which position of the shape.
    pub position: usize,
    /// Id of each label; ascend.
    pub ids: Words<'a>,
}

/// One relation: predicate, types, perhaps a literal; complete in itself.
#[derive(Clone, Debug)]
pub struct Stored<'a> {
    /// Name of the predicate.
    pub predicate: &'a str,
    /// Types, literal.
    pub shape: Shape,
    /// Positions that are neither literal nor label, ascending.
    pub ends: Vec<usize>,
    /// The label, if it has one (two ends only).
    pub label: Option<LabelColumn<'a>>,
    /// How many rows.
    pub n_rows: u32,
    /// One per end; one only if there is a single end.
    pub directions: Vec<Direction<'a>>,
}

/// Position in the rows of one relation.
#[derive(Clone, Copy, Debug, Default)]
pub struct StoredCursor {
    direction: usize,
    at: usize,
    end: usize,
    /// Place of the current key among the direction's keys.
    key: usize,
}

impl Direction<'_> {
    /// Places of a key's rows: from, to, place of the key.
    fn range(&self, key: u32, n_rows: usize, n_ends: usize) -> (usize, usize, usize) {
        let none = (0, 0, 0);
        let offsets = |place: usize| match (self.offsets.get(place), self.offsets.get(place + 1)) {
            (Some(from), Some(to)) => (from as usize, (to as usize).min(n_rows), place),
            _ => none,
        };
        match self.kind {
            DirectionKind::List => {
                let at = self.targets.seek(0, n_rows, key);
                if self.targets.get(at) == Some(key) && at < n_rows { (at, at + 1, at) } else { none }
            }
            DirectionKind::Dense => offsets(key as usize),
            DirectionKind::Sparse => {
                let place = self.keys.seek(0, self.keys.len(), key);
                if self.keys.get(place) == Some(key) { offsets(place) } else { none }
            }
            DirectionKind::Functional => match self.targets.get(key as usize) {
                Some(NO_TARGET) | None => none,
                Some(_) => (key as usize, key as usize + 1, key as usize),
            },
            DirectionKind::Table => {
                let from = self.seek_row(n_rows, n_ends, key);
                let to = key.checked_add(1).map_or(n_rows, |next| self.seek_row(n_rows, n_ends, next));
                (from, to, from)
            }
        }
    }

    /// First row of a table whose first end is not below `key`.
    fn seek_row(&self, n_rows: usize, n_ends: usize, key: u32) -> usize {
        let (mut low, mut high) = (0, n_rows.min(self.targets.len() / n_ends.max(1)));
        while low < high {
            let middle = low + (high - low) / 2;
            if self.targets.get(middle * n_ends).is_some_and(|first| first < key) {
                low = middle + 1;
            } else {
                std::hint::cold_path();
                high = middle;
            }
        }
        low
    }

    /// How far a scan of everything goes.
    fn extent(&self, n_rows: usize) -> usize {
        if self.kind == DirectionKind::Functional { self.targets.len() } else { n_rows }
    }
}

impl Stored<'_> {
    /// An upper bound of the rows that fit. Cost: a look-up per bound end.
    pub fn count(&self, pattern: &RowPattern) -> usize {
        if !self.literal_fits(pattern) {
            return 0;
        }
        let bound = self.ends.iter().enumerate().filter_map(|(end, position)| Some((end, pattern[*position]?)));
        bound.map(|(end, key)| self.degree(end, key)).min().unwrap_or(self.n_rows as usize)
    }

    fn degree(&self, end: usize, key: u32) -> usize {
        let Some(direction) = self.directions.get(end) else { return 0 };
        let (from, to, _) = direction.range(key, self.n_rows as usize, self.ends.len());
        to.saturating_sub(from)
    }

    fn literal_fits(&self, pattern: &RowPattern) -> bool {
        self.shape.literal.is_none_or(|(position, value)| pattern[position].is_none_or(|bound| bound == value.id))
    }

    /// Is this row stored?
    pub fn contains(&self, row: &Row) -> bool {
        let mut pattern = RowPattern::default();
        for (place, id) in pattern.iter_mut().zip(row).take(self.shape.types.len()) {
            *place = Some(*id);
        }
        let (mut cursor, mut found) = (self.open(&pattern), Row::default());
        self.next(&mut cursor, &pattern, &mut found, &mut 0)
    }

    /// Starts over the rows that fit.
    pub fn open(&self, pattern: &RowPattern) -> StoredCursor {
        let nothing = StoredCursor::default();
        if !self.literal_fits(pattern) {
            return nothing;
        }
        let bound = self.ends.iter().enumerate().filter_map(|(end, position)| Some((end, pattern[*position]?)));
        let Some((end, key)) = bound.min_by_key(|(end, key)| self.degree(*end, *key)) else {
            let Some(direction) = self.directions.first() else { return nothing };
            return StoredCursor { direction: 0, at: 0, end: direction.extent(self.n_rows as usize), key: 0 };
        };
        let Some(direction) = self.directions.get(end) else { return nothing };
        let (mut at, mut to, key) = direction.range(key, self.n_rows as usize, self.ends.len());
        if let ([first, second], DirectionKind::Dense | DirectionKind::Sparse) = (&self.ends[..], direction.kind) {
            // Both ends bound: the targets of one key ascend.
            let other = pattern[if end == 0 { *second } else { *first }];
            if let Some(target) = other {
                at = direction.targets.seek(at, to, target);
                to = target.checked_add(1).map_or(to, |next| direction.targets.seek(at, to, next));
            }
        }
        StoredCursor { direction: end, at, end: to, key }
    }

    /// Next row that fits the pattern the cursor was opened with, or `false`. `n_passed`: counts those that don't.
    pub fn next(&self, cursor: &mut StoredCursor, pattern: &RowPattern, row: &mut Row, n_passed: &mut u64) -> bool {
        while cursor.at < cursor.end {
            let is_row = self.read(cursor, row);
            cursor.at += 1;
            if is_row && pattern.iter().zip(row.iter()).all(|(bound, id)| bound.is_none_or(|bound| bound == *id)) {
                return true;
            }
            *n_passed += 1;
        }
        false
    }

    /// The row at the cursor; `false` where there is none (a functional key without one, damaged bytes).
    fn read(&self, cursor: &mut StoredCursor, row: &mut Row) -> bool {
        *row = [0; FACT_ARITY_MAX];
        if let Some((position, value)) = self.shape.literal {
            row[position] = value.id;
        }
        let Some(direction) = self.directions.get(cursor.direction) else { return false };
        let at = cursor.at;
        let n_ends = self.ends.len();
        match direction.kind {
            DirectionKind::List => {
                let Some(id) = direction.targets.get(at) else { return false };
                row[self.ends[0]] = id;
            }
            DirectionKind::Table => {
                for step in 0..n_ends {
                    let Some(id) = direction.targets.get(at * n_ends + step) else { return false };
                    row[self.ends[(cursor.direction + step) % n_ends]] = id;
                }
            }
            DirectionKind::Dense | DirectionKind::Sparse | DirectionKind::Functional => {
                let [first, second] = self.ends[..] else { return false };
                let Some(target) = direction.targets.get(at).filter(|target| *target != NO_TARGET) else {
                    return false;
                };
                if direction.kind == DirectionKind::Functional {
                    cursor.key = at;
                } else {
                    while direction.offsets.get(cursor.key + 1).is_some_and(|end| end as usize <= at) {
                        cursor.key += 1;
                    }
                }
                let key = match direction.kind {
                    DirectionKind::Sparse => direction.keys.get(cursor.key),
                    _ => u32::try_from(cursor.key).ok(),
                };
                let Some(key) = key else { return false };
                let (of_key, of_target) = if cursor.direction == 0 { (first, second) } else { (second, first) };
                row[of_key] = key;
                row[of_target] = target;
                if let Some(label) = self.label {
                    let id = direction.labels.get(at).and_then(|number| label.ids.get(usize::from(number)));
                    let Some(id) = id else { return false };
                    row[label.position] = id;
                }
            }
        }
        true
    }
}
