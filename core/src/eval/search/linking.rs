//! Keeps the links of [`super::links`] while it searches. Without links nothing here does or costs anything.

use super::{
    Run,
    links::{Derivation, Parents},
    table::{Frame, TableId},
};
use crate::{eval::solve::Worth, facts::Facts};

impl<F: Facts> Run<'_, F> {
    /// The next frame. With links the oldest comes first, so that rows are found by short ways.
    pub(super) fn next_frame(&mut self) -> Option<Frame> {
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
    pub(super) fn link(&mut self, id: TableId, place: usize, proven: Worth, frame: Option<&Frame>) {
        let Some(links) = &mut self.links else { return };
        let table = &mut self.tables[id.0];
        table.links.resize(table.rows.len(), None);
        let (row, worth) = &table.rows[place];
        table.links[place] = match (worth, proven) {
            (Worth::True, Worth::True) => {
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
    }

    /// Says how the answers came about, and what that cost.
    pub(super) fn tell(&mut self) {
        if let Some(links) = &mut self.links {
            links.n_spent += self.spent;
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
