//! The primary's endpoints: which environment a key is of, then its own endpoints, then what every node answers.

use std::{net::IpAddr, sync::Arc};

use hyper::{
    header::{HOST, HeaderName, ORIGIN, USER_AGENT},
    http::uri::Authority,
};
use understudy_wire::{
    self as wire, Code,
    paths::{Endpoint, Served},
};

use super::{
    environment::Environment,
    environments::Environments,
    feed, metrics, reads, uploads,
    writes::{self, with_offset},
};
use crate::{
    http::{
        convert,
        reply::{METRICS_TYPE, Reply, ReplyBody},
        router,
        service::{Admission, Arrived, Kind, Service},
        state::{Lost, Pending},
        tally::Tally,
    },
    keys::{KeyRefusal, Right},
};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The primary as a server sees it.
pub struct Primary {
    /// Everything it holds.
    pub environments: Arc<Environments>,
}

impl Service for Primary {
    fn admit(&self, head: &Arrived) -> Result<Admission, Reply> {
        if head.path.starts_with("/feed/") {
            self.known(head)?;
            return Ok(Admission { endpoint: None, kind: Kind::Keyed });
        }
        let endpoint = router::find(head, |_| true)?;
        let kind = match endpoint {
            Endpoint::TestEnvironment => {
                self.may_make_environments(head)?;
                Kind::Open
            }
            endpoint => router::kind(endpoint),
        };
        if kind == Kind::Keyed {
            self.environment(endpoint, head)?;
        }
        Ok(Admission { endpoint: Some(endpoint), kind })
    }

    fn handle<'a>(&'a self, arrived: &'a Arrived, admission: Admission) -> Pending<'a, Reply> {
        Box::pin(async move {
            match self.answer(arrived, admission.endpoint).await {
                Ok(reply) | Err(reply) => reply,
            }
        })
    }

    fn methods(&self, path: &str) -> String {
        if path.starts_with("/feed/") { feed::methods(path).to_owned() } else { router::methods(path, |_| true) }
    }

    fn observe(&self, path: &'static str, status: u16, seconds: f64) {
        self.environments.main().state.observe.request(path, status, seconds);
    }

    fn tally(&self, path: &'static str, tally: &Tally) {
        self.environments.main().state.observe.tally(path, tally);
    }

    fn lost(&self, why: Lost) {
        self.environments.main().state.observe.connection_lost(why);
    }
}

impl Primary {
    /// `endpoint`: what the request asks; `None`: something of the feed.
    async fn answer(&self, arrived: &Arrived, endpoint: Option<Endpoint>) -> Result<Reply, Reply> {
        let Some(endpoint) = endpoint else {
            let (environment, _) = self.known(arrived)?;
            return feed::serve(&environment.ledger, &environment.reports, arrived).await;
        };
        match endpoint {
            Endpoint::Healthcheck | Endpoint::ApiHealthcheck | Endpoint::Readyz => {
                if let Some(trouble) = self.environments.trouble() {
                    return Err(Reply::error(Code::Unavailable, trouble));
                }
            }
            Endpoint::Metrics => {
                let text = self.environments.main().state.observe.metrics() + &metrics::text(&self.environments);
                return Ok(Reply::bytes(200, METRICS_TYPE, text));
            }
            _ => {}
        }
        if let Some(reply) = router::without_key(&self.environments.main().state, endpoint, arrived) {
            return Ok(reply);
        }
        if endpoint == Endpoint::TestEnvironment {
            return self.test_environment(arrived).await;
        }
        let environment = self.environment(endpoint, arrived)?;
        if endpoint.served() == Served::Everywhere {
            // One that is refused ends some applications; and its clients take it for a write.
            let is_expectation = endpoint == Endpoint::Expect;
            let _asking = if is_expectation { None } else { Some(environment.count_ask()?) };
            let key = arrived.bearer().unwrap_or_default();
            let reply = router::answer(&environment.state, endpoint, key, arrived).await?;
            note(&environment, endpoint, arrived, &reply);
            return if is_expectation { Ok(with_offset(reply, environment.ledger.offset()?)) } else { Ok(reply) };
        }
        let body = arrived.body.clone();
        let client = arrived.headers.get(USER_AGENT).and_then(|name| name.to_str().ok()).unwrap_or_default().to_owned();
        blocking(move || match endpoint {
            Endpoint::GetPolicy => uploads::get(&environment.ledger),
            Endpoint::PostPolicy => uploads::post(&environment.ledger, &client, &body),
            Endpoint::Stats => reads::stats(&environment.ledger),
            Endpoint::Mismatches => {
                Ok(Reply::ok(&wire::Mismatches { mismatches: environment.expectations.mismatches() }))
            }
            Endpoint::AgentEvent => reads::agent_event(&body),
            _ => writes::write(&environment, endpoint, &body),
        })
        .await
    }

    /// The environment of the caller's key, and what the key may do there.
    fn known(&self, arrived: &Arrived) -> Result<(Arc<Environment>, Right), Reply> {
        self.environments.of(arrived.bearer()).map_err(|refusal| self.unauthorized(refusal))
    }

    fn unauthorized(&self, refusal: KeyRefusal) -> Reply {
        router::unauthorized(&self.environments.main().state, refusal)
    }

    /// The environment of the caller's key, if that may do this.
    fn environment(&self, endpoint: Endpoint, arrived: &Arrived) -> Result<Arc<Environment>, Reply> {
        let (environment, right) = self.known(arrived)?;
        match endpoint.served() {
            Served::PrimaryWrites if right != Right::Write => Err(may_only_read()),
            Served::Everywhere | Served::Primary | Served::PrimaryWrites => Ok(environment),
        }
    }

    /// Needs no key where everybody has one that may write; else one of the main environment that may.
    fn may_make_environments(&self, arrived: &Arrived) -> Result<(), Reply> {
        let main = self.environments.main();
        if main.is_public() {
            // A web page of another origin can send this request too, but no such header.
            if arrived.bearer().is_none() && comes_from_elsewhere(arrived) {
                let message = "this comes from a web page, or names another host than this machine: send `Authorization: \
                               Bearer <key>` with a key that may write";
                return Err(Reply::error(Code::Forbidden, message));
            }
            if arrived.bearer().is_none() {
                return Ok(());
            }
        }
        let right = main.state.keys.check(arrived.bearer()).map_err(|refusal| self.unauthorized(refusal))?;
        if right == Right::Write { Ok(()) } else { Err(may_only_read()) }
    }

    async fn test_environment(&self, arrived: &Arrived) -> Result<Reply, Reply> {
        self.may_make_environments(arrived)?;
        let query = arrived.query.clone();
        let environments = self.environments.clone();
        blocking(move || environments.tests.post(&query, &environments.main().ledger)).await
    }
}

/// Remembers what is answered, and compares what is expected of it.
fn note(environment: &Environment, endpoint: Endpoint, arrived: &Arrived, reply: &Reply) {
    match endpoint {
        Endpoint::Expect => {
            if let Ok(wire::ExpectRequest { request_id, expected }) = convert::body(&arrived.body) {
                environment.expectations.expect(&request_id, expected);
            }
        }
        Endpoint::Authorize => {
            let Some(id) = arrived.header(&X_REQUEST_ID).filter(|id| !id.is_empty()) else { return };
            let ReplyBody::Bytes(Some(bytes)) = &reply.body else { return };
            let answered = serde_json::from_slice::<wire::AuthorizeResult>(bytes);
            if let (Ok(asked), Ok(answered)) = (convert::body(&arrived.body), answered) {
                environment.expectations.answered(id, &asked, answered.allowed);
            }
        }
        _ => {}
    }
}

/// Did a browser send it for a page, or is it for a name that isn't this machine's, as after a name was bound anew?
fn comes_from_elsewhere(arrived: &Arrived) -> bool {
    let is_local = |authority: &str| {
        let host = authority.parse::<Authority>();
        host.is_ok_and(|authority| {
            let host = authority.host().trim_start_matches('[').trim_end_matches(']');
            let is_loopback = host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
            is_loopback || host.eq_ignore_ascii_case("localhost") || host.to_ascii_lowercase().ends_with(".localhost")
        })
    };
    let names_another = match arrived.headers.get(HOST) {
        Some(host) => !host.to_str().is_ok_and(is_local),
        None => false,
    };
    names_another || arrived.headers.contains_key(ORIGIN)
}

/// Disk and builds take their time; the thread that serves must not wait for them.
async fn blocking(work: impl FnOnce() -> Result<Reply, Reply> + Send + 'static) -> Result<Reply, Reply> {
    let failed = |_| Err(Reply::error(Code::Internal, "the request failed inside the primary"));
    tokio::task::spawn_blocking(work).await.unwrap_or_else(failed)
}

fn may_only_read() -> Reply {
    Reply::error(Code::Forbidden, "this key may only read: use one that may write")
}
