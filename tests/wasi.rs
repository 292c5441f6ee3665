//! The `wasi:http` component in wasmtime, over a snapshot that was written natively: same shapes and statuses as the node.

#[path = "../host-native/src/guest/engine_config.rs"]
mod engine_config;
#[path = "wasi/host.rs"]
mod host;

use std::{fs, path::Path};

use host::Instance;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use understudy_core::{
    model::{Fact, Value},
    snapshot::{Contents, Key, Manifest, PolicyText, write},
};
use understudy_tests::http::Exchange;

const KEY: &str = "e_1_12345_one";
const ENVIRONMENT: &str = "e_1";
const POLICY: &str = r#"
    actor User {}
    resource Repo {
        permissions = ["read", "push"]; roles = ["reader", "writer"];
        "reader" if "writer"; "read" if "reader"; "push" if "writer";
    }
"#;

fn role(user: &str, role: &str, repo: &str) -> Fact {
    let value = |type_name, id| Value::new(type_name, id).expect("a value");
    let args = vec![value("User", user), value("String", role), value("Repo", repo)];
    Fact { predicate: "has_role".to_owned(), args }
}

fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

fn snapshot(policy: &str, facts: Vec<Fact>, keys: Option<&[&str]>) -> Vec<u8> {
    let key = |key: &&str| Key { digest: digest(key), write: false };
    let contents = Contents {
        manifest: Manifest { environment: ENVIRONMENT.to_owned(), store: "test".to_owned(), ..Manifest::default() },
        policy: Some(PolicyText { file: None, text: policy.to_owned() }),
        keys: keys.map(|keys| keys.iter().map(key).collect()),
    };
    write(&contents, facts).expect("a snapshot")
}

fn world() -> Vec<u8> {
    let facts = vec![role("ann", "writer", "web"), role("ann", "reader", "app"), role("bo", "reader", "web")];
    snapshot(POLICY, facts, Some(&[KEY]))
}

/// An instance over this snapshot. The folder lives as long as the instance may still have to read it.
fn instance(bytes: &[u8], variables: &[(&str, &str)]) -> (tempfile::TempDir, Instance) {
    let folder = tempfile::tempdir().expect("a folder");
    put(folder.path(), bytes);
    let instance = Instance::start(folder.path(), variables);
    (folder, instance)
}

fn put(folder: &Path, bytes: &[u8]) {
    fs::write(folder.join("understudy.snapshot"), bytes).expect("a file");
}

fn post(instance: &mut Instance, path: &str, body: &Json) -> Exchange {
    let authorization = format!("Bearer {KEY}");
    instance.send("POST", path, &[("authorization", &authorization)], body.to_string().as_bytes())
}

fn authorize(user: &str, action: &str, repo: &str) -> Json {
    json!({"actor_type": "User", "actor_id": user, "action": action, "resource_type": "Repo", "resource_id": repo})
}

/// The message of an error, which has nothing else.
fn message(answer: &Exchange) -> String {
    let json = answer.json();
    assert_eq!(json.as_object().map(serde_json::Map::len), Some(1), "{json}");
    json["message"].as_str().expect("a message").to_owned()
}

#[test]
fn it_has_no_way_to_the_network() {
    let imports = host::imports();
    let may_call = |name: &&String| name.starts_with("wasi:sockets/") || *name == "wasi:http/outgoing-handler";
    assert_eq!(imports.iter().find(may_call), None, "{imports:?}");
    assert!(imports.iter().any(|name| name == "wasi:filesystem/preopens"), "{imports:?}");
}

#[test]
fn it_answers_as_the_node_does() {
    let (_folder, mut instance) = instance(&world(), &[]);
    let health = instance.send("GET", "/healthcheck", &[], b"");
    assert_eq!((health.status, health.json()), (200, json!({"status": "ok"})));

    let yes = post(&mut instance, "/api/authorize", &authorize("ann", "push", "web"));
    assert_eq!((yes.status, yes.json()), (200, json!({"allowed": true})));
    assert_eq!(yes.header("content-type"), Some("application/json"));
    let no = post(&mut instance, "//api/authorize", &authorize("bo", "push", "web"));
    assert_eq!((no.status, no.json()), (200, json!({"allowed": false})));

    let list = json!({"actor_type": "User", "actor_id": "ann", "action": "read", "resource_type": "Repo"});
    let answer = post(&mut instance, "/api/list", &list);
    assert_eq!((answer.status, answer.json()), (200, json!({"results": ["app", "web"]})));

    let actions = json!({"actor_type": "User", "actor_id": "ann", "resource_type": "Repo", "resource_id": "web"});
    let answer = post(&mut instance, "/api/actions", &actions);
    assert_eq!((answer.status, answer.json()), (200, json!({"results": ["push", "read"]})));
}

#[test]
fn context_facts_hold_for_their_request_alone() {
    let (_folder, mut instance) = instance(&world(), &[]);
    let mut asked = authorize("cy", "read", "web");
    asked["context_facts"] = json!([{"predicate": "has_role", "args": [
        {"type": "User", "id": "cy"}, {"type": "String", "id": "reader"}, {"type": "Repo", "id": "web"}
    ]}]);
    assert_eq!(post(&mut instance, "/api/authorize", &asked).json(), json!({"allowed": true}));
    let plain = authorize("cy", "read", "web");
    assert_eq!(post(&mut instance, "/api/authorize", &plain).json(), json!({"allowed": false}));
}

#[test]
fn a_long_list_arrives_whole_and_page_by_page() {
    let facts = (0..25_000).map(|n| role("ann", "reader", &format!("{n:06}"))).collect();
    let key = "0f".repeat(32);
    let (_folder, mut instance) = instance(&snapshot(POLICY, facts, Some(&[KEY])), &[("OSO_PAGE_KEY", &key)]);
    let mut asked = json!({"actor_type": "User", "actor_id": "ann", "action": "read", "resource_type": "Repo"});
    let whole = post(&mut instance, "/api/list", &asked).json()["results"].clone();
    assert_eq!(whole.as_array().map(Vec::len), Some(25_000));
    asked["page_size"] = json!(10_000);
    let mut pages = Vec::new();
    loop {
        let page = post(&mut instance, "/api/list", &asked).json();
        pages.extend(page["results"].as_array().cloned().expect("ids"));
        asked["page_token"] = page["next_page_token"].clone();
        if page["next_page_token"].is_null() {
            break;
        }
    }
    assert_eq!(Json::Array(pages), whole);
}

#[test]
fn the_request_id_is_echoed_or_made() {
    let (_folder, mut instance) = instance(&world(), &[]);
    let given = instance.send("GET", "/healthcheck", &[("x-request-id", "of the caller")], b"");
    assert_eq!(given.header("x-request-id"), Some("of the caller"));
    let mut made = || instance.send("GET", "/nowhere", &[], b"").header("x-request-id").map(str::to_owned);
    let (first, second) = (made(), made());
    assert_eq!(first.as_deref().map(str::len), Some(36));
    assert_ne!(first, second);
}

#[test]
fn what_cant_be_answered_is_refused_with_a_message() {
    let (_folder, mut instance) = instance(&world(), &[]);
    let mut status = |method: &str, path: &str, body: &str| {
        let answer = instance.send(method, path, &[("authorization", &format!("Bearer {KEY}"))], body.as_bytes());
        assert!(!message(&answer).is_empty());
        answer.status
    };
    let asked = authorize("ann", "push", "web").to_string();
    assert_eq!(status("POST", "/api/nowhere", &asked), 404);
    assert_eq!(status("GET", "/api/authorize", ""), 405);
    assert_eq!(status("POST", "/api/query", "{}"), 405, "known, but not of this host");
    assert_eq!(status("POST", "/api/batch", "[]"), 405);
    let refused = instance.send("POST", "/api/batch", &[("authorization", &format!("Bearer {KEY}"))], b"[]");
    assert_eq!(refused.header("allow"), Some(""), "it takes no method here");
    for (method, path, allow) in
        [("GET", "/api/authorize", "POST"), ("POST", "/livez", "GET"), ("PUT", "/api/list", "POST")]
    {
        let refused = instance.send(method, path, &[("authorization", &format!("Bearer {KEY}"))], b"");
        assert_eq!((refused.status, refused.header("allow")), (405, Some(allow)), "{method} {path}");
    }
    assert_eq!(instance.send("GET", "/nowhere", &[], b"").header("allow"), None, "a 404 has none");
    for path in ["authorize", "list", "actions", "healthcheck", "livez", "readyz"] {
        assert!(message(&refused).contains(path), "{}", refused.text());
    }
    let mut status = |method: &str, path: &str, body: &str| {
        instance.send(method, path, &[("authorization", &format!("Bearer {KEY}"))], body.as_bytes()).status
    };
    assert_eq!(status("POST", "/api/authorize", "{"), 400);
    assert_eq!(status("POST", "/api/authorize", "{}"), 400);
    assert_eq!(status("POST", "/api/authorize", &authorize("*", "push", "web").to_string()), 400);
    let list =
        json!({"actor_type": "User", "actor_id": "ann", "action": "read", "resource_type": "Repo", "page_size": 0});
    assert_eq!(status("POST", "/api/list", &list.to_string()), 400);
    assert_eq!(status("POST", "/api/authorize", &"x".repeat((10 << 20) + 1)), 413);
}

#[test]
fn an_error_of_the_engine_is_no_decision() {
    // It would hold if it didn't.
    let policy = r#"
        actor User {} resource Repo { permissions = ["read"]; }
        allow(user: User, "read", repo: Repo) if
            has_role(user, "reader", repo) and not allow(user, "read", repo);
    "#;
    let bytes = snapshot(policy, vec![role("ann", "reader", "web")], Some(&[KEY]));
    let (_folder, mut instance) = instance(&bytes, &[]);
    let answer = post(&mut instance, "/api/authorize", &authorize("ann", "read", "web"));
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(message(&answer).contains("negation"), "{}", answer.text());
}

#[test]
fn only_keys_of_the_snapshot_ask() {
    // A digest that the host accepts counts only where the snapshot has none.
    let other: String = digest("e_1_12345_two").iter().map(|byte| format!("{byte:02x}")).collect();
    let (_folder, mut instance) = instance(&world(), &[("OSO_ACCEPTED_KEYS", &other)]);
    let body = authorize("ann", "push", "web").to_string();
    for headers in [
        &[][..],
        &[("authorization", "Bearer e_1_12345_two")],
        &[("authorization", "Bearer ")],
        &[("authorization", "Basic e_1_12345_one")],
    ] {
        let answer = instance.send("POST", "/api/authorize", headers, body.as_bytes());
        assert_eq!(answer.status, 401, "{headers:?}");
        assert!(message(&answer).contains("key"));
    }
    assert_eq!(instance.send("GET", "/healthcheck", &[], b"").status, 200);
}

#[test]
fn without_keys_in_the_snapshot_the_hosts_digests_decide() {
    let bytes = snapshot(POLICY, vec![role("ann", "writer", "web")], None);
    let asked = authorize("ann", "push", "web");
    let (_folder, mut closed) = instance(&bytes, &[]);
    let answer = post(&mut closed, "/api/authorize", &asked);
    assert_eq!(answer.status, 401);
    assert!(message(&answer).contains("OSO_ACCEPTED_KEYS"));

    let accepted: String = digest(KEY).iter().map(|byte| format!("{byte:02x}")).collect();
    let accepted = format!("{}, {accepted}", "0".repeat(64));
    let (_folder, mut open) = instance(&bytes, &[("OSO_ACCEPTED_KEYS", &accepted)]);
    assert_eq!(post(&mut open, "/api/authorize", &asked).json(), json!({"allowed": true}));

    let (_folder, mut wrong) = instance(&bytes, &[("OSO_ACCEPTED_KEYS", KEY)]);
    let answer = post(&mut wrong, "/api/authorize", &asked);
    assert_eq!(answer.status, 503);
    assert!(message(&answer).contains("OSO_ACCEPTED_KEYS") && !message(&answer).contains(KEY));
}

#[test]
fn a_snapshot_that_is_not_whole_and_right_serves_nothing() {
    let good = world();
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let mut bad: Vec<Vec<u8>> = (0..20).map(|n| flipped(good.len() * n / 20)).collect();
    bad.extend([Vec::new(), good[..good.len() - 1].to_vec(), [&good[..], b"\0"].concat(), b"no snapshot".to_vec()]);
    let folder = tempfile::tempdir().expect("a folder");
    let mut instance = Instance::start(folder.path(), &[]);
    let mut refused = |what: &str| {
        let health = instance.send("GET", "/healthcheck", &[], b"");
        let answer = post(&mut instance, "/api/authorize", &authorize("ann", "push", "web"));
        for answer in [health, answer] {
            assert_eq!(answer.status, 503, "{what}: {}", answer.text());
            assert!(message(&answer).contains("/data/understudy.snapshot"), "{}", answer.text());
        }
        // It lives, and is not ready: who restarts what is not alive would restart it for ever.
        let of = |instance: &mut Instance, path: &str| instance.send("GET", path, &[], b"").status;
        assert_eq!((of(&mut instance, "/livez"), of(&mut instance, "/readyz")), (200, 503), "{what}");
    };
    refused("missing");
    for (n, bytes) in bad.iter().enumerate() {
        put(folder.path(), bytes);
        refused(&format!("damage {n}"));
    }
    // What failed is tried again; what was opened stays.
    put(folder.path(), &good);
    let asked = authorize("ann", "push", "web");
    assert_eq!(post(&mut instance, "/api/authorize", &asked).json(), json!({"allowed": true}));
    fs::remove_file(folder.path().join("understudy.snapshot")).expect("it was there");
    assert_eq!(post(&mut instance, "/api/authorize", &asked).json(), json!({"allowed": true}));
}

#[test]
fn path_and_environment_can_be_given() {
    let (folder, mut instance) =
        instance(&world(), &[("UNDERSTUDY_SNAPSHOT", "/data/other.snapshot"), ("OSO_ENVIRONMENT", ENVIRONMENT)]);
    assert_eq!(instance.send("GET", "/healthcheck", &[], b"").status, 503);
    put(folder.path(), b"");
    fs::write(folder.path().join("other.snapshot"), world()).expect("a file");
    assert_eq!(instance.send("GET", "/healthcheck", &[], b"").status, 200);

    let mut foreign =
        Instance::start(folder.path(), &[("UNDERSTUDY_SNAPSHOT", "/data/other.snapshot"), ("OSO_ENVIRONMENT", "e_2")]);
    let answer = foreign.send("GET", "/healthcheck", &[], b"");
    assert_eq!(answer.status, 503);
    assert!(message(&answer).contains("e_2"));
}
