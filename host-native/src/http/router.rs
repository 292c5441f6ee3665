//! The table of paths: who may call, which endpoint answers. What the node and the primary both serve.

use hyper::header::{ALLOW, WWW_AUTHENTICATE};
use understudy_wire::{
    Code,
    paths::{Endpoint, Served},
};

use super::{
    actions, admin, authorize, authzen, facts, head, list, metadata, query,
    reply::Reply,
    service::Arrived,
    service::Service,
    state::{Lost, Pending, State},
};
use crate::keys::{KeyRefusal, Right};

/// The read-only node.
pub struct Node(pub State);

impl Service for Node {
    fn handle(&self, arrived: Arrived) -> Pending<'_, Reply> {
        Box::pin(async move {
            match route(&self.0, &arrived).await {
                Ok(reply) | Err(reply) => reply,
            }
        })
    }

    fn admit(&self, head: &Arrived) -> Result<(), Reply> {
        if !is_open(find(head)?) {
            authenticate(&self.0, head)?;
        }
        Ok(())
    }

    fn observe(&self, path: &'static str, status: u16, seconds: f64) {
        self.0.observe.request(path, status, seconds);
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
pub async fn route(state: &State, arrived: &Arrived) -> Result<Reply, Reply> {
    let endpoint = find(arrived)?;
    if let Some(reply) = without_key(state, endpoint, arrived) {
        return Ok(reply);
    }
    let (_, key) = authenticate(state, arrived)?;
    answer(state, endpoint, key, arrived).await
}

/// Does it need no key?
pub fn is_open(endpoint: Endpoint) -> bool {
    use Endpoint::{ApiHealthcheck, AuthzenConfiguration, Healthcheck, Metrics};
    matches!(endpoint, Healthcheck | ApiHealthcheck | Metrics | AuthzenConfiguration)
}

/// What machines that watch, or look for a service, may see.
pub fn without_key(state: &State, endpoint: Endpoint, arrived: &Arrived) -> Option<Reply> {
    match endpoint {
        Endpoint::Healthcheck | Endpoint::ApiHealthcheck => Some(admin::healthcheck(state)),
        Endpoint::Metrics => Some(admin::metrics(state)),
        Endpoint::AuthzenConfiguration => Some(authzen::configuration(state, arrived)),
        _ => None,
    }
}

/// Answers what nodes and the primary do the same, to a caller whose key is known.
pub async fn answer(state: &State, endpoint: Endpoint, key: &str, arrived: &Arrived) -> Result<Reply, Reply> {
    let (asker, body) = (arrived.asker(), &arrived.body[..]);
    match endpoint {
        Endpoint::Authorize => authorize::authorize(state, asker, body).await,
        Endpoint::AuthorizeResources => authorize::authorize_resources(state, asker, body).await,
        Endpoint::List => list::list(state, asker, key, body).await,
        Endpoint::Actions => actions::actions(state, asker, body).await,
        Endpoint::BulkActions => actions::bulk_actions(state, asker, body).await,
        Endpoint::Query => query::query(state, asker, body).await,
        Endpoint::EvaluateQuery => query::evaluate_query(state, asker, body).await,
        Endpoint::Facts => facts::facts(state, asker, &arrived.query).await,
        Endpoint::PolicyMetadata => metadata::metadata(state, asker).await,
        Endpoint::Evaluation => authzen::evaluation(state, arrived).await,
        Endpoint::Evaluations => authzen::evaluations(state, arrived).await,
        Endpoint::SearchSubject => authzen::subjects(state, arrived).await,
        Endpoint::SearchResource => authzen::resources(state, arrived).await,
        Endpoint::SearchAction => authzen::actions(state, arrived).await,
        // Always 200: one SDK neither awaits nor catches this call.
        Endpoint::Expect => Ok(Reply::message(200, "noted")),
        _ => Err(allowing(
            Reply::error(
                Code::MethodNotAllowed,
                "this node is read-only and has no policy text or writes: send this call to the primary",
            ),
            &arrived.path,
            |endpoint| endpoint.served() == Served::Everywhere,
        )),
    }
}

/// The endpoint of a request; 404 and 405 otherwise.
pub fn find(arrived: &Arrived) -> Result<Endpoint, Reply> {
    head::endpoint(&arrived.method, &arrived.path).map_err(|refusal| match refusal.code {
        Code::MethodNotAllowed => allowing(refusal.into(), &arrived.path, |_| true),
        _ => refusal.into(),
    })
}

/// The reply with the methods that a path takes, of the endpoints that are `served`: a 405 has to tell (RFC 9110 §15.5.6).
fn allowing(reply: Reply, path: &str, served: impl Fn(&Endpoint) -> bool) -> Reply {
    let methods: Vec<&str> = Endpoint::on(path).filter(served).map(|endpoint| endpoint.method().name()).collect();
    reply.with(ALLOW, &methods.join(", "))
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
