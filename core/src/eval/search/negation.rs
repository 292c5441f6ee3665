//! Negation: set aside until the table under it is complete, then decided (polar.md §12.4).

use super::{
    Run,
    table::{Frame, TableId},
};
use crate::{
    eval::{
        bounds::Bounds,
        solve::{Cause, OutOfBudget, Worth},
        term::{RuleTerm, Term},
    },
    facts::Facts,
};

/// A rule that waits for a table to be complete.
pub(super) struct Waiting {
    frame: Frame,
    literal: u16,
    table: TableId,
}

impl<F: Facts> Run<'_, F> {
    pub(super) fn negate(
        &mut self,
        frame: Frame,
        literal: u16,
        predicate: usize,
        args: &[RuleTerm],
    ) -> Result<(), OutOfBudget> {
        let row = frame.environment.row(args);
        let table = self.table(predicate, &row)?;
        let compared = self.linked.predicates[predicate].compared;
        if let Some(before) = self.before {
            // In rounds the table above is only for the next one: what is known is what the last has found.
            let line = self.linked.clauses[frame.clause].line;
            let known = before.table(predicate, &row).map_or(Known::Undecided(Cause::recursion(line)), |rows| {
                decide(&self.linked.bounds, &row, rows.iter().map(|(row, worth)| (&**row, *worth)), line, compared)
            });
            self.go_on(frame, literal, known)?;
        } else if self.tables[table.0].complete {
            self.negate_complete(frame, literal, table)?;
        } else {
            self.account.hold(frame.bytes())?;
            self.waiting.push(Waiting { frame, literal, table });
        }
        Ok(())
    }

    fn negate_complete(&mut self, frame: Frame, literal: u16, table: TableId) -> Result<(), OutOfBudget> {
        // Every row may be looked at.
        self.account.spend(self.tables[table.0].rows.len() as u64 / 8)?;
        let table = &self.tables[table.0];
        let line = self.linked.clauses[frame.clause].line;
        let rows = table.rows.iter().map(|(row, worth)| (&**row, *worth));
        let compared = self.linked.predicates[table.predicate].compared;
        let known = decide(&self.linked.bounds, &table.args, rows, line, compared);
        self.go_on(frame, literal, known)
    }

    fn go_on(&mut self, mut frame: Frame, literal: u16, known: Known) -> Result<(), OutOfBudget> {
        match known {
            Known::Fails => return Ok(()),
            Known::Holds => {}
            Known::Undecided(cause) => {
                frame.worth = frame.worth.and(Worth::Error(cause));
                frame.open.get_or_insert_default().conditions.push(literal);
            }
        }
        self.push(frame)
    }

    /// The agenda is empty. Completes every table that no waiting negation can still add to, and wakes who waited for
    /// those. `false`: there are none, all wait for each other.
    pub(super) fn settle(&mut self) -> Result<bool, OutOfBudget> {
        self.spend(self.tables.len() as u64 + self.waiting.len() as u64)?;
        let mut is_open = vec![false; self.tables.len()];
        let mut queue: Vec<TableId> = self.waiting.iter().map(|w| w.frame.owner).collect();
        while let Some(id) = queue.pop() {
            if self.tables[id.0].complete || std::mem::replace(&mut is_open[id.0], true) {
                continue;
            }
            queue.extend(self.tables[id.0].consumers.iter().map(|c| c.frame.owner));
            queue.extend(self.tables[id.0].narrowed.iter().map(|(_, id)| *id));
        }
        for (table, is_open) in self.tables.iter_mut().zip(&is_open) {
            if !table.complete && !is_open {
                table.complete = true;
                for consumer in std::mem::take(&mut table.consumers) {
                    self.account.release(consumer.frame.bytes());
                }
            }
        }
        let (ready, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.waiting).into_iter().partition(|w| self.tables[w.table.0].complete);
        self.waiting = waiting;
        let is_stuck = ready.is_empty();
        for Waiting { frame, literal, table } in ready {
            self.account.release(frame.bytes());
            if !self.tables[frame.owner.0].complete {
                self.negate_complete(frame, literal, table)?;
            }
        }
        Ok(!is_stuck)
    }
}

/// What is known of a negation.
#[derive(Clone, Copy, Debug)]
enum Known {
    Holds,
    Fails,
    /// An error.
    Undecided(Cause),
}

/// No answer → the negation holds; an answer as general as the call → it fails; anything else is "all but some", which
/// wildcards can't express, or an error under it. `line`: of the negation's rule; `compared`: of the first comparison under
/// it.
fn decide<'r>(
    bounds: &Bounds,
    args: &[Term],
    rows: impl Iterator<Item = (&'r [Term], Worth)>,
    line: u32,
    compared: u32,
) -> Known {
    let mut known: Option<Cause> = None;
    for (row, worth) in rows {
        let is_general = is_general(bounds, args, row);
        let cause = match worth {
            Worth::True if is_general => return Known::Fails,
            // Of a circle, unless what is under the negation has a cause of another kind.
            Worth::Error(cause) if is_general => cause.max(Cause::recursion(line)),
            Worth::Error(cause) => cause.max(Cause::negation(line)),
            Worth::True => Cause::negation(line),
            Worth::Mismatch => Cause::mismatch(line, compared),
        };
        known = known.max(Some(cause));
    }
    known.map_or(Known::Holds, Known::Undecided)
}

/// INVARIANT: a row's variables are numbered in order of first occurrence, as the call's are; equal numbers at every free
/// position mean that nothing was fixed or tied together.
fn is_general(bounds: &Bounds, args: &[Term], row: &[Term]) -> bool {
    args.iter().zip(row).all(|(asked, got)| match (asked, got) {
        (Term::Const(_), _) => true,
        (Term::Var(a, wanted), Term::Var(b, bound)) => a == b && bounds.covers(*bound, *wanted),
        (Term::Var(..), Term::Const(_)) => false,
    })
}
