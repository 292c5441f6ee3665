//! The slow lanes: threads and instances of their own for what takes long, so that no check stands behind it. Callers' keys
//! take turns there, between the steps of what they ask.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::{
    lanes::{Lanes, Outcome, Stand},
    turns::Turns,
    work::Work,
};
use crate::http::{apart::gives_way, state::CallError};

/// How long one key's work goes on while another's waits. Far longer than coming back to it costs.
const SLICE: Duration = Duration::from_millis(50);

/// The ways in. The threads end when it is dropped.
pub struct SlowLanes {
    turns: Arc<Turns<Box<dyn Job>>>,
}

/// Work, and who waits for it.
trait Job: Send {
    fn work(&mut self) -> &mut dyn Work;
    fn called_off(&self) -> &Arc<AtomicBool>;
    /// Where it was left; none before its first turn.
    fn left(&mut self) -> &mut Option<Stand>;
    /// Has it begun anew once? Then it isn't interrupted any more.
    fn goes_through(&mut self) -> &mut bool;
    fn tell(self: Box<Self>, outcome: Result<(), CallError>);
}

struct Asking<W> {
    work: W,
    called_off: Arc<AtomicBool>,
    left: Option<Stand>,
    goes_through: bool,
    reply: oneshot::Sender<(W, Result<(), CallError>)>,
}

impl<W: Work> Job for Asking<W> {
    fn work(&mut self) -> &mut dyn Work {
        &mut self.work
    }
    fn called_off(&self) -> &Arc<AtomicBool> {
        &self.called_off
    }
    fn left(&mut self) -> &mut Option<Stand> {
        &mut self.left
    }
    fn goes_through(&mut self) -> &mut bool {
        &mut self.goes_through
    }
    fn tell(self: Box<Self>, outcome: Result<(), CallError>) {
        let Asking { work, reply, .. } = *self;
        let _ = reply.send((work, outcome));
    }
}

/// Calls its work off when it is dropped: nobody waits for it any more.
struct Waiting(Arc<AtomicBool>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl SlowLanes {
    /// Starts a thread for each of the `n` lanes from the one numbered `first`.
    pub fn start(lanes: &Arc<Lanes>, first: usize, n: usize) -> std::io::Result<Self> {
        let slow = SlowLanes { turns: Arc::new(Turns::new(n)) };
        for number in 0..n {
            let (lanes, turns) = (lanes.clone(), slow.turns.clone());
            let run = move || {
                gives_way();
                while let Some((key, job)) = turns.next() {
                    go_on(&lanes, first + number, &turns, key, job);
                }
            };
            std::thread::Builder::new().name(format!("guest-slow-{number}")).spawn(run)?;
        }
        Ok(slow)
    }

    /// Does the work when its key has its turns, and gives it back. Who drops this calls it off.
    pub async fn run<W: Work>(&self, key: u64, work: W) -> Result<W, CallError> {
        let waiting = Waiting(Arc::default());
        let (reply, done) = oneshot::channel();
        let called_off = waiting.0.clone();
        let job = Box::new(Asking { work, called_off, left: None, goes_through: false, reply });
        if let Some(gives_way) = self.turns.add(key, job) {
            gives_way.tell(Err(CallError::Busy));
        }
        let broke_off = |_| CallError::Failed("the slow lane broke off".into());
        let (work, outcome) = done.await.map_err(broke_off)?;
        outcome.map(|()| work)
    }
}

/// One turn of a job.
fn go_on(lanes: &Lanes, lane: usize, turns: &Turns<Box<dyn Job>>, key: u64, mut job: Box<dyn Job>) {
    let called_off = job.called_off().clone();
    let is_called_off = || called_off.load(Ordering::Relaxed);
    if is_called_off() {
        return turns.is_over(key);
    }
    let begun = Instant::now();
    let goes_through = *job.goes_through();
    let pauses = || is_called_off() || (!goes_through && begun.elapsed() > SLICE && turns.others_wait(key));
    let left = job.left().take();
    match lanes.run_slowly(lane, job.work(), left, &called_off, &pauses) {
        Ok(Outcome::Paused(_)) if is_called_off() => turns.is_over(key),
        Ok(Outcome::Paused(stand)) => {
            *job.left() = Some(stand);
            turns.pause(key, job);
        }
        // What is served has changed under it: begun anew, it must not be interrupted for ever.
        Ok(Outcome::Changed) => {
            job.work().begin_anew();
            *job.goes_through() = true;
            turns.pause(key, job);
        }
        Ok(Outcome::Done) => {
            turns.is_over(key);
            job.tell(Ok(()));
        }
        Ok(Outcome::Long) => {
            turns.is_over(key);
            job.tell(Err(CallError::Busy));
        }
        Err(error) => {
            turns.is_over(key);
            job.tell(Err(error));
        }
    }
}

impl Drop for SlowLanes {
    fn drop(&mut self) {
        self.turns.close();
    }
}
