//! The primary on a real socket and a real data folder; the native engine stands in for the instances.
#![allow(clippy::unwrap_used)]

use std::{
    io::{Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, Weak},
    time::{Duration, Instant},
};

use tokio::sync::watch::{Sender, channel};
use understudy_calls::dialogue::{Dialogue, Step, Told};
use understudy_core::{
    engine::{Engine, Options},
    limits::WORK_UNITS_PER_REQUEST,
    model::{Answer, Change, Fact, Pattern, Reasons, Request},
    raw::dispatch,
    snapshot,
};
use understudy_wire::feed::{Head, blob_path, head_path};

use super::{
    config::{Accepted, DEVELOPMENT_ENVIRONMENT, DEVELOPMENT_KEY, PrimaryConfig},
    environment::{Common, Environment},
    environments::Environments,
    instances::{Instances, NotTried, Sources, Tried},
    ledger::Ledger,
    service::Primary,
    start,
    test_environments::{Make, TestEnvironments},
};

mod disk;
mod environments;
mod feed;
mod keys;
mod limits;
mod policy;
mod restart;
mod watch;
mod writes;
use crate::{
    http::{
        server::{Listeners, Running},
        service::Service,
        state::{Answers, Asked, Asker, CallError, Metadata, Pending},
    },
    keys::{AcceptedKey, Right, digest},
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
    fn ask(&self, _: Asker, asked: Asked) -> Pending<'_, Result<Vec<Answer>, CallError>> {
        Box::pin(async move {
            self.with(|engine| asked.into_requests().map(|one| engine.ask(&one).map_err(CallError::Ask)).collect())?
        })
    }
    fn explain(&self, _: Asker, request: Request) -> Pending<'_, Result<Reasons, CallError>> {
        Box::pin(async move { self.with(|engine| engine.summarize(&request).map_err(CallError::Ask))? })
    }
    fn converse(&self, _: Asker, dialogue: Arc<dyn Dialogue>) -> Pending<'_, Result<Vec<Told>, CallError>> {
        Box::pin(async move {
            self.with(|engine| {
                let mut told = Vec::new();
                while let Some(step) = dialogue.step(&told) {
                    told.push(match step {
                        Step::Ask(request) => engine.ask(&request).map_or_else(Told::Failed, Told::Answer),
                        Step::Names(vocabulary) => Told::Names(engine.names(&vocabulary)),
                        Step::Explain(request) => Told::Reasons(engine.summarize(&request).ok().map(|told| told.lines)),
                        Step::Skip => Told::Skipped,
                    });
                }
                told
            })
        })
    }
    fn facts(
        &self,
        _: Asker,
        predicate: Option<String>,
        args: Vec<Pattern>,
    ) -> Pending<'_, Result<Vec<Fact>, CallError>> {
        Box::pin(async move { self.with(|engine| engine.facts(predicate.as_deref(), &args)) })
    }
    fn metadata(&self, _: Asker) -> Pending<'_, Result<Option<Metadata>, CallError>> {
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
        inner.engine = Some(Engine::open(bytes, Options::seeded(0)).unwrap());
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
    fn try_policy(&self, sources: Sources, now_s: i64) -> Result<Tried, NotTried> {
        let mut tried = Tried { notes: dispatch::check(&sources), tests: Vec::new() };
        if !tried.has_errors() {
            tried.tests = dispatch::test(&sources, now_s, WORK_UNITS_PER_REQUEST, 0).unwrap();
        }
        Ok(tried)
    }
    fn answers(self: Arc<Self>) -> Arc<dyn Answers> {
        self
    }
}

struct Started {
    address: SocketAddr,
    ledger: Arc<Ledger>,
    native: Arc<Native>,
    /// Those of all environments.
    natives: Vec<Weak<Native>>,
    environments: Arc<Environments>,
    drain: Sender<bool>,
    running: Running,
}

fn config(folder: &Path) -> PrimaryConfig {
    let mut config = PrimaryConfig { data: folder.join("data"), ..PrimaryConfig::default() };
    config.environments[0].keys.push(AcceptedKey { digest: digest(READ_KEY), right: Right::Read });
    config
}

fn start(config: &PrimaryConfig) -> Started {
    let native = Arc::new(Native::default());
    let observe = Arc::new(Metrics::new(Readings::default).unwrap());
    let (main, others) = config.environments.split_first().unwrap();
    let ledger = Arc::new(start::open_main(config, main, native.clone()).unwrap());
    let common = Common {
        limits: config.limits,
        authzen: config.authzen.clone(),
        explains: config.explains,
        strict_pages: config.strict_pages,
        observe,
        pages: understudy_calls::signer::Signer::new([1; 32]),
    };
    let environment =
        |ledger: Arc<Ledger>, accepted: &Accepted| Environment::start(ledger, accepted.keys.clone(), &common).unwrap();
    let mut natives = vec![Arc::downgrade(&native)];
    let others = others.iter().map(|other| {
        let native = Arc::new(Native::default());
        natives.push(Arc::downgrade(&native));
        let ledger = start::open_other(config, other, native).unwrap();
        environment(Arc::new(ledger), other)
    });
    let others: Vec<_> = others.collect();
    let make: Box<Make> = Box::new(|| Ok(Arc::new(Native::default())));
    let tests = TestEnvironments::new(make, start::tests_folder(config), common.clone());
    let environments = Arc::new(Environments::new(environment(ledger.clone(), main), others, tests));
    let service: Arc<dyn Service> = Arc::new(Primary { environments: environments.clone() });
    let listeners = Listeners::bind(IpAddr::V4(Ipv4Addr::LOCALHOST), 0, 2).unwrap();
    let (address, (drain, draining)) = (listeners.address(), channel(false));
    let running = listeners.serve(&service, &draining).unwrap();
    Started { address, ledger, native, natives, environments, drain, running }
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
        let head = format!("{line} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{key}{headers}");
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
        self.running.join().unwrap();
        self.environments.close();
        // Connections that end by themselves may have it a moment longer. A ledger lets its store go before its instances.
        let (natives, begun) = (self.natives, Instant::now());
        drop((self.ledger, self.environments, self.native));
        while natives.iter().any(|native| native.strong_count() > 0) {
            assert!(begun.elapsed() < Duration::from_secs(30), "a stopped primary lets its store go");
            std::thread::sleep(Duration::from_millis(10));
        }
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
