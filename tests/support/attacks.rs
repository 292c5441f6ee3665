//! Single attacks, each on what a server shares among its clients: places, bytes, turns. Those without a key, and those with one
//! that may only read.

use std::{
    io::{Read, Result, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::{Value as Json, json};

/// Longest wait for a connection, and for any byte.
const WAIT: Duration = Duration::from_secs(5);

/// Frames of HTTP/2 (RFC 9113 §6).
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const INITIAL_WINDOW_SIZE: u16 = 4;

/// A connection that speaks HTTP/2 by hand: only as far as an attacker cares.
pub struct Frames {
    stream: TcpStream,
    next: u32,
}

impl Frames {
    /// Connects. `window`: bytes of every reply that the server may send before it is asked to go on.
    pub fn open(address: SocketAddr, window: u32) -> Result<Self> {
        let mut stream = connect(address)?;
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")?;
        let mut frames = Frames { stream, next: 1 };
        let setting = [&INITIAL_WINDOW_SIZE.to_be_bytes()[..], &window.to_be_bytes()].concat();
        frames.frame(SETTINGS, 0, 0, &setting)?;
        Ok(frames)
    }

    /// Begins a request. `body`: `None`: it has none; else the part of it that is sent, of which more is to come.
    pub fn ask(
        &mut self,
        method: &str,
        path: &str,
        key: Option<&str>,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<()> {
        let mut block = Vec::new();
        let authorization = key.map(|key| format!("Bearer {key}"));
        let all = [(":method", method), (":path", path), (":scheme", "http"), (":authority", "x")];
        let all = all.into_iter().chain(authorization.iter().map(|value| ("authorization", value.as_str())));
        for (name, value) in all.chain(headers.iter().copied()) {
            // A literal without indexing (RFC 7541 §6.2.2); all are shorter than a byte's seven bits tell.
            block.push(0);
            for text in [name, value] {
                block.push(u8::try_from(text.len()).ok().filter(|n| *n < 127).expect("a short header"));
                block.extend(text.as_bytes());
            }
        }
        let number = self.next;
        self.next += 2;
        let end = if body.is_none() { END_STREAM } else { 0 };
        self.frame(HEADERS, END_HEADERS | end, number, &block)?;
        if let Some(part) = body.filter(|part| !part.is_empty()) {
            self.frame(DATA, 0, number, part)?;
        }
        Ok(())
    }

    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Result<()> {
        let length = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
        let head = [&length[1..], &[kind, flags], &stream.to_be_bytes()].concat();
        self.stream.write_all(&[&head, payload].concat())
    }
}

fn connect(address: SocketAddr) -> Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, WAIT)?;
    stream.set_read_timeout(Some(WAIT))?;
    stream.set_write_timeout(Some(WAIT))?;
    Ok(stream)
}

/// Requests of one connection at a time.
const STREAMS: usize = 100;

/// As many heads as a connection may send, of which no body ever comes.
pub fn bodiless(address: SocketAddr, key: Option<&str>) -> Result<Frames> {
    let mut frames = Frames::open(address, 1 << 16)?;
    (0..STREAMS).try_for_each(|_| frames.ask("POST", "/api/authorize", key, &[], Some(b"")))?;
    Ok(frames)
}

/// As many answers as a connection may wait for, none of which is ever taken.
pub fn untaken(address: SocketAddr, key: Option<&str>, method: &str, path: &str, body: &Json) -> Result<Frames> {
    let mut frames = Frames::open(address, 0)?;
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let length = text.len().to_string();
    for _ in 0..STREAMS {
        match text.is_empty() {
            true => frames.ask(method, path, key, &[], None)?,
            false => {
                frames.ask(method, path, key, &[("content-length", &length)], Some(text.as_bytes()))?;
                let number = frames.next - 2;
                frames.frame(DATA, END_STREAM, number, b"")?;
            }
        }
    }
    Ok(frames)
}

/// Polls of a feed's head that wait for news.
pub fn waiting(address: SocketAddr, key: &str, environment: &str) -> Result<Frames> {
    let mut frames = Frames::open(address, 1 << 16)?;
    let path = format!("/feed/v0/{environment}/head?wait=60");
    (0..STREAMS).try_for_each(|_| frames.ask("GET", &path, Some(key), &[("if-none-match", "*")], None))?;
    Ok(frames)
}

/// A probe with a body of 10 MiB that never ends, after as much of it as is taken at once.
pub fn burdened_probe(address: SocketAddr) -> Result<TcpStream> {
    let mut stream = connect(address)?;
    stream.set_write_timeout(Some(Duration::from_millis(20)))?;
    write!(stream, "GET /healthcheck HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n")?;
    let _ = (0..152).try_for_each(|_| stream.write_all(&[b' '; 64 << 10]));
    Ok(stream)
}

/// A connection that has sent one byte, the first of nearly every request.
pub fn one_byte(address: SocketAddr) -> Result<TcpStream> {
    let mut stream = connect(address)?;
    stream.write_all(b"P")?;
    Ok(stream)
}

/// A question, and the caller leaves without an answer after `patience`.
pub fn ask_and_leave(address: SocketAddr, key: &str, path: &str, body: &Json, patience: Duration) -> Result<()> {
    let mut stream = connect(address)?;
    let text = body.to_string();
    let length = text.len();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Length: {length}\r\n\r\n{text}"
    )?;
    stream.set_read_timeout(Some(patience))?;
    let _ = stream.read(&mut [0]);
    Ok(())
}

/// Questions that are large before they are anything else: conditions, ids, context facts of as many types.
pub fn large_questions() -> [(&'static str, Json); 3] {
    let any = json!({"type": "Repo", "ids": null});
    let calls: Vec<Json> = (0..65_000).map(|_| json!(["near", ["a", "b"]])).collect();
    let ids: Vec<String> = (0..300_000).map(|n| format!("r{n}")).collect();
    let facts: Vec<Json> =
        (0..60_000).map(|n| json!({"predicate": "p", "args": [{"type": format!("T{n}"), "id": "1"}]})).collect();
    [
        (
            "/api/evaluate_query",
            json!({"predicate": ["near", ["a", "b"]], "calls": calls, "constraints": {"a": any, "b": any}, "context_facts": []}),
        ),
        (
            "/api/evaluate_query",
            json!({"predicate": ["near", ["a", "b"]], "calls": [], "context_facts": [],
                "constraints": {"a": {"type": "Repo", "ids": ids}, "b": any}}),
        ),
        (
            "/api/authorize",
            json!({"actor_type": "User", "actor_id": "ann", "action": "read", "resource_type": "Repo",
                "resource_id": "r1", "context_facts": facts}),
        ),
    ]
}

/// A small question with 720,000 rows in the world of [`crate::hostile::facts`].
pub fn many_rows() -> Json {
    let all = json!({"type": "Repo", "ids": null});
    json!({
        "predicate": ["near", ["a", "b"]], "calls": [["near", ["b", "c"]]],
        "constraints": {"a": all, "b": all, "c": all}, "context_facts": []
    })
}

/// Many resources beside many context facts: `n` of each.
pub fn many_times_many(n: usize) -> Json {
    let resources: Vec<Json> = (0..n).map(|n| json!({"type": "Repo", "id": format!("r{n}")})).collect();
    let facts: Vec<Json> = (0..n)
        .map(|n| json!({"predicate": "near", "args": [{"type": "Repo", "id": format!("x{n}")}, {"type": "Repo", "id": "y"}]}))
        .collect();
    json!({"actor_type": "User", "actor_id": "ann", "action": "read", "resources": resources, "context_facts": facts})
}

/// A thousand questions, each of them dear.
pub fn many_dear() -> Json {
    let resources: Vec<Json> = (0..1_000).map(|_| json!({"type": "Secret", "id": "s"})).collect();
    json!({"actor_type": "User", "actor_id": "ann", "action": "open", "resources": resources, "context_facts": []})
}
