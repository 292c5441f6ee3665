//! The table of paths: who may call, which endpoint answers. What the node and the primary both serve.

use understudy_wire::{Code, paths::Endpoint};

use super::{
    actions, admin, authorize, facts, head, list, metadata, query, reply::Reply, server::Arrived, server::Service,
    state::Pending, state::State,
};
use crate::keys::Right;

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

    fn observe(&self, path: &'static str, status: u16, seconds: f64) {
        self.0.observe.request(path, status, seconds);
    }
}

/// Answers everything that a node serves; `Err` is a refusal, ready to send.
pub async fn route(state: &State, arrived: &Arrived) -> Result<Reply, Reply> {
    let endpoint = find(arrived)?;
    if let Some(reply) = without_key(state, endpoint) {
        return Ok(reply);
    }
    let (_, key) = authenticate(state, arrived)?;
    answer(state, endpoint, key, arrived).await
}

/// What machines that watch may see.
pub fn without_key(state: &State, endpoint: Endpoint) -> Option<Reply> {
    match endpoint {
        Endpoint::Healthcheck | Endpoint::ApiHealthcheck => Some(admin::healthcheck(state)),
        Endpoint::Metrics => Some(admin::metrics(state)),
        _ => None,
    }
}

/// Answers what nodes and the primary do the same, to a caller whose key is known.
pub async fn answer(state: &State, endpoint: Endpoint, key: &str, arrived: &Arrived) -> Result<Reply, Reply> {
    let (worker, body) = (arrived.worker, &arrived.body[..]);
    match endpoint {
        Endpoint::Authorize => authorize::authorize(state, worker, body).await,
        Endpoint::AuthorizeResources => authorize::authorize_resources(state, worker, body).await,
        Endpoint::List => list::list(state, worker, key, body).await,
        Endpoint::Actions => actions::actions(state, worker, body).await,
        Endpoint::BulkActions => actions::bulk_actions(state, worker, body).await,
        Endpoint::Query => query::query(state, worker, body).await,
        Endpoint::EvaluateQuery => query::evaluate_query(state, worker, body).await,
        Endpoint::Facts => facts::facts(state, worker, &arrived.query).await,
        Endpoint::PolicyMetadata => metadata::metadata(state, worker).await,
        // Always 200: one SDK neither awaits nor catches this call.
        Endpoint::Expect => Ok(Reply::message(200, "noted")),
        _ => Err(Reply::error(
            Code::MethodNotAllowed,
            "this node is read-only and has no policy text or writes: send this call to the primary",
        )),
    }
}

/// The endpoint of a request; 404 and 405 otherwise.
pub fn find(arrived: &Arrived) -> Result<Endpoint, Reply> {
    Ok(head::endpoint(&arrived.method, &arrived.path)?)
}

/// Right and text of the caller's key.
pub fn authenticate<'a>(state: &State, arrived: &'a Arrived) -> Result<(Right, &'a str), Reply> {
    let bearer = arrived.bearer();
    let right = state.keys.check(bearer)?;
    Ok((right, bearer.unwrap_or_default()))
}
