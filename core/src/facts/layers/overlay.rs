//! Rows above the base: found by any position, in a stable order, cheap to add and to take away.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
};

use crate::facts::{Row, RowPattern};

/// A set of rows with one index per position.
#[derive(Clone, Debug)]
pub(super) struct Rows {
    by_position: Vec<BTreeMap<u32, BTreeSet<Row>>>,
    n_rows: usize,
}

/// Position in [`Rows`]: the last row given.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Position(Option<Row>);

impl Rows {
    pub(super) fn new(arity: usize) -> Self {
        Rows { by_position: vec![BTreeMap::new(); arity], n_rows: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.n_rows
    }

    pub(super) fn insert(&mut self, row: &Row) {
        let mut is_new = false;
        for (index, id) in self.by_position.iter_mut().zip(row) {
            is_new = index.entry(*id).or_default().insert(*row);
        }
        self.n_rows += usize::from(is_new);
    }

    pub(super) fn remove(&mut self, row: &Row) {
        let mut was_there = false;
        for (index, id) in self.by_position.iter_mut().zip(row) {
            let Some(rows) = index.get_mut(id) else { return };
            was_there = rows.remove(row);
            if rows.is_empty() {
                index.remove(id);
            }
        }
        self.n_rows -= usize::from(was_there);
    }

    pub(super) fn clear(&mut self) {
        self.by_position.iter_mut().for_each(BTreeMap::clear);
        self.n_rows = 0;
    }

    pub(super) fn contains(&self, row: &Row) -> bool {
        self.n_rows > 0 && self.of(0, row[0]).is_some_and(|rows| rows.contains(row))
    }

    fn of(&self, position: usize, id: u32) -> Option<&BTreeSet<Row>> {
        self.by_position.get(position)?.get(&id)
    }

    /// The bound position with the fewest rows.
    fn best(&self, pattern: &RowPattern) -> Option<(usize, u32, usize)> {
        let bound = pattern.iter().enumerate().take(self.by_position.len());
        let sizes = bound.filter_map(|(position, id)| {
            let id = (*id)?;
            Some((position, id, self.of(position, id).map_or(0, BTreeSet::len)))
        });
        sizes.min_by_key(|(_, _, n_rows)| *n_rows)
    }

    /// An upper bound of the rows that fit.
    pub(super) fn count(&self, pattern: &RowPattern) -> usize {
        if self.n_rows == 0 {
            return 0;
        }
        self.best(pattern).map_or(self.n_rows, |(_, _, n_rows)| n_rows)
    }

    /// Next row that fits, after the last one given. `n_passed`: counts those that don't.
    pub(super) fn next(&self, at: &mut Position, pattern: &RowPattern, row: &mut Row, n_passed: &mut u64) -> bool {
        if self.n_rows == 0 {
            return false;
        }
        let after = match at.0 {
            Some(last) => Bound::Excluded(last),
            None => Bound::Unbounded,
        };
        let fits = |row: &&Row| {
            let fits = pattern.iter().zip(row.iter()).all(|(bound, id)| bound.is_none_or(|b| b == *id));
            *n_passed += u64::from(!fits);
            fits
        };
        let found = match self.best(pattern) {
            Some((position, id, _)) => {
                self.of(position, id).and_then(|rows| rows.range((after, Bound::Unbounded)).find(fits))
            }
            None => self.by_position.first().and_then(|index| {
                let from = at.0.map_or(0, |last| last[0]);
                index.range(from..).find_map(|(_, rows)| rows.range((after, Bound::Unbounded)).next())
            }),
        };
        if let Some(found) = found {
            (at.0, *row) = (Some(*found), *found);
        }
        found.is_some()
    }
}
