//! One request and its reply: admitted, read, handed to the [`super::service::Service`], given the headers that every reply has.

use std::{rc::Rc, time::Instant};

use hyper::{
    HeaderMap, Request, Response, Version,
    body::{Body, Bytes, Incoming},
    header::{CONNECTION, EXPECT, HeaderName, HeaderValue, RETRY_AFTER},
};
use understudy_wire::Code;

use super::{
    body, head, label,
    load::Full,
    peers::Peer,
    reply::{Reply, ReplyBody},
    service::Arrived,
    worker::Worker,
};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// Whose requests these are.
pub struct Caller {
    /// The thread they arrive on.
    pub worker: Rc<Worker>,
    /// The connection they arrive on.
    pub peer: Rc<Peer>,
    /// Certificates are asked for, and this connection has none.
    pub lacks_certificate: bool,
}

/// Answers one request.
pub async fn answer(caller: &Caller, request: Request<Incoming>) -> Response<ReplyBody> {
    let begun = Instant::now();
    let mut asks = caller.peer.asks();
    let (parts, body) = request.into_parts();
    let path = head::one_leading_slash(parts.uri.path()).to_owned();
    let label = label::label(&path);
    let request_id = request_id(&parts.headers);
    let has_body = !body.is_end_stream();
    let worker = &caller.worker;
    let service = &*worker.service;
    let is_held_back = parts.headers.contains_key(EXPECT);
    let mut arrived = Arrived {
        worker: worker.index,
        method: parts.method.as_str().to_owned(),
        path,
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body: Bytes::new(),
        lacks_certificate: caller.lacks_certificate,
        draining: worker.drain.clone(),
    };
    let reply = match worker.load.take() {
        Err(Full) => {
            if !is_held_back {
                body::discard(body).await;
            }
            Err(body::full())
        }
        Ok(mut taken) => {
            let admit = || service.admit(&arrived);
            match body::read(body, &worker.limits.pace, &mut taken, is_held_back, admit).await {
                Err(refusal) => Err(refusal),
                Ok(_) if taken.is_whole(service.is_vital(&arrived.path)) == Err(Full) => Ok(body::full()),
                Ok(body) => {
                    asks.waits();
                    arrived.body = body;
                    Ok(service.handle(arrived).await)
                }
            }
        }
    };
    let took = begun.elapsed();
    let is_unread = reply.is_err() && has_body;
    let Reply { status, headers, body } = reply.unwrap_or_else(|refusal| refusal);
    service.observe(label, status.as_u16(), took.as_secs_f64());
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let all = response.headers_mut();
    all.extend(headers);
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
