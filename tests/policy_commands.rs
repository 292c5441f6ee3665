//! `understudy test` and `understudy explain`, as an author and a pipeline run them: output, JSON, exit codes.

use std::{path::Path, process::Command};

use serde_json::{Value as Json, json};

const POLICY: &str = r#"actor User {}
resource Org { roles = ["member"]; }
resource Repo {
  roles = ["reader"];
  permissions = ["read", "delete"];
  relations = { org: Org };
  "read" if "reader";
  "reader" if "member" on "org";
  "delete" if "reader" or "member" on "org";
}
test "members read" {
  setup { has_relation(Repo{"web"}, "org", Org{"acme"}); has_role(User{"ann"}, "member", Org{"acme"}); }
  assert allow(User{"ann"}, "read", Repo{"web"});
  assert_not allow(User{"bob"}, "read", Repo{"web"});
}
"#;
const WRONG: &str = r#"test "wrong" {
  setup { has_relation(Repo{"web"}, "org", Org{"acme"}); }
  assert allow(User{"bob"}, "read", Repo{"web"});
}
"#;
const FACTS: &str = r#"{"predicate":"has_relation","args":[{"type":"Repo","id":"web"},{"type":"String","id":"org"},{"type":"Org","id":"acme"}]}
{"predicate":"has_role","args":[{"type":"User","id":"ann"},{"type":"String","id":"member"},{"type":"Org","id":"acme"}]}
"#;

/// Exit code, stdout.
fn understudy(folder: &Path, args: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_understudy")).args(args).current_dir(folder).output();
    let output = output.expect("the binary starts");
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stdout).into_owned())
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = [("good.polar", POLICY), ("wrong.polar", WRONG), ("broken.polar", "actor {"), ("facts.jsonl", FACTS)];
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).expect("a file can be written");
    }
    folder
}

#[test]
fn tests_end_with_a_count_and_a_code() {
    let folder = folder();
    let (code, out) = understudy(folder.path(), &["test", "good.polar"]);
    assert_eq!((code, out.lines().last()), (0, Some("2 passed, 0 failed")), "{out}");
    let (code, out) = understudy(folder.path(), &["test", "good.polar", "wrong.polar"]);
    assert_eq!((code, out.lines().last()), (1, Some("2 passed, 1 failed")), "{out}");
    let line = "wrong.polar:3: `assert allow(User{\"bob\"}, \"read\", Repo{\"web\"})`: expected allow, got deny: no \
                fact `has_role(User{\"bob\"}, \"member\", Org{\"acme\"})` (rule at good.polar:8 needs it)";
    assert!(out.contains(line), "{out}");
    assert_eq!(understudy(folder.path(), &["test", "good.polar", "broken.polar"]).0, 2);
    assert_eq!(understudy(folder.path(), &["test", "missing.polar"]).0, 2);
    let chosen = ["test", "good.polar", "wrong.polar", "--filter", "members"];
    let (code, out) = understudy(folder.path(), &chosen);
    assert_eq!((code, out.lines().last()), (0, Some("2 passed, 0 failed")), "{out}");
    assert_eq!(understudy(folder.path(), &["test", "good.polar", "--filter", "nothing"]).0, 2);
}

#[test]
fn a_policy_without_tests_says_so() {
    let folder = folder();
    std::fs::write(folder.path().join("bare.polar"), "actor User {}\n").expect("a file can be written");
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_understudy"));
        let output = command.args(["test", "bare.polar"]).args(args).current_dir(folder.path()).output();
        let output = output.expect("the binary starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, told) = run(&[]);
    assert!(code == Some(0) && told.contains("the policy has no tests"), "{told}");
    let (code, told) = run(&["--require-tests"]);
    assert!(code == Some(2) && told.contains("the policy has no tests"), "{told}");
}

#[test]
fn results_have_four_forms() {
    let folder = folder();
    let run = |form: &str| understudy(folder.path(), &["test", "good.polar", "wrong.polar", "--format", form]);
    let (code, out) = run("text");
    assert!(code == 1 && out.starts_with("✓ members read: 2 of 2\n✗ wrong: 0 of 1\n"), "{out}");
    let (code, out) = run("junit");
    assert!(code == 1 && out.contains("<testcase name=\"wrong\" classname=\"wrong.polar\""), "{out}");
    let (code, out) = run("github");
    assert!(
        code == 1 && out.starts_with("::error file=wrong.polar,line=3,title=test \"wrong\"::assert allow("),
        "{out}"
    );
    let (code, out) = run("json");
    let document: Json = serde_json::from_str(&out).expect("one document");
    assert!(code == 1 && document["seconds"].is_number(), "{out}");
    assert_eq!(understudy(folder.path(), &["test", "good.polar", "--format", "yaml"]).0, 2);
}

#[test]
fn a_watched_policy_is_tested_again() {
    use std::io::{BufRead, BufReader};
    let folder = folder();
    let mut command = Command::new(env!("CARGO_BIN_EXE_understudy"));
    command.args(["test", "good.polar", "--watch"]).current_dir(folder.path()).stdout(std::process::Stdio::piped());
    let mut child = command.spawn().expect("the binary starts");
    let mut lines = BufReader::new(child.stdout.take().expect("its output is ours")).lines();
    let mut count = || lines.find_map(|line| line.ok().filter(|line| line.ends_with(" failed")));
    assert_eq!(count().as_deref(), Some("2 passed, 0 failed"));
    std::fs::write(folder.path().join("good.polar"), format!("{POLICY}{WRONG}")).expect("a file can be written");
    assert_eq!(count().as_deref(), Some("2 passed, 1 failed"));
    child.kill().expect("it is still there");
    child.wait().expect("it ends");
}

#[test]
fn results_are_one_document() {
    let folder = folder();
    let (code, out) = understudy(folder.path(), &["test", "good.polar", "wrong.polar", "--json", "--coverage"]);
    let document: Json = serde_json::from_str(&out).expect("one document");
    assert_eq!(code, 1);
    assert_eq!((&document["success"], &document["passed"], &document["failed"]), (&json!(false), &json!(2), &json!(1)));
    let failure = &document["tests"][1]["failures"][0];
    assert_eq!(
        (&failure["file"], &failure["line"], &failure["kind"]),
        (&json!("wrong.polar"), &json!(3), &json!("assertion"))
    );
    assert_eq!(failure["explanation"]["answer"], json!([]));
    assert_eq!(document["coverage"]["total"], 5);
    assert_eq!(document["coverage"]["exercised"], 2);
}

#[test]
fn coverage_names_what_no_assertion_needed_and_can_be_a_gate() {
    let folder = folder();
    let (code, out) = understudy(folder.path(), &["test", "good.polar", "--coverage"]);
    assert_eq!(code, 0);
    assert!(out.contains("coverage: 40.0 % (2 of 5"), "{out}");
    assert!(out.contains("good.polar:9: \"delete\" if ..: missed"), "{out}");
    assert_eq!(understudy(folder.path(), &["test", "good.polar", "--min", "40"]).0, 0);
    assert_eq!(understudy(folder.path(), &["test", "good.polar", "--min", "41"]).0, 1);
    assert_eq!(understudy(folder.path(), &["test", "good.polar", "--min", "101"]).0, 2);
}

#[test]
fn explain_shows_a_tree_from_files_and_from_a_snapshot() {
    let folder = folder();
    let build = ["build", "--policy", "good.polar", "--facts", "facts.jsonl", "-o", "s.snapshot"];
    assert_eq!(understudy(folder.path(), &build).0, 0);
    let tree = r#"allowed
allow(User{"ann"}, "read", Repo{"web"})  <- default rule
  has_permission(User{"ann"}, "read", Repo{"web"})  <- rule at good.polar:7
    has_role(User{"ann"}, "reader", Repo{"web"})  <- rule at good.polar:8
      has_relation(Repo{"web"}, "org", Org{"acme"})  <- stored fact
      has_role(User{"ann"}, "member", Org{"acme"})  <- stored fact
"#;
    let files = ["--policy", "good.polar", "--facts", "facts.jsonl"];
    for data in [&["--snapshot", "s.snapshot"][..], &files] {
        let told = understudy(folder.path(), &[&["explain", "User:ann", "read", "Repo:web"], data].concat());
        assert_eq!(told, (0, tree.to_owned()));
        let (code, out) = understudy(folder.path(), &[&["explain", "User:bob", "read", "Repo:web"], data].concat());
        assert_eq!(code, 1);
        let nearest = "denied\nnearest: no fact `has_role(User{\"bob\"}, \"member\", Org{\"acme\"})`";
        assert!(out.starts_with(nearest), "{out}");
        let list = ["explain", "--list", "--id", "web", "User:ann", "read", "Repo"];
        let (code, out) = understudy(folder.path(), &[&list, data].concat());
        assert_eq!((code, out.as_str()), (0, tree.strip_prefix("allowed\n").unwrap_or_default()));
        let (code, out) = understudy(
            folder.path(),
            &[&["explain", "--list", "--id", "no", "User:ann", "read", "Repo"], data].concat(),
        );
        assert!(code == 1 && out.starts_with("denied\n"), "{out}");
        let query = ["explain", "--query", "--json", "has_role", "_", "reader", "Repo:web"];
        let (code, out) = understudy(folder.path(), &[&query, data].concat());
        let document: Json = serde_json::from_str(&out).expect("one document");
        assert_eq!((code, &document["steps"][0]["ways"][0]["line"]), (0, &json!(8)));
    }
}
