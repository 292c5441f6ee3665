//! Circles through negation: decided by rounds, each against what the last one found (polar.md §12.4, 5).
//!
//! In a round a negation is not waited for: it holds if the last round has no row under it that may be, fails if that has
//! a true one, and is undecided otherwise. True rows only grow from round to round and possible ones only shrink; where
//! nothing moves any more they are the well-founded model's, and what is undecided then is an error.
//! Source: alternating fixpoint (Van Gelder 1989), both sides in one run: a row's worth says on which it is.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::{
    End, Run,
    links::{DerivationId, Links},
    sizes,
    table::TableId,
};
use crate::{
    eval::{
        solve::{Answered, Cause, OutOfBudget, Question, Solved, Worth},
        term::Term,
    },
    facts::Facts,
};

/// Rows found by call.
#[derive(Debug)]
pub(super) struct Findings {
    rows: Vec<Found>,
    by_call: ByCall,
}

type Found = (Vec<Answered>, Places, Vec<Option<DerivationId>>);
type Places = HashMap<Box<[Term]>, usize, FixedState>;
type ByCall = HashMap<(usize, Box<[Term]>), TableId, FixedState>;

impl Findings {
    /// Rows of a call; `None` if it was not asked, or not to its end.
    pub(super) fn table(&self, predicate: usize, args: &[Term]) -> Option<&[Answered]> {
        let id = self.by_call.get(&(predicate, args.into()))?;
        Some(&self.rows[id.0].0)
    }

    /// Is the row known to be true?
    pub(super) fn is_true(&self, predicate: usize, args: &[Term], row: &[Term]) -> bool {
        let Some(id) = self.by_call.get(&(predicate, args.into())) else { return false };
        let (rows, places, _) = &self.rows[id.0];
        places.get(row).is_some_and(|place| rows[*place].1 == Worth::True)
    }

    /// How the row came to be true, where links are kept.
    pub(super) fn link(&self, predicate: usize, args: &[Term], row: &[Term]) -> Option<DerivationId> {
        let (_, places, links) = &self.rows[self.by_call.get(&(predicate, args.into()))?.0];
        links.get(*places.get(row)?).copied().flatten()
    }

    /// Did the earlier round find all this, each row of the `same` worth? Then another one would find nothing else.
    fn is_in(&self, earlier: &Findings, same: impl Fn(Worth, Worth) -> bool) -> bool {
        self.by_call.iter().all(|(call, id)| {
            let (rows, _, _) = &self.rows[id.0];
            let Some(id) = earlier.by_call.get(call) else { return false };
            let (others, places, _) = &earlier.rows[id.0];
            let is_there = |(row, worth): &Answered| places.get(row).is_some_and(|at| same(others[*at].1, *worth));
            rows.len() == others.len() && rows.iter().all(is_there)
        })
    }

    /// The same rows, their errors of no cause but the weakest.
    fn without_causes(mut self) -> Self {
        for (_, worth) in self.rows.iter_mut().flat_map(|(rows, ..)| rows) {
            if worth.is_error() {
                *worth = Worth::Error(Cause::recursion(u32::MAX));
            }
        }
        self
    }

    /// What it has on the account.
    fn bytes(&self) -> u64 {
        let of_call = |(call, id): (&(usize, Box<[Term]>), &TableId)| {
            let (rows, ..) = &self.rows[id.0];
            sizes::table_bytes(call.1.len(), call.1.len()) + bytes_of(rows)
        };
        self.by_call.iter().map(of_call).sum()
    }

    /// Takes over what only an earlier round has asked.
    fn keep(&mut self, earlier: Findings) {
        let mut rows: Vec<Option<_>> = earlier.rows.into_iter().map(Some).collect();
        for (call, id) in earlier.by_call {
            if let (false, Some(found)) = (self.by_call.contains_key(&call), rows[id.0].take()) {
                self.by_call.insert(call, TableId(self.rows.len()));
                self.rows.push(found);
            }
        }
    }
}

impl<F: Facts> Run<'_, F> {
    /// What there is to know: of calls that are complete, or of all where the run went to its end.
    fn findings(self, end: &End) -> Findings {
        let Run { tables, mut by_call, .. } = self;
        let is_known: Vec<bool> = tables.iter().map(|table| table.complete || matches!(end, End::Done)).collect();
        by_call.retain(|_, id| is_known[id.0]);
        let rows = tables.into_iter().map(|table| (table.rows, table.places, table.links)).collect();
        Findings { rows, by_call }
    }
}

/// Bytes of the rows of one table.
fn bytes_of(rows: &[Answered]) -> u64 {
    rows.first().map_or(0, |(row, _)| sizes::row_bytes(row.len()) * rows.len() as u64)
}

/// One run; more of them only if it is stuck, or if a mismatch may have been taken for an error, or one error for another.
pub(super) fn solve<F: Facts>(question: Question<'_, F>, mut links: Option<&mut Links>) -> Result<Solved, OutOfBudget> {
    let Question { linked, facts, predicate, seed, account } = question;
    let held = account.held();
    let mut run = Run::new(linked, facts, seed, account, None);
    run.links = links.as_deref_mut();
    let end = run.rows(predicate)?;
    run.tell();
    let is_error = |rows: &[Answered]| rows.iter().any(|(_, worth)| worth.is_error());
    if matches!(end, End::Done) && !((run.saw_mismatch || run.saw_raised) && is_error(&run.tables[0].rows)) {
        let rows = std::mem::take(&mut run.tables[0].rows);
        drop(run);
        account.keep(held.saturating_add(bytes_of(&rows)));
        return Ok(Solved { rows });
    }
    let mut before = run.findings(&end);
    // In a circle a cause would keep itself up, whichever round it came from: once it is known which rows are errors, their
    // causes are found anew, from nothing.
    let mut seeks_causes = false;
    loop {
        // Of the round before there is what it has found, and nothing else.
        let of_links = links.as_ref().map_or(0, |links| links.bytes);
        account.keep(held.saturating_add(before.bytes()).saturating_add(of_links));
        let mut run = Run::new(linked, facts, seed, account, Some(&before));
        run.links = links.as_deref_mut();
        let end = run.rows(predicate)?;
        run.tell();
        let rows = run.tables[0].rows.clone();
        let is_decided = run.tables[0].complete;
        let mut found = run.findings(&end);
        let is_stable = if seeks_causes {
            found.is_in(&before, |a, b| a == b)
        } else {
            found.is_in(&before, |a, b| a == b || a.is_error() && b.is_error())
        };
        if is_decided || is_stable && (seeks_causes || !is_error(&rows)) {
            account.keep(held.saturating_add(bytes_of(&rows)));
            return Ok(Solved { rows });
        }
        found.keep(before);
        before = if is_stable { found.without_causes() } else { found };
        seeks_causes |= is_stable;
    }
}
