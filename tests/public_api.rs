//! A node whose upstream is Oso Cloud's public read API: it makes its own snapshots of what it reads, and takes nothing
//! that may be cut off, in motion or nonsense for the whole.

use std::{
    fs,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::{Value as Json, json};
use understudy_tests::{
    connection::Connection,
    http::Exchange,
    process::{ENVIRONMENT, KEY, NODE_VARIABLES, PATIENCE, Process, node_args},
    serve::{Given, Server},
};

const BINARY: &str = env!("CARGO_BIN_EXE_understudy");
const POLICY: &str =
    "actor User {}\nresource Repo { permissions = [\"read\"]; roles = [\"reader\"]; \"read\" if \"reader\"; }\n";
const OTHER_KEY: &str = "e_0123456789_77_anothersecret";

/// What the API has.
#[derive(Clone, Debug)]
struct Data {
    policy: Option<String>,
    facts: Vec<Json>,
    /// Instead of the facts: status and text.
    instead: Option<(u16, String)>,
    /// A fact of its own for every reading.
    is_moving: bool,
}

struct Api {
    server: Server,
    data: Arc<Mutex<Data>>,
    n_asked: Arc<AtomicU64>,
}

impl Api {
    fn start() -> Self {
        let data = Data { policy: Some(POLICY.into()), facts: vec![reader("ann")], instead: None, is_moving: false };
        let (data, n_asked) = (Arc::new(Mutex::new(data)), Arc::new(AtomicU64::new(0)));
        let (served, count) = (data.clone(), n_asked.clone());
        let server = Server::start(move |asked| {
            let data = served.lock().unwrap_or_else(PoisonError::into_inner);
            if asked.bearer != KEY {
                return Given::status(401);
            }
            match asked.path.as_str() {
                "/api/policy" => {
                    let policy = data.policy.as_ref().map(|src| json!({"filename": "main.polar", "src": src}));
                    Given::ok(json!({ "policy": policy }).to_string())
                }
                "/api/facts" => {
                    let number = count.fetch_add(1, Ordering::SeqCst);
                    let mut facts = data.facts.clone();
                    if data.is_moving {
                        facts.push(reader(&format!("guest-{number}")));
                    }
                    let (status, body) = data.instead.clone().unwrap_or((200, Json::from(facts).to_string()));
                    Given::Answer { status, body: body.into_bytes() }
                }
                _ => Given::status(404),
            }
        });
        Api { server, data, n_asked }
    }

    fn data(&self) -> MutexGuard<'_, Data> {
        self.data.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn reader(user: &str) -> Json {
    json!({"predicate": "has_role", "args": [
        {"type": "User", "id": user}, {"type": "String", "id": "reader"}, {"type": "Repo", "id": "web"}
    ]})
}

fn node(folder: &Path, api: &Api, more: &[&str], variables: &[(&str, &str)]) -> Process {
    let (data, url) = (folder.join("node"), api.server.url());
    let more = [&["--sync-interval", "100ms", "--log-level", "warn"], more].concat();
    let args = node_args(&data, &url, &more);
    let mut node = Process::start(Path::new(BINARY), folder, &args, &[NODE_VARIABLES, variables].concat());
    node.await_address();
    node
}

fn may(node: &Process, user: &str) -> bool {
    node.authorize(("User", user), "read", ("Repo", "web"))
}

fn epoch(node: &Process) -> u64 {
    node.metric("understudy_snapshot_epoch").unwrap_or(0.0) as u64
}

fn count(node: &Process, outcome: &str) -> f64 {
    node.metric(&format!("understudy_sync_total{{origin=\"upstream\",outcome=\"{outcome}\"}}")).unwrap_or(0.0)
}

fn ask(node: &Process, key: &str) -> Exchange {
    let mut connection = Connection::open(node.address()).expect("a connection").with_key(key);
    let body = json!({
        "actor_type": "User", "actor_id": "ann", "action": "read",
        "resource_type": "Repo", "resource_id": "web", "context_facts": []
    });
    connection.send("POST", "/api/authorize", &body).expect("an answer")
}

#[test]
fn it_makes_its_own_snapshots_and_follows_on_over_a_restart() {
    let (folder, api) = (tempfile::tempdir().expect("a folder"), Api::start());
    let mut first = node(folder.path(), &api, &[], &[]);
    first.await_serving();
    assert!(may(&first, "ann") && !may(&first, "bo"));
    assert_eq!(epoch(&first), 1);
    api.data().facts = vec![reader("bo"), reader("cy")];
    first.await_that("the change arrives", || may(&first, "bo"));
    assert!(!may(&first, "ann") && may(&first, "cy"), "whole, or not at all");
    first.await_that("it is counted", || epoch(&first) == 2);
    // Nothing new is nothing built.
    let asked = api.n_asked.load(Ordering::SeqCst);
    first.await_that("it is asked again", || api.n_asked.load(Ordering::SeqCst) > asked + 3);
    assert!(epoch(&first) == 2 && count(&first, "current") >= 2.0);
    first.kill();

    let mut second = node(folder.path(), &api, &[], &[]);
    second.await_serving();
    assert!(may(&second, "bo") && epoch(&second) == 2, "the disk has what the API has");
    api.data().facts.push(reader("di"));
    second.await_that("the next change arrives", || may(&second, "di"));
    second.await_that("epoch one above", || epoch(&second) == 3);
    let policy = POLICY.replace("\"read\" if \"reader\";", "");
    api.data().policy = Some(policy);
    second.await_that("the next policy arrives", || !may(&second, "di"));
    assert_eq!(second.terminate().code(), Some(0));

    // A change while it was away.
    api.data().policy = Some(POLICY.to_owned());
    api.data().facts = vec![reader("eve")];
    let third = node(folder.path(), &api, &[], &[]);
    third.await_serving();
    assert!(may(&third, "eve") && !may(&third, "di"), "the upstream comes first");
    assert_eq!(epoch(&third), 5);
}

#[test]
fn what_can_t_be_the_whole_is_refused_and_the_last_good_serves_on() {
    let (folder, api) = (tempfile::tempdir().expect("a folder"), Api::start());
    let node = node(folder.path(), &api, &[], &[]);
    node.await_serving();
    let good = api.data().clone();
    let many = |n: usize| (0..n).map(|n| reader(&format!("user-{n}"))).collect::<Vec<_>>();
    let cut = Data { facts: many(1_000), ..good.clone() };
    let cut_of_one = Data {
        facts: [many(1_000), vec![json!({"predicate": "p", "args": [{"type": "User", "id": "x"}]})]].concat(),
        ..good.clone()
    };
    let instead = |status: u16, text: &str| Data { instead: Some((status, text.to_owned())), ..good.clone() };
    let policy = |text: &str| Data { policy: Some(text.to_owned()), ..good.clone() };
    let cases: Vec<(&str, Data, &str, [&str; 2])> = vec![
        ("a thousand facts", cut, "cut_off", ["exactly 1000 facts", "use a plan without that limit or a feed"]),
        ("a thousand of one predicate", cut_of_one, "cut_off", ["exactly 1000 facts of a predicate", "refused"]),
        (
            "data in motion",
            Data { is_moving: true, ..good.clone() },
            "unsettled",
            ["changed during each", "tried again"],
        ),
        ("no JSON", instead(200, "<!doctype html>"), "malformed", ["GET /api/facts can't be read", "byte"]),
        (
            "half of the JSON",
            instead(200, "[{\"predicate\":\"has_role\",\"args\":["),
            "malformed",
            ["can't be read", "byte"],
        ),
        ("another shape", instead(200, "{\"facts\":[]}"), "malformed", ["can't be read", "byte"]),
        (
            "a pattern for a fact",
            instead(200, &json!([{"predicate": "p", "args": [{"type": "User", "id": "*"}]}]).to_string()),
            "malformed",
            ["fact 1", "can't be stored"],
        ),
        (
            "a fact without arguments",
            instead(200, &json!([{"predicate": "p", "args": []}]).to_string()),
            "malformed",
            ["fact 1", "can't be stored"],
        ),
        (
            "a fact of too many arguments",
            instead(200, &json!([{"predicate": "p", "args": vec![json!({"type": "User", "id": "x"}); 9]}]).to_string()),
            "malformed",
            ["fact 1", "can't be stored"],
        ),
        ("a failing API", instead(500, "{}"), "network", ["not able to give GET /api/facts", "500"]),
        ("too many requests", instead(429, "{}"), "network", ["not able to give GET /api/facts", "429"]),
        (
            "a key that was revoked",
            instead(401, "{}"),
            "unauthorized",
            ["refuses OSO_API_TOKEN", "is it a key of OSO_ENVIRONMENT"],
        ),
        (
            "a policy that doesn't compile",
            policy("aktor User {}"),
            "policy",
            ["the upstream's data can't be used", "main.polar"],
        ),
    ];
    for (name, data, cause, words) in &cases {
        let (before, printed) = (count(&node, cause), node.printed().len());
        *api.data() = data.clone();
        node.await_that(&format!("{name}: counted as {cause}, logged as {words:?}"), || {
            let logged = node.printed()[printed..].to_owned();
            count(&node, cause) > before && logged.lines().any(|line| words.iter().all(|word| line.contains(word)))
        });
        assert!(may(&node, "ann") && !may(&node, "user-1"), "{name}");
        assert!(!node.printed().contains("panick"), "{name}: {}", node.printed());
        *api.data() = good.clone();
        let current = count(&node, "current");
        node.await_that("it is in step again", || count(&node, "current") > current);
    }
    assert_eq!(epoch(&node), 1, "none of them served");
    // One more than where plans cut is the whole.
    api.data().facts = many(1_001);
    node.await_that("1,001 facts are taken", || may(&node, "user-1000"));
    println!("public API: {} passed, 0 failed", cases.len() + 1);
    let printed = node.printed();
    assert!(!printed.contains("secret") && !printed.contains(KEY) && !printed.contains("user-1"), "{printed}");
}

#[test]
fn with_nothing_but_a_cut_off_answer_it_ends_and_says_why() {
    let (folder, api) = (tempfile::tempdir().expect("a folder"), Api::start());
    api.data().facts = (0..1_000).map(|n| reader(&n.to_string())).collect();
    let mut node = node(folder.path(), &api, &[], &[]);
    assert_eq!(node.await_exit(Duration::from_secs(20)).code(), Some(1));
    let printed = node.printed();
    assert!(printed.lines().last().is_some_and(|last| last.contains("exactly 1000 facts")), "{printed}");
}

#[test]
fn an_environment_without_policy_and_facts_is_something_to_serve() {
    let (folder, api) = (tempfile::tempdir().expect("a folder"), Api::start());
    *api.data() = Data { policy: None, facts: Vec::new(), instead: None, is_moving: false };
    let node = node(folder.path(), &api, &[], &[]);
    node.await_serving();
    assert!(!may(&node, "ann"));
    assert_eq!(node.get("/api/facts").json(), json!([]));
    api.data().facts = vec![reader("ann")];
    api.data().policy = Some(POLICY.to_owned());
    node.await_that("it is filled", || may(&node, "ann"));
}

#[test]
fn only_known_keys_ask_and_the_refusal_says_what_to_do() {
    let (folder, api) = (tempfile::tempdir().expect("a folder"), Api::start());
    let digest = |key: &str| {
        let mut keys = Process::start(Path::new(BINARY), folder.path(), &["keys", "digest", key], &[]);
        assert_eq!(keys.await_exit(PATIENCE).code(), Some(0));
        keys.printed()
    };
    let (file, line) = (folder.path().join("keys.txt"), digest(OTHER_KEY));
    assert!(line.trim().len() == 64 && !line.contains("secret"), "{line}");
    fs::write(&file, "# nobody yet\n").expect("a file");
    let accepted = ("OSO_ACCEPTED_KEYS_FILE", file.to_str().expect("UTF-8"));
    let mut strict = node(folder.path(), &api, &[], &[accepted]);
    strict.await_serving();
    let assert_refused = |node: &Process, key: &str, words: &str| {
        let refused = ask(node, key);
        assert_eq!(refused.status, 401, "{}", refused.text());
        assert!(refused.text().contains(words) && !refused.text().contains("secret"), "{}", refused.text());
    };
    assert_eq!(ask(&strict, KEY).json(), json!({"allowed": true}), "the node's own key");
    assert_refused(&strict, OTHER_KEY, "OSO_ACCEPTED_KEYS_FILE");
    assert_refused(&strict, OTHER_KEY, "understudy keys digest");
    assert_refused(&strict, "", "send `Authorization: Bearer <key>`");

    // The file is read again when it changes; a bad edit keeps what was good.
    fs::write(&file, format!("# team\n{line}")).expect("a file");
    strict.await_that("the key is accepted", || ask(&strict, OTHER_KEY).status == 200);
    fs::write(&file, "this is no digest\n").expect("a file");
    strict.await_that("it is said", || strict.printed().contains("line 1 is not the SHA-256 of a key"));
    assert_eq!(ask(&strict, OTHER_KEY).status, 200);
    fs::write(&file, "# nobody any more, and longer than before\n").expect("a file");
    strict.await_that("the key is refused", || ask(&strict, OTHER_KEY).status == 401);
    assert_eq!(ask(&strict, KEY).status, 200);
    assert_eq!(strict.terminate().code(), Some(0));

    // Any key of the environment's form: only by the switch, which is said at start.
    let open = node(folder.path(), &api, &[], &[("OSO_ACCEPT_ENVIRONMENT_KEYS", "true")]);
    open.await_serving();
    assert!(open.printed().contains("OSO_ACCEPT_ENVIRONMENT_KEYS is on"), "{}", open.printed());
    assert_eq!(ask(&open, OTHER_KEY).status, 200);
    assert_refused(&open, "e_9999999999_1_secret", "this node accepts");
    assert_refused(&open, ENVIRONMENT, "this node accepts");
}
