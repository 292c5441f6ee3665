//! What a request may spend, and what it has spent: one account for all that is done for it.

use crate::{limits::BYTES_PER_WORK_UNIT, model::AskError};

/// Work units and memory of one request. Both are counted, never measured, so that every host refuses at the same place.
#[derive(Debug)]
pub struct Account {
    units: u64,
    spent: u64,
    memory_max: u64,
    held: u64,
    /// Bytes ever held: they cost work, too.
    written: u64,
}

/// The request's budget is spent: the whole request's error, whatever was found so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutOfBudget {
    /// Of work units.
    Units,
    /// Of memory.
    Memory,
}

impl Account {
    /// Nothing is spent yet.
    pub fn new(units: u64, memory_max: u64) -> Self {
        Account { units, spent: 0, memory_max, held: 0, written: 0 }
    }

    /// Work units spent, those for memory among them.
    pub fn spent(&self) -> u64 {
        self.spent.saturating_add(self.written / BYTES_PER_WORK_UNIT)
    }

    /// Work units left.
    pub fn left(&self) -> u64 {
        self.units.saturating_sub(self.spent())
    }

    /// Bytes held now.
    pub fn held(&self) -> u64 {
        self.held
    }

    /// Spends work units.
    #[inline]
    pub fn spend(&mut self, units: u64) -> Result<(), OutOfBudget> {
        self.spent = self.spent.saturating_add(units);
        if self.spent() > self.units { Err(OutOfBudget::Units) } else { Ok(()) }
    }

    /// Takes memory, and spends the units that it costs.
    #[inline]
    pub fn hold(&mut self, bytes: u64) -> Result<(), OutOfBudget> {
        self.held = self.held.saturating_add(bytes);
        self.written = self.written.saturating_add(bytes);
        if self.held > self.memory_max {
            return Err(OutOfBudget::Memory);
        }
        self.spend(0)
    }

    /// Gives memory back. The units stay spent.
    #[inline]
    pub fn release(&mut self, bytes: u64) {
        self.held = self.held.saturating_sub(bytes);
    }

    /// Says what is still held, where all the rest was given back at once.
    pub fn keep(&mut self, bytes: u64) {
        self.held = bytes;
    }

    /// The request's error.
    pub fn error(&self, spent: OutOfBudget) -> AskError {
        match spent {
            OutOfBudget::Units => AskError::Budget { units: self.units },
            OutOfBudget::Memory => AskError::Memory { bytes: self.memory_max },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_held_and_given_back_and_costs_units_once() {
        let mut account = Account::new(10, 3 * BYTES_PER_WORK_UNIT);
        assert_eq!(account.hold(2 * BYTES_PER_WORK_UNIT), Ok(()));
        account.release(2 * BYTES_PER_WORK_UNIT);
        assert_eq!((account.held(), account.spent(), account.left()), (0, 2, 8));
        assert_eq!(account.hold(4 * BYTES_PER_WORK_UNIT), Err(OutOfBudget::Memory));
        assert_eq!(account.error(OutOfBudget::Memory), AskError::Memory { bytes: 3 * BYTES_PER_WORK_UNIT });
    }

    #[test]
    fn units_end_exactly_where_they_are_said_to() {
        let mut account = Account::new(10, u64::MAX);
        assert_eq!(account.spend(10), Ok(()));
        assert_eq!(account.spend(1), Err(OutOfBudget::Units));
        assert_eq!(account.spend(u64::MAX), Err(OutOfBudget::Units), "nothing wraps");
        assert_eq!(account.error(OutOfBudget::Units), AskError::Budget { units: 10 });
    }

    #[test]
    fn what_is_written_again_and_again_costs_units_though_none_of_it_stays() {
        let mut account = Account::new(10, u64::MAX);
        for _ in 0..10 {
            assert_eq!(account.hold(BYTES_PER_WORK_UNIT), Ok(()));
            account.release(BYTES_PER_WORK_UNIT);
        }
        assert_eq!(account.hold(BYTES_PER_WORK_UNIT), Err(OutOfBudget::Units));
    }
}
