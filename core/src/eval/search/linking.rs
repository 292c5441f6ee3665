//! Keeps the links of [`super::links`] while it searches. Without links nothing here does or costs anything.

use super::{
    Run,
    links::{Derivation, Parents},
    sizes,
    table::{Frame, Meeting, TableId, Task},
};
use crate::{
    eval::solve::{OutOfBudget, Worth},
    facts::Facts,
};

impl<F: Facts> Run<'_, F> {
    /// The next frame. With links the oldest comes first, so that rows are found by short ways.
    pub(super) fn next_frame(&mut self) -> Result<Option<Frame>, OutOfBudget> {
        loop {
            match self.next_task() {
                None => return Ok(None),
                Some(Task::GoOn(frame)) => {
                    self.account.release(frame.bytes());
                    return Ok(Some(frame));
                }
                Some(Task::Meet(meeting)) => {
                    if let Some(frame) = self.meet_next(meeting)? {
                        return Ok(Some(frame));
                    }
                }
            }
        }
    }

    /// The frame for the next row, if it fits; the others wait.
    fn meet_next(&mut self, mut meeting: Meeting) -> Result<Option<Frame>, OutOfBudget> {
        let row = meeting.found.last().filter(|_| !self.tables[meeting.frame.owner.0].complete);
        let next = match row {
            Some(row) => self.met(&meeting, row)?,
            None => None,
        };
        let is_done = row.is_none();
        meeting.found.drop_last();
        // Gone at once after its last row: a long recursion would leave one behind at each of its steps.
        if is_done || meeting.found.last().is_none() {
            self.account.release(meeting.frame.bytes() + meeting.found.bytes());
        } else {
            self.agenda.push(Task::Meet(meeting));
        }
        Ok(next)
    }

    fn next_task(&mut self) -> Option<Task> {
        if self.links.is_none() {
            return self.agenda.pop();
        }
        if self.front.is_empty() {
            self.front = std::mem::take(&mut self.agenda);
            self.front.reverse();
        }
        self.front.pop()
    }

    /// Keeps how a row came about. `proven`: what the frame gave it, before the last round was looked at.
    pub(super) fn link(
        &mut self,
        id: TableId,
        place: usize,
        proven: Worth,
        frame: Option<&Frame>,
    ) -> Result<(), OutOfBudget> {
        let Some(links) = &mut self.links else { return Ok(()) };
        let table = &mut self.tables[id.0];
        table.links.resize(table.rows.len(), None);
        let (row, worth) = &table.rows[place];
        table.links[place] = match (worth, proven) {
            (Worth::True, Worth::True) => {
                let (n_bindings, n_calls) = frame.map_or((0, 0), |frame| {
                    (frame.environment.0.len(), frame.open.as_ref().map_or(0, |open| open.trail.len()))
                });
                let bytes = sizes::derivation_bytes(row.len(), n_bindings, n_calls);
                self.account.hold(bytes)?;
                links.bytes += bytes;
                let by = frame.map(|frame| Parents {
                    clause: frame.clause,
                    environment: frame.environment.clone(),
                    calls: frame.open.as_ref().map(|open| open.trail.clone()).unwrap_or_default(),
                });
                Some(links.add(Derivation { predicate: table.predicate, row: row.clone(), by }))
            }
            (Worth::True, _) => self.before.and_then(|before| before.link(table.predicate, &table.key, row)),
            _ => None,
        };
        Ok(())
    }

    /// Says how the answers came about.
    pub(super) fn tell(&mut self) {
        if let Some(links) = &mut self.links {
            links.answers = self.tables[0].links.clone();
        }
    }

    /// The frame goes on with a true row of a table.
    pub(super) fn follow(&self, frame: &mut Frame, literal: u16, id: TableId, place: usize) {
        if self.links.is_none() {
            return;
        }
        let Some(link) = self.tables[id.0].links.get(place).copied().flatten() else { return };
        let trail = &mut frame.open.get_or_insert_default().trail;
        trail.retain(|(known, _)| *known != literal);
        trail.push((literal, link));
    }
}
