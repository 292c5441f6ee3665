//! Real processes: a primary, a node, told apart by their flags. Killed when dropped.

use std::{
    fs::File,
    io::Read,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value as Json, json};

use crate::http::{Exchange, request};

/// The key that every vendor's test suite uses.
pub const KEY: &str = "e_0123456789_12345_osotesttoken01xiIn";
/// Its environment.
pub const ENVIRONMENT: &str = "e_0123456789";
/// Longest wait for a process to do what it should.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A running `understudy`.
pub struct Process {
    child: Child,
    log: PathBuf,
    address: Option<SocketAddr>,
    scheme: &'static str,
}

impl Process {
    /// Starts `binary` with these arguments and no variable of its own but `variables`. What it prints goes to a file in
    /// `folder`.
    pub fn start(binary: &Path, folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> Process {
        let mut number = 0;
        let log = loop {
            let log = folder.join(format!("log-{number}.txt"));
            if !log.exists() {
                break log;
            }
            number += 1;
        };
        let out = File::create(&log).expect("a log file");
        let mut command = Command::new(binary);
        command.args(args).env_clear().envs(variables.iter().copied()).current_dir(folder);
        command.stdin(Stdio::null()).stdout(out.try_clone().expect("a second handle")).stderr(out);
        Process { child: command.spawn().expect("the binary starts"), log, address: None, scheme: "http" }
    }

    /// `understudy primary` on a free port with its data in `folder`.
    pub fn primary(binary: &Path, folder: &Path, more: &[&str]) -> Process {
        let data = folder.join("primary");
        let data = data.to_str().expect("a path in UTF-8");
        let mut args = vec!["primary", "--data", data];
        if !more.contains(&"--port") {
            args.extend(["--port", "0"]);
        }
        args.extend(more);
        let mut primary = Process::start(binary, folder, &args, &[]);
        primary.await_address();
        primary
    }

    /// `understudy serve` on a free port of loopback, following `upstream`, its data in `directory`.
    /// It listens when this returns; whether it serves is another question.
    pub fn node(binary: &Path, folder: &Path, directory: &Path, upstream: &str, more: &[&str]) -> Process {
        let mut node = Process::start(binary, folder, &node_args(directory, upstream, more), NODE_VARIABLES);
        node.await_address();
        node
    }

    /// Waits until it says where it listens.
    pub fn await_address(&mut self) -> SocketAddr {
        let begun = Instant::now();
        loop {
            let printed = self.printed();
            let url = printed.lines().find_map(|line| line.split_once("listens on ")?.1.trim().split_once("://"));
            if let Some((scheme, address)) = url {
                self.scheme = if scheme == "https" { "https" } else { "http" };
                let address: SocketAddr = address.parse().expect("an address");
                // A server on every address is asked on loopback.
                let address = SocketAddr::new([127, 0, 0, 1].into(), address.port());
                self.address = Some(address);
                return address;
            }
            let ended = self.child.try_wait().expect("its state");
            assert!(ended.is_none() && begun.elapsed() < PATIENCE, "it doesn't listen ({ended:?}):\n{printed}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Everything it printed so far.
    pub fn printed(&self) -> String {
        let mut text = String::new();
        let read = File::open(&self.log).and_then(|mut file| file.read_to_string(&mut text));
        read.expect("its log");
        text
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address.expect("it listens")
    }

    /// `http://127.0.0.1:PORT`, or `https`.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address())
    }

    /// Its id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// A request with the development key; `Err`: no answer.
    pub fn try_send(&self, method: &str, path: &str, body: &Json) -> std::io::Result<Exchange> {
        let bytes = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        request(self.address(), method, path, &[("authorization", &format!("Bearer {KEY}"))], &bytes)
    }

    /// A GET with the development key.
    pub fn get(&self, path: &str) -> Exchange {
        self.try_send("GET", path, &Json::Null)
            .unwrap_or_else(|error| panic!("GET {path}: {error}\n{}", self.printed()))
    }

    /// A POST with the development key.
    pub fn post(&self, path: &str, body: &Json) -> Exchange {
        self.try_send("POST", path, body).unwrap_or_else(|error| panic!("POST {path}: {error}\n{}", self.printed()))
    }

    /// May it? Panics on anything but an answer.
    pub fn authorize(&self, actor: (&str, &str), action: &str, resource: (&str, &str)) -> bool {
        let body = json!({
            "actor_type": actor.0, "actor_id": actor.1, "action": action,
            "resource_type": resource.0, "resource_id": resource.1, "context_facts": []
        });
        let answer = self.post("/api/authorize", &body);
        answer.json()["allowed"].as_bool().unwrap_or_else(|| panic!("{} {}", answer.status, answer.text()))
    }

    /// Puts a policy in force on a primary.
    pub fn post_policy(&self, text: &str) {
        let answer = self.post("/api/policy", &json!({ "filename": "policy.polar", "src": text }));
        assert!((200..300).contains(&answer.status), "{} {}", answer.status, answer.text());
    }

    /// Inserts and deletes facts on a primary, as `["predicate", ["Type", "id"], …]`.
    pub fn write(&self, inserts: &[Json], deletes: &[Json]) {
        let fact = |fact: &Json| {
            let parts = fact.as_array().expect("a fact is an array");
            let args = parts[1..].iter().map(|arg| json!({ "type": arg[0], "id": arg[1] }));
            json!({ "predicate": parts[0], "args": args.collect::<Vec<_>>() })
        };
        let changes = json!([
            { "deletes": deletes.iter().map(fact).collect::<Vec<_>>() },
            { "inserts": inserts.iter().map(fact).collect::<Vec<_>>() },
        ]);
        let answer = self.post("/api/batch", &changes);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// The value of a line of `/metrics`, as `name` or `name{label="x"}`.
    pub fn metric(&self, name: &str) -> Option<f64> {
        let text = self.get("/metrics").text();
        text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
    }

    /// Waits until it serves.
    pub fn await_serving(&self) {
        self.await_that("it serves", || self.get("/healthcheck").status == 200);
    }

    /// Waits until something holds.
    pub fn await_that(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !holds() {
            assert!(begun.elapsed() < PATIENCE, "never came true: {what}\n{}", self.printed());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// SIGKILL, and gone when this returns.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// SIGTERM, and its exit status.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.await_exit(PATIENCE)
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "the signal was not sent");
    }

    /// Waits for it to end by itself.
    pub fn await_exit(&mut self, patience: Duration) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("its state") {
                return status;
            }
            assert!(begun.elapsed() < patience, "it doesn't end:\n{}", self.printed());
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Variables that every node of the tests has: the page's three.
pub const NODE_VARIABLES: &[(&str, &str)] =
    &[("OSO_API_TOKEN", KEY), ("OSO_ENVIRONMENT", ENVIRONMENT), ("OSO_TENANT", "acme")];

/// Flags of a node on a free port of loopback. `more` may repeat none of them but `--port`.
pub fn node_args<'a>(directory: &'a Path, upstream: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let directory = directory.to_str().expect("a path in UTF-8");
    let mut args = vec!["--host", "127.0.0.1", "--directory", directory, "--url", upstream];
    if !more.contains(&"--port") {
        args.extend(["--port", "0"]);
    }
    args.extend(more);
    args
}

/// Says that a tool is missing and that the test is skipped; with `CI=true` that is a failure.
pub fn skip(test: &str, missing: &str) {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{test}: {missing} is missing, and CI must have it");
    eprintln!("{test}: skipped, {missing} is missing on this machine");
}
