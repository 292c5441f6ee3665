//! The slow lane: a thread and an instance of its own for what takes long, so that no check stands behind it.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use tokio::sync::oneshot;
use understudy_core::raw::{Call, Reply};

use super::limits::SLOW_QUEUE_MAX;
use crate::http::state::CallError;

/// Calls that are answered together, and where the answers go.
pub struct Job {
    calls: Vec<Call>,
    reply: oneshot::Sender<Result<Vec<Reply>, CallError>>,
}

/// The way in. The thread ends when it is dropped.
pub struct SlowLane(SyncSender<Job>);

impl SlowLane {
    /// Starts the thread; `run` answers.
    pub fn start(run: impl Fn(&[Call]) -> Result<Vec<Reply>, CallError> + Send + 'static) -> std::io::Result<Self> {
        let (sender, jobs): (_, Receiver<Job>) = sync_channel(SLOW_QUEUE_MAX);
        let work = move || {
            for job in jobs {
                // Who has gone away needs no answer.
                if !job.reply.is_closed() {
                    let _ = job.reply.send(run(&job.calls));
                }
            }
        };
        std::thread::Builder::new().name("guest-slow".into()).spawn(work)?;
        Ok(SlowLane(sender))
    }

    /// Waits its turn and for the answers.
    pub async fn ask(&self, calls: Vec<Call>) -> Result<Vec<Reply>, CallError> {
        let (reply, answered) = oneshot::channel();
        match self.0.try_send(Job { calls, reply }) {
            Ok(()) => answered.await.unwrap_or_else(|_| Err(CallError::Failed("the slow lane broke off".into()))),
            Err(TrySendError::Full(_)) => Err(CallError::Busy),
            Err(TrySendError::Disconnected(_)) => Err(CallError::Failed("the slow lane has ended".into())),
        }
    }
}
