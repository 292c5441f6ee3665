//! The server on a real socket, with an engine of straw: shapes, statuses, keep-alive, limits, drain.
#![allow(clippy::unwrap_used)]

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::watch;
use understudy_calls::{
    dialogue::{Dialogue, Step, Told},
    signer::Signer,
};
use understudy_core::model::{Answer, Ask, Explanation, Fact, Pattern, Reasons, Request, Row, Value};

use super::{
    cors::Origins,
    limits::Limits,
    router::Node,
    server::{Listeners, Running},
    service::Service,
    state::{Answers, Asked, Asker, CallError, Lost, Metadata, Observe, Pending, State},
    tally::Tally,
};
use crate::keys::{KeyCheck, KeyRefusal, Right};

pub(super) struct Straw {
    seen: AtomicU64,
    /// Questions to do `hold` that wait until they are let go.
    pub(super) held: AtomicU64,
    pub(super) is_let_go: AtomicBool,
    /// Connections that there was no room for.
    pub(super) lost: Mutex<Vec<Lost>>,
    /// What replies added to the metrics.
    pub(super) tallies: Mutex<Vec<(&'static str, Tally)>>,
}

impl KeyCheck for Straw {
    fn check(&self, bearer: Option<&str>) -> Result<Right, KeyRefusal> {
        match bearer {
            Some("good" | "other") => Ok(Right::Read),
            Some(_) => Err(KeyRefusal::NotAccepted),
            None => Err(KeyRefusal::Missing),
        }
    }
}

impl Observe for Straw {
    fn request(&self, _: &'static str, _: u16, _: f64) {
        self.seen.fetch_add(1, Ordering::Relaxed);
    }
    fn tally(&self, path: &'static str, tally: &Tally) {
        self.tallies.lock().unwrap().push((path, tally.clone()));
    }

    fn connection_lost(&self, why: Lost) {
        self.lost.lock().unwrap().push(why);
    }
    fn metrics(&self) -> String {
        format!("seen {}\n", self.seen.load(Ordering::Relaxed))
    }
}

fn straw(request: &Request) -> Answer {
    match &request.ask {
        Ask::Authorize { action, .. } => Answer::Decision(action == "read"),
        Ask::List { .. } => {
            let ids = (0..25_000).map(|n| format!("{n:06}"));
            Answer::Ids(std::iter::once("*".to_owned()).chain(ids).collect())
        }
        Ask::Actions { .. } => Answer::Ids(vec!["delete".into(), "read".into()]),
        Ask::Query { .. } => Answer::Facts(vec![vec![
            Row::Any,
            Row::AnyOf("User".into()),
            Row::Exact(Value::new("Repo", "web").unwrap()),
        ]]),
        Ask::Evaluate { constraints, .. } => Answer::Bindings {
            variables: constraints.iter().map(|(variable, _)| variable.clone()).collect(),
            rows: vec![
                constraints.iter().map(|(_, constraint)| constraint.ids.as_ref().map(|ids| ids[0].clone())).collect(),
            ],
        },
    }
}

impl Answers for Straw {
    fn ask(&self, _: Asker, asked: Asked) -> Pending<'_, Result<Vec<Answer>, CallError>> {
        let requests: Vec<Request> = asked.into_requests().collect();
        Box::pin(async move {
            // Long enough for a drain to begin meanwhile.
            if matches!(&requests[0].ask, Ask::Authorize { action, .. } if action == "slow") {
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            if matches!(&requests[0].ask, Ask::Authorize { action, .. } if action == "hold") {
                self.held.fetch_add(1, Ordering::Relaxed);
                while !self.is_let_go.load(Ordering::Relaxed) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
            Ok(requests.iter().map(straw).collect())
        })
    }
    fn explain(&self, _: Asker, request: Request) -> Pending<'_, Result<Reasons, CallError>> {
        let explanation =
            Explanation { answer: straw(&request), roots: Vec::new(), steps: Vec::new(), nearest: None, is_cut: false };
        Box::pin(async move { Ok(Reasons { lines: vec!["why".into()], rules: Default::default(), explanation }) })
    }
    fn converse(&self, _: Asker, dialogue: Arc<dyn Dialogue>) -> Pending<'_, Result<Vec<Told>, CallError>> {
        Box::pin(async move {
            let mut told = Vec::new();
            while let Some(step) = dialogue.step(&told) {
                told.push(match step {
                    Step::Ask(request) => Told::Answer(straw(&request)),
                    Step::Names(_) => Told::Names(None),
                    Step::Explain(_) => Told::Reasons(None),
                    Step::Skip => Told::Skipped,
                });
            }
            Ok(told)
        })
    }
    fn facts(&self, _: Asker, _: Option<String>, args: Vec<Pattern>) -> Pending<'_, Result<Vec<Fact>, CallError>> {
        let args = args.into_iter().filter_map(|arg| if let Pattern::Exact(value) = arg { Some(value) } else { None });
        let fact = Fact { predicate: "p".into(), args: args.collect() };
        Box::pin(async move { Ok(vec![fact]) })
    }
    fn metadata(&self, _: Asker) -> Pending<'_, Result<Option<Metadata>, CallError>> {
        Box::pin(async { Ok(None) })
    }
    fn is_serving(&self) -> bool {
        true
    }
}

pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) straw: Arc<Straw>,
    pub(super) drain: watch::Sender<bool>,
    pub(super) running: Running,
}

pub(super) fn start() -> Server {
    start_with(Limits::of_machine(), 2)
}

/// With web pages as clients.
pub(super) fn start_for_pages(origins: Option<Origins>) -> Server {
    start_as(Limits::of_machine(), 2, origins)
}

pub(super) fn start_with(limits: Limits, n_workers: usize) -> Server {
    start_as(limits, n_workers, None)
}

fn start_as(limits: Limits, n_workers: usize, origins: Option<Origins>) -> Server {
    let (seen, held) = (AtomicU64::new(0), AtomicU64::new(0));
    let straw = Arc::new(Straw {
        seen,
        held,
        is_let_go: AtomicBool::new(false),
        lost: Mutex::default(),
        tallies: Mutex::default(),
    });
    let state = State {
        keys: straw.clone(),
        answers: straw.clone(),
        observe: straw.clone(),
        authzen: Arc::default(),
        ready: Arc::default(),
        strict_pages: true,
        explains: true,
        pages: Signer::new([1; 32]),
    };
    let service: Arc<dyn Service> = Arc::new(Node(state));
    let listeners = Listeners::bind(IpAddr::V4(Ipv4Addr::LOCALHOST), 0, n_workers).unwrap();
    let listeners = listeners.with_limits(limits).with_origins(origins);
    let (address, (drain, draining)) = (listeners.address(), watch::channel(false));
    Server { address, straw, drain, running: listeners.serve(&service, &draining).unwrap() }
}

impl Server {
    pub(super) fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).unwrap()
    }
    /// Status, head and body of one exchange with a good key.
    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        exchange(&mut self.connect(), &format!("{method} {path}"), "Authorization: Bearer good\r\n", body)
    }
    pub(super) fn stop(self) {
        self.drain.send(true).unwrap();
        self.running.join().unwrap();
    }
}

pub(super) fn send(stream: &mut TcpStream, line: &str, headers: &str, body: &str) {
    let length = body.len();
    let request = format!("{line} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
    // In one piece: a body that comes a moment later may be taken for one that never comes.
    stream.write_all(request.as_bytes()).unwrap();
}

pub(super) fn receive(stream: &mut TcpStream) -> (u16, String) {
    let (head, body) = receive_whole(stream);
    assert!(head.contains("x-request-id: "), "{head}");
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body)
}

/// Head in lower case, and body. Takes nothing of what follows.
pub(super) fn receive_whole(stream: &mut TcpStream) -> (String, String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "closed after {}", String::from_utf8_lossy(&head));
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap().to_lowercase();
    let length = head.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap().parse().unwrap();
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    (head, String::from_utf8(body).unwrap())
}

pub(super) fn exchange(stream: &mut TcpStream, line: &str, headers: &str, body: &str) -> (u16, String) {
    send(stream, line, headers, body);
    receive(stream)
}

pub(super) const AUTHORIZE: &str = r#"{"actor_type":"User","actor_id":"1","action":"read","resource_type":"Repo","resource_id":"2","context_facts":[]}"#;

#[test]
fn every_endpoint_answers_in_its_shape() {
    let server = start();
    let post = |path: &str, body: &str| server.ask("POST", path, body);
    assert_eq!(post("/api/authorize?", AUTHORIZE), (200, r#"{"allowed":true}"#.into()));
    assert_eq!(post("//api/authorize", &AUTHORIZE.replace("read", "eat")), (200, r#"{"allowed":false}"#.into()));
    assert_eq!(post("/api/actions", AUTHORIZE), (200, r#"{"results":["delete","read"]}"#.into()));
    assert_eq!(post("/api/bulk_actions", "[]"), (200, "[]".into()));
    let several = r#"{"actor_type":"User","actor_id":"1","action":"read","resources":[{"type":"R","id":"2"},{"type":"R","id":"1"},{"type":"R","id":"2"}]}"#;
    let expected = r#"{"results":[{"type":"R","id":"2"},{"type":"R","id":"1"},{"type":"R","id":"2"}]}"#;
    assert_eq!(post("/api/authorize_resources", several), (200, expected.into()));
    let query = r#"{"fact":{"predicate":"p","args":[{},{"type":"User"},{"type":"Repo","id":"web"}]}}"#;
    let expected = r#"{"results":[{"predicate":"p","args":[{"type":null,"id":null},{"type":"User","id":null},{"type":"Repo","id":"web"}]}]}"#;
    assert_eq!(post("/api/query", query), (200, expected.into()));
    let evaluate = r#"{"predicate":["p",["b","a"]],"calls":[],"constraints":{"a":{"type":"Integer","ids":["007"]},"b":{"type":"User","ids":null}},"context_facts":[]}"#;
    assert_eq!(post("/api/evaluate_query", evaluate), (200, r#"{"results":[{"a":"7","b":null}]}"#.into()));
    assert_eq!(post("/api/expect", r#"{"request_id":"x","expected":true}"#).0, 200);
    let facts = server.ask("GET", "/api/facts?predicate=p&args.0.type=User&args.0.id=a%20b", "");
    assert_eq!(facts, (200, r#"[{"predicate":"p","args":[{"type":"User","id":"a b"}]}]"#.into()));
    assert_eq!(server.ask("GET", "/api/policy_metadata", "").0, 404);
    assert_eq!(server.ask("GET", "/healthcheck", ""), (200, r#"{"status":"ok"}"#.into()));
    assert!(server.ask("GET", "/metrics", "").1.starts_with("seen "));
    server.stop();
}

#[test]
fn refusals_have_a_status_and_a_message() {
    let server = start();
    for (method, path, body, status) in [
        ("POST", "/api/batch", "[]", 405),
        ("POST", "/api/policy", "{}", 405),
        ("DELETE", "/api/facts", "{}", 405),
        ("PUT", "/api/list", "{}", 405),
        ("GET", "/nowhere", "", 404),
        ("POST", "/api/authorize", "{", 400),
        ("POST", "/api/authorize", "{}", 400),
        ("POST", "/api/authorize", &AUTHORIZE.replace("\"1\"", "\"*\""), 400),
        ("POST", "/api/authorize", &AUTHORIZE.replace("User", "Actor"), 400),
        ("POST", "/api/authorize", &AUTHORIZE.replace("\"Repo\"", "\"Integer\"").replace("\"2\"", "\"two\""), 400),
        (
            "POST",
            "/api/evaluate_query",
            r#"{"predicate":["p",["a"]],"calls":[],"constraints":{},"context_facts":[]}"#,
            400,
        ),
        ("GET", "/api/facts?args.0.id=1", "", 400),
    ] {
        let (got, answer) = server.ask(method, path, body);
        assert_eq!(got, status, "{method} {path} {body}: {answer}");
        assert!(serde_json::from_str::<understudy_wire::ApiError>(&answer).is_ok(), "{answer}");
    }
    let refused = |headers: &str| exchange(&mut server.connect(), "POST /api/authorize", headers, AUTHORIZE).0;
    assert_eq!(refused(""), 401);
    assert_eq!(refused("Authorization: Bearer bad\r\n"), 401);
    assert_eq!(refused("Authorization: Basic good\r\n"), 401);
    assert_eq!(refused("authorization: bearer good\r\n"), 200);
    server.stop();
}

#[test]
fn pages_follow_each_other_and_a_plain_list_is_whole() {
    let server = start();
    let list = |extra: &str| {
        let body = format!(r#"{{"actor_type":"User","actor_id":"1","action":"read","resource_type":"Repo"{extra}}}"#);
        let (status, body) = server.ask("POST", "/api/list", &body);
        (status, serde_json::from_str::<serde_json::Value>(&body).unwrap())
    };
    let (_, whole) = list(r#","page_size":null,"page_token":null"#);
    assert_eq!(whole["results"].as_array().unwrap().len(), 25_001);
    assert!(whole.get("next_page_token").is_none());
    assert_eq!(list(r#","page_size":9999"#).0, 400);
    let mut all = Vec::new();
    let mut token = String::new();
    loop {
        let (status, page) = list(&format!(r#","page_size":10000{token}"#));
        assert_eq!(status, 200, "{page}");
        all.extend(page["results"].as_array().unwrap().iter().cloned());
        match &page["next_page_token"] {
            serde_json::Value::Null => break,
            next => token = format!(r#","page_token":{next}"#),
        }
    }
    assert_eq!(serde_json::Value::Array(all), whole["results"]);
    assert_eq!(list(r#","context_facts":[{"predicate":"p","args":[{"type":"A","id":"1"}]}],"page_token":"00""#).0, 400);
    server.stop();
}

#[test]
fn bodies_up_to_ten_mebibytes_are_read_and_longer_ones_refused() {
    let server = start();
    let padded = |length: usize| AUTHORIZE.to_owned() + &" ".repeat(length - AUTHORIZE.len());
    assert_eq!(server.ask("POST", "/api/authorize", &padded((10 << 20) - 1)).0, 200);
    // The head alone tells: the body is never sent.
    let mut stream = server.connect();
    let head = "POST /api/authorize HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\n";
    write!(stream, "{head}Content-Length: {}\r\n\r\n", (10 << 20) + 1).unwrap();
    assert_eq!(receive(&mut stream).0, 413);
    server.stop();
}

#[test]
fn a_drain_answers_what_has_arrived() {
    let server = start();
    let mut kept = server.connect();
    assert_eq!(exchange(&mut kept, "GET /healthcheck", "X-Request-ID: abc\r\n", "").0, 200);
    let slow = AUTHORIZE.replace("read", "slow");
    send(&mut kept, "POST /api/authorize", "Authorization: Bearer good\r\n", &slow);
    std::thread::sleep(Duration::from_millis(100));
    server.drain.send(true).unwrap();
    assert_eq!(receive(&mut kept), (200, r#"{"allowed":false}"#.into()));
    let begun = std::time::Instant::now();
    server.running.join().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert!(TcpStream::connect(server.address).is_err());
}

#[test]
fn a_port_that_is_listened_on_is_never_shared() {
    let server = start();
    assert!(Listeners::bind(server.address.ip(), server.address.port(), 2).is_err());
    server.stop();
}
