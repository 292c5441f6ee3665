//! Negation: set aside until the table under it is complete, then decided (polar.md §12.4).

use super::{
    super::term::{RuleTerm, Term},
    Frame, OutOfBudget, Search,
    table::{TableId, Worth},
};
use crate::{facts::Facts, model::AskError};

/// A rule that waits for a table to be complete.
pub(super) struct Waiting {
    frame: Frame,
    table: TableId,
}

impl<F: Facts> Search<'_, F> {
    pub(super) fn negate(&mut self, frame: Frame, predicate: usize, args: &[RuleTerm]) -> Result<(), OutOfBudget> {
        let table = self.table(predicate, &frame.environment.row(args))?;
        if self.tables[table.0].complete {
            self.decide(frame, table);
        } else {
            self.waiting.push(Waiting { frame, table });
        }
        Ok(())
    }

    /// The table is complete: no answer → the negation holds; an answer as general as the call → it fails; anything else
    /// is "all but some", which wildcards can't express.
    fn decide(&mut self, mut frame: Frame, table: TableId) {
        let Search { tables, linked, .. } = self;
        let table = &tables[table.0];
        let is_general = |row: &[Term]| {
            // INVARIANT: a row's variables are numbered in order of first occurrence, as the call's are; equal numbers
            // at every free position mean that nothing was fixed or tied together.
            table.args.iter().zip(row).all(|(asked, got)| match (asked, got) {
                (Term::Const(_), _) => true,
                (Term::Var(a, wanted), Term::Var(b, bound)) => a == b && linked.bounds.covers(*bound, *wanted),
                (Term::Var(..), Term::Const(_)) => false,
            })
        };
        if table.rows.iter().any(|(row, worth)| *worth == Worth::True && is_general(row)) {
            return;
        }
        if !table.rows.is_empty() {
            let line = linked.clauses[frame.clause].line;
            frame.worth = Worth::Error;
            self.blame(1, line, || AskError::Negation { place: format!("line {line}") });
        }
        self.agenda.push(frame);
    }

    /// The agenda is empty. Completes every table that no waiting negation can still add to, and wakes who waited for
    /// those; where all wait in a circle, the innermost circle is undefined: error (U13). `false`: nothing waits.
    pub(super) fn settle(&mut self) -> Result<bool, OutOfBudget> {
        if self.waiting.is_empty() {
            return Ok(false);
        }
        self.spend(self.tables.len() as u64 + self.waiting.len() as u64)?;
        let mut is_open = vec![false; self.tables.len()];
        let mut queue: Vec<TableId> = self.waiting.iter().map(|w| w.frame.owner).collect();
        while let Some(id) = queue.pop() {
            if self.tables[id.0].complete || std::mem::replace(&mut is_open[id.0], true) {
                continue;
            }
            queue.extend(self.tables[id.0].consumers.iter().map(|c| c.frame.owner));
        }
        for (table, is_open) in self.tables.iter_mut().zip(&is_open) {
            if !table.complete && !is_open {
                table.complete = true;
                table.consumers.clear();
            }
        }
        let (ready, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.waiting).into_iter().partition(|w| self.tables[w.table.0].complete);
        self.waiting = waiting;
        if ready.is_empty() {
            self.break_circle()?;
        }
        for Waiting { frame, table } in ready {
            if !self.tables[frame.owner.0].complete {
                self.decide(frame, table);
            }
        }
        Ok(true)
    }

    /// Every waiting negation waits for another: those of an innermost circle are undefined.
    fn break_circle(&mut self) -> Result<(), OutOfBudget> {
        let n_tables = self.tables.len();
        let mut needs: Vec<Vec<usize>> = vec![Vec::new(); n_tables];
        for (id, table) in self.tables.iter().enumerate() {
            for consumer in &table.consumers {
                needs[consumer.frame.owner.0].push(id);
            }
        }
        for waiting in &self.waiting {
            needs[waiting.frame.owner.0].push(waiting.table.0);
        }
        let mut innermost: Option<Vec<bool>> = None;
        let mut smallest = usize::MAX;
        self.spend((n_tables * self.waiting.len()) as u64)?;
        for waiting in &self.waiting {
            let mut reached = vec![false; n_tables];
            let mut queue = vec![waiting.table.0];
            let mut n_reached = 0;
            while let Some(at) = queue.pop() {
                if std::mem::replace(&mut reached[at], true) {
                    continue;
                }
                n_reached += 1;
                queue.extend(needs[at].iter().copied().filter(|next| !self.tables[*next].complete));
            }
            if n_reached < smallest {
                smallest = n_reached;
                innermost = Some(reached);
            }
        }
        let Some(innermost) = innermost else { return Ok(()) };
        let (circle, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.waiting).into_iter().partition(|w| innermost[w.frame.owner.0]);
        self.waiting = waiting;
        for Waiting { mut frame, .. } in circle {
            let line = self.linked.clauses[frame.clause].line;
            frame.worth = Worth::Error;
            self.blame(2, line, || AskError::Recursion { place: format!("line {line}") });
            self.agenda.push(frame);
        }
        Ok(())
    }
}
