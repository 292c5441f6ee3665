//! What the search puts on a request's account: memory by estimates that are the same on every host, and the units of steps
//! whose work grows with a rule.

use super::table::Frame;

/// Bytes of a term.
const TERM_BYTES: u64 = 16;
/// Bytes that an allocation has besides what is in it.
const ALLOCATION_BYTES: u64 = 16;
/// Bytes of a table without its rows: its own, its entry among the calls, half of each again for how lists grow.
const TABLE_BYTES: u64 = 512;
/// Bytes of a row besides its terms, which are there twice: its place in the list and in the hash table.
const ROW_BYTES: u64 = 104;
/// Bytes of a frame besides its bindings and conditions, and half of it for how lists grow.
const FRAME_BYTES: u64 = 160;
/// Bytes of a derivation besides its row, its bindings and what it names.
const DERIVATION_BYTES: u64 = 160;
/// Bytes of a binding.
const SLOT_BYTES: u64 = 16;
/// Bytes of a frame that are copied for one unit.
const COPIED_BYTES_PER_UNIT: u64 = 1_024;
/// Conditions of a rule up to which the next is found in the time of a unit.
const CONDITIONS_PER_STEP: usize = 16;
/// Elements of a list that are compared for one unit.
const ELEMENTS_PER_UNIT: u64 = 8;

/// Bytes of a table of a call with so many arguments and a key of so many.
pub(super) fn table_bytes(n_args: usize, n_key: usize) -> u64 {
    TABLE_BYTES + TERM_BYTES * (n_args as u64 + 2 * n_key as u64)
}

/// Bytes of an answer in a table.
pub(super) fn row_bytes(arity: usize) -> u64 {
    ROW_BYTES + 2 * TERM_BYTES * arity as u64
}

/// Bytes of how a row came about.
pub(super) fn derivation_bytes(arity: usize, n_bindings: usize, n_calls: usize) -> u64 {
    DERIVATION_BYTES + TERM_BYTES * arity as u64 + SLOT_BYTES * n_bindings as u64 + 8 * n_calls as u64
}

/// Units of choosing among so many conditions.
pub(super) fn step_units(n_conditions: usize) -> u64 {
    if n_conditions <= CONDITIONS_PER_STEP { 1 } else { n_conditions as u64 / 2 }
}

/// Units of going through a list.
pub(super) fn list_units(n_elements: usize) -> u64 {
    n_elements as u64 / ELEMENTS_PER_UNIT
}

impl Frame {
    /// Bytes of the frame, wherever it waits.
    pub(super) fn bytes(&self) -> u64 {
        let open = self.open.as_ref().map_or(0, |open| {
            96 + 2 * open.conditions.len() as u64 + 40 * open.doubts.len() as u64 + 8 * open.trail.len() as u64
        });
        let (n_bindings, n_conditions) = (self.environment.0.len() as u64, self.rest.len() as u64);
        FRAME_BYTES + 2 * ALLOCATION_BYTES + SLOT_BYTES * n_bindings + 2 * n_conditions + open
    }

    /// Units of a copy of the frame, and of what it is copied for.
    pub(super) fn copy_units(&self) -> u64 {
        1 + (SLOT_BYTES * self.environment.0.len() as u64 + 2 * self.rest.len() as u64) / COPIED_BYTES_PER_UNIT
    }
}
