//! Answers that were not true: they have only given bindings. The value of their goal is the one for the bindings there are
//! in the end, when everything else has been met (polar.md §12.7), so it is asked again there.
//!
//! First by the ways that gave the answer and no other, each looked at for the narrower bindings: where they are false now,
//! the answer is gone, though a wildcard may cover it (§12.2). Where they are still not true, the worth is that of the
//! whole goal: an error is dropped if the same row is also true.

use super::{
    Run,
    table::{Consumer, Doubt, Frame, TableId, Wants, Way},
};
use crate::{
    eval::{
        linked::Literal,
        solve::{OutOfBudget, Worth},
        term::Term,
    },
    facts::Facts,
};

impl<F: Facts> Run<'_, F> {
    /// Everything is met: asks the next doubtful call again. `None`: the frame waits for the answer, or is done for.
    pub(super) fn ask_again(&mut self, mut frame: Frame) -> Result<Again, OutOfBudget> {
        let Some(open) = &mut frame.open else { return Ok(Again::Sure(frame)) };
        let Some(Doubt { literal, table, place, worth }) = open.doubts.get(open.n_asked).copied() else {
            return Ok(Again::Sure(frame));
        };
        open.n_asked += 1;
        let Literal::Call(predicate, args) = &self.linked.clauses[frame.clause].body[usize::from(literal)] else {
            return Ok(Again::Waits);
        };
        let (predicate, row) = (*predicate, frame.environment.row(args));
        let asked = &self.tables[table.0];
        if asked.args == row {
            frame.worth = frame.worth.and(worth);
            return Ok(Again::Next(frame));
        }
        if asked.rows[place].0 == row {
            let id = self.table(predicate, &row)?;
            self.consume(Consumer { frame, literal, wants: Wants::Whole }, id)?;
        } else {
            let id = self.narrowed(table, place, row)?;
            self.consume(Consumer { frame, literal, wants: Wants::Own }, id)?;
        }
        Ok(Again::Waits)
    }

    /// The table of one row's ways for narrower bindings.
    fn narrowed(&mut self, table: TableId, place: usize, args: Box<[Term]>) -> Result<TableId, OutOfBudget> {
        let of = &self.tables[table.0];
        let predicate = of.predicate;
        // Longer than the predicate's arguments, so that it is no call's key.
        let key = [&*args, &*of.key, &*of.rows[place].0].concat().into_boxed_slice();
        if let Some(id) = self.by_call.get(&(predicate, key.clone())) {
            return Ok(*id);
        }
        let id = self.add_table(predicate, args, key)?;
        self.tables[table.0].narrowed.push((place, id));
        for at in 0..self.tables[table.0].ways.len() {
            let Way { place: of, frame } = self.tables[table.0].ways[at].clone();
            if of == place {
                self.go_narrower(id, frame)?;
            }
        }
        Ok(id)
    }

    /// Looks at a way again, for the bindings of a narrower call.
    pub(super) fn go_narrower(&mut self, owner: TableId, mut frame: Frame) -> Result<(), OutOfBudget> {
        self.spend(frame.copy_units())?;
        let head = &self.linked.clauses[frame.clause].head;
        if frame.environment.unify_row(&mut self.linked.bounds, head, &self.tables[owner.0].args) {
            frame.owner = owner;
            self.push(frame)?;
        }
        Ok(())
    }

    /// Keeps the way to a row that is not true, for those who will ask for narrower bindings.
    pub(super) fn keep_way(&mut self, table: TableId, place: usize, frame: &Frame) -> Result<(), OutOfBudget> {
        let mut frame = frame.clone();
        frame.worth = Worth::True;
        if let Some(open) = &mut frame.open {
            frame.rest = std::mem::take(&mut open.conditions);
            open.n_asked = 0;
        }
        for at in 0..self.tables[table.0].narrowed.len() {
            let (of, id) = self.tables[table.0].narrowed[at];
            if of == place {
                self.go_narrower(id, frame.clone())?;
            }
        }
        self.account.hold(frame.bytes())?;
        self.tables[table.0].ways.push(Way { place, frame });
        Ok(())
    }

    /// The answer to a doubtful call asked again.
    pub(super) fn feed_again(&mut self, consumer: Consumer, worth: Worth) -> Result<(), OutOfBudget> {
        let Consumer { mut frame, literal, wants } = consumer;
        let Literal::Call(predicate, args) = &self.linked.clauses[frame.clause].body[usize::from(literal)] else {
            return Ok(());
        };
        match (wants, worth) {
            (Wants::Own, Worth::Error(_) | Worth::Mismatch) => {
                let (predicate, row) = (*predicate, frame.environment.row(args));
                let id = self.table(predicate, &row)?;
                self.consume(Consumer { frame, literal, wants: Wants::Whole }, id)?;
            }
            (Wants::Whole, worth) => {
                // True by another way, which answers for itself: no error, and no answer.
                frame.worth = frame.worth.and(if worth == Worth::True { Worth::Mismatch } else { worth });
                self.push(frame)?;
            }
            (Wants::Own | Wants::Every, _) => self.push(frame)?,
        }
        Ok(())
    }
}

/// What becomes of a frame whose conditions are all met.
pub(super) enum Again {
    /// Nothing is doubtful any more.
    Sure(Frame),
    /// There may be more doubts.
    Next(Frame),
    /// It goes on when the answer comes.
    Waits,
}
