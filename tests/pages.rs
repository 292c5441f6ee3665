//! Pages of a list over changes of the data, restarts and other nodes.

use std::path::Path;

use serde_json::{Value as Json, json};
use understudy_tests::process::Process;

const BINARY: &str = env!("CARGO_BIN_EXE_understudy");
const POLICY: &str = r#"
    actor User {}
    resource Repo { roles = ["member"]; permissions = ["read"]; "read" if "member"; }
"#;

/// Follows the pages from a token on: ids of each page.
fn pages(server: &Process, mut token: Option<String>) -> (Vec<Vec<String>>, Option<String>) {
    let mut body = json!({
        "actor_type": "User", "actor_id": "ann", "action": "read", "resource_type": "Repo", "context_facts": [],
        "page_size": 10_000
    });
    let is_first = token.is_none();
    let mut all = Vec::new();
    loop {
        if let Some(token) = &token {
            body["page_token"] = json!(token);
        }
        let answer = server.post("/api/list", &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let page = answer.json();
        let ids = page["results"].as_array().expect("ids").iter().map(|id| id.as_str().expect("text").to_owned());
        all.push(ids.collect());
        token = page["next_page_token"].as_str().map(ToOwned::to_owned);
        if token.is_none() || is_first {
            return (all, token);
        }
    }
}

#[test]
fn pages_go_on_over_changes_restarts_and_nodes() {
    let repo = |n: usize| format!("r{n:05}");
    let role = |n: usize| json!(["has_role", ["User", "ann"], ["String", "member"], ["Repo", repo(n)]]);
    let facts: Vec<Json> = (0..25_000).map(role).collect();
    let (binary, folder) = (Path::new(BINARY), tempfile::tempdir().expect("a folder"));
    // Servers behind one address share a key.
    let key = folder.path().join("page-key");
    std::fs::write(&key, "0f".repeat(32)).expect("a file");
    let shared = ["--page-key-file", key.to_str().expect("UTF-8")];
    let primary = Process::primary(binary, folder.path(), &shared);
    primary.post_policy(POLICY);
    primary.write(&facts, &[]);
    let start = |name: &str, more: &[&str]| {
        let args = [&["--sync-interval", "100ms"], more].concat();
        let node = Process::node(binary, folder.path(), &folder.path().join(name), &primary.url(), &args);
        node.await_serving();
        node
    };
    let mut node = start("node", &shared);
    node.await_that("it has everything", || node.get("/api/facts").body == primary.get("/api/facts").body);
    let (first, token) = pages(&node, None);
    assert_eq!(first[0], (0..10_000).map(repo).collect::<Vec<_>>());

    // Below the token and above it, some go and some come.
    let come: Vec<Json> = ["a", "r00000a", "r12345a", "z"]
        .iter()
        .map(|id| json!(["has_role", ["User", "ann"], ["String", "member"], ["Repo", id]]))
        .collect();
    let before = node.metric("understudy_snapshot_epoch");
    primary.write(&come, &[role(5), role(9_999), role(10_000), role(20_000)]);
    node.await_that("the change arrives", || {
        node.metric("understudy_snapshot_epoch") > before
            && node.get("/api/facts?args.2.type=Repo&args.2.id=z").text() != "[]"
    });
    let mut expected: Vec<String> = (10_001..25_000).filter(|n| *n != 20_000).map(repo).collect();
    expected.extend(["r12345a".to_owned(), "z".to_owned()]);
    expected.sort();
    let rest = |server: &Process| pages(server, token.clone()).0.concat();
    assert_eq!(rest(&node), expected, "none twice, none left out, those that came since are there");
    assert_eq!(rest(&primary), expected, "the primary takes the node's token");

    let other = start("other", &shared);
    assert_eq!(rest(&other), expected);
    node.kill();
    let node = start("node", &shared);
    assert_eq!(rest(&node), expected);

    // Without it each has one of its own, which lasts; a token of another key is none.
    let mut alone = start("alone", &[]);
    let refused = |server: &Process| {
        let body = json!({
            "actor_type": "User", "actor_id": "ann", "action": "read", "resource_type": "Repo", "context_facts": [],
            "page_size": 10_000, "page_token": token
        });
        let answer = server.post("/api/list", &body);
        (answer.status, answer.text().contains("was not issued here"))
    };
    assert_eq!(refused(&alone), (400, true));
    let (_, own) = pages(&alone, None);
    alone.kill();
    let alone = start("alone", &[]);
    assert_eq!(pages(&alone, own).0.concat(), expected, "good over a restart");
}

/// The smallest page of the hosted service is its own; where it is asked for, it is kept here too.
#[test]
fn a_small_page_is_served_unless_it_is_forbidden() {
    let (binary, folder) = (Path::new(BINARY), tempfile::tempdir().expect("a folder"));
    let role = |n: usize| json!(["has_role", ["User", "ann"], ["String", "member"], ["Repo", format!("r{n}")]]);
    let primary = Process::primary(binary, folder.path(), &[]);
    primary.post_policy(POLICY);
    primary.write(&(0..5).map(role).collect::<Vec<_>>(), &[]);
    let start = |name: &str, more: &[&str]| {
        let node = Process::node(binary, folder.path(), &folder.path().join(name), &primary.url(), more);
        node.await_serving();
        node
    };
    let (node, strict) = (start("node", &[]), start("strict", &["--strict-pages"]));
    let body = |size: usize, token: &Json| {
        json!({
            "actor_type": "User", "actor_id": "ann", "action": "read", "resource_type": "Repo", "page_size": size,
            "page_token": token
        })
    };
    for server in [&primary, &node] {
        let (mut ids, mut token, mut n_pages) = (Vec::new(), Json::Null, 0);
        while n_pages == 0 || !token.is_null() {
            let answer = server.post("/api/list", &body(2, &token));
            assert_eq!(answer.status, 200, "{}", answer.text());
            let page = answer.json();
            assert!(page["results"].as_array().is_some_and(|ids| ids.len() <= 2), "{page}");
            ids.extend(page["results"].as_array().cloned().unwrap_or_default());
            (token, n_pages) = (page["next_page_token"].clone(), n_pages + 1);
        }
        assert_eq!((json!(ids), n_pages), (json!(["r0", "r1", "r2", "r3", "r4"]), 3));
        assert_eq!(server.post("/api/list", &body(0, &Json::Null)).status, 400);
    }
    let refused = strict.post("/api/list", &body(2, &Json::Null));
    assert!(refused.status == 400 && refused.text().contains("10000"), "{}", refused.text());
    assert_eq!(strict.post("/api/list", &body(10_000, &Json::Null)).status, 200);
}
