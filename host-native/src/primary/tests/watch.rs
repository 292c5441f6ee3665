//! Policy files that are watched.

use std::time::{Duration, Instant};

use super::*;
use crate::primary::watch::{Watch, look};

#[test]
fn a_changed_file_is_put_in_force_and_a_broken_one_leaves_the_policy_before() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let write = |name: &str, text: &str| std::fs::write(file(name), text).unwrap();
    write("users.polar", "actor User {}");
    write("repos.polar", &POLICY.replace("actor User {}", ""));
    let mut config = config(folder.path());
    config.policy = vec![file("users.polar"), file("repos.polar")];
    let states = look(&config.policy);
    let primary = start(&config);
    let watch = Watch::start(primary.ledger.clone(), config.policy.clone(), states).unwrap();
    assert_eq!(primary.post("/api/batch", &inserts(&[role("ann", "reader")])).status, 200);
    assert!(primary.may("ann", "read"));
    let source = || primary.get("/api/policy").json()["policy"]["src"].as_str().unwrap().to_owned();
    let before = source();

    // Broken, gone, without its tests' success: nothing changes, however long one looks.
    let failing = POLICY.replace("actor User {}", "").replace("assert allow", "assert_not allow");
    for bad in ["resource Repo {", failing.as_str()] {
        write("repos.polar", bad);
        await_looks();
        assert_eq!(source(), before);
    }
    std::fs::remove_file(file("repos.polar")).unwrap();
    await_looks();
    assert!(primary.may("ann", "read"));

    write("repos.polar", r#"resource Repo { roles = ["reader"]; permissions = ["read"]; }"#);
    await_that(|| source() != before);
    assert!(!primary.may("ann", "read"), "the rule is gone");
    // As editors do it: a new file in the place of the old one.
    write("next", &POLICY.replace("actor User {}", ""));
    std::fs::rename(file("next"), file("repos.polar")).unwrap();
    await_that(|| source() == before);
    assert!(primary.may("ann", "read"));

    // What is uploaded stays until a file changes.
    assert_eq!(primary.policy("actor User {}").status, 200);
    await_looks();
    assert_eq!(source(), "actor User {}");
    write("users.polar", "actor User { }");
    await_that(|| source() != "actor User {}");
    watch.stop();
    primary.stop();
}

/// Longer than it takes to see a change and to put it in force.
fn await_looks() {
    std::thread::sleep(Duration::from_millis(1_200));
}

fn await_that(mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "never came true");
        std::thread::sleep(Duration::from_millis(20));
    }
}
