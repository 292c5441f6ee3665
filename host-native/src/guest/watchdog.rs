//! Ends calls of instances that are stuck: what the work budget can't, because the fault is the engine's own. And those that
//! nobody waits for any more, which the budget would let go on for seconds.
//!
//! A call that has spent its patience on the CPU (a process that was suspended has not) loses the right to write to its
//! memory, and if that doesn't end it the right to read: its next access is a trap like any other, so only its own request
//! fails and its thread goes on. Wasmtime's own means, epochs, costs every call about a tenth.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use super::{lane::Lane, turn::Running};
use crate::mapping::Forbidden;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(250);
/// CPU time between the two steps.
const SECOND_STEP: Duration = Duration::from_secs(2);

/// Watches lanes until nobody holds them any more.
pub fn start(lanes: &Arc<[Watched]>) -> std::io::Result<()> {
    let lanes = Arc::downgrade(lanes);
    std::thread::Builder::new().name("guest-watchdog".into()).spawn(move || watch(&lanes)).map(drop)
}

/// A lane and how long a call may be on the CPU there.
pub struct Watched {
    /// The lane.
    pub lane: Lane,
    /// CPU time after which its instance is stuck.
    pub patience: Duration,
}

/// What was seen of a call.
#[derive(Clone, Copy)]
struct Seen {
    running: Running,
    /// CPU time of its thread when it was first seen.
    cpu: Duration,
    /// CPU time of its thread when it was told to end.
    stopped: Option<Duration>,
}

fn watch(lanes: &Weak<[Watched]>) {
    let mut seen: Vec<Option<Seen>> = Vec::new();
    loop {
        std::thread::sleep(LOOK);
        let Some(lanes) = lanes.upgrade() else { return };
        seen.resize(lanes.len(), None);
        for (watched, seen) in lanes.iter().zip(&mut seen) {
            *seen = look(watched, *seen);
        }
    }
}

/// One look at one lane.
fn look(watched: &Watched, seen: Option<Seen>) -> Option<Seen> {
    let Watched { lane, patience } = watched;
    if let Some(Seen { running, stopped: Some(stopped), .. }) = seen {
        if !lane.turn().still_runs(running) {
            return None;
        }
        if cpu(running)?.saturating_sub(stopped) > SECOND_STEP {
            forbid(lane, Forbidden::All);
        }
        return seen;
    }
    let running = lane.turn().running()?;
    let now = cpu(running)?;
    let Some(known) = seen.filter(|seen| seen.running == running) else {
        return Some(Seen { running, cpu: now, stopped: None });
    };
    // What nobody waits for any more has no patience but this one look's.
    let patience = if lane.is_called_off() { Duration::ZERO } else { *patience };
    if now.saturating_sub(known.cpu) <= patience || !lane.turn().stop(running) {
        return Some(known);
    }
    forbid(lane, Forbidden::Writes);
    Some(Seen { stopped: Some(now), ..known })
}

fn forbid(lane: &Lane, what: Forbidden) {
    let Some(memory) = lane.watched() else { return };
    if let Err(error) = memory.forbid(what) {
        tracing::error!("a stuck instance can't be ended: {error}");
    }
}

/// CPU time of the thread that runs a call.
fn cpu(running: Running) -> Option<Duration> {
    cpu_of(running.thread)
}

/// CPU time of a thread of this process, by the kernel's number.
pub(super) fn cpu_of(thread: u64) -> Option<Duration> {
    let text = std::fs::read_to_string(format!("/proc/self/task/{thread}/schedstat")).ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}
