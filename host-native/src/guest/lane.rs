//! One instance and whoever asks it, one at a time: a worker of the server, or the slow lane.
//!
//! Only its own thread asks, so its lock is never waited for on the path of a request; the installer takes it where it
//! happens to be free.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{instance::Instance, memory::GuestMemory, turn::Turn};

/// One lane. Aligned so that two of them never share a cache line.
#[repr(align(128))]
#[derive(Default)]
pub struct Lane {
    live: Mutex<Option<Live>>,
    /// Instances made for generations to come, and for the current one until it is taken.
    ready: Mutex<Vec<Live>>,
    turn: Turn,
    /// Memory of the instance that answers, for the watchdog.
    watched: Mutex<Option<GuestMemory>>,
    /// Set once nobody waits any more for what runs; only slow lanes have it.
    called_off: Mutex<Option<Arc<AtomicBool>>>,
    /// How long it has worked.
    worked_ns: AtomicU64,
}

/// An instance and the number of its generation.
pub struct Live {
    /// The number.
    pub generation: u64,
    /// The instance.
    pub instance: Instance,
}

impl Lane {
    /// The instance that answers, for as long as the guard is held.
    pub fn live(&self) -> MutexGuard<'_, Option<Live>> {
        // A thread that panicked with the lock held left the instance in an unknown state: it is not used again.
        self.live.lock().unwrap_or_else(|poisoned| {
            self.live.clear_poison();
            let mut live = poisoned.into_inner();
            *live = None;
            live
        })
    }

    /// The same, unless somebody asks it right now.
    pub fn idle(&self) -> Option<MutexGuard<'_, Option<Live>>> {
        self.live.try_lock().ok()
    }

    /// Puts an instance in the place of the one that answers, and gives that back. The guard is this lane's.
    pub fn put(&self, live: &mut Option<Live>, next: Option<Live>) -> Option<Live> {
        *lock(&self.watched) = next.as_ref().and_then(|live| live.instance.memory());
        std::mem::replace(live, next)
    }

    /// Memory of the instance that answers.
    pub fn watched(&self) -> Option<GuestMemory> {
        lock(&self.watched).clone()
    }

    /// Says when what runs from now on is called off.
    pub fn is_for(&self, called_off: Option<Arc<AtomicBool>>) {
        *lock(&self.called_off) = called_off;
    }

    /// Does nobody wait for what runs?
    pub fn is_called_off(&self) -> bool {
        lock(&self.called_off).as_ref().is_some_and(|called_off| called_off.load(Ordering::Relaxed))
    }

    /// It has worked for so long.
    pub fn worked(&self, time: Duration) {
        self.worked_ns.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// How long it has worked, in nanoseconds.
    pub fn worked_ns(&self) -> u64 {
        self.worked_ns.load(Ordering::Relaxed)
    }

    /// Whether a call runs.
    pub fn turn(&self) -> &Turn {
        &self.turn
    }

    /// Puts an instance aside for when its generation is current.
    pub fn prepare(&self, live: Live) {
        lock(&self.ready).push(live);
    }

    /// The instance made for the generation that `current` names, and those that nobody needs any more. `current` is read
    /// while nothing can be put aside.
    pub fn take_ready(&self, current: impl FnOnce() -> u64) -> (Option<Live>, Vec<Live>) {
        let mut ready = lock(&self.ready);
        let current = current();
        let (mut due, later): (Vec<_>, Vec<_>) = ready.drain(..).partition(|live| live.generation <= current);
        *ready = later;
        let newest = due.pop_if(|live| live.generation == current);
        (newest, due)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
