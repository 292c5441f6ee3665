//! The slow lane: a thread and an instance of its own for what takes long, so that no check stands behind it.

use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};

use tokio::sync::oneshot;

use super::limits::SLOW_QUEUE_MAX;
use crate::http::state::CallError;

/// Work whose outcome goes back to whoever waits for it.
type Job = Box<dyn FnOnce() + Send>;

/// The way in. The thread ends when it is dropped.
pub struct SlowLane(SyncSender<Job>);

impl SlowLane {
    /// Starts the thread.
    pub fn start() -> std::io::Result<Self> {
        let (sender, jobs) = sync_channel::<Job>(SLOW_QUEUE_MAX);
        std::thread::Builder::new().name("guest-slow".into()).spawn(move || jobs.into_iter().for_each(|job| job()))?;
        Ok(SlowLane(sender))
    }

    /// Waits its turn and for the outcome.
    pub async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, CallError> + Send + 'static,
    ) -> Result<T, CallError> {
        let (reply, answered) = oneshot::channel();
        let job = Box::new(move || {
            // Who has gone away needs no answer.
            if !reply.is_closed() {
                let _ = reply.send(work());
            }
        });
        match self.0.try_send(job) {
            Ok(()) => answered.await.unwrap_or_else(|_| Err(CallError::Failed("the slow lane broke off".into()))),
            Err(TrySendError::Full(_)) => Err(CallError::Busy),
            Err(TrySendError::Disconnected(_)) => Err(CallError::Failed("the slow lane has ended".into())),
        }
    }
}
