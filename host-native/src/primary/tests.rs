//! The primary on a real socket and a real data folder; the native engine stands in for the instances.
#![allow(clippy::unwrap_used)]

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread::JoinHandle,
};

use sha2::{Digest, Sha256};
use tokio::sync::watch;
use understudy_calls::dialogue::{Dialogue, Step, Told};
use understudy_core::{
    engine::Engine,
    model::{Answer, Change, Fact, Pattern, Request},
    snapshot,
};
use understudy_wire::feed::{Head, WAIT_S_MAX, blob_path, head_path, reports_path};

use super::{
    config::DEVELOPMENT_KEY,
    config::{DEVELOPMENT_ENVIRONMENT, PrimaryConfig},
    feed::Reports,
    instances::Instances,
    ledger::Ledger,
    publisher,
    service::{Primary, PrimaryKeys},
    start,
    writes::Limits,
};
use crate::{
    http::{
        server::{Listeners, Running, Service},
        state::{Answers, CallError, Metadata, Pending, State},
    },
    keys::{AcceptedKey, Right, digest, hex},
    telemetry::{Metrics, Readings},
};

const READ_KEY: &str = "e_0123456789_2_readonly";

/// The native engine, one instance, with the log that every instance has.
#[derive(Default)]
struct Native(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    engine: Option<Engine<'static>>,
    log: Vec<(u64, Vec<Change>)>,
    refuses: bool,
    n_installs: usize,
}

impl Native {
    fn with<T>(&self, work: impl FnOnce(&mut Engine<'static>) -> T) -> Result<T, CallError> {
        let mut inner = self.0.lock().unwrap();
        let Inner { engine, log, .. } = &mut *inner;
        let engine = engine.as_mut().ok_or(CallError::NotServing)?;
        for (offset, changes) in log.iter() {
            engine.apply(changes, *offset);
        }
        Ok(work(engine))
    }
}

impl Answers for Native {
    fn ask(&self, _: usize, requests: Vec<Request>) -> Pending<'_, Result<Vec<Answer>, CallError>> {
        Box::pin(async move {
            self.with(|engine| requests.iter().map(|request| engine.ask(request).map_err(CallError::Ask)).collect())?
        })
    }
    fn converse(&self, _: usize, dialogue: Arc<dyn Dialogue>) -> Pending<'_, Result<Vec<Told>, CallError>> {
        Box::pin(async move {
            self.with(|engine| {
                let mut told = Vec::new();
                while let Some(step) = dialogue.step(&told) {
                    told.push(match step {
                        Step::Ask(request) => engine.ask(&request).map_or_else(Told::Failed, Told::Answer),
                        Step::Names(vocabulary) => Told::Names(engine.names(&vocabulary)),
                        Step::Skip => Told::Skipped,
                    });
                }
                told
            })
        })
    }
    fn facts(
        &self,
        _: usize,
        predicate: Option<String>,
        args: Vec<Pattern>,
    ) -> Pending<'_, Result<Vec<Fact>, CallError>> {
        Box::pin(async move { self.with(|engine| engine.facts(predicate.as_deref(), &args)) })
    }
    fn metadata(&self, _: usize) -> Pending<'_, Result<Option<Metadata>, CallError>> {
        Box::pin(async move { self.with(|engine| engine.metadata().map(<[_]>::to_vec)) })
    }
    fn is_serving(&self) -> bool {
        self.0.lock().unwrap().engine.is_some()
    }
}

impl Instances for Native {
    fn install(&self, file: &Path) -> Result<(), String> {
        let mut inner = self.0.lock().unwrap();
        if inner.refuses {
            return Err("told to refuse".into());
        }
        let bytes: &'static [u8] = std::fs::read(file).unwrap().leak();
        snapshot::verify(bytes).unwrap();
        inner.engine = Some(Engine::open(bytes, 0).unwrap());
        inner.n_installs += 1;
        Ok(())
    }
    fn append(&self, offset: u64, changes: Vec<Change>) {
        let mut inner = self.0.lock().unwrap();
        assert!(inner.log.last().is_none_or(|(last, _)| *last < offset), "offsets rise");
        inner.log.push((offset, changes));
    }
    fn forget(&self, up_to: u64) {
        self.0.lock().unwrap().log.retain(|(offset, _)| *offset > up_to);
    }
    fn answers(self: Arc<Self>) -> Arc<dyn Answers> {
        self
    }
}

struct Started {
    address: SocketAddr,
    ledger: Arc<Ledger>,
    native: Arc<Native>,
    service: Arc<Primary>,
    drain: watch::Sender<bool>,
    running: Running,
    publisher: JoinHandle<()>,
}

fn config(folder: &Path) -> PrimaryConfig {
    let mut config = PrimaryConfig { data: folder.join("data"), ..PrimaryConfig::default() };
    config.keys.push(AcceptedKey { digest: digest(READ_KEY), right: Right::Read });
    config
}

fn start(config: &PrimaryConfig) -> Started {
    let native = Arc::new(Native::default());
    let ledger = Arc::new(start::open(config, native.clone()).unwrap());
    let state = State {
        keys: Arc::new(PrimaryKeys(config.keys.clone())),
        answers: native.clone(),
        observe: Arc::new(Metrics::new(Readings::default).unwrap()),
        authzen: Arc::default(),
    };
    let (limits, reports) = (config.limits, Reports::default());
    let service = Arc::new(Primary { ledger: ledger.clone(), state, limits, reports });
    let listeners = Listeners::bind(IpAddr::V4(Ipv4Addr::LOCALHOST), 0, 2).unwrap();
    let (address, (drain, draining)) = (listeners.address(), watch::channel(false));
    let running = listeners.serve(&(service.clone() as Arc<dyn Service>), &draining).unwrap();
    let publisher = std::thread::spawn({
        let ledger = ledger.clone();
        move || publisher::run(&ledger)
    });
    Started { address, ledger, native, service, drain, running, publisher }
}

struct Exchange {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Exchange {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
    fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{} {}", self.status, self.text()))
    }
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.split_once(": ").filter(|(found, _)| *found == name)).map(|(_, v)| v)
    }
    fn offset(&self) -> u64 {
        self.header("osooffset").unwrap().parse().unwrap()
    }
    fn message(&self) -> String {
        self.json()["message"].as_str().unwrap().to_owned()
    }
}

impl Started {
    fn send(&self, line: &str, key: Option<&str>, headers: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let key = key.map_or(String::new(), |key| format!("Authorization: Bearer {key}\r\n"));
        let length = body.len();
        let head = format!("{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{key}{headers}");
        write!(stream, "{head}Content-Length: {length}\r\n\r\n{body}").unwrap();
        stream
    }
    fn exchange(&self, line: &str, key: Option<&str>, headers: &str, body: &str) -> Exchange {
        receive(self.send(line, key, headers, body))
    }
    fn post(&self, path: &str, body: &str) -> Exchange {
        self.exchange(&format!("POST {path}"), Some(DEVELOPMENT_KEY), "", body)
    }
    fn get(&self, path: &str) -> Exchange {
        self.get_with(path, "")
    }
    fn get_with(&self, path: &str, headers: &str) -> Exchange {
        self.exchange(&format!("GET {path}"), Some(DEVELOPMENT_KEY), headers, "")
    }
    fn policy(&self, src: &str) -> Exchange {
        self.post("/api/policy", &serde_json::json!({"src": src, "filename": null}).to_string())
    }
    fn may(&self, user: &str, action: &str) -> bool {
        let body = serde_json::json!({"actor_type": "User", "actor_id": user, "action": action,
            "resource_type": "Repo", "resource_id": "web", "context_facts": []});
        self.post("/api/authorize", &body.to_string()).json()["allowed"].as_bool().unwrap()
    }
    fn head(&self) -> Head {
        serde_json::from_slice(&self.get(&head_path(DEVELOPMENT_ENVIRONMENT)).body).unwrap()
    }
    fn blob(&self, sha256: &str) -> Exchange {
        self.get(&blob_path(DEVELOPMENT_ENVIRONMENT, sha256))
    }
    fn stop(self) {
        self.drain.send(true).unwrap();
        self.ledger.pace().stop();
        self.running.join().unwrap();
        self.publisher.join().unwrap();
    }
}

fn receive(mut stream: TcpStream) -> Exchange {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let exchange = Exchange { status, body: bytes[end + 4..].to_vec(), head };
    assert!(exchange.header("x-request-id").is_some(), "{}", exchange.head);
    if let Some(length) = exchange.header("content-length").filter(|_| status != 304) {
        assert_eq!(length, exchange.body.len().to_string());
    }
    exchange
}

const POLICY: &str = r#"
actor User {}
resource Repo {
  roles = ["reader", "writer"];
  permissions = ["read", "write"];
  "read" if "reader";
  "write" if "writer";
  "reader" if "writer";
}
has_permission(user: User, "read", repo: Repo) if is_public(repo) and not is_banned(user);
declare seats(Repo, Integer);
test "writers read" {
  setup { has_role(User{"ann"}, "writer", Repo{"web"}); }
  assert allow(User{"ann"}, "read", Repo{"web"});
}
"#;

fn role(user: &str, role: &str) -> String {
    format!(
        r#"{{"predicate":"has_role","args":[{{"type":"User","id":"{user}"}},{{"type":"String","id":"{role}"}},{{"type":"Repo","id":"web"}}]}}"#
    )
}

fn inserts(facts: &[String]) -> String {
    format!(r#"[{{"inserts":[{}]}}]"#, facts.join(","))
}

#[test]
fn a_fresh_primary_has_no_policy_and_answers() {
    let folder = tempfile::tempdir().unwrap();
    let primary = start(&config(folder.path()));
    assert_eq!(primary.exchange("GET /api/healthcheck", None, "", "").status, 200);
    assert_eq!(primary.get("/api/policy").text(), r#"{"policy":null}"#);
    assert_eq!(primary.get("/api/policy_metadata").status, 404);
    assert_eq!(primary.get("/api/facts").text(), "[]");
    assert!(!primary.may("ann", "read"));
    // http-api.md §9.1: such a fact counts without any policy.
    let fact = role("ann", "read").replace("has_role", "has_permission");
    assert_eq!(primary.post("/api/batch", &inserts(&[fact])).status, 200);
    assert!(primary.may("ann", "read"));
    let refused = primary.post("/api/batch", r#"[{"inserts":[{"predicate":"p","args":[{"type":"A","id":"1"}]}]}]"#);
    assert_eq!(refused.status, 400);
    assert!(refused.message().contains("not used in policy"));
    primary.stop();
}

#[test]
fn writes_are_seen_at_once_and_give_rising_offsets() {
    let folder = tempfile::tempdir().unwrap();
    let primary = start(&config(folder.path()));
    let policy = primary.policy(POLICY);
    assert_eq!((policy.status, policy.offset()), (200, 1), "{}", policy.text());
    let written = primary.post("/api/batch", &inserts(&[role("ann", "writer"), role("bob", "reader")]));
    assert_eq!((written.status, written.offset()), (200, 2));
    assert_eq!(written.text(), r#"{"message":"2 inserted, 0 deleted"}"#);
    assert!(primary.may("ann", "write") && primary.may("bob", "read") && !primary.may("bob", "write"));
    assert_eq!(primary.post("/api/batch", &inserts(&[role("ann", "writer")])).offset(), 2, "it was there");
    assert_eq!(primary.post("/api/batch", "[]").offset(), 2);

    // In order: what one changeset stores, the next one may remove.
    let wild = r#"{"predicate":"has_role","args":[{"type":"User"},{"type":null,"id":null},{}]}"#;
    let body = format!(
        r#"[{{"inserts":[{}]}},{{"deletes":[{wild}]}},{{"inserts":[{}]}}]"#,
        role("cyd", "writer"),
        role("bob", "writer")
    );
    assert_eq!(primary.post("/api/batch", &body).text(), r#"{"message":"2 inserted, 3 deleted"}"#);
    assert!(!primary.may("ann", "read") && !primary.may("cyd", "read") && primary.may("bob", "write"));
    let facts = primary.get("/api/facts?predicate=has_role");
    assert_eq!(facts.text(), format!("[{}]", role("bob", "writer")));

    let cleared = primary.post("/api/clear_data", "");
    assert_eq!((cleared.status, cleared.offset()), (200, 4));
    assert_eq!(primary.get("/api/facts").text(), "[]");
    assert!(!primary.may("bob", "read"));
    assert_eq!(primary.get("/api/policy").json()["policy"]["src"], POLICY, "the policy stays");
    primary.stop();
}

#[test]
fn a_write_with_anything_wrong_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let primary = start(&config(folder.path()));
    assert_eq!(primary.policy(POLICY).status, 200);
    let good = role("ann", "reader");
    let fact = |predicate: &str, args: &str| format!(r#"{{"predicate":"{predicate}","args":[{args}]}}"#);
    for (bad, told) in [
        (fact("unknown", r#"{"type":"Repo","id":"a"}"#), "`unknown` is not used in policy"),
        (fact("is_public", r#"{"type":"User","id":"a"}"#), "not used in policy"),
        (fact("is_public", r#"{"type":"Repo","id":"a"},{"type":"Repo","id":"b"}"#), "not used in policy"),
        (fact("seats", r#"{"type":"Repo","id":"a"},{"type":"String","id":"7"}"#), "not used in policy"),
        (fact("seats", r#"{"type":"Repo","id":"a"},{"type":"Integer","id":"seven"}"#), "Integer"),
        (fact("is_public", r#"{"type":"Repo","id":"*"}"#), "`*`"),
        (fact("is_public", r#"{"type":"Repo","id":""}"#), "empty id"),
        (fact("is_public", r#"{"type":"","id":"a"}"#), "type is empty"),
        (fact("is_public", &format!(r#"{{"type":"Repo","id":"{}"}}"#, "x".repeat(513))), "512"),
        (fact("is_public", r#"{"type":"Repo","id":null}"#), "can't be read"),
        (fact("is_public", ""), "0 arguments"),
    ] {
        let refused = primary.post("/api/batch", &inserts(&[good.clone(), bad.clone()]));
        assert_eq!(refused.status, 400, "{bad}");
        assert!(refused.message().contains(told), "{}", refused.text());
        assert!(refused.header("osooffset").is_none());
    }
    for body in [
        "",
        "{}",
        "[{}]",
        r#"[{"inserts":[]},{"upserts":[]}]"#,
        r#"[{"deletes":[{"predicate":"p","args":[{"id":"1"}]}]}]"#,
    ] {
        assert_eq!(primary.post("/api/batch", body).status, 400, "{body}");
    }
    assert_eq!(primary.get("/api/facts").text(), "[]");
    // Exempt from types and arity; deletes know no policy; an Integer is kept canonically.
    for (body, status) in [
        (inserts(&[fact("has_role", r#"{"type":"Robot","id":"r"}"#)]), 200),
        (inserts(&[fact("seats", r#"{"type":"Repo","id":"a"},{"type":"Integer","id":"007"}"#)]), 200),
        (r#"[{"deletes":[{"predicate":"unknown","args":[{}]}]}]"#.to_owned(), 200),
    ] {
        assert_eq!(primary.post("/api/batch", &body).status, status, "{body}");
    }
    assert_eq!(primary.get("/api/facts?predicate=seats").json()[0]["args"][1]["id"], "7");
    primary.stop();
}

#[test]
fn deprecated_writes_take_the_same_walk() {
    let folder = tempfile::tempdir().unwrap();
    let primary = start(&config(folder.path()));
    assert_eq!(primary.policy(POLICY).status, 200);
    let (ann, bob) = (role("ann", "reader"), role("bob", "reader"));
    let inserted = primary.post("/api/facts", &ann);
    assert_eq!((inserted.status, inserted.text(), inserted.offset()), (200, ann.as_str(), 2));
    assert_eq!(primary.post("/api/bulk_load", &format!("[{bob}]")).offset(), 3);
    assert!(primary.may("ann", "read") && primary.may("bob", "read"));
    let one = primary.exchange("DELETE /api/facts", Some(DEVELOPMENT_KEY), "", &ann);
    assert_eq!((one.status, one.offset()), (200, 4));
    assert!(!primary.may("ann", "read"));
    // Deletes first.
    let bulk = format!(r#"{{"delete":[{{"predicate":"has_role","args":[{{}},{{}},{{}}]}}],"tell":[{ann}]}}"#);
    assert_eq!(primary.post("/api/bulk", &bulk).text(), r#"{"message":"1 inserted, 1 deleted"}"#);
    assert!(primary.may("ann", "read") && !primary.may("bob", "read"));
    assert_eq!(primary.post("/api/bulk_delete", &format!("[{ann}]")).status, 200);
    assert_eq!(primary.get("/api/facts").text(), "[]");
    assert_eq!(primary.post("/api/bulk", r#"{"tell":[]}"#).status, 400, "both are required");
    assert_eq!(primary.post("/api/facts", r#"{"predicate":"unknown","args":[{"type":"A","id":"1"}]}"#).status, 400);
    primary.stop();
}

#[test]
fn limits_are_off_unless_given() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { entries_max: Some(2), matches_max: Some(1), body_bytes_max: Some(1_000) };
    let primary = start(&PrimaryConfig { limits, ..config(folder.path()) });
    let (ann, bob, cyd) = (role("ann", "reader"), role("bob", "reader"), role("cyd", "reader"));
    assert_eq!(primary.post("/api/batch", &inserts(&[ann.clone(), bob.clone()])).status, 200);
    let several = primary.post("/api/batch", &inserts(&[ann, bob, cyd]));
    assert_eq!((several.status, several.message().contains("at most 2")), (413, true));
    let wild = r#"[{"deletes":[{"predicate":"has_role","args":[{},{},{}]}]}]"#;
    let refused = primary.post("/api/batch", wild);
    assert_eq!((refused.status, refused.message().contains("more than 1 facts")), (413, true));
    assert_eq!(primary.post("/api/batch", &format!("[{}]", " ".repeat(1_000))).status, 413);
    assert_eq!(primary.get("/api/facts").json().as_array().unwrap().len(), 2);
    primary.stop();
}

#[test]
fn a_policy_serves_before_it_is_acknowledged_and_a_bad_one_never() {
    let folder = tempfile::tempdir().unwrap();
    let primary = start(&config(folder.path()));
    assert_eq!(primary.post("/api/batch", &inserts(&[role("ann", "reader")])).status, 200);
    assert!(!primary.may("ann", "read"));
    let body = serde_json::json!({"src": POLICY, "filename": "repo.polar"}).to_string();
    let accepted = primary.post("/api/policy?force=true&fail_fast=false", &body);
    assert_eq!((accepted.status, accepted.offset()), (200, 2));
    assert!(primary.may("ann", "read"));
    let head = primary.head();
    assert_eq!(
        primary.get("/api/policy").json(),
        serde_json::json!({"policy": serde_json::from_str::<serde_json::Value>(&body).unwrap()})
    );
    let metadata = primary.get("/api/policy_metadata").json();
    assert_eq!(metadata["metadata"]["resources"]["Repo"]["roles"], serde_json::json!(["reader", "writer"]));

    let unchanged = primary.policy(POLICY);
    assert_eq!((unchanged.status, unchanged.offset()), (202, 2));
    assert_eq!(unchanged.json().as_object().unwrap().len(), 1);

    let invalid = primary.policy("resource Repo { permissions = [");
    assert_eq!((invalid.status, invalid.json()["error_type"].as_str()), (400, Some("Validation")));
    assert_eq!(invalid.json()["errors"][0]["error_type"], "ValidationFailed");
    assert!(invalid.json()["errors"][0]["message"].as_str().unwrap().starts_with("policy:1:"), "{}", invalid.text());

    let failing = primary.policy(&POLICY.replace("assert allow", "assert_not allow"));
    let told = failing.json();
    assert_eq!((failing.status, told["error_type"].as_str()), (400, Some("TestsFailed")));
    assert_eq!(told["test_results"]["success"], false);
    assert_eq!(told["test_results"]["tests"], serde_json::json!([{"name": "writers read", "passed": 0, "total": 1}]));
    assert_eq!(told["test_results"]["errors"][0]["error_type"], "AssertionFailed");
    for body in ["", "{}", "{", r#"{"src":1}"#] {
        let unreadable = primary.post("/api/policy", body);
        assert_eq!((unreadable.status, unreadable.json()["error_type"].as_str()), (400, Some("Generic")), "{body}");
    }
    assert!(primary.may("ann", "read"));
    assert_eq!(primary.head(), head, "nothing new to follow");
    // Facts that the next policy has no place for don't stop it.
    assert_eq!(primary.policy("actor User {}").status, 200);
    assert!(!primary.may("ann", "read"));
    assert_eq!(primary.get("/api/facts").json().as_array().unwrap().len(), 1);
    primary.stop();
}

#[test]
fn a_policy_that_the_instances_refuse_leaves_the_one_before_in_force_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let primary = start(&config);
    assert_eq!(primary.policy(POLICY).status, 200);
    assert_eq!(primary.post("/api/batch", &inserts(&[role("ann", "reader")])).status, 200);
    let head = primary.head();
    primary.native.0.lock().unwrap().refuses = true;
    let refused = primary.policy("actor User {}");
    assert_eq!((refused.status, refused.json()["error_type"].as_str()), (500, Some("Generic")), "{}", refused.text());
    assert!(refused.message().contains("the policy before stays in force"));
    assert_eq!(primary.get("/api/policy").json()["policy"]["src"], POLICY);
    assert!(primary.may("ann", "read"));
    assert_eq!(primary.head().epoch, head.epoch);
    primary.native.0.lock().unwrap().refuses = false;
    assert_eq!(primary.post("/api/batch", &inserts(&[role("bob", "reader")])).status, 200);
    primary.stop();
    let primary = start(&config);
    assert!(primary.may("ann", "read") && primary.may("bob", "read"));
    assert!(primary.head().epoch > head.epoch);
    primary.stop();
}

#[test]
fn keys_have_rights() {
    let folder = tempfile::tempdir().unwrap();
    let primary = start(&config(folder.path()));
    let read = |line: &str, body: &str| primary.exchange(line, Some(READ_KEY), "", body).status;
    for write in [
        "POST /api/policy",
        "POST /api/batch",
        "POST /api/clear_data",
        "POST /api/facts",
        "DELETE /api/facts",
        "POST /api/bulk",
        "POST /api/bulk_load",
        "POST /api/bulk_delete",
    ] {
        assert_eq!(read(write, "[]"), 403, "{write}");
        assert_eq!(primary.exchange(write, None, "", "[]").status, 401, "{write}");
        assert_eq!(primary.exchange(write, Some("e_0123456789_9_other"), "", "[]").status, 401, "{write}");
    }
    let head = head_path(DEVELOPMENT_ENVIRONMENT);
    let blob = blob_path(DEVELOPMENT_ENVIRONMENT, &primary.head().snapshot.sha256);
    for path in ["/api/facts", "/api/policy", &head, &blob] {
        assert_eq!(read(&format!("GET {path}"), ""), 200, "{path}");
        assert_eq!(primary.exchange(&format!("GET {path}"), None, "", "").status, 401, "{path}");
    }
    assert_eq!(read("POST /api/list", "{}"), 400);
    assert_eq!(primary.get("/api/batch").status, 405);
    assert_eq!(primary.get("/api/nowhere").status, 404);
    // The snapshot carries the digests, so that a node knows who may ask.
    let blob = primary.blob(&primary.head().snapshot.sha256);
    let snapshot = snapshot::Snapshot::open(&blob.body).unwrap();
    let mut keys: Vec<_> = snapshot.keys().unwrap().iter().map(|key| (key.digest, key.write)).collect();
    keys.sort_by_key(|(_, write)| *write);
    assert_eq!(keys, [(digest(READ_KEY), false), (digest(DEVELOPMENT_KEY), true)]);
    primary.stop();
}

#[test]
fn the_feed_gives_heads_conditionally_and_blobs_in_parts() {
    let folder = tempfile::tempdir().unwrap();
    let primary = start(&config(folder.path()));
    let path = head_path(DEVELOPMENT_ENVIRONMENT);
    let first = primary.get(&path);
    let tag = first.header("etag").unwrap().to_owned();
    let head = primary.head();
    assert_eq!((head.format, head.environment.as_str(), head.epoch), (0, DEVELOPMENT_ENVIRONMENT, 1));
    let condition = format!("If-None-Match: {tag}\r\n");
    let same = primary.get_with(&path, &condition);
    assert_eq!((same.status, same.body.len(), same.header("etag")), (304, 0, Some(tag.as_str())));
    assert_eq!(primary.get_with(&path, "If-None-Match: \"0-x\"\r\n").status, 200);

    let whole = primary.blob(&head.snapshot.sha256);
    assert_eq!((whole.status, whole.body.len() as u64), (200, head.snapshot.bytes));
    assert_eq!(hex(&Sha256::digest(&whole.body)), head.snapshot.sha256);
    let manifest = snapshot::verify(&whole.body).unwrap();
    assert_eq!((manifest.store, manifest.epoch, manifest.offset), (head.store.clone(), 1, 0));
    let path_of_blob = blob_path(DEVELOPMENT_ENVIRONMENT, &head.snapshot.sha256);
    let length = whole.body.len();
    let part = primary.get_with(&path_of_blob, "Range: bytes=10-19\r\n");
    assert_eq!((part.status, &part.body[..]), (206, &whole.body[10..20]));
    assert_eq!(part.header("content-range"), Some(format!("bytes 10-19/{length}").as_str()));
    let rest = primary.get_with(&path_of_blob, "Range: bytes=10-\r\n");
    assert_eq!((rest.status, &rest.body[..]), (206, &whole.body[10..]));
    let outside = primary.get_with(&path_of_blob, &format!("Range: bytes={length}-\r\n"));
    assert_eq!((outside.status, outside.header("content-range")), (416, Some(format!("bytes */{length}").as_str())));
    let other = primary.get_with(&path_of_blob, "Range: bytes=10-19\r\nIf-Range: \"another\"\r\n");
    assert_eq!((other.status, other.body.len()), (200, length));

    let nowhere = "0".repeat(64);
    for (path, status) in [
        (head_path("e_other"), 404),
        (blob_path(DEVELOPMENT_ENVIRONMENT, &nowhere), 404),
        (blob_path(DEVELOPMENT_ENVIRONMENT, "../../store.redb"), 404),
        (blob_path(DEVELOPMENT_ENVIRONMENT, ""), 404),
        (reports_path(DEVELOPMENT_ENVIRONMENT), 405),
        (format!("/feed/v0/{DEVELOPMENT_ENVIRONMENT}/else"), 404),
        (format!("/feed/v1/{DEVELOPMENT_ENVIRONMENT}/head"), 404),
        ("/feed/v0/".to_owned(), 404),
    ] {
        assert_eq!(primary.get(&path).status, status, "{path}");
    }
    assert_eq!(primary.post(&path, "").status, 405);

    // The last two are there, an older one is gone.
    assert_eq!(primary.policy(POLICY).status, 200);
    assert_eq!(primary.get_with(&path, &condition).status, 200);
    assert_eq!(primary.blob(&head.snapshot.sha256).status, 200);
    assert_eq!(primary.policy("actor User {}").status, 200);
    assert_eq!(primary.blob(&head.snapshot.sha256).status, 404);
    assert_eq!((primary.head().epoch, primary.head().store), (3, head.store));
    let blobs: Vec<PathBuf> =
        std::fs::read_dir(folder.path().join("data/blobs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(blobs.len(), 2, "{blobs:?}");
    primary.stop();
}

#[test]
fn a_long_poll_ends_with_a_new_head_with_its_time_or_with_a_drain() {
    let folder = tempfile::tempdir().unwrap();
    let primary = start(&config(folder.path()));
    let path = head_path(DEVELOPMENT_ENVIRONMENT);
    let get = |wait: u64, tag: &str| {
        let line = format!("GET {path}?wait={wait}");
        primary.send(&line, Some(READ_KEY), &format!("If-None-Match: {tag}\r\n"), "")
    };
    let tag = primary.get(&path).header("etag").unwrap().to_owned();
    let held = receive(get(1, &tag));
    assert_eq!(held.status, 304);
    // What is new already isn't held back: the test would take half a minute.
    assert_eq!(receive(get(WAIT_S_MAX, "\"0-x\"")).status, 200);
    let waiting: Vec<TcpStream> = (0..4).map(|_| get(WAIT_S_MAX, &tag)).collect();
    assert_eq!(primary.post("/api/batch", &inserts(&[role("ann", "reader")])).status, 200);
    let mut newer = String::new();
    for answer in waiting.into_iter().map(receive) {
        assert_eq!(answer.status, 200);
        let head: Head = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(head.epoch, 2);
        newer = answer.header("etag").unwrap().to_owned();
    }
    let waiting = get(WAIT_S_MAX, &newer);
    // It has arrived once another request on a later connection is answered by every thread.
    std::thread::sleep(std::time::Duration::from_millis(200));
    primary.stop();
    assert_eq!(receive(waiting).status, 304);
}

#[test]
fn a_snapshot_follows_the_last_write_and_holds_it() {
    let folder = tempfile::tempdir().unwrap();
    let primary = start(&config(folder.path()));
    let written = primary.post("/api/batch", &inserts(&[role("ann", "reader"), role("bob", "reader")]));
    let gone = format!(r#"[{{"deletes":[{}]}}]"#, role("ann", "reader"));
    let deleted = primary.post("/api/batch", &gone);
    assert!(written.offset() < deleted.offset());
    let newest = || {
        let blob = primary.blob(&primary.head().snapshot.sha256);
        let snapshot = snapshot::Snapshot::open(&blob.body).unwrap();
        (snapshot.manifest().offset, snapshot.facts().collect::<Vec<_>>())
    };
    let mut found = newest();
    while found.0 < deleted.offset() {
        std::thread::sleep(std::time::Duration::from_millis(20));
        found = newest();
    }
    assert_eq!(found.1.len(), 1);
    assert_eq!(found.1[0].args[0].id(), "bob");
    assert!(primary.native.0.lock().unwrap().log.is_empty(), "what the snapshot holds is forgotten");
    primary.stop();
}

#[test]
fn after_a_restart_the_snapshot_and_the_log_serve_and_a_damaged_one_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let primary = start(&config);
    assert_eq!(primary.policy(POLICY).status, 200);
    assert_eq!(primary.post("/api/batch", &inserts(&[role("ann", "reader"), role("bob", "reader")])).status, 200);
    assert_eq!(primary.post("/api/batch", &format!(r#"[{{"deletes":[{}]}}]"#, role("bob", "reader"))).offset(), 3);
    let head = primary.head();
    assert_eq!(head.epoch, 2);
    primary.stop();

    // Offsets 2 and 3 are in the log only.
    let primary = start(&config);
    assert_eq!(primary.head(), head);
    assert_eq!(primary.native.0.lock().unwrap().n_installs, 1);
    assert!(primary.may("ann", "read") && !primary.may("bob", "read"));
    primary.stop();

    let blob = folder.path().join("data/blobs").join(&head.snapshot.sha256);
    let mut bytes = std::fs::read(&blob).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&blob, bytes).unwrap();
    let primary = start(&config);
    assert_eq!((primary.head().epoch, primary.head().store), (3, head.store.clone()));
    assert!(primary.may("ann", "read") && !primary.may("bob", "read"));
    primary.stop();

    // Other keys: the snapshot must not go on telling nodes of the old ones.
    let mut fewer = config.clone();
    fewer.keys.truncate(1);
    let primary = start(&fewer);
    assert_eq!(primary.head().epoch, 4);
    assert_eq!(primary.exchange("GET /api/facts", Some(READ_KEY), "", "").status, 401);
    primary.stop();

    std::fs::remove_dir_all(folder.path().join("data/blobs")).unwrap();
    let primary = start(&fewer);
    assert_eq!((primary.head().epoch, primary.head().store), (5, head.store));
    primary.stop();
}

#[test]
fn files_at_the_start_are_put_in_force_over_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let mut config = config(folder.path());
    config.policy =
        vec![file("users.polar", "actor User {}"), file("repos.polar", &POLICY.replace("actor User {}", ""))];
    config.facts = Some(file("facts.jsonl", &[role("ann", "reader"), role("bob", "writer")].join("\n")));
    let primary = start(&config);
    assert!(primary.may("ann", "read") && primary.may("bob", "write"));
    assert_eq!(primary.get("/api/policy").json()["policy"]["filename"], "users.polar");
    assert_eq!(primary.post("/api/batch", &inserts(&[role("cyd", "reader")])).status, 200);
    let head = primary.head();
    primary.stop();

    let primary = start(&config);
    assert_eq!(primary.head(), head, "the same files change nothing");
    assert!(primary.may("cyd", "read"));
    primary.stop();

    config.policy = vec![file(
        "other.polar",
        &POLICY.replace("\"reader\" if \"writer\";", "").replace("\"writer\", Repo", "\"reader\", Repo"),
    )];
    let primary = start(&config);
    assert!(primary.may("ann", "read") && !primary.may("bob", "read"));
    assert!(primary.head().epoch > head.epoch);
    primary.stop();

    let refused = |config: &PrimaryConfig| start::open(config, Arc::new(Native::default())).err().unwrap();
    config.policy = vec![file("broken.polar", "\nresource Repo {")];
    assert!(refused(&config).contains("broken.polar:2:"));
    config.policy = vec![file("failing.polar", &POLICY.replace("assert allow", "assert_not allow"))];
    assert!(refused(&config).contains("writers read"));
    config.policy = Vec::new();
    config.facts = Some(file("facts.jsonl", "{}"));
    assert!(refused(&config).contains("facts.jsonl:1:"));
    config.facts = None;
    config.environment = "e_other".into();
    assert!(refused(&config).contains("`e_0123456789`, not `e_other`"));
}

#[test]
fn reports_are_taken_within_bounds_and_the_last_of_each_node_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let primary = start(&config(folder.path()));
    let path = reports_path(DEVELOPMENT_ENVIRONMENT);
    let report = |client_id: &str, period_ms: u64| {
        serde_json::json!({"version": "0.1.0", "client_id": client_id, "period_ms": period_ms, "snapshot_age_ms": 5,
            "snapshot_epoch": 1, "requests": [{"path": "/api/list", "status": 200, "count": 3}]})
        .to_string()
    };
    for n in 0..20 {
        let taken = primary.exchange(&format!("POST {path}"), Some(READ_KEY), "", &report(&format!("node-{n}"), 1));
        assert_eq!((taken.status, taken.body.len()), (204, 0));
    }
    assert_eq!(primary.post(&path, &report("node-10", 2)).status, 204);
    let kept = primary.service.reports.all();
    assert_eq!(kept.len(), 16);
    assert_eq!(kept.iter().filter(|report| report.client_id == "node-10").count(), 1);
    assert_eq!(kept.last().unwrap().period_ms, 2);
    assert_eq!(primary.post(&path, "{}").status, 400);
    assert_eq!(primary.post(&path, &" ".repeat(300 << 10)).status, 413);
    assert_eq!(primary.exchange(&format!("POST {path}"), None, "", &report("x", 1)).status, 401);
    primary.stop();
}

#[test]
fn writes_from_many_sides_are_all_there_once_each_in_one_order() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let primary = start(&config);
    let mut offsets: Vec<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let primary = &primary;
                scope.spawn(move || {
                    let one = |n| primary.post("/api/batch", &inserts(&[role(&format!("u{thread}-{n}"), "reader")]));
                    (0..25).map(|n| one(n).offset()).collect::<Vec<u64>>()
                })
            })
            .collect();
        // A policy in the middle of it: its snapshot and the log must fit together.
        assert_eq!(primary.policy(POLICY).status, 200);
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    offsets.sort_unstable();
    offsets.dedup();
    assert_eq!(offsets.len(), 100);
    assert_eq!(primary.get("/api/facts").json().as_array().unwrap().len(), 100);
    assert!((0..4).all(|thread| primary.may(&format!("u{thread}-24"), "read")));
    primary.stop();
    let primary = start(&config);
    assert_eq!(primary.get("/api/facts").json().as_array().unwrap().len(), 100);
    primary.stop();
}
