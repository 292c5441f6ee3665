//! Who may ask, where the snapshot carries the digests of the environment's keys.

use std::path::Path;

use serde_json::{Value as Json, json};
use understudy_tests::{
    connection::Connection,
    http::Exchange,
    process::{ENVIRONMENT, Process, node_args},
    watch::POLICY,
};

const BINARY: &str = env!("CARGO_BIN_EXE_understudy");
const WRITE: &str = "e_0123456789_1_writesecret";
const READ: &str = "e_0123456789_2_readsecret";
const NEW: &str = "e_0123456789_3_newsecret";
const FOREIGN: &str = "e_0123456789_4_foreignsecret";

fn send(process: &Process, key: &str, method: &str, path: &str, body: &Json) -> Exchange {
    let mut connection = Connection::open(process.address()).expect("a connection").with_key(key);
    connection.send(method, path, body).expect("an answer")
}

fn ask(process: &Process, key: &str) -> Exchange {
    let body = json!({
        "actor_type": "User", "actor_id": "ann", "action": "see",
        "resource_type": "Gen", "resource_id": "1", "context_facts": []
    });
    send(process, key, "POST", "/api/authorize", &body)
}

fn assert_refused(answer: &Exchange, words: &str) {
    assert_eq!(answer.status, 401, "{}", answer.text());
    let message = answer.json()["message"].as_str().unwrap_or_default().to_owned();
    assert!(message.contains(words) && !message.contains("secret"), "{message}");
}

#[test]
fn the_keys_of_the_snapshot_may_ask_and_no_others() {
    let folder = tempfile::tempdir().expect("a folder");
    let binary = Path::new(BINARY);
    let read = format!("{READ}:read");
    let mut primary = Process::primary(binary, folder.path(), &["--key", WRITE, "--key", &read]);
    let policy = json!({"filename": "policy.polar", "src": POLICY});
    assert_eq!(send(&primary, WRITE, "POST", "/api/policy", &policy).status, 200);

    // On the primary: one may write, one may only ask.
    let seer = json!([{"inserts": [{"predicate": "has_role", "args": [
        {"type": "User", "id": "ann"}, {"type": "String", "id": "seer"}, {"type": "Gen", "id": "1"}
    ]}]}]);
    assert_eq!(send(&primary, WRITE, "POST", "/api/batch", &seer).status, 200);
    for (path, body) in [("/api/batch", &seer), ("/api/policy", &policy), ("/api/clear_data", &Json::Null)] {
        let refused = send(&primary, READ, "POST", path, body);
        assert_eq!(refused.status, 403, "{path}: {}", refused.text());
        assert!(refused.text().contains("use one that may write"), "{path}: {}", refused.text());
    }
    assert_eq!(ask(&primary, READ).json(), json!({"allowed": true}));
    assert_refused(&ask(&primary, FOREIGN), "isn't a key of the environment");
    assert_eq!(send(&primary, READ, "GET", &format!("/feed/v0/{ENVIRONMENT}/head"), &Json::Null).status, 200);
    assert_refused(
        &send(&primary, FOREIGN, "GET", &format!("/feed/v0/{ENVIRONMENT}/head"), &Json::Null),
        "isn't a key",
    );

    // A node that follows with the read-only key, and goes on without its primary.
    let start = |upstream: &str, token: &str| {
        let data = folder.path().join("node");
        let args = node_args(&data, upstream, &["--sync-interval", "100ms"]);
        let variables = [("OSO_API_TOKEN", token), ("OSO_ENVIRONMENT", ENVIRONMENT), ("OSO_TENANT", "acme")];
        let mut node = Process::start(binary, folder.path(), &args, &variables);
        node.await_address();
        node
    };
    let mut node = start(&primary.url(), READ);
    node.await_serving();
    node.await_that("the write arrives", || ask(&node, READ).json() == json!({"allowed": true}));
    primary.kill();
    let assert_keys = |node: &Process| {
        for key in [WRITE, READ] {
            assert_eq!(ask(node, key).json(), json!({"allowed": true}));
        }
        for key in [FOREIGN, NEW, "nonsense", &WRITE[..WRITE.len() - 1], &format!("{WRITE}x")] {
            assert_refused(&ask(node, key), "use a key that its primary accepts");
        }
        assert_refused(&ask(node, ""), "send `Authorization: Bearer <key>`");
        assert_eq!(send(node, FOREIGN, "GET", "/healthcheck", &Json::Null).status, 200, "probes have no key");
    };
    assert_keys(&node);
    let upstream = primary.url();
    node.kill();
    let mut node = start(&upstream, READ);
    node.await_serving();
    assert_keys(&node);
    node.kill();

    // Other keys at the primary are other keys at the node, from the next sync on.
    let port = upstream.rsplit_once(':').map_or("0", |(_, port)| port);
    let mut primary = Process::primary(binary, folder.path(), &["--port", port, "--key", NEW, "--key", &read]);
    let node = start(&upstream, READ);
    node.await_serving();
    node.await_that("the new key is accepted", || ask(&node, NEW).status == 200);
    assert_refused(&ask(&node, WRITE), "isn't a key of the environment");
    assert_eq!(ask(&node, READ).json(), json!({"allowed": true}));
    for process in [&node, &primary] {
        assert!(!process.printed().contains("secret"), "no key is printed: {}", process.printed());
    }
    primary.kill();
}
