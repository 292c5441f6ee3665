//! The slow lane: a thread and an instance of its own for what takes long, so that no check stands behind it.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::turns::Turns;
use crate::http::state::CallError;

/// Work whose outcome goes back to whoever waits for it; where its turn never comes, that goes back.
type Job = Box<dyn FnOnce(Turn) + Send>;

/// What becomes of a job.
enum Turn {
    Comes,
    NeverComes,
}

/// The way in. The thread ends when it is dropped.
pub struct SlowLane(Arc<Turns<Job>>);

impl SlowLane {
    /// Starts the thread.
    pub fn start() -> std::io::Result<Self> {
        let turns = Arc::new(Turns::<Job>::default());
        let taken = turns.clone();
        let run = move || {
            while let Some(job) = taken.next() {
                job(Turn::Comes);
            }
        };
        std::thread::Builder::new().name("guest-slow".into()).spawn(run)?;
        Ok(SlowLane(turns))
    }

    /// Waits its turn, which those who wait with other keys take in between, and for the outcome.
    pub async fn ask<T: Send + 'static>(
        &self,
        key: u64,
        work: impl FnOnce() -> Result<T, CallError> + Send + 'static,
    ) -> Result<T, CallError> {
        let (reply, answered) = oneshot::channel();
        let job: Job = Box::new(move |turn| {
            // Who has gone away needs no answer.
            if !reply.is_closed() {
                let _ = reply.send(match turn {
                    Turn::Comes => work(),
                    Turn::NeverComes => Err(CallError::Busy),
                });
            }
        });
        if let Some(gives_way) = self.0.add(key, job) {
            gives_way(Turn::NeverComes);
        }
        answered.await.unwrap_or_else(|_| Err(CallError::Failed("the slow lane broke off".into())))
    }
}

impl Drop for SlowLane {
    fn drop(&mut self) {
        self.0.close();
    }
}
