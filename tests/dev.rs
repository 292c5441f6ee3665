//! `understudy dev` as a newcomer uses it: what it prints is pasted into a shell.

use std::{path::Path, process::Command};

use serde_json::json;
use understudy_tests::process::{Process, skip};

const BINARY: &str = env!("CARGO_BIN_EXE_understudy");

/// Runs a printed line and gives what it prints.
fn paste(line: &str) -> String {
    let done = Command::new("sh").args(["-c", line]).output().expect("a shell");
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}

#[test]
fn what_it_prints_works_when_pasted() {
    if Command::new("curl").arg("--version").output().is_err() {
        return skip("dev", "curl");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let args = ["dev", "--port", "0", "--primary-port", "0"];
    let mut dev = Process::start(Path::new(BINARY), folder.path(), &args, &[]);
    dev.await_address();
    dev.await_that("it says what to try", || dev.printed().contains("Ctrl-C stops both."));
    let printed = dev.printed();
    assert!(!printed.contains('\u{1b}'), "no colours where there is no terminal");
    let lines = |beginning: &str| {
        let lines = printed.lines().filter_map(|line| line.strip_prefix("  "));
        lines.filter(|line| line.starts_with(beginning)).map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    let (curl, kill) = (lines("curl"), lines("kill"));
    assert_eq!((curl.len(), kill.len()), (3, 1), "{printed}");

    assert_eq!(paste(&curl[0]), r#"{"allowed":true}"#);
    assert_eq!(paste(&curl[1]), r#"{"results":["handbook","styleguide"]}"#);
    assert_eq!(paste(&curl[2]), r#"{"message":"1 inserted, 0 deleted"}"#);
    let after = r#"{"results":["handbook","styleguide","web"]}"#;
    dev.await_that("the write arrives", || paste(&curl[1]) == after);
    paste(&kill[0]);
    dev.await_that("it says that the primary is gone", || dev.printed().contains("the primary is gone"));
    assert_eq!((paste(&curl[0]).as_str(), paste(&curl[1]).as_str()), (r#"{"allowed":true}"#, after));

    dev.signal("INT");
    assert_eq!(dev.await_exit(understudy_tests::process::PATIENCE).code(), Some(0));

    // Started again it has what was written, and stops its primary with itself.
    let mut again = Process::start(Path::new(BINARY), folder.path(), &args, &[]);
    again.await_address();
    again.await_that("it says what to try", || again.printed().contains("Ctrl-C stops both."));
    let printed = again.printed();
    let list = printed.lines().filter(|line| line.starts_with("  curl")).nth(1).expect("a line to paste");
    again.await_that("the write is there", || paste(list) == after);
    let id = printed.lines().find_map(|line| line.strip_prefix("  kill -9 ")).expect("the primary's id").to_owned();
    assert_eq!(again.terminate().code(), Some(0));
    assert!(!again.printed().contains("the primary is gone"));
    assert_eq!(paste(&format!("kill -0 {id} 2>/dev/null && echo alive")), "");
}

#[test]
fn what_the_command_line_names_is_in_force_or_it_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in [("a.polar", "actor Ann {}"), ("b.polar", "actor Bob {}"), ("broken.polar", "actor {")] {
        std::fs::write(folder.path().join(name), text).expect("the folder is ours");
    }
    for (file, actor) in [("a.polar", "Ann"), ("b.polar", "Bob")] {
        let args = ["dev", "--port", "0", "--primary-port", "0", "--policy", file];
        let mut dev = Process::start(Path::new(BINARY), folder.path(), &args, &[]);
        dev.await_address();
        dev.await_that("it is ready", || dev.printed().contains("Ctrl-C stops both."));
        let blocks = |dev: &Process| dev.get("/api/policy_metadata").json()["metadata"]["resources"].clone();
        dev.await_that("the policy is in force", || blocks(&dev)[actor].is_object());
        assert_eq!(dev.terminate().code(), Some(0));
    }
    let args = ["dev", "--port", "0", "--primary-port", "0", "--policy", "broken.polar"];
    let mut dev = Process::start(Path::new(BINARY), folder.path(), &args, &[]);
    assert_eq!(dev.await_exit(understudy_tests::process::PATIENCE).code(), Some(1));
    assert!(dev.printed().contains("broken.polar:1:"), "{}", dev.printed());
}

#[test]
fn facts_that_the_command_line_names_are_in_force_or_it_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let reader = |type_name: &str| {
        let value = |type_name: &str, id: &str| json!({"type": type_name, "id": id});
        let args = [value(type_name, "ann"), value("String", "reader"), value("Doc", "d")];
        json!({"predicate": "has_role", "args": args}).to_string() + "\n"
    };
    let policy = r#"actor Cat {} resource Doc { roles = ["reader"]; permissions = ["read"]; "read" if "reader"; }"#;
    let slip = reader("Cat") + &json!({"predicate": "has_rol", "args": [{"type": "Cat", "id": "bo"}]}).to_string();
    for (name, text) in [("a.polar", policy), ("good.jsonl", &reader("Cat")), ("slip.jsonl", &slip), ("bad.jsonl", "{")]
    {
        std::fs::write(folder.path().join(name), text).expect("the folder is ours");
    }
    let start = |data: &str, facts: &str| {
        let args =
            ["dev", "--port", "0", "--primary-port", "0", "--data", data, "--policy", "a.polar", "--facts", facts];
        Process::start(Path::new(BINARY), folder.path(), &args, &[])
    };
    let ask = json!({
        "actor_type": "Cat", "actor_id": "ann", "action": "read", "resource_type": "Doc", "resource_id": "d",
    });
    for (data, facts, is_told) in [("one", "good.jsonl", false), ("two", "slip.jsonl", true)] {
        let mut dev = start(data, facts);
        dev.await_address();
        dev.await_that("it is ready", || dev.printed().contains("Ctrl-C stops both."));
        dev.await_that("the facts are in force", || dev.post("/api/authorize", &ask).json()["allowed"] == true);
        assert_eq!(dev.printed().contains("slip.jsonl:2: warning["), is_told, "{}", dev.printed());
        assert_eq!(dev.terminate().code(), Some(0));
    }
    let mut dev = start("three", "bad.jsonl");
    assert_eq!(dev.await_exit(understudy_tests::process::PATIENCE).code(), Some(1));
    assert!(dev.printed().contains("bad.jsonl:1"), "{}", dev.printed());
}
