//! The primary's endpoints: its own first, then what every node answers.

use std::sync::Arc;

use understudy_wire::{
    Code,
    paths::{Endpoint, Served},
};

use super::{
    feed::{self, Reports},
    ledger::Ledger,
    reads, uploads, writes,
    writes::Limits,
};
use crate::{
    http::{
        reply::Reply,
        router,
        server::{Arrived, Service},
        state::{Pending, State},
    },
    keys::{AcceptedKey, KeyCheck, KeyRefusal, Right, look_up},
};

/// The keys given at start: no others are accepted.
pub struct PrimaryKeys(pub Vec<AcceptedKey>);

impl KeyCheck for PrimaryKeys {
    fn check(&self, bearer: Option<&str>) -> Result<Right, KeyRefusal> {
        let bearer = bearer.filter(|text| !text.is_empty()).ok_or(KeyRefusal::Missing)?;
        look_up(&self.0, bearer).ok_or(KeyRefusal::NotInSnapshot)
    }
}

/// The primary as a server sees it.
pub struct Primary {
    /// What changes.
    pub ledger: Arc<Ledger>,
    /// What answers questions.
    pub state: State,
    /// Limits of writes.
    pub limits: Limits,
    /// What nodes told.
    pub reports: Reports,
}

impl Service for Primary {
    fn handle(&self, arrived: Arrived) -> Pending<'_, Reply> {
        Box::pin(async move {
            match self.answer(arrived).await {
                Ok(reply) | Err(reply) => reply,
            }
        })
    }

    fn observe(&self, path: &'static str, status: u16, seconds: f64) {
        self.state.observe.request(path, status, seconds);
    }
}

impl Primary {
    async fn answer(&self, arrived: Arrived) -> Result<Reply, Reply> {
        if arrived.path.starts_with("/feed/") {
            router::authenticate(&self.state, &arrived)?;
            return feed::serve(&self.ledger, &self.reports, &arrived).await;
        }
        let endpoint = router::find(&arrived)?;
        if let Some(reply) = router::without_key(&self.state, endpoint) {
            return Ok(reply);
        }
        let (right, key) = router::authenticate(&self.state, &arrived)?;
        if endpoint.served() == Served::Everywhere {
            return router::answer(&self.state, endpoint, key, &arrived).await;
        }
        if endpoint.served() == Served::PrimaryWrites && right != Right::Write {
            return Err(Reply::error(Code::Forbidden, "this key may only read: use one that may write"));
        }
        let (ledger, limits, body) = (self.ledger.clone(), self.limits, arrived.body);
        // Disk and builds take their time; the thread that serves must not wait for them.
        let done = tokio::task::spawn_blocking(move || match endpoint {
            Endpoint::GetPolicy => uploads::get(&ledger),
            Endpoint::PostPolicy => uploads::post(&ledger, &body),
            Endpoint::Stats => reads::stats(&ledger),
            Endpoint::AgentEvent => reads::agent_event(&body),
            _ => writes::write(&ledger, &limits, endpoint, &body),
        });
        done.await.unwrap_or_else(|_| Err(Reply::error(Code::Internal, "the request failed inside the primary")))
    }
}
