//! The table of paths: which endpoints this host answers, in the order of the native node: known path, key, body, answer.

use std::time::SystemTime;

use serde_json::json;
use understudy_calls::{convert, head, page::Paging, question, refusal::Refusal};
use understudy_core::{
    limits::WORK_UNITS_PER_REQUEST,
    model::{Answer, Ask, Request},
};
use understudy_wire::{self as wire, Code, paths::Endpoint};

use crate::{
    exchange::Arrived,
    reply::Reply,
    source::{self, Opened},
};

/// Answers one request.
pub fn reply(arrived: &Arrived) -> Reply {
    route(arrived).unwrap_or_else(|refusal| {
        let allow = (refusal.code == Code::MethodNotAllowed).then(|| methods(&arrived.path));
        Reply { allow, ..Reply::from(refusal) }
    })
}

/// Methods that a path takes here.
fn methods(path: &str) -> String {
    let here = Endpoint::on(path).filter(|endpoint| is_here(*endpoint));
    here.map(|endpoint| endpoint.method().name()).collect::<Vec<_>>().join(", ")
}

/// Does this host answer it?
fn is_here(endpoint: Endpoint) -> bool {
    use Endpoint::{Actions, ApiHealthcheck, Authorize, Healthcheck, List, Livez, Readyz};
    matches!(endpoint, Authorize | List | Actions | Healthcheck | ApiHealthcheck | Livez | Readyz)
}

fn route(arrived: &Arrived) -> Result<Reply, Refusal> {
    let endpoint = head::endpoint(&arrived.method, &arrived.path)?;
    let well = || Reply::ok(&json!({ "status": "ok" }));
    // It lives, whatever it has to serve: another instance would have no other snapshot.
    if endpoint == Endpoint::Livez {
        return well();
    }
    source::with(|opened| {
        if matches!(endpoint, Endpoint::Healthcheck | Endpoint::ApiHealthcheck | Endpoint::Readyz) {
            return well();
        }
        let key = opened.check(arrived.bearer.as_deref())?;
        match endpoint {
            Endpoint::Authorize => authorize(opened, &arrived.body),
            Endpoint::List => list(opened, key, &arrived.body),
            Endpoint::Actions => actions(opened, &arrived.body),
            _ => Err(Refusal::new(
                Code::MethodNotAllowed,
                "this host answers authorize, list, actions, healthcheck, livez and readyz alone: send this call to a node or the primary",
            )),
        }
    })
}

fn authorize(opened: &mut Opened, body: &[u8]) -> Result<Reply, Refusal> {
    let asked: wire::AuthorizeRequest = convert::body(body)?;
    match ask(opened, question::authorize(&asked)?, &asked.context_facts, now_s())? {
        Answer::Decision(allowed) => Reply::ok(&wire::AuthorizeResult { allowed }),
        _ => Err(mismatch()),
    }
}

fn list(opened: &mut Opened, key: &str, body: &[u8]) -> Result<Reply, Refusal> {
    let asked: wire::ListRequest = convert::body(body)?;
    let pages = opened.pages.clone();
    let paging = Paging::read(&asked, &pages, key, now_s())?;
    match ask(opened, question::list(&asked)?, &asked.context_facts, paging.now_s())? {
        Answer::Ids(results) => Reply::ok(&paging.page(results)),
        _ => Err(mismatch()),
    }
}

fn actions(opened: &mut Opened, body: &[u8]) -> Result<Reply, Refusal> {
    let asked: wire::ActionsRequest = convert::body(body)?;
    match ask(opened, question::actions(&asked)?, &asked.context_facts, now_s())? {
        Answer::Ids(results) => Reply::ok(&wire::ActionsResult { results }),
        _ => Err(mismatch()),
    }
}

fn ask(opened: &mut Opened, ask: Ask, context_facts: &[wire::Fact], now_s: i64) -> Result<Answer, Refusal> {
    let context_facts = convert::facts(context_facts)?;
    let request = Request { ask, context_facts, now_s, budget: WORK_UNITS_PER_REQUEST };
    Ok(opened.engine.ask(&request)?)
}

fn mismatch() -> Refusal {
    Refusal::new(Code::Internal, "the engine failed: the answer doesn't fit the question; ask again")
}

/// Seconds since 1970-01-01 UTC.
fn now_s() -> i64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}
