//! A node and its primary as real processes: the one path that everything stands for.

use std::{path::Path, time::Duration};

use serde_json::json;
use understudy_tests::process::{NODE_VARIABLES, PATIENCE, Process, node_args};

const BINARY: &str = env!("CARGO_BIN_EXE_understudy");

const POLICY: &str = r#"
    actor User {}
    resource Repo { permissions = ["read"]; roles = ["reader"]; "read" if "reader"; }
"#;

#[test]
fn it_answers_on_while_the_primary_is_dead_and_after_its_own_death() {
    let folder = tempfile::tempdir().expect("a folder");
    let (binary, directory) = (Path::new(BINARY), folder.path().join("node"));
    let mut primary = Process::primary(binary, folder.path(), &[]);
    primary.post_policy(POLICY);
    primary.write(&[json!(["has_role", ["User", "ann"], ["String", "reader"], ["Repo", "web"]])], &[]);
    assert!(primary.authorize(("User", "ann"), "read", ("Repo", "web")), "the primary sees a write at once");

    let upstream = primary.url();
    let mut node = Process::node(binary, folder.path(), &directory, &upstream, &["--sync-interval", "1s"]);
    node.await_serving();
    node.await_that("the write arrives", || node.authorize(("User", "ann"), "read", ("Repo", "web")));

    // One node a folder; an export beside it changes nothing there.
    let second = ["--sync-interval", "1s"];
    let mut second = Process::start(binary, folder.path(), &node_args(&directory, &upstream, &second), NODE_VARIABLES);
    assert_eq!(second.await_exit(PATIENCE).code(), Some(1));
    assert!(
        second.printed().contains("another node is using it; give each node its own folder"),
        "{}",
        second.printed()
    );
    let file = folder.path().join("out.snapshot");
    let export = ["--export", file.to_str().expect("a path in UTF-8")];
    let args = node_args(&directory, &upstream, &export);
    let mut export = Process::start(binary, folder.path(), &args, NODE_VARIABLES);
    assert_eq!(export.await_exit(PATIENCE).code(), Some(0), "{}", export.printed());
    assert!(file.metadata().is_ok_and(|file| file.len() > 0));

    primary.kill();
    assert!(node.authorize(("User", "ann"), "read", ("Repo", "web")));
    assert!(!node.authorize(("User", "bo"), "read", ("Repo", "web")));
    assert_eq!(node.post("/api/batch", &json!([])).status, 405);

    node.kill();
    let mut node = Process::node(binary, folder.path(), &directory, &upstream, &[]);
    node.await_serving();
    assert!(node.authorize(("User", "ann"), "read", ("Repo", "web")));
    assert_eq!(node.terminate().code(), Some(0));

    let empty = folder.path().join("empty");
    let args = node_args(&empty, &upstream, &[]);
    let mut node = Process::start(binary, folder.path(), &args, NODE_VARIABLES);
    assert_eq!(node.await_exit(Duration::from_secs(20)).code(), Some(1));
    assert!(node.printed().contains("nothing to serve"), "{}", node.printed());
}

#[test]
fn an_upstream_that_is_away_is_told_once_and_so_is_its_return() {
    let folder = tempfile::tempdir().expect("a folder");
    let binary = Path::new(BINARY);
    let mut primary = Process::primary(binary, folder.path(), &[]);
    primary.post_policy(POLICY);
    let flags = ["--sync-interval", "100ms", "--log-level", "warn"];
    let node = Process::node(binary, folder.path(), &folder.path().join("node"), &primary.url(), &flags);
    node.await_serving();
    let port = primary.address().port().to_string();
    primary.kill();
    let refusals = || node.metric(r#"understudy_sync_total{origin="upstream",outcome="network"}"#).unwrap_or(0.0);
    node.await_that("it asks in vain", || refusals() >= 3.0);
    let n_told = |what: &str| node.printed().lines().filter(|line| line.contains(what)).count();
    assert_eq!(n_told("can't be reached"), 1, "{}", node.printed());
    let _primary = Process::primary(binary, folder.path(), &["--port", &port]);
    node.await_that("it says that it goes well", || n_told("the upstream is back") == 1);
}
