//! `wasi:http` ↔ whole requests and replies. Knows no path's meaning.

use std::io::{Error, Read, Write};

use understudy_calls::{head, limits::BODY_BYTES_MAX, refusal::Refusal};
use understudy_wire::Code;
use wasip2::{
    http::types::{Fields, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam},
    random::random::get_random_bytes,
};

use crate::reply::Reply;

const X_REQUEST_ID: &str = "x-request-id";

/// A whole request.
pub struct Arrived {
    /// Upper case.
    pub method: String,
    /// Without the query, leading slashes made one.
    pub path: String,
    /// The caller's key, if one was sent.
    pub bearer: Option<String>,
    /// The body, at most [`BODY_BYTES_MAX`].
    pub body: Vec<u8>,
}

/// The caller's id, or a new random UUID.
pub fn request_id(request: &IncomingRequest) -> Vec<u8> {
    header(&request.headers(), X_REQUEST_ID).filter(|id| !id.is_empty()).unwrap_or_else(|| {
        let random = get_random_bytes(16).try_into().unwrap_or_default();
        head::uuid(random).into_bytes()
    })
}

/// Takes the request in, body and all.
pub fn read(request: &IncomingRequest) -> Result<Arrived, Refusal> {
    let headers = request.headers();
    let authorization = header(&headers, "authorization").and_then(|value| String::from_utf8(value).ok());
    let announced = header(&headers, "content-length").and_then(|value| std::str::from_utf8(&value).ok()?.parse().ok());
    // Refused by the announced length, before a byte of it is read.
    if announced.is_some_and(|bytes: u64| bytes > BODY_BYTES_MAX as u64) {
        return Err(head::too_large());
    }
    let target = request.path_with_query().unwrap_or_default();
    let path = target.split('?').next().unwrap_or_default();
    Ok(Arrived {
        method: method(request.method()),
        path: head::one_leading_slash(path).to_owned(),
        bearer: authorization.as_deref().and_then(head::bearer).map(str::to_owned),
        body: body(request)?,
    })
}

/// Sends the reply. A caller who is gone meanwhile is nobody's fault.
pub fn send(out: ResponseOutparam, request_id: &[u8], reply: &Reply) {
    let headers = Fields::new();
    let length = reply.body.len().to_string();
    let lines = [("content-type", &b"application/json"[..]), ("content-length", length.as_bytes())];
    for (name, value) in lines.into_iter().chain([(X_REQUEST_ID, request_id)]) {
        // Refused is only a value that is no header's: it came as one, or is ours.
        let _ = headers.append(name, value);
    }
    if let Some(methods) = &reply.allow {
        let _ = headers.append("allow", methods.as_bytes());
    }
    let response = OutgoingResponse::new(headers);
    let _ = response.set_status_code(reply.status);
    let body = response.body();
    ResponseOutparam::set(out, Ok(response));
    let Ok(body) = body else { return };
    if let Ok(mut stream) = body.write() {
        let _ = stream.write_all(&reply.body).and_then(|()| stream.blocking_flush().map_err(Error::other));
    }
    let _ = OutgoingBody::finish(body, None);
}

fn header(headers: &Fields, name: &str) -> Option<Vec<u8>> {
    headers.get(name).into_iter().next()
}

fn method(method: Method) -> String {
    match method {
        Method::Get => "GET".to_owned(),
        Method::Head => "HEAD".to_owned(),
        Method::Post => "POST".to_owned(),
        Method::Put => "PUT".to_owned(),
        Method::Delete => "DELETE".to_owned(),
        Method::Connect => "CONNECT".to_owned(),
        Method::Options => "OPTIONS".to_owned(),
        Method::Trace => "TRACE".to_owned(),
        Method::Patch => "PATCH".to_owned(),
        Method::Other(name) => name,
    }
}

fn body(request: &IncomingRequest) -> Result<Vec<u8>, Refusal> {
    let broken = || Refusal::new(Code::BadRequest, "the body broke off");
    let body = request.consume().map_err(|()| broken())?;
    let stream = body.stream().map_err(|()| broken())?;
    let mut bytes = Vec::new();
    stream.take(BODY_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(|_| broken())?;
    if bytes.len() > BODY_BYTES_MAX { Err(head::too_large()) } else { Ok(bytes) }
}
