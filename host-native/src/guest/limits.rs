//! What a guest may use of the machine. What happens at each bound is an error of that one request, never an answer.

use std::time::Duration;

use wasmtime::ResourceLimiter;

/// Work units that a question may spend beside others; what needs more goes to the slow lane and begins anew. About ten
/// milliseconds: no check waits longer than that for one before it.
pub const QUICK_UNITS: u64 = 100_000;
/// Time after which a batch of questions, each of them quick, goes to the slow lane as a whole.
pub const QUICK_TIME: Duration = Duration::from_millis(10);
/// Questions that may wait for the slow lanes; more are told to come again.
pub const SLOW_QUEUE_MAX: usize = 256;
/// An instance that is on the CPU with a quick question for so long is stuck: hundreds of times what its units take.
pub const QUICK_STUCK: Duration = Duration::from_secs(5);
/// The same in the slow lane, where all units of a request take about twenty seconds.
pub const SLOW_STUCK: Duration = Duration::from_secs(180);
/// Memory of an instance besides its snapshot, in bytes, where the machine has more: tables of one request. Half of it is one
/// request's, as much as an embedder's: lists of some hundred thousand ids.
pub const HEAP_BYTES_MAX: usize = 256 << 20;
/// An instance whose questions made it larger by this gives way to a new one: memory of a guest never shrinks.
pub const HEAP_BYTES_KEPT: usize = 32 << 20;
/// Never less than this: a small answer needs room for its tables and its bytes.
pub const HEAP_BYTES_MIN: usize = 64 << 20;

/// Memory of an instance that tries a policy, in bytes: a node of 256 MiB gives its instances 128 MiB, and what opens in
/// three quarters of that leaves room for questions.
pub const POLICY_HEAP_BYTES_MAX: usize = 96 << 20;
/// CPU time in which a policy is compiled, tested and opened; hundreds of times what a large one takes.
pub const POLICY_STUCK: Duration = Duration::from_secs(10);

/// State of one store: how large its memory is and may become, in bytes, snapshot included.
pub struct Stores {
    /// What it has.
    pub memory: usize,
    /// What it may have.
    pub memory_max: usize,
    /// More was wanted: what breaks off now breaks off for want of memory.
    pub was_refused: bool,
}

impl ResourceLimiter for Stores {
    fn memory_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        let may_grow = desired <= self.memory_max;
        if may_grow {
            self.memory = desired;
        }
        self.was_refused |= !may_grow;
        Ok(may_grow)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        // The guest's one table holds its functions and never grows.
        Ok(desired <= 1 << 20)
    }
}

/// More than an operator can set: addresses of a guest are 32 bits wide, and its snapshot needs some of them.
pub const HEAP_BYTES_SET_MAX: usize = 3 << 30;

/// Memory that one instance may have besides its snapshot, unless an operator says otherwise: half of what the container has,
/// within the bounds above, so that a question that is too large ends its own instance, not the process.
pub fn heap_bytes_max() -> usize {
    let limit = |path| std::fs::read_to_string(path).ok()?.trim().parse::<usize>().ok();
    // Version 2 of control groups, then version 1; `max` and no file mean no limit.
    let container = limit("/sys/fs/cgroup/memory.max").or_else(|| limit("/sys/fs/cgroup/memory/memory.limit_in_bytes"));
    container.map_or(HEAP_BYTES_MAX, |bytes| (bytes / 2).clamp(HEAP_BYTES_MIN, HEAP_BYTES_MAX))
}
