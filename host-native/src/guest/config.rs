//! How a pool is set up.

use std::time::Duration;

use super::{
    instance::Way,
    limits::{QUICK_STUCK, QUICK_UNITS, SLOW_STUCK, heap_bytes_max},
};

/// What may be set differently, above all by tests that make instances break.
#[derive(Clone, Copy, Debug)]
pub struct PoolConfig {
    /// Threads that ask.
    pub n_workers: usize,
    /// Threads for what takes long.
    pub n_slow: usize,
    /// How snapshots come into memory.
    pub way: Way,
    /// Memory of an instance besides its snapshot, in bytes.
    pub heap_bytes_max: usize,
    /// Memory that one request's work may take, in bytes: less, as a table that grows is there twice for a moment.
    pub work_bytes_max: u64,
    /// Work units of a quick question.
    pub quick_units: u64,
    /// After so long on the CPU a quick question's instance is stuck.
    pub quick_stuck: Duration,
    /// The same in the slow lane.
    pub slow_stuck: Duration,
}

impl PoolConfig {
    /// The ordinary one.
    pub fn new(n_workers: usize) -> Self {
        PoolConfig {
            n_workers,
            // Two at least, so that one key's longest question is not in every other key's way.
            n_slow: if n_workers == 1 { 1 } else { (n_workers / 2).max(2) },
            way: Way::Map,
            heap_bytes_max: heap_bytes_max(),
            work_bytes_max: heap_bytes_max() as u64 / 2,
            quick_units: QUICK_UNITS,
            quick_stuck: QUICK_STUCK,
            slow_stuck: SLOW_STUCK,
        }
    }

    /// With other memory of an instance than the machine says.
    pub fn with_memory(self, heap_bytes_max: Option<usize>) -> Self {
        match heap_bytes_max {
            Some(bytes) => PoolConfig { heap_bytes_max: bytes, work_bytes_max: bytes as u64 / 2, ..self },
            None => self,
        }
    }
}
