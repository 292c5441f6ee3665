//! Running a node: what it says at every level, its files, its signals, its variables.

use std::{
    os::unix::fs::PermissionsExt,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::Value as Json;
use understudy_tests::{
    connection::Connection,
    feed::{Feed, Mode},
    numbered::{generation, offer},
    process::{ENVIRONMENT, NODE_VARIABLES, PATIENCE, Process, node_args},
};

const BINARY: &str = env!("CARGO_BIN_EXE_understudy");

fn node(folder: &Path, upstream: &str, more: &[&str]) -> Process {
    let more = [&["--sync-interval", "100ms"], more].concat();
    Process::node(Path::new(BINARY), folder, &folder.join("node"), upstream, &more)
}

/// Ended at once with a bad start: its code and what it printed.
fn refused(folder: &Path, variables: &[(&str, &str)]) -> (Option<i32>, String) {
    let mut node = Process::start(Path::new(BINARY), folder, &["--host", "127.0.0.1"], variables);
    (node.await_exit(PATIENCE).code(), node.printed())
}

#[test]
fn start_loss_return_and_stop_are_told_at_every_level() {
    let (folder, feed) = (tempfile::tempdir().expect("a folder"), Feed::start());
    offer(&feed, 3, 0);
    let mut node = node(folder.path(), &feed.url(), &[]);
    node.await_serving();
    let says = |node: &Process, words: &[&str]| {
        let line = |printed: &str| printed.lines().any(|line| words.iter().all(|word| line.contains(word)));
        node.await_that(&format!("a line with {words:?}"), || line(&node.printed()));
    };
    let version = env!("CARGO_PKG_VERSION");
    let url = feed.url();
    says(&node, &["serves:", version, "node", &url, ENVIRONMENT, "epoch 3", "facts", "bytes", "ago", "keys"]);
    says(&node, &[&url, "is a feed"]);
    feed.set_mode(Mode::Status(500));
    says(&node, &["the upstream is lost", &url, "500"]);
    feed.set_mode(Mode::Serving);
    says(&node, &["the upstream is back"]);
    assert_eq!(node.terminate().code(), Some(0));
    says(&node, &["stops"]);
    says(&node, &["stopped"]);
    let printed = node.printed();
    assert_eq!(printed.matches("serves:").count(), 1, "{printed}");
    assert!(!printed.contains("osotesttoken"), "{printed}");
}

#[test]
fn the_log_is_objects_where_it_is_asked_for() {
    let (folder, feed) = (tempfile::tempdir().expect("a folder"), Feed::start());
    offer(&feed, 1, 0);
    let args = node_args(Path::new("node"), "http://127.0.0.1:9", &["--log-format", "JSON"]);
    let mut node = Process::start(Path::new(BINARY), folder.path(), &args, NODE_VARIABLES);
    assert_eq!(node.await_exit(PATIENCE).code(), Some(1));
    let printed = node.printed();
    let lines: Vec<Json> = printed.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert!(lines.len() >= 2, "{printed}");
    for line in &lines {
        assert!(line["level"].is_string() && line["timestamp"].is_string() && line["message"].is_string(), "{line}");
    }
    let last = lines.last().map(|line| line["message"].as_str().unwrap_or_default().to_owned()).unwrap_or_default();
    assert!(last.starts_with("nothing to serve"), "{last}");
}

#[test]
fn what_it_keeps_is_its_users_alone() {
    let (folder, feed) = (tempfile::tempdir().expect("a folder"), Feed::start());
    let data = folder.path().join("node");
    let mode = |path: &Path| path.metadata().expect("it is there").permissions().mode() & 0o777;
    // As an earlier version has left it.
    std::fs::create_dir(&data).expect("a folder");
    std::fs::set_permissions(&data, PermissionsExt::from_mode(0o755)).expect("it is ours");
    let old = data.join(format!("{ENVIRONMENT}.state.json"));
    std::fs::write(&old, "{}").expect("a file");
    std::fs::set_permissions(&old, PermissionsExt::from_mode(0o644)).expect("it is ours");
    offer(&feed, 1, 0);
    let node = node(folder.path(), &feed.url(), &[]);
    node.await_serving();
    offer(&feed, 2, 0);
    node.await_that("it has another one", || generation(&node) == Some(2));
    let out = folder.path().join("out.snapshot");
    let url = feed.url();
    let args = node_args(&data, &url, &["--export", out.to_str().expect("UTF-8")]);
    let mut export = Process::start(Path::new(BINARY), folder.path(), &args, NODE_VARIABLES);
    assert_eq!(export.await_exit(PATIENCE).code(), Some(0), "{}", export.printed());
    let primary = Process::primary(Path::new(BINARY), folder.path(), &[]);
    primary.post_policy(understudy_tests::watch::POLICY);
    for kept in [&data, &folder.path().join("primary")] {
        assert_eq!(mode(kept), 0o700, "{}", kept.display());
        let mut n_files = 0;
        for entry in std::fs::read_dir(kept).expect("a folder").flatten() {
            let is_folder = entry.path().is_dir();
            assert_eq!(mode(&entry.path()), if is_folder { 0o700 } else { 0o600 }, "{}", entry.path().display());
            n_files += 1;
        }
        assert!(n_files > 1);
    }
    assert_eq!(mode(&out), 0o600);
}

#[test]
fn before_it_stops_it_says_that_it_is_not_ready() {
    let (folder, feed) = (tempfile::tempdir().expect("a folder"), Feed::start());
    offer(&feed, 1, 0);
    let mut node = node(folder.path(), &feed.url(), &["--drain-delay", "2s"]);
    node.await_serving();
    let begun = Instant::now();
    node.signal("TERM");
    node.await_that("it says so", || node.get("/healthcheck").status == 503);
    // It lives and is not ready: who restarts what is not alive leaves it alone.
    assert_eq!((node.get("/livez").status, node.get("/readyz").status), (200, 503));
    // What comes all the same is answered, on new connections too.
    assert!(Connection::open(node.address()).is_ok());
    assert_eq!(generation(&node), Some(1));
    offer(&feed, 2, 0);
    node.await_that("it follows meanwhile", || generation(&node) == Some(2));
    assert_eq!(node.await_exit(PATIENCE).code(), Some(0));
    assert!(begun.elapsed() >= Duration::from_secs(2), "{:?}", begun.elapsed());

    // Asked twice it doesn't wait.
    let mut node = self::node(folder.path(), &feed.url(), &["--drain-delay", "10m"]);
    node.await_serving();
    node.signal("TERM");
    node.await_that("it says so", || node.get("/healthcheck").status == 503);
    node.signal("TERM");
    assert_eq!(node.await_exit(Duration::from_secs(20)).code(), Some(0));
}

#[test]
fn a_hangup_reads_files_again_and_a_lost_one_is_an_alarm() {
    const KEY: &str = "e_0123456789_9_anothersecret";
    let folder = tempfile::tempdir().expect("a folder");
    // The public API gives no digests: the file decides.
    let upstream = understudy_tests::serve::Server::start(|asked| match asked.path.as_str() {
        "/api/policy" => understudy_tests::serve::Given::ok(r#"{"policy":null}"#),
        "/api/facts" => understudy_tests::serve::Given::ok("[]"),
        _ => understudy_tests::serve::Given::status(404),
    });
    let file = folder.path().join("keys");
    let digest = understudy::keys::hex(&understudy::keys::digest(KEY));
    std::fs::write(&file, &digest).expect("a file");
    let node = node(folder.path(), &upstream.url(), &["--accepted-keys-file", file.to_str().expect("UTF-8")]);
    node.await_serving();
    let status = || {
        let mut connection = Connection::open(node.address()).expect("a connection").with_key(KEY);
        connection.send("GET", "/api/facts", &Json::Null).expect("an answer").status
    };
    let alarm = || node.metric("understudy_file_unusable{file=\"accepted_keys\"}");
    assert_eq!((status(), alarm()), (200, Some(0.0)));
    std::fs::remove_file(&file).expect("it is ours");
    node.await_that("its keys are gone", || status() == 401);
    assert_eq!(alarm(), Some(1.0));
    assert!(node.printed().contains("its keys are refused until it is back"), "{}", node.printed());
    std::fs::write(&file, &digest).expect("a file");
    node.signal("HUP");
    node.await_that("they are back", || status() == 200);
    node.await_that("it says so", || node.printed().contains("SIGHUP: files were read again"));
    assert_eq!(alarm(), Some(0.0));
    assert!(node.printed().contains("isn't a feed: its public API is read"), "{}", node.printed());
}

#[test]
fn a_start_tells_everything_that_is_wrong_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let (code, printed) = refused(folder.path(), &[("OSO_ENVIROMENT", ENVIRONMENT), ("OSO_LOG_LEVEL", "loud")]);
    assert_eq!(code, Some(2));
    for words in [
        "OSO_ENVIROMENT isn't a variable of this program: did you mean OSO_ENVIRONMENT?",
        "OSO_API_TOKEN is not set",
        "OSO_ENVIRONMENT is not set",
        "OSO_TENANT is not set",
        "OSO_LOG_LEVEL is `loud`: must be error, warn or info",
    ] {
        assert!(printed.contains(words), "{words}: {printed}");
    }
    assert_eq!(printed.lines().count(), 5, "{printed}");

    let mut variables = NODE_VARIABLES.to_vec();
    variables.retain(|(name, _)| *name != "OSO_ENVIRONMENT");
    variables.push(("OSO_ENVIRONMENT", "e_9999999999"));
    let (code, printed) = refused(folder.path(), &variables);
    assert_eq!(code, Some(2));
    assert!(printed.contains("OSO_API_TOKEN is a key of `e_0123456789`"), "{printed}");
}

#[test]
fn a_platforms_port_is_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
    let port = port.to_string();
    let variables = [NODE_VARIABLES, &[("PORT", port.as_str()), ("OSO_LOG_LEVEL", "INFO")]].concat();
    let args = ["--host", "127.0.0.1", "--url", "http://127.0.0.1:9"];
    let mut node = Process::start(Path::new(BINARY), folder.path(), &args, &variables);
    assert_eq!(node.await_address().port().to_string(), port);
    // Its probe asks there too.
    let probe = |name: &str| {
        let output =
            Command::new(BINARY).arg("health").env_clear().env(name, &port).output().expect("the binary starts");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    for name in ["PORT", "OSO_PORT"] {
        assert!(probe(name).contains(&format!("127.0.0.1:{port}/healthcheck says 503")), "{}", probe(name));
    }
}
