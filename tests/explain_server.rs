//! Reasons over HTTP: `/api/explain` of node and primary, AuthZEN's `context.reason`, and the commands that ask a server.

use std::{path::Path, process::Command};

use serde_json::{Value as Json, json};
use understudy_tests::process::{KEY, Process};

const BINARY: &str = env!("CARGO_BIN_EXE_understudy");
const POLICY: &str = r#"actor User {}
resource Org { roles = ["member"]; }
resource Repo {
  roles = ["reader"];
  permissions = ["read"];
  relations = { org: Org };
  "read" if "reader";
  "reader" if "member" on "org";
}
"#;
const DENIED: [&str; 6] = [
    "denied: User:bob may not read Repo:web",
    "no fact names `User:bob`",
    "User:bob has: nothing that a rule asks for",
    "any one of these would give it:",
    "  1. reader of Repo:web  (policy.polar:7)",
    "  2. member of Org:acme  (policy.polar:8)",
];

fn post(process: &Process, path: &str, body: &Json) -> (u16, Json) {
    let reply = process.post(path, body);
    (reply.status, reply.json())
}

/// Exit code and output of a command.
fn run(args: &[&str]) -> (i32, String) {
    let output = Command::new(BINARY).args(args).output().expect("the binary starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap_or(-1), text)
}

#[test]
fn a_server_says_why() {
    let folder = tempfile::tempdir().expect("a folder");
    let primary = Process::primary(Path::new(BINARY), folder.path(), &[]);
    primary.post_policy(POLICY);
    let (url, server) = (primary.url(), ["--url", &primary.url(), "--key", KEY].map(str::to_owned));
    let with = |args: &[&str]| run(&args.iter().copied().chain(server.iter().map(String::as_str)).collect::<Vec<_>>());
    let (code, out) = with(&["tell", "has_relation", "Repo:web", "org", "Org:acme"]);
    assert_eq!((code, out.as_str()), (0, "1 fact told\n"));
    let (code, out) = with(&["tell", "has_relation", "Repo:web", "org", "Org:acme"]);
    assert_eq!((code, out.as_str()), (0, "1 fact told, 0 of them new\n"));
    // A slip is told beside the count.
    let (code, out) = with(&["tell", "has_role", "User:cy", "raeder", "Repo:web"]);
    assert!(code == 0 && out.starts_with("1 fact told\nunderstudy: warning: ") && out.contains("`raeder`"), "{out}");
    assert_eq!(with(&["delete", "has_role", "User:cy", "_", "_"]), (0, "1 fact deleted\n".to_owned()));
    assert_eq!(with(&["delete", "has_role", "User:cy", "_", "_"]), (0, "0 facts deleted\n".to_owned()));
    assert_eq!(with(&["tell", "has_role", "User:ann", "member", "Org:acme"]).0, 0);
    let (code, out) = with(&["get", "has_role", "User:_"]);
    assert_eq!((code, out.as_str()), (0, "has_role User:ann String:member Org:acme\n"));
    assert_eq!(with(&["authorize", "User:ann", "read", "Repo:web"]), (0, "allowed\n".to_owned()));
    assert_eq!(with(&["list", "User:ann", "String:read", "Repo"]), (0, "web\n".to_owned()));
    assert_eq!(with(&["actions", "User:ann", "Repo:web"]), (0, "read\n".to_owned()));
    assert_eq!(with(&["who", "read", "Repo:web"]), (0, "User:ann\n".to_owned()));

    for (args, hint) in [
        (&["authorize", "User:an", "read", "Repo:web"][..], "no fact names `User:an`: did you mean `User:ann`?"),
        (&["authorize", "User:ann", "raed", "Repo:web"], "`Repo` has no action `raed`: did you mean `read`?"),
        (&["list", "User:ann", "read", "Rpo"], "policy and facts have no type `Rpo`: did you mean `Repo`?"),
        (
            &["query", "has_rol", "User:_"],
            "policy and facts have no predicate `has_rol` of 1 argument: did you mean `has_role`?",
        ),
        (&["who", "read", "Rpo:web"], "policy and facts have no type `Rpo`: did you mean `Repo`?"),
    ] {
        let (code, out) = with(args);
        assert!(code == 1 && out.contains("understudy: ") && out.contains(hint), "{args:?}: {out}");
    }

    let node = Process::node(Path::new(BINARY), folder.path(), &folder.path().join("node"), &url, &[]);
    node.await_serving();
    node.await_that("the facts are there", || node.authorize(("User", "ann"), "read", ("Repo", "web")));
    let denied =
        json!({"actor_type":"User","actor_id":"bob","action":"read","resource_type":"Repo","resource_id":"web"});
    let mut full = denied.clone();
    full["form"] = json!("full");
    for process in [&primary, &node] {
        let (status, told) = post(process, "/api/explain", &denied);
        assert_eq!((status, &told), (200, &json!({"allowed": false, "summary": DENIED})), "{told}");
        let (status, told) = post(process, "/api/explain", &full);
        let text = told["explanation"]["text"].as_str().unwrap_or_default();
        assert!(status == 200 && text.contains(r#"rule at policy.polar:7: "read" if "reader";"#), "{told}");
        let list = json!({"actor_type":"User","actor_id":"ann","action":"read","resource_type":"Repo"});
        let (status, told) = post(process, "/api/explain", &list);
        assert_eq!((status, &told["allowed"]), (200, &json!(true)), "{told}");
        let bad = json!({"call":"authorise"});
        assert_eq!(post(process, "/api/explain", &bad).0, 400);
        let mut evaluation = json!({
            "subject": {"type":"User","id":"bob"}, "action": {"name":"read"}, "resource": {"type":"Repo","id":"web"},
        });
        assert_eq!(post(process, "/access/v1/evaluation", &evaluation), (200, json!({"decision": false})));
        evaluation["options"] = json!({"reason": true});
        let (_, told) = post(process, "/access/v1/evaluation", &evaluation);
        assert_eq!(told, json!({"decision": false, "context": {"reason": DENIED.join("\n")}}));
    }
    let (code, out) = with(&["explain", "User:bob", "read", "Repo:web"]);
    assert_eq!((code, out), (1, DENIED.join("\n") + "\n"));
    let (code, out) = with(&["explain", "User:ann", "read", "Repo:web", "--full"]);
    assert!(code == 0 && out.contains("<- built-in rule: allow if has_permission"), "{out}");
    assert_eq!(with(&["delete", "has_role", "User:ann", "_", "_"]), (0, "1 fact deleted\n".to_owned()));
    assert_eq!(with(&["get", "has_role"]).0, 1);
    let (code, out) = run(&["get", "--url", "http://127.0.0.1:9", "--key", KEY]);
    assert!(code == 2 && out.contains("http://127.0.0.1:9 can't be reached"), "{out}");
}

#[test]
fn an_operator_turns_it_off() {
    let folder = tempfile::tempdir().expect("a folder");
    let primary = Process::primary(Path::new(BINARY), folder.path(), &["--explain=false"]);
    primary.post_policy(POLICY);
    let ask = json!({"actor_type":"User","actor_id":"bob","action":"read","resource_type":"Repo","resource_id":"web"});
    let (status, told) = post(&primary, "/api/explain", &ask);
    assert!(status == 403 && told["message"].as_str().is_some_and(|text| text.contains("OSO_EXPLAIN")), "{told}");
}
