//! What takes long is answered apart: reading large bodies, waiting for long questions and writing long answers happen on a
//! thread of their own, so that no other request stands behind them.
//!
//! Enters: requests with their place and bytes. Leaves: replies. Never: holds more than those who sent them may; goes on for
//! somebody who has gone.

use std::{io, sync::Arc};

use tokio::sync::{mpsc, oneshot};
use understudy_wire::Code;

use super::{
    reply::Reply,
    service::{Admission, Arrived, Service},
};

/// The way to that thread, which ends when the last of these is dropped.
#[derive(Clone)]
pub struct Apart(mpsc::UnboundedSender<Job>);

struct Job {
    arrived: Arrived,
    admission: Admission,
    reply: oneshot::Sender<Reply>,
}

impl Apart {
    /// Starts the thread.
    pub fn start(service: Arc<dyn Service>) -> io::Result<Self> {
        // As many as their places allow.
        let (jobs, mut asked) = mpsc::unbounded_channel::<Job>();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let run = move || {
            gives_way();
            tokio::task::LocalSet::new().block_on(&runtime, async move {
                while let Some(job) = asked.recv().await {
                    tokio::task::spawn_local(answer(service.clone(), job));
                }
            });
        };
        std::thread::Builder::new().name("http-apart".into()).spawn(run)?;
        Ok(Apart(jobs))
    }

    /// Answers a request there. Who drops this calls it off.
    pub async fn ask(&self, mut arrived: Arrived, admission: Admission) -> Reply {
        arrived.asker.worker = None;
        let (reply, answered) = oneshot::channel();
        let failed = || Reply::error(Code::Internal, "the request failed inside the server: ask again");
        if self.0.send(Job { arrived, admission, reply }).is_err() {
            return failed();
        }
        answered.await.unwrap_or_else(|_| failed())
    }
}

async fn answer(service: Arc<dyn Service>, job: Job) {
    let Job { arrived, admission, mut reply } = job;
    let answered = tokio::select! {
        biased;
        () = reply.closed() => return,
        answered = service.handle(&arrived, admission) => answered,
    };
    let _ = reply.send(answered);
}

/// This thread runs behind those that answer at once.
pub fn gives_way() {
    // Linux: of this thread alone. Where it is refused long answers only cost others more.
    let _ = rustix::process::nice(5);
}
