//! The table of paths: who may call, which endpoint answers. What the node and the primary both serve.

use hyper::header::{ALLOW, WWW_AUTHENTICATE};
use understudy_wire::{
    Code,
    paths::{Endpoint, Method, Served},
};

use super::{
    actions, admin, authorize, authzen, explain, facts, head, list, metadata, query,
    reply::Reply,
    service::{Admission, Arrived, Kind, Service},
    state::{Lost, Pending, State},
    tally::Tally,
};
use crate::keys::{KeyRefusal, Right};

/// The read-only node.
pub struct Node(pub State);

impl Service for Node {
    fn admit(&self, head: &Arrived) -> Result<Admission, Reply> {
        let endpoint = find(head, is_everywhere)?;
        let kind = kind(endpoint);
        if kind == Kind::Keyed {
            authenticate(&self.0, head)?;
        }
        Ok(Admission { endpoint: Some(endpoint), kind })
    }

    fn handle<'a>(&'a self, arrived: &'a Arrived, admission: Admission) -> Pending<'a, Reply> {
        Box::pin(async move {
            // What is admitted has an endpoint.
            let Some(endpoint) = admission.endpoint else {
                return head::not_found(&arrived.method, &arrived.path).into();
            };
            match route(&self.0, endpoint, arrived).await {
                Ok(reply) | Err(reply) => reply,
            }
        })
    }

    fn methods(&self, path: &str) -> String {
        methods(path, is_everywhere)
    }

    fn observe(&self, path: &'static str, status: u16, seconds: f64) {
        self.0.observe.request(path, status, seconds);
    }

    fn tally(&self, path: &'static str, tally: &Tally) {
        self.0.observe.tally(path, tally);
    }

    fn lost(&self, why: Lost) {
        self.0.observe.connection_lost(why);
    }

    /// A node is what clients ask last: no fallback of theirs is put off by this.
    fn retry_after_s(&self) -> Option<u32> {
        Some(1)
    }
}

/// Answers everything that a node serves; `Err` is a refusal, ready to send.
async fn route(state: &State, endpoint: Endpoint, arrived: &Arrived) -> Result<Reply, Reply> {
    match without_key(state, endpoint, arrived) {
        Some(reply) => Ok(reply),
        None => answer(state, endpoint, arrived.bearer().unwrap_or_default(), arrived).await,
    }
}

/// Whose room its requests take. All but those of a key need none.
pub fn kind(endpoint: Endpoint) -> Kind {
    use Endpoint::{ApiHealthcheck, AuthzenConfiguration, Healthcheck, Livez, Metrics, Readyz};
    match endpoint {
        Healthcheck | ApiHealthcheck | Livez | Readyz | Metrics => Kind::Probe,
        AuthzenConfiguration => Kind::Open,
        _ => Kind::Keyed,
    }
}

/// What machines that watch, or look for a service, may see.
pub fn without_key(state: &State, endpoint: Endpoint, arrived: &Arrived) -> Option<Reply> {
    match endpoint {
        Endpoint::Healthcheck | Endpoint::ApiHealthcheck => Some(admin::healthcheck(state)),
        Endpoint::Livez => Some(admin::livez()),
        Endpoint::Readyz => Some(admin::readyz(state, arrived)),
        Endpoint::Metrics => Some(admin::metrics(state)),
        Endpoint::AuthzenConfiguration => Some(authzen::configuration(state, arrived)),
        _ => None,
    }
}

/// Answers what nodes and the primary do the same, to a caller whose key is known.
pub async fn answer(state: &State, endpoint: Endpoint, key: &str, arrived: &Arrived) -> Result<Reply, Reply> {
    let (asker, body) = (arrived.asker, &arrived.body[..]);
    match endpoint {
        Endpoint::Authorize => authorize::authorize(state, asker, body).await,
        Endpoint::AuthorizeResources => authorize::authorize_resources(state, asker, body).await,
        Endpoint::List => list::list(state, asker, key, body).await,
        Endpoint::Actions => actions::actions(state, asker, body).await,
        Endpoint::BulkActions => actions::bulk_actions(state, asker, body).await,
        Endpoint::Query => query::query(state, asker, body).await,
        Endpoint::EvaluateQuery => query::evaluate_query(state, asker, body).await,
        Endpoint::Explain => explain::explain(state, asker, body).await,
        Endpoint::Facts => facts::facts(state, asker, &arrived.query).await,
        Endpoint::PolicyMetadata => metadata::metadata(state, asker).await,
        Endpoint::Evaluation => authzen::evaluation(state, arrived).await,
        Endpoint::Evaluations => authzen::evaluations(state, arrived).await,
        Endpoint::SearchSubject => authzen::subjects(state, arrived).await,
        Endpoint::SearchResource => authzen::resources(state, arrived).await,
        Endpoint::SearchAction => authzen::actions(state, arrived).await,
        // Always 200: one SDK neither awaits nor catches this call.
        Endpoint::Expect => Ok(Reply::message(200, "noted")),
        _ => Err(Reply::error(
            Code::MethodNotAllowed,
            "this node is read-only and has no policy text or writes: send this call to the primary",
        )
        .with(ALLOW, &methods(&arrived.path, is_everywhere))),
    }
}

/// The endpoint of a request; 404 and 405 otherwise. `served`: those that are served here.
pub fn find(arrived: &Arrived, served: impl Fn(Endpoint) -> bool) -> Result<Endpoint, Reply> {
    head::endpoint(&arrived.method, &arrived.path).map_err(|refusal| match refusal.code {
        // RFC 9110 §15.5.6.
        Code::MethodNotAllowed => Reply::from(refusal).with(ALLOW, &methods(&arrived.path, served)),
        _ => refusal.into(),
    })
}

/// Methods of a path, of the endpoints that are `served`; where that is none, the one that every path takes. Empty: nobody knows
/// the path.
pub fn methods(path: &str, served: impl Fn(Endpoint) -> bool) -> String {
    if Endpoint::on(path).next().is_none() {
        return String::new();
    }
    let all = Endpoint::on(path).filter(|endpoint| served(*endpoint)).map(|endpoint| match endpoint.method() {
        Method::Get => "GET, HEAD",
        other => other.name(),
    });
    let all = all.collect::<Vec<_>>().join(", ");
    if all.is_empty() { "OPTIONS".to_owned() } else { all }
}

/// Do nodes serve it?
pub fn is_everywhere(endpoint: Endpoint) -> bool {
    endpoint.served() == Served::Everywhere
}

/// Right and text of the caller's key.
pub fn authenticate<'a>(state: &State, arrived: &'a Arrived) -> Result<(Right, &'a str), Reply> {
    let bearer = arrived.bearer();
    let checked = if arrived.lacks_certificate { Err(KeyRefusal::NoCertificate) } else { state.keys.check(bearer) };
    let right = checked.map_err(|refusal| unauthorized(state, refusal))?;
    Ok((right, bearer.unwrap_or_default()))
}

/// The refusal of a key, which has to say what is asked for (RFC 9110 §15.5.2).
pub fn unauthorized(state: &State, refusal: KeyRefusal) -> Reply {
    Reply::from(refusal).with(WWW_AUTHENTICATE, &state.authzen.challenge())
}
