//! One request and its reply: admitted, read, handed to the [`super::service::Service`], given the headers that every reply has.

use std::{
    rc::Rc,
    sync::Arc,
    time::{Instant, SystemTime},
};

use hyper::{
    HeaderMap, Method, Request, Response, Version,
    body::{Body, Bytes, Incoming},
    header::{ALLOW, CONNECTION, CONTENT_LENGTH, EXPECT, HeaderName, HeaderValue, ORIGIN, RETRY_AFTER},
};
use understudy_wire::{Code, paths::Endpoint};

use super::{
    body::{self, Refused},
    head, label,
    limits::{BESIDE_BYTES_MAX, SMALL_BYTES},
    peers::{Asks, Peer},
    reply::{METRICS_TYPE, Reply, ReplyBody},
    service::{Admission, Arrived, Kind},
    shares::{self, Connection, Full, Owner, Place},
    state::Asker,
    tally::Shed,
    worker::Worker,
};

/// The line of all who have no key.
const STRANGERS: u64 = 0;
const METRICS: &str = Endpoint::Metrics.path();
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Whose requests these are.
pub struct Caller {
    /// The thread they arrive on.
    pub worker: Rc<Worker>,
    /// The connection they arrive on.
    pub peer: Rc<Peer>,
    /// What that takes.
    pub connection: Arc<Connection>,
    /// What it has shown.
    pub certificate: Certificate,
}

/// What a connection has shown of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// Nothing was asked for.
    NotAsked,
    /// Certificates are asked for, and it has none.
    Lacking,
    /// One that is good until then.
    Until(SystemTime),
}

impl Certificate {
    /// Is one asked for, and none that is good now was shown?
    fn is_lacking(self) -> bool {
        match self {
            Certificate::NotAsked => false,
            Certificate::Lacking => true,
            Certificate::Until(end) => SystemTime::now() >= end,
        }
    }
}

/// Answers one request.
pub async fn answer(caller: &Caller, request: Request<Incoming>) -> Response<ReplyBody> {
    let begun = Instant::now();
    let asks = caller.peer.asks();
    let (parts, body) = request.into_parts();
    let path = head::one_leading_slash(parts.uri.path()).to_owned();
    let label = label::label(&path);
    let request_id = request_id(&parts.headers);
    let Worker { index, service, shares, drain, origins, .. } = &*caller.worker;
    let is_head = parts.method == Method::HEAD;
    let methods = (parts.method == Method::OPTIONS).then(|| service.methods(&path)).filter(|all| !all.is_empty());
    let preflight = methods.map(|all| if all == "OPTIONS" { all } else { all + ", OPTIONS" });
    let of_page = origins.as_ref().filter(|_| parts.headers.contains_key(ORIGIN)).map(|_| parts.headers.clone());
    let mut headers = parts.headers;
    if headers.get(X_REQUEST_ID).is_none_or(HeaderValue::is_empty) {
        // Whoever sent none may name it by the one that the reply has.
        headers.insert(X_REQUEST_ID, request_id.clone());
    }
    let arrived = Arrived {
        asker: Asker { worker: Some(*index), key: 0 },
        // Whatever answers GET answers HEAD: with the same, but for the body (RFC 9110 §9.3.2).
        method: if is_head { "GET" } else { parts.method.as_str() }.to_owned(),
        path,
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers,
        body: Bytes::new(),
        place: Place::new(shares, &caller.connection, Owner::Strangers),
        lacks_certificate: caller.certificate.is_lacking(),
        draining: drain.clone(),
    };
    let (reply, is_unread) = match &preflight {
        Some(methods) => (Reply::empty(204).with(ALLOW, methods), leave(caller, body, false).await),
        None => reply(caller, asks, arrived, body).await,
    };
    let took = begun.elapsed();
    let Reply { status, headers, body, tally, .. } = reply;
    service.observe(label, status.as_u16(), took.as_secs_f64());
    if !tally.is_empty() {
        service.tally(label, &tally);
    }
    let length = body.size_hint().exact().filter(|_| is_head);
    let mut response = Response::new(if is_head { ReplyBody::Bytes(None) } else { body });
    *response.status_mut() = status;
    let all = response.headers_mut();
    all.extend(headers);
    if let Some(length) = length {
        all.insert(CONTENT_LENGTH, length.into());
    }
    if let (Some(origins), Some(request)) = (origins, of_page) {
        origins.tell(&request, preflight.as_deref(), all);
    }
    all.insert(X_REQUEST_ID, request_id);
    all.insert(SERVER_TIMING, server_timing(took.as_millis()));
    if status.as_u16() == Code::Unavailable.status()
        && let Some(seconds) = service.retry_after_s()
    {
        all.insert(RETRY_AFTER, seconds.into());
    }
    // The rest of the body is still on its way: this connection can't be used again.
    if is_unread && parts.version < Version::HTTP_2 {
        all.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// The reply, and whether a part of the body is unread. Whose room is taken is known before any is.
async fn reply(caller: &Caller, mut asks: Asks, arrived: Arrived, body: Incoming) -> (Reply, bool) {
    let Worker { service, shares, queue, .. } = &*caller.worker;
    let is_held_back = arrived.headers.contains_key(EXPECT);
    match service.admit(&arrived) {
        Err(refusal) => {
            drop(arrived);
            (refusal, leave(caller, body, is_held_back).await)
        }
        Ok(admission) if admission.kind == Kind::Keyed => keyed(caller, asks, arrived, admission, body).await,
        Ok(admission) => {
            asks.waits();
            // What has to be done for those without a key waits for nothing, but for a primary's new environment.
            let place = if admission.kind == Kind::Open { Some(shares.stranger()) } else { None };
            let reply = match place {
                Some(None) => body::full(Shed::Strangers),
                // Whoever watches is told at once; a page of numbers, and all else, takes its turn with the keys' questions.
                None if arrived.path == METRICS => numbers(&caller.worker, &arrived, admission).await,
                None => service.handle(&arrived, admission).await,
                Some(Some(_)) => queue.run(STRANGERS, service.handle(&arrived, admission)).await,
            };
            let is_unread = !body.is_end_stream() && (is_held_back || !body::drop_at_hand(body).await);
            (reply, is_unread)
        }
    }
}

/// A page of numbers, which is long and which everybody may leave unread.
async fn numbers(worker: &Worker, arrived: &Arrived, admission: Admission) -> Reply {
    let Worker { service, texts, queue, .. } = worker;
    if let Some(text) = texts.again() {
        return Reply::bytes(200, METRICS_TYPE, text);
    }
    let reply = queue.run(STRANGERS, service.handle(arrived, admission)).await;
    let body = match reply.body {
        ReplyBody::Bytes(Some(text)) if text.len() > SMALL_BYTES => ReplyBody::Bytes(Some(texts.send(text))),
        body => body,
    };
    Reply { body, ..reply }
}

/// A request with a key: its body, then its answer, both in its key's share.
async fn keyed(
    caller: &Caller,
    mut asks: Asks,
    mut arrived: Arrived,
    admission: Admission,
    body: Incoming,
) -> (Reply, bool) {
    let Worker { shares, limits, queue, .. } = &*caller.worker;
    let is_held_back = arrived.headers.contains_key(EXPECT);
    arrived.asker.key = arrived.key_number();
    let owner = Owner::Key(arrived.asker.key);
    arrived.place = Place::new(shares, &caller.connection, owner);
    let mut bytes = arrived.place.bytes();
    match body::read(body, head_bytes(&arrived), &limits.pace, &arrived.place, &mut bytes).await {
        Ok(body) => arrived.body = body,
        Err(Refused { refusal, rest: None }) => return (refusal, true),
        Err(Refused { refusal, rest: Some(rest) }) => {
            drop(arrived);
            return (refusal, leave(caller, rest, is_held_back).await);
        }
    }
    if arrived.place.is_whole().is_err() {
        return (body::full(Shed::Requests), false);
    }
    asks.waits();
    let reply = queue.run(arrived.asker.key, unhurried(&caller.worker, arrived, admission)).await;
    drop(bytes);
    let share = shares::Bytes::of(shares, &caller.connection, owner);
    let Reply { status, headers, body, begins_anew, tally } = reply;
    match body.within(share) {
        Ok(body) => (Reply { status, headers, body, begins_anew, tally }, false),
        Err(Full) => (Reply::shed(Shed::Answers, NO_ROOM_FOR_REPLY), false),
    }
}

const NO_ROOM_FOR_REPLY: &str = "too many answers that nobody has taken yet: take those, then ask again";

/// At once where that is possible, else apart.
async fn unhurried(worker: &Worker, arrived: Arrived, admission: Admission) -> Reply {
    let Worker { service, apart, demotions, .. } = worker;
    let (key, label) = (arrived.asker.key, label::label(&arrived.path));
    if arrived.body.len() <= BESIDE_BYTES_MAX && demotions.tries(key, label) {
        let reply = service.handle(&arrived, admission).await;
        demotions.tried(key, label, reply.begins_anew);
        if !reply.begins_anew {
            return reply;
        }
    }
    apart.ask(arrived, admission).await
}

/// A client that still sends reads no reply, and closing over unread bytes would take the reply back: what is left of a
/// refused body is read on for a moment, where there is room. `true`: there is more of it.
async fn leave(caller: &Caller, body: Incoming, is_held_back: bool) -> bool {
    if body.is_end_stream() {
        return false;
    }
    if is_held_back {
        return true;
    }
    match caller.worker.shares.stranger() {
        Some(_place) => !body::discard(body).await,
        None => !body::drop_at_hand(body).await,
    }
}

fn head_bytes(arrived: &Arrived) -> usize {
    let headers: usize = arrived.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    headers + arrived.path.len() + arrived.query.len()
}

/// `oso;dur=<ms>`, which one SDK prints when it is told to.
fn server_timing(took_ms: u128) -> HeaderValue {
    const AT_ONCE: HeaderValue = HeaderValue::from_static("oso;dur=0");
    match took_ms {
        0 => AT_ONCE,
        ms => HeaderValue::from_str(&format!("oso;dur={ms}")).unwrap_or(AT_ONCE),
    }
}

/// The caller's id, or a new random UUID.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let given = headers.get(X_REQUEST_ID).filter(|id| !id.is_empty());
    given.cloned().unwrap_or_else(|| {
        let mut random = [0; 16];
        // Without randomness ids repeat, which is better than no answer.
        let _ = getrandom::fill(&mut random);
        HeaderValue::from_str(&head::uuid(random)).unwrap_or_else(|_| HeaderValue::from_static("none"))
    })
}
