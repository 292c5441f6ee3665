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
    let (code, told) = run(&["--min", "1"]);
    assert!(code == Some(1) && told.contains("coverage is 0.0 %, less than 1 %: no assertion ran"), "{told}");
    assert_eq!(run(&["--min", "0"]).0, Some(0), "nothing is asked for");
}

#[test]
fn a_test_that_asserts_nothing_is_none() {
    let folder = folder();
    let empty = "test \"later\" { setup { has_role(User{\"ann\"}, \"reader\", Repo{\"web\"}); } }\n";
    std::fs::write(folder.path().join("empty.polar"), empty).expect("a file can be written");
    let rules = POLICY.split("test ").next().expect("the policy begins with its rules");
    std::fs::write(folder.path().join("rules.polar"), rules).expect("a file can be written");
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_understudy"));
        let output = command.arg("test").args(args).current_dir(folder.path()).output().expect("the binary starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let word = "empty.polar:1: `test \"later\"` asserts nothing and can't fail";
    let (code, _, told) = run(&["rules.polar", "empty.polar"]);
    assert!(code == Some(0) && told.contains(word), "{told}");
    let (code, _, told) = run(&["rules.polar", "empty.polar", "--require-tests"]);
    assert!(code == Some(2) && told.contains(word), "{told}");
    // Beside tests that assert something it is told, and no more.
    let (code, _, told) = run(&["good.polar", "empty.polar", "--require-tests"]);
    assert!(code == Some(0) && told.contains(word), "{told}");
    let (code, out, told) = run(&["rules.polar", "empty.polar", "--min", "10"]);
    assert!(code == Some(1) && told.contains("coverage is 0.0 %, less than 10 %: no assertion ran"), "{told}");
    assert!(out.contains("coverage: 0.0 %"), "{out}");
}

#[test]
fn coverage_is_told_beside_forms_that_have_no_place_for_it() {
    let folder = folder();
    for form in ["junit", "github"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_understudy"));
        let output = command.args(["test", "good.polar", "--coverage", "--format", form]).current_dir(folder.path());
        let output = output.output().expect("the binary starts");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, told) = (text(&output.stdout), text(&output.stderr));
        assert!(told.contains("coverage: 40.0 % (2 of 5") && told.contains("good.polar:9:"), "{form}: {told}");
        assert!(!out.contains("coverage"), "{form}: {out}");
    }
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
    assert!(document["tests"][1]["seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{out}");
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
    let told = "allowed: User:ann may read Repo:web
because User:ann is member of Org:acme and org of Repo:web is Org:acme
by the rules at good.polar:7 and good.polar:8
";
    let tree = r#"
allow(User{"ann"}, "read", Repo{"web"})  <- built-in rule: allow if has_permission
  has_permission(User{"ann"}, "read", Repo{"web"})  <- rule at good.polar:7: "read" if "reader";
    has_role(User{"ann"}, "reader", Repo{"web"})  <- rule at good.polar:8: "reader" if "member" on "org";
      has_relation(Repo{"web"}, "org", Org{"acme"})  <- stored fact
      has_role(User{"ann"}, "member", Org{"acme"})  <- stored fact
"#;
    let files = ["--policy", "good.polar", "--facts", "facts.jsonl"];
    for data in [&["--snapshot", "s.snapshot"][..], &files] {
        let ask = |args: &[&str]| understudy(folder.path(), &[args, data].concat());
        assert_eq!(ask(&["explain", "User:ann", "read", "Repo:web"]), (0, told.to_owned()));
        assert_eq!(ask(&["explain", "User:ann", "String:read", "Repo:web", "--full"]), (0, format!("{told}{tree}")));
        let (code, out) = understudy(folder.path(), &[&["explain", "User:bob", "read", "Repo:web"], data].concat());
        assert_eq!(code, 1);
        let expected = "denied: User:bob may not read Repo:web
no fact names `User:bob`
User:bob has: nothing that a rule asks for
any one of these would give it:
  1. reader of Repo:web  (good.polar:7)
  2. member of Org:acme  (good.polar:8)
";
        assert_eq!(out, expected);
        let list = ["explain", "--list", "--id", "web", "User:ann", "read", "Repo"];
        let (code, out) = understudy(folder.path(), &[&list, data].concat());
        assert_eq!((code, out.as_str()), (0, told));
        let (code, out) = understudy(
            folder.path(),
            &[&["explain", "--list", "--id", "no", "User:ann", "read", "Repo"], data].concat(),
        );
        assert!(code == 1 && out.starts_with("denied: User:ann may not read Repo:no\n"), "{out}");
        let short = ask(&["explain", "User:ann", "read", "Repo:web", "--full", "--limit", "1"]);
        assert_eq!(short, (0, told.lines().next().map(|line| format!("{line}\n")).expect("a line")));
        for call in ["authorize", "explain"] {
            // A no would look like any other.
            assert_eq!(ask(&[call, "User:_", "read", "Repo:web"]), (2, String::new()), "{call}");
        }
        let query = ["explain", "--query", "--json", "has_role", "_", "reader", "Repo:web"];
        let (code, out) = understudy(folder.path(), &[&query, data].concat());
        let document: Json = serde_json::from_str(&out).expect("one document");
        assert_eq!((code, &document["steps"][0]["ways"][0]["line"]), (0, &json!(8)));
    }
}

/// What a shell does with `understudy … | head -1`.
fn first_line_only(folder: &Path, args: &[&str]) -> (i32, String) {
    use std::{io::Read, process::Stdio};
    let mut child = Command::new(env!("CARGO_BIN_EXE_understudy"))
        .args(args)
        .current_dir(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    // Closed before a byte is read: every write fails.
    drop(child.stdout.take());
    let mut errors = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut errors).expect("text");
    (child.wait().expect("it ends").code().unwrap_or(-1), errors)
}

#[test]
fn a_reader_that_has_had_enough_ends_the_output_quietly() {
    let folder = folder();
    let build = ["build", "--policy", "good.polar", "--facts", "facts.jsonl", "-o", "s.snapshot"];
    assert_eq!(understudy(folder.path(), &build).0, 0);
    let asked: [(&[&str], i32); 9] = [
        (&["authorize", "User:ann", "read", "Repo:web", "--snapshot", "s.snapshot"], 0),
        (&["authorize", "User:bob", "read", "Repo:web", "--snapshot", "s.snapshot"], 1),
        (&["query", "has_role", "_", "_", "_", "--snapshot", "s.snapshot"], 0),
        (&["explain", "User:bob", "read", "Repo:web", "--full", "--snapshot", "s.snapshot"], 1),
        (&["inspect", "s.snapshot"], 0),
        (&["stats", "s.snapshot"], 0),
        (&["check", "good.polar"], 0),
        (&["test", "good.polar", "--coverage"], 0),
        (&["completions", "bash"], 0),
    ];
    for (args, code) in asked {
        let (found, errors) = first_line_only(folder.path(), args);
        assert!(
            found == code && !errors.contains("panicked") && !errors.contains("can't be written"),
            "{args:?}: {errors}"
        );
    }
}

#[test]
fn who_may_is_listed_and_snapshots_are_compared_and_counted() {
    let folder = folder();
    let more = format!(
        "{FACTS}{}\n",
        r#"{"predicate":"has_role","args":[{"type":"User","id":"cat"},{"type":"String","id":"reader"},{"type":"Repo","id":"web"}]}"#
    );
    std::fs::write(folder.path().join("more.jsonl"), more).expect("a file can be written");
    for (facts, snapshot) in [("facts.jsonl", "old.snapshot"), ("more.jsonl", "new.snapshot")] {
        let build = ["build", "--policy", "good.polar", "--facts", facts, "-o", snapshot];
        assert_eq!(understudy(folder.path(), &build).0, 0);
    }
    let who = ["who", "read", "Repo:web", "--snapshot", "new.snapshot"];
    assert_eq!(understudy(folder.path(), &who), (0, "User:ann\nUser:cat\n".to_owned()));
    let nobody = ["who", "String:read", "Repo:no", "--type", "User", "--snapshot", "new.snapshot"];
    assert_eq!(understudy(folder.path(), &nobody), (1, String::new()));
    // Slips are told beside the answer, not in it.
    let both = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_understudy")).args(args).current_dir(folder.path()).output();
        let output = output.expect("the binary starts");
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        (output.status.code().unwrap_or(-1), text)
    };
    assert_eq!(both(&nobody), (1, "understudy: no fact names `Repo:no`\n".to_owned()));
    let files = ["--policy", "good.polar", "--facts", "more.jsonl"];
    for data in [&["--snapshot", "new.snapshot"][..], &files] {
        let ask = |args: &[&str]| both(&[args, data].concat());
        let (code, out) = ask(&["authorize", "User:an", "raed", "Repo:web"]);
        let hints = "denied\nunderstudy: no fact names `User:an`: did you mean `User:ann`?\nunderstudy: `Repo` has no action `raed`: did you mean `read`?\n";
        assert_eq!((code, out.as_str()), (1, hints), "{data:?}");
        let (code, out) = ask(&["query", "has_role", "User:_", "reader", "Repo:web", "--limit", "1"]);
        assert_eq!((code, out.lines().count()), (0, 2), "{out}");
        assert!(out.ends_with("understudy: 1 of 2 lines; raise --limit to see more\n"), "{out}");
        let (code, out) = ask(&["who", "read", "Repo:web", "--limit", "1", "--instance-memory", "64MiB"]);
        assert!(code == 0 && out.starts_with("User:ann\n"), "{out}");
        let (code, out) = ask(&["authorize", "User:ann", "read", "Repo:web", "--instance-memory", "1KiB"]);
        assert!(code == 2 && out.contains("from 64MiB to 3GiB"), "{out}");
    }
    let differs = "+ has_role User:cat String:reader Repo:web\nthe same policy, 0 facts fewer, 1 facts more\n";
    assert_eq!(understudy(folder.path(), &["diff", "old.snapshot", "new.snapshot"]), (1, differs.to_owned()));
    assert_eq!(understudy(folder.path(), &["diff", "old.snapshot", "old.snapshot"]).0, 0);
    let (code, out) = understudy(folder.path(), &["stats", "new.snapshot"]);
    assert!(code == 0 && out.contains("           1  has_role(User, String, Repo)\n"), "{out}");
    let (code, out) = understudy(folder.path(), &["man", "explain"]);
    assert!(code == 0 && out.contains(".TH"), "{out}");
    let (code, out) = understudy(folder.path(), &["completions", "zsh"]);
    assert!(code == 0 && out.contains("#compdef understudy"), "{out}");
}

#[test]
fn facts_that_no_rule_can_use_are_told_with_what_was_meant() {
    let folder = folder();
    let fact = |predicate: &str, args: [(&str, &str); 3]| {
        let args = args.map(|(type_name, id)| json!({"type": type_name, "id": id}));
        json!({"predicate": predicate, "args": args}).to_string() + "\n"
    };
    let slips = [
        fact("has_role", [("User", "ann"), ("String", "raeder"), ("Repo", "web")]),
        fact("has_role", [("Usr", "ann"), ("String", "reader"), ("Repo", "web")]),
        fact("has_rol", [("User", "ann"), ("String", "reader"), ("Repo", "web")]),
        json!({"predicate": "has_role", "args": [{"type": "User", "id": "ann"}, {"type": "String", "id": "reader"}]})
            .to_string(),
    ];
    std::fs::write(folder.path().join("slips.jsonl"), format!("{FACTS}{}", slips.concat())).expect("a file");
    let (code, out) = understudy(folder.path(), &["check", "good.polar", "--facts", "slips.jsonl"]);
    assert_eq!(code, 0, "{out}");
    for (line, meant) in [(3, "`reader`"), (4, "`User`"), (5, "`has_role`"), (6, "")] {
        let told =
            out.lines().find(|told| told.starts_with(&format!("slips.jsonl:{line}: warning["))).unwrap_or_default();
        assert!(told.contains(meant) && !told.is_empty(), "{line}: {out}");
    }
    assert_eq!(understudy(folder.path(), &["check", "good.polar", "--facts", "facts.jsonl", "--strict"]).0, 0);
    assert_eq!(understudy(folder.path(), &["check", "good.polar", "--facts", "slips.jsonl", "--strict"]).0, 1);
    let build = ["build", "--policy", "good.polar", "--facts", "slips.jsonl", "-o", "slips.snapshot"];
    assert_eq!(understudy(folder.path(), &[&build[..], &["--strict"]].concat()).0, 2);
    assert!(!folder.path().join("slips.snapshot").exists());
    assert_eq!(understudy(folder.path(), &build).0, 0);
}
