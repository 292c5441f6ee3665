//! Our API description against what node and primary really answer: requests generated from it by Schemathesis, valid ones
//! and mangled ones. No 5xx, no status, header or body that it doesn't describe, no mangled request accepted.
//!
//! First all of it with a few requests an operation, then valid requests alone, many. `UNDERSTUDY_API_REQUESTS=100000` asks
//! for at least so many; without it there are a few thousand. Counted by the servers.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::json;
use understudy_tests::{
    process::{KEY, Process, skip},
    programs,
};

const BINARY: &str = env!("CARGO_BIN_EXE_understudy");
const DESCRIPTION: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../sdk-shim/wire/openapi.yaml");
const TIGHTEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/sdk/suites/api/tighten.py");
/// Requests in all unless told otherwise.
const REQUESTS: usize = 3_000;
/// Operations that take input of endless variety, on both servers together: among so many the valid requests are spread.
const OPERATIONS: usize = 39;
/// Valid and mangled requests of each operation.
const MANGLED: usize = 5;

/// Where callers know the node: it says at which addresses AuthZEN's calls are.
const BASE_URL: &str = "https://pdp.example";

/// A known world, so that some questions have answers. It has the names that the description has as examples.
const POLICY: &str = r#"
actor User {}
resource Repository {
  roles = ["reader", "writer"];
  permissions = ["read", "write", "archive"];
  relations = { parent: Repository };
  "read" if "reader";
  "write" if "writer";
  "reader" if "writer";
  "reader" if "reader" on "parent";
}
has_permission(_: User, "read", repository: Repository) if is_public(repository);
has_permission(user: User, "write", _: Repository) if subject_property(user, "level", 3);
has_permission(_: User, "archive", repository: Repository)
  if resource_property(repository, key, value) and context_property(key, value);
"#;

#[test]
fn what_is_described_is_what_is_answered() {
    let test = "what_is_described_is_what_is_answered";
    let tool = match programs::vendor_suite(&target(), "api") {
        Ok(folder) => folder,
        Err(missing) => return skip(test, &missing),
    };
    let asked = std::env::var("UNDERSTUDY_API_REQUESTS").ok().map_or(REQUESTS, |n| n.parse().expect("a number"));
    let folder = tempfile::tempdir().expect("a folder");
    let primary = Process::primary(Path::new(BINARY), folder.path(), &[]);
    make_world(&primary);
    let flags = ["--authzen-url", BASE_URL];
    let node = Process::node(Path::new(BINARY), folder.path(), &folder.path().join("node"), &primary.url(), &flags);
    node.await_serving();
    assert_eq!(node.get("/.well-known/authzen-configuration").json()["policy_decision_point"], BASE_URL);
    let n_examples = (asked / OPERATIONS).max(1);
    std::thread::scope(|scope| {
        for (server, process) in [("primary", &primary), ("node", &node)] {
            let (tool, folder) = (&tool, folder.path());
            scope.spawn(move || {
                let all = ["--phases", "examples,coverage,fuzzing", "--mode", "all"];
                run(tool, folder, server, process, Path::new(DESCRIPTION), &all, MANGLED);
                let tight = tighten(tool, folder, server);
                if server == "primary" {
                    make_world(process);
                }
                let valid = ["--phases", "fuzzing", "--mode", "positive"];
                run(tool, folder, server, process, &tight, &valid, n_examples);
            });
        }
    });
    let (of_primary, of_node) = (n_requests(&primary), n_requests(&node));
    println!("{} requests: {of_primary} to the primary, {of_node} to the node", of_primary + of_node);
    assert!(of_primary + of_node >= asked, "{asked} were asked for");
}

fn make_world(primary: &Process) {
    primary.post_policy(POLICY);
    let web = json!(["Repository", "web"]);
    let role = json!(["has_role", ["User", "ann"], ["String", "reader"], web]);
    primary.write(&[json!(["is_public", web]), role], &[]);
}

fn run(
    tool: &Path,
    folder: &Path,
    server: &str,
    process: &Process,
    description: &Path,
    how: &[&str],
    n_examples: usize,
) {
    let mut command = Command::new(tool.join("bin/schemathesis"));
    command.arg("run").arg(description).args(["--url", &process.url(), "--max-examples", &n_examples.to_string()]);
    command.args(["-H", &format!("Authorization: Bearer {KEY}")]).args(how);
    // That a valid request is accepted can't be described: a node takes no writes, a fact has to be used by the policy.
    // One description is of both servers: what a node takes on a path is less than it says.
    let unchecked =
        if server == "node" { "positive_data_acceptance,allow_header_conformance" } else { "positive_data_acceptance" };
    command.args(["--exclude-checks", unchecked, "--continue-on-failure", "--no-shrink"]);
    command.args(["--suppress-health-check", "all", "--warnings", "off", "--no-color"]);
    // The server is on loopback: whatever proxy fetched the tool doesn't reach it. The tool keeps what it found in its folder.
    command.envs([("NO_PROXY", "127.0.0.1"), ("no_proxy", "127.0.0.1"), ("PYTHONUTF8", "1")]).current_dir(folder);
    let output = command.output().expect("the tool starts");
    let printed = String::from_utf8_lossy(&output.stdout);
    let cases = printed.lines().skip_while(|line| !line.contains("Test cases:")).nth(1).unwrap_or_default();
    println!("{server}, {}:{cases}", how.join(" "));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{server}, {}:\n{printed}{errors}", how.join(" "));
}

/// The description as one of quick valid requests to one server.
fn tighten(tool: &Path, folder: &Path, server: &str) -> PathBuf {
    let output = Command::new(tool.join("bin/python")).args([TIGHTEN, DESCRIPTION, server, POLICY]).output();
    let output = output.expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let path = folder.join(format!("{server}.json"));
    std::fs::write(&path, output.stdout).expect("the folder is ours");
    path
}

/// Requests that a server has answered.
fn n_requests(process: &Process) -> usize {
    let text = process.get("/metrics").text();
    let counts = text.lines().filter(|line| line.starts_with("oso_fallback_http_requests_count"));
    let counts = counts.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    counts.sum::<f64>() as usize
}

fn target() -> PathBuf {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    scratch.parent().unwrap_or(scratch).to_owned()
}
