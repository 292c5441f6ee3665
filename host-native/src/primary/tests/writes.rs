//! Facts written, seen and refused.

use super::*;

#[test]
fn a_fresh_primary_has_no_policy_and_answers() {
    let folder = tempfile::tempdir().unwrap();
    let primary = start(&config(folder.path()));
    assert_eq!(primary.exchange("GET /api/healthcheck", None, "", "").status, 200);
    assert_eq!(primary.get("/api/policy").text(), r#"{"policy":null}"#);
    assert_eq!(primary.get("/api/policy_metadata").status, 404);
    assert_eq!(primary.get("/api/facts").text(), "[]");
    assert!(!primary.may("ann", "read"));
    // http-api.md §9.1: such a fact counts without any policy.
    let fact = role("ann", "read").replace("has_role", "has_permission");
    assert_eq!(primary.post("/api/batch", &inserts(&[fact])).status, 200);
    assert!(primary.may("ann", "read"));
    // A name is counted before it is looked up, and is not repeated.
    let long = format!(r#"{{"predicate":"has_role","args":[{{"type":"{}","id":"a"}}]}}"#, "a".repeat(100_000));
    let refused = primary.post("/api/batch", &inserts(&[long]));
    assert_eq!(refused.status, 400);
    assert!(refused.message().contains("512") && refused.message().len() < 200, "{}", refused.message());
    let refused = primary.post("/api/batch", r#"[{"inserts":[{"predicate":"p","args":[{"type":"A","id":"1"}]}]}]"#);
    assert_eq!(refused.status, 400);
    assert!(refused.message().contains("not used in policy"));
    primary.stop();
}

#[test]
fn writes_are_seen_at_once_and_give_rising_offsets() {
    let folder = tempfile::tempdir().unwrap();
    let primary = start(&config(folder.path()));
    let policy = primary.policy(POLICY);
    assert_eq!((policy.status, policy.offset()), (200, 1), "{}", policy.text());
    let written = primary.post("/api/batch", &inserts(&[role("ann", "writer"), role("bob", "reader")]));
    assert_eq!((written.status, written.offset()), (200, 2));
    assert_eq!(written.text(), r#"{"message":"2 inserted, 0 deleted"}"#);
    assert!(primary.may("ann", "write") && primary.may("bob", "read") && !primary.may("bob", "write"));
    assert_eq!(primary.post("/api/batch", &inserts(&[role("ann", "writer")])).offset(), 2, "it was there");
    assert_eq!(primary.post("/api/batch", "[]").offset(), 2);

    // In order: what one changeset stores, the next one may remove.
    let wild = r#"{"predicate":"has_role","args":[{"type":"User"},{"type":null,"id":null},{}]}"#;
    let body = format!(
        r#"[{{"inserts":[{}]}},{{"deletes":[{wild}]}},{{"inserts":[{}]}}]"#,
        role("cyd", "writer"),
        role("bob", "writer")
    );
    assert_eq!(primary.post("/api/batch", &body).text(), r#"{"message":"2 inserted, 3 deleted"}"#);
    assert!(!primary.may("ann", "read") && !primary.may("cyd", "read") && primary.may("bob", "write"));
    let facts = primary.get("/api/facts?predicate=has_role");
    assert_eq!(facts.text(), format!("[{}]", role("bob", "writer")));

    let cleared = primary.post("/api/clear_data", "");
    assert_eq!((cleared.status, cleared.offset()), (200, 4));
    assert_eq!(primary.get("/api/facts").text(), "[]");
    assert!(!primary.may("bob", "read"));
    assert_eq!(primary.get("/api/policy").json()["policy"]["src"], POLICY, "the policy stays");
    primary.stop();
}

#[test]
fn a_write_with_anything_wrong_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let primary = start(&config(folder.path()));
    assert_eq!(primary.policy(POLICY).status, 200);
    let good = role("ann", "reader");
    let fact = |predicate: &str, args: &str| format!(r#"{{"predicate":"{predicate}","args":[{args}]}}"#);
    for (bad, told) in [
        (fact("unknown", r#"{"type":"Repo","id":"a"}"#), "`unknown` is not used in policy"),
        (fact("is_public", r#"{"type":"User","id":"a"}"#), "not used in policy"),
        (fact("is_public", r#"{"type":"Repo","id":"a"},{"type":"Repo","id":"b"}"#), "not used in policy"),
        (fact("seats", r#"{"type":"Repo","id":"a"},{"type":"String","id":"7"}"#), "not used in policy"),
        (fact("seats", r#"{"type":"Repo","id":"a"},{"type":"Integer","id":"seven"}"#), "Integer"),
        (fact("is_public", r#"{"type":"Repo","id":"*"}"#), "`*`"),
        (fact("is_public", r#"{"type":"Repo","id":""}"#), "empty id"),
        (fact("is_public", r#"{"type":"","id":"a"}"#), "type is empty"),
        (fact("is_public", &format!(r#"{{"type":"Repo","id":"{}"}}"#, "x".repeat(513))), "512"),
        (fact("is_public", r#"{"type":"Repo","id":null}"#), "can't be read"),
        (fact("is_public", ""), "0 arguments"),
    ] {
        let refused = primary.post("/api/batch", &inserts(&[good.clone(), bad.clone()]));
        assert_eq!(refused.status, 400, "{bad}");
        assert!(refused.message().contains(told), "{}", refused.text());
        assert!(refused.header("osooffset").is_none());
    }
    for body in [
        "",
        "{}",
        "[{}]",
        r#"[{"inserts":[]},{"upserts":[]}]"#,
        r#"[{"deletes":[{"predicate":"p","args":[{"id":"1"}]}]}]"#,
    ] {
        assert_eq!(primary.post("/api/batch", body).status, 400, "{body}");
    }
    assert_eq!(primary.get("/api/facts").text(), "[]");
    // Exempt from types and arity; deletes know no policy; an Integer is kept canonically.
    for (body, status) in [
        (inserts(&[fact("has_role", r#"{"type":"Robot","id":"r"}"#)]), 200),
        (inserts(&[fact("seats", r#"{"type":"Repo","id":"a"},{"type":"Integer","id":"007"}"#)]), 200),
        (r#"[{"deletes":[{"predicate":"unknown","args":[{}]}]}]"#.to_owned(), 200),
    ] {
        assert_eq!(primary.post("/api/batch", &body).status, status, "{body}");
    }
    assert_eq!(primary.get("/api/facts?predicate=seats").json()[0]["args"][1]["id"], "7");
    primary.stop();
}

#[test]
fn deprecated_writes_take_the_same_walk() {
    let folder = tempfile::tempdir().unwrap();
    let primary = start(&config(folder.path()));
    assert_eq!(primary.policy(POLICY).status, 200);
    let (ann, bob) = (role("ann", "reader"), role("bob", "reader"));
    let inserted = primary.post("/api/facts", &ann);
    assert_eq!((inserted.status, inserted.text(), inserted.offset()), (200, ann.as_str(), 2));
    assert_eq!(primary.post("/api/bulk_load", &format!("[{bob}]")).offset(), 3);
    assert!(primary.may("ann", "read") && primary.may("bob", "read"));
    let one = primary.exchange("DELETE /api/facts", Some(DEVELOPMENT_KEY), "", &ann);
    assert_eq!((one.status, one.offset()), (200, 4));
    assert!(!primary.may("ann", "read"));
    // Deletes first.
    let bulk = format!(r#"{{"delete":[{{"predicate":"has_role","args":[{{}},{{}},{{}}]}}],"tell":[{ann}]}}"#);
    assert_eq!(primary.post("/api/bulk", &bulk).text(), r#"{"message":"1 inserted, 1 deleted"}"#);
    assert!(primary.may("ann", "read") && !primary.may("bob", "read"));
    assert_eq!(primary.post("/api/bulk_delete", &format!("[{ann}]")).status, 200);
    assert_eq!(primary.get("/api/facts").text(), "[]");
    assert_eq!(primary.post("/api/bulk", r#"{"tell":[]}"#).status, 400, "both are required");
    assert_eq!(primary.post("/api/facts", r#"{"predicate":"unknown","args":[{"type":"A","id":"1"}]}"#).status, 400);
    primary.stop();
}

#[test]
fn a_snapshot_follows_the_last_write_and_holds_it() {
    let folder = tempfile::tempdir().unwrap();
    let primary = start(&config(folder.path()));
    let written = primary.post("/api/batch", &inserts(&[role("ann", "reader"), role("bob", "reader")]));
    let gone = format!(r#"[{{"deletes":[{}]}}]"#, role("ann", "reader"));
    let deleted = primary.post("/api/batch", &gone);
    assert!(written.offset() < deleted.offset());
    let newest = || {
        let blob = primary.blob(&primary.head().snapshot.sha256);
        let snapshot = snapshot::Snapshot::open(&blob.body).unwrap();
        (snapshot.manifest().offset, snapshot.facts().collect::<Vec<_>>())
    };
    let mut found = newest();
    while found.0 < deleted.offset() {
        std::thread::sleep(Duration::from_millis(20));
        found = newest();
    }
    assert_eq!(found.1.len(), 1);
    assert_eq!(found.1[0].args[0].id(), "bob");
    assert!(primary.native.0.lock().unwrap().log.is_empty(), "what the snapshot holds is forgotten");
    primary.stop();
}

#[test]
fn writes_from_many_sides_are_all_there_once_each_in_one_order() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let primary = start(&config);
    let mut offsets: Vec<u64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let primary = &primary;
                scope.spawn(move || {
                    let one = |n| primary.post("/api/batch", &inserts(&[role(&format!("u{thread}-{n}"), "reader")]));
                    (0..25).map(|n| one(n).offset()).collect::<Vec<u64>>()
                })
            })
            .collect();
        // A policy in the middle of it: its snapshot and the log must fit together.
        assert_eq!(primary.policy(POLICY).status, 200);
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    offsets.sort_unstable();
    offsets.dedup();
    assert_eq!(offsets.len(), 100);
    assert_eq!(primary.get("/api/facts").json().as_array().unwrap().len(), 100);
    assert!((0..4).all(|thread| primary.may(&format!("u{thread}-24"), "read")));
    primary.stop();
    let primary = start(&config);
    assert_eq!(primary.get("/api/facts").json().as_array().unwrap().len(), 100);
    primary.stop();
}

#[test]
fn facts_that_no_rule_uses_are_warned_of_or_refused() {
    use crate::primary::limits::Limits;
    let folder = tempfile::tempdir().unwrap();
    let fact = |actor: &str, role: &str, resource: &str| {
        let args = format!(
            r#"[{{"type":"{actor}","id":"a"}},{{"type":"String","id":"{role}"}},{{"type":"{resource}","id":"g"}}]"#
        );
        inserts(&[format!(r#"{{"predicate":"has_role","args":{args}}}"#)])
    };
    let slips = [fact("Person", "steward", "Lab"), fact("User", "raeder", "Repo"), fact("User", "reader", "Rep")];
    let primary = start(&config(folder.path()));
    assert_eq!(primary.policy(POLICY).status, 200);
    for slip in &slips {
        let told = primary.post("/api/batch", slip);
        assert_eq!(told.status, 200, "{slip}");
        assert!(told.header("understudy-warning").is_some(), "{slip}: {}", told.head);
    }
    assert_eq!(primary.post("/api/batch", &inserts(&[role("ann", "reader")])).header("understudy-warning"), None);
    primary.stop();

    let limits = Limits { strict_facts: true, ..Limits::default() };
    let primary = start(&PrimaryConfig { limits, ..config(&folder.path().join("strict")) });
    assert_eq!(primary.policy(POLICY).status, 200);
    for slip in &slips {
        let refused = primary.post("/api/batch", slip);
        assert_eq!(refused.status, 400, "{slip}");
        let message = refused.message();
        assert!(message.contains("is not used in policy") && message.contains("`declare has_role("), "{message}");
    }
    let declared = format!("{POLICY}\ndeclare has_role(Person, String, Lab);\n");
    assert_eq!(primary.policy(&declared).status, 200);
    assert_eq!(primary.post("/api/batch", &slips[0]).status, 200, "declared");
    assert_eq!(primary.post("/api/batch", &inserts(&[role("ann", "reader")])).status, 200);
    primary.stop();
}

#[test]
fn expectations_are_compared_with_what_was_answered() {
    let folder = tempfile::tempdir().unwrap();
    let primary = start(&config(folder.path()));
    assert_eq!(primary.policy(POLICY).status, 200);
    let body = r#"{"actor_type":"User","actor_id":"ann","action":"read","resource_type":"Repo","resource_id":"web"}"#;
    for id in ["one", "two"] {
        let headers = format!("X-Request-ID: {id}\r\n");
        let answer = primary.exchange("POST /api/authorize", Some(DEVELOPMENT_KEY), &headers, body);
        assert_eq!(answer.text(), r#"{"allowed":false}"#);
    }
    // Who sent no id has that of the reply.
    let given = primary.exchange("POST /api/authorize", Some(DEVELOPMENT_KEY), "", body);
    let id = given.header("x-request-id").unwrap().to_owned();
    let told = primary.post("/api/expect", &format!(r#"{{"request_id":"{id}","expected":false}}"#));
    assert_eq!(told.status, 200);
    for (id, expected) in [("one", true), ("two", false), ("three", true)] {
        let told = primary.post("/api/expect", &format!(r#"{{"request_id":"{id}","expected":{expected}}}"#));
        assert_eq!(told.status, 200);
    }
    let told = primary.get("/api/expect").json();
    let mismatches = told["mismatches"].as_array().unwrap();
    assert_eq!(mismatches.len(), 1, "{told}");
    assert_eq!((&mismatches[0]["request_id"], &mismatches[0]["expected"]), (&"one".into(), &true.into()));
    assert_eq!(mismatches[0]["question"], "User:ann read Repo:web");
    assert_eq!(primary.exchange("GET /api/expect", Some(READ_KEY), "", "").status, 403);
    let metrics = primary.get("/metrics");
    for line in [r#"{outcome="met"} 2"#, r#"{outcome="mismatched"} 1"#, r#"{outcome="unknown"} 1"#] {
        assert!(metrics.text().contains(&format!("understudy_primary_expectations_total{line}")), "{line}");
    }
    primary.stop();
}
