//! A primary by its flags, as a real process: environments by key, test environments, watched policy files, limits.

use std::path::Path;

use serde_json::{Value as Json, json};
use understudy_tests::{
    connection::Connection,
    http::Exchange,
    process::{KEY, Process, node_args},
};

const BINARY: &str = env!("CARGO_BIN_EXE_understudy");
const OTHER_KEY: &str = "e_other_1_write";
const OTHER_READ_KEY: &str = "e_other_2_read";

const POLICY: &str = r#"
    actor User {}
    resource Repo { permissions = ["read"]; roles = ["reader"]; "read" if "reader"; }
"#;

fn send(process: &Process, key: &str, method: &str, path: &str, body: &Json) -> Exchange {
    let mut connection = Connection::open(process.address()).expect("a connection").with_key(key);
    connection.send(method, path, body).expect("an answer")
}

fn reader(user: &str) -> Json {
    json!([{"inserts": [{"predicate": "has_role", "args": [
        {"type": "User", "id": user}, {"type": "String", "id": "reader"}, {"type": "Repo", "id": "web"}
    ]}]}])
}

fn readers(process: &Process, key: &str) -> Json {
    let read = json!({"type": "String", "id": "read"});
    let asked =
        json!({"fact": {"predicate": "allow", "args": [{"type": "User"}, read, {"type": "Repo", "id": "web"}]}});
    let answer = send(process, key, "POST", "/api/query", &asked).json();
    answer["results"].as_array().into_iter().flatten().map(|row| row["args"][0]["id"].clone()).collect()
}

#[test]
fn environments_are_told_apart_by_key_and_each_has_nodes_of_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let read = format!("{OTHER_READ_KEY}:read");
    let flags = ["--key", KEY, "--key", OTHER_KEY, "--key", &read];
    let primary = Process::primary(Path::new(BINARY), folder.path(), &flags);
    let policy = json!({"src": POLICY, "filename": null});
    for (key, user) in [(KEY, "ann"), (OTHER_KEY, "bo")] {
        assert_eq!(send(&primary, key, "POST", "/api/policy", &policy).status, 200);
        assert_eq!(send(&primary, key, "POST", "/api/batch", &reader(user)).status, 200);
    }
    assert_eq!(send(&primary, OTHER_READ_KEY, "POST", "/api/batch", &reader("cy")).status, 403);
    assert_eq!((readers(&primary, KEY), readers(&primary, OTHER_READ_KEY)), (json!(["ann"]), json!(["bo"])));

    let data = folder.path().join("node");
    let url = primary.url();
    let args = node_args(&data, &url, &["--sync-interval", "100ms"]);
    let variables = [("OSO_API_TOKEN", OTHER_READ_KEY), ("OSO_ENVIRONMENT", "e_other"), ("OSO_TENANT", "acme")];
    let mut node = Process::start(Path::new(BINARY), folder.path(), &args, &variables);
    node.await_address();
    node.await_serving();
    node.await_that("the other environment arrives", || readers(&node, OTHER_KEY) == json!(["bo"]));
    assert_eq!(send(&node, KEY, "GET", "/api/facts", &Json::Null).status, 401);
}

#[test]
fn test_environments_answer_from_instances_of_their_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let primary = Process::primary(Path::new(BINARY), folder.path(), &[]);
    primary.post_policy(POLICY);
    let tokens: Vec<String> = (0..3)
        .map(|_| {
            let made = send(&primary, "", "POST", "/test_environment?copy=true", &Json::Null);
            made.json()["token"].as_str().unwrap_or_else(|| panic!("{} {}", made.status, made.text())).to_owned()
        })
        .collect();
    for (n, token) in tokens.iter().enumerate() {
        assert_eq!(send(&primary, token, "POST", "/api/batch", &reader(&format!("user-{n}"))).status, 200);
    }
    for (n, token) in tokens.iter().enumerate() {
        assert_eq!(readers(&primary, token), json!([format!("user-{n}")]));
    }
    assert_eq!(readers(&primary, KEY), json!([]));
    assert!(!primary.printed().contains(&tokens[0]), "no key is printed");
}

#[test]
fn watched_files_are_one_policy_that_follows_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("the folder is ours");
        path.to_str().expect("a path in UTF-8").to_owned()
    };
    let (users, repos) = (file("users.polar", "actor User {}"), file("repos.polar", "resource Repo {}"));
    let mut primary = Process::primary(Path::new(BINARY), folder.path(), &["--watch-for-changes", &users, &repos]);
    let metadata = |primary: &Process| primary.get("/api/policy_metadata").json()["metadata"]["resources"].clone();
    assert_eq!(metadata(&primary)["Repo"]["roles"], json!([]));
    file("repos.polar", "resource Repo { roles = [\"reader\"]; }");
    primary.await_that("the change arrives", || metadata(&primary)["Repo"]["roles"] == json!(["reader"]));
    file("repos.polar", "resource Repo { roles = [");
    let told = "the policy before stays in force";
    primary.await_that("the mistake is told", || primary.printed().contains(told));
    assert!(primary.printed().contains("repos.polar:1:"), "{}", primary.printed());
    assert_eq!(metadata(&primary)["Repo"]["roles"], json!(["reader"]));
    assert_eq!(primary.terminate().code(), Some(0));

    let args = ["primary", "--port", "0", "--watch-for-changes", &users, &repos];
    let mut primary = Process::start(Path::new(BINARY), folder.path(), &args, &[]);
    assert_eq!(primary.await_exit(understudy_tests::process::PATIENCE).code(), Some(1), "nothing is in force yet");
    assert!(primary.printed().contains("repos.polar:1:"), "{}", primary.printed());
}

#[test]
fn limits_are_flags() {
    let folder = tempfile::tempdir().expect("a folder");
    let flags = [
        ["--write-entries-max", "2"],
        ["--write-bytes-max", "2000"],
        ["--writes-per-minute-max", "3"],
        ["--delete-matches-max", "1"],
        ["--context-facts-max", "1"],
        ["--results-max", "1"],
        ["--asks-per-second-max", "1000"],
    ];
    let primary = Process::primary(Path::new(BINARY), folder.path(), &flags.concat());
    let fact = |user: &str| reader(user)[0]["inserts"][0].clone();
    let batch = |users: &[&str]| json!([{"inserts": users.iter().map(|user| fact(user)).collect::<Vec<_>>()}]);
    assert_eq!(primary.post("/api/batch", &batch(&["a", "b", "c"])).status, 413);
    assert_eq!(primary.post("/api/batch", &batch(&["a", &"b".repeat(2_000)])).status, 413);
    assert_eq!(primary.post("/api/batch", &batch(&["a", "b"])).status, 200);
    assert_eq!(primary.post("/api/batch", &batch(&["c", "d"])).status, 429);
    let wild = json!([{"deletes": [{"predicate": "has_role", "args": [{}, {}, {}]}]}]);
    assert_eq!(primary.post("/api/batch", &wild).status, 413);
    assert_eq!(primary.get("/api/facts?predicate=has_role").status, 413);
    let asked = |facts: &[&str]| {
        let facts: Vec<Json> = facts.iter().map(|user| fact(user)).collect();
        json!({"actor_type": "User", "actor_id": "a", "resource_type": "Repo", "resource_id": "web", "context_facts": facts})
    };
    assert_eq!(primary.post("/api/actions", &asked(&["x"])).status, 200);
    assert_eq!(primary.post("/api/actions", &asked(&["x", "y"])).status, 413);
}

#[test]
fn the_vendor_s_lines_start_it() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in [("users.polar", "actor User {}"), ("repos.polar", "resource Repo {}")] {
        std::fs::write(folder.path().join(name), text).expect("the folder is ours");
    }
    let variables = [("OSO_PORT", "0"), ("OSO_DIRECTORY", "data")];
    let types = |primary: &Process| primary.get("/api/policy_metadata").json()["metadata"]["resources"].clone();
    for args in [
        vec!["primary", "users.polar", "repos.polar"],
        vec!["primary", "users.polar", "repos.polar", "--watch-for-changes"],
        vec!["primary", "--watch-for-changes", "users.polar", "repos.polar"],
        vec!["primary", "users.polar", "--watch-for-changes", "repos.polar"],
    ] {
        let mut primary = Process::start(Path::new(BINARY), folder.path(), &args, &variables);
        primary.await_address();
        assert!(types(&primary)["User"].is_object() && types(&primary)["Repo"].is_object(), "{args:?}");
        assert!(folder.path().join("data/store.redb").exists(), "{args:?}");
        primary.await_that("it says how to begin", || primary.printed().contains(&format!("', '{KEY}')")));
        assert_eq!(primary.terminate().code(), Some(0));
    }
    let args = ["primary", "--watch-for-changes"];
    let mut nothing = Process::start(Path::new(BINARY), folder.path(), &args, &variables);
    assert_eq!(nothing.await_exit(understudy_tests::process::PATIENCE).code(), Some(2), "{}", nothing.printed());
}

#[test]
fn a_damaged_store_is_refused_and_restored() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("primary");
    let mut primary = Process::primary(Path::new(BINARY), folder.path(), &[]);
    primary.post_policy(POLICY);
    assert_eq!(send(&primary, KEY, "POST", "/api/batch", &reader("annabel")).status, 200);
    assert_eq!(primary.get("/feed/v0/e_0123456789/head").json()["epoch"], 3, "with what was just written");
    assert_eq!(send(&primary, KEY, "POST", "/api/batch", &reader("bertrand")).status, 200);
    // Both are in the snapshot: what the log holds besides may be lost with its page.
    assert_eq!(primary.get("/feed/v0/e_0123456789/head").json()["epoch"], 4);
    assert_eq!(primary.terminate().code(), Some(0));
    let file = data.join("store.redb");
    let mut bytes = std::fs::read(&file).expect("a store");
    for at in 0..bytes.len() - 7 {
        if &bytes[at..at + 7] == b"annabel" {
            bytes[at] = b'h';
        }
    }
    std::fs::write(&file, bytes).expect("the folder is ours");
    let data = data.to_str().expect("a path in UTF-8");
    let args = ["primary", "--port", "0", "--data", data];
    let mut refused = Process::start(Path::new(BINARY), folder.path(), &args, &[]);
    assert_eq!(refused.await_exit(understudy_tests::process::PATIENCE).code(), Some(1));
    assert!(refused.printed().contains("--restore"), "{}", refused.printed());
    let restored = Process::primary(Path::new(BINARY), folder.path(), &["--restore"]);
    assert_eq!(readers(&restored, KEY), json!(["annabel", "bertrand"]), "{}", restored.printed());
    let mode = |path: &Path| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(path).map(|metadata| metadata.permissions().mode() & 0o777).ok()
    };
    assert_eq!((mode(Path::new(data)), mode(&file)), (Some(0o700), Some(0o600)));
}

#[test]
fn facts_at_the_start_that_no_rule_uses_are_told_or_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let (policy, facts) = (folder.path().join("policy.polar"), folder.path().join("facts.jsonl"));
    std::fs::write(&policy, POLICY).expect("the folder is ours");
    let fact = |user: &str, role: &str| {
        let mut fact = reader(user)[0]["inserts"][0].clone();
        fact["args"][1]["id"] = json!(role);
        format!("{fact}\n")
    };
    std::fs::write(&facts, fact("ann", "reader") + &fact("bo", "raeder")).expect("the folder is ours");
    let [policy, facts] = [&policy, &facts].map(|path| path.to_str().expect("UTF-8"));
    let data = folder.path().join("strict");
    let args =
        ["primary", "--port", "0", "--data", data.to_str().expect("UTF-8"), "--policy", policy, "--facts", facts];
    let mut strict = Process::start(Path::new(BINARY), folder.path(), &[&args[..], &["--strict-facts"]].concat(), &[]);
    assert_eq!(strict.await_exit(understudy_tests::process::PATIENCE).code(), Some(1), "{}", strict.printed());
    let told = strict.printed();
    assert!(
        told.contains("facts.jsonl:2: warning[") && told.contains("reader") && told.contains("--strict-facts"),
        "{told}"
    );

    // Nothing of it was read, and without the flag all of it is.
    let mut warned = Process::start(Path::new(BINARY), folder.path(), &args, &[]);
    warned.await_address();
    assert!(warned.printed().contains("facts.jsonl:2: warning["), "{}", warned.printed());
    assert_eq!(warned.get("/api/facts").json().as_array().map(Vec::len), Some(2));
    assert_eq!(warned.terminate().code(), Some(0));
    // By the policy that is in the store, too.
    let args = [&args[..5], &["--facts", facts, "--strict-facts"]].concat();
    let mut stored = Process::start(Path::new(BINARY), folder.path(), &args, &[]);
    assert_eq!(stored.await_exit(understudy_tests::process::PATIENCE).code(), Some(1), "{}", stored.printed());
}

#[test]
fn a_primary_says_what_is_wrong_with_its_variables() {
    let folder = tempfile::tempdir().expect("a folder");
    let args = ["primary", "--data", "data"];
    let wrong = [
        ("OSO_PORT", "many"),
        ("OSO_LOG_LEVEL", "loud"),
        ("OSO_LOG_FORMAT", "xml"),
        ("OSO_EXPLAIN", "perhaps"),
        ("OSO_INSTANCE_MEMORY", "1KiB"),
        ("UNDERSTUDY_KEY", "e_0123456789_1_x"),
        ("OSO_DIRECTROY", "elsewhere"),
    ];
    let mut refused = Process::start(Path::new(BINARY), folder.path(), &args, &wrong);
    assert_eq!(refused.await_exit(understudy_tests::process::PATIENCE).code(), Some(2), "{}", refused.printed());
    let told = refused.printed();
    for line in [
        "OSO_PORT is `many`: must be a port from 0 to 65535",
        "OSO_LOG_LEVEL is `loud`: must be error, warn or info",
        "OSO_LOG_FORMAT is `xml`: must be text or json",
        "OSO_EXPLAIN is `perhaps`: must be true or false",
        "OSO_INSTANCE_MEMORY is `1KiB`: must be from 64MiB to 3GiB",
        "UNDERSTUDY_KEY isn't a variable of this program: did you mean UNDERSTUDY_KEYS?",
        "OSO_DIRECTROY isn't a variable of this program: did you mean OSO_DIRECTORY?",
    ] {
        assert!(told.contains(line), "{line}\n{told}");
    }
    assert!(!told.contains("e_0123456789_1_x"), "no key is printed");
    // An empty one counts for nothing, an unknown one stops nothing.
    let variables = [("OSO_PORT", "0"), ("OSO_LOG_LEVEL", ""), ("OSO_LOG_FORMAT", ""), ("OSO_DIRECTROY", "elsewhere")];
    let mut starts = Process::start(Path::new(BINARY), folder.path(), &args, &variables);
    starts.await_address();
    assert!(starts.printed().contains("OSO_DIRECTROY isn't"), "{}", starts.printed());
}
