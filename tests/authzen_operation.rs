//! AuthZEN as an operator meets it: what can't be answered, before anything serves, settings, a change of generations, the
//! primary.

use std::{collections::BTreeSet, path::Path};

use serde_json::{Value as Json, json};
use understudy_tests::{
    authzen::{DecisionPoint, fixture, published},
    feed::{Feed, Mode},
    http::request,
    process::{KEY, Process},
    recipe::{Recipe, fact},
};

const BINARY: &str = env!("CARGO_BIN_EXE_understudy");

fn start(fixture: &fixture::Fixture, more: &[&str]) -> (tempfile::TempDir, DecisionPoint) {
    let folder = tempfile::tempdir().expect("a folder");
    let point = DecisionPoint::start(Path::new(BINARY), folder.path(), fixture, more);
    (folder, point)
}

#[test]
fn what_cant_be_answered_is_an_error_of_its_own() {
    let (_folder, mut point) = start(&fixture::errors(), &[]);
    let ask = |action: &str, record: &str| {
        json!({
            "subject": { "type": "user", "id": "ann" },
            "action": { "name": action },
            "resource": { "type": "record", "id": record },
        })
    };
    assert!(point.decision(&ask("shy", "1")));
    let shy = point.post("search/subject", &ask("shy", "1"));
    assert_eq!(shy.status, 500, "a negation that nothing binds: {}", shy.text());
    let win = point.post("evaluation", &ask("win", "round"));
    assert_eq!(win.status, 500, "a circle of negations: {}", win.text());
    assert!(!point.decision(&ask("win", "1")));

    // A thousand items share the work of one request: one that needs much more than its share is none of the others'.
    let cheap = |n: usize| json!({ "resource": { "type": "record", "id": format!("r{n}") } });
    let mut batch = ask("read", "1");
    let mut items: Vec<Json> = (0..999).map(cheap).collect();
    items.insert(500, json!({ "action": { "name": "tour" }, "resource": { "type": "record", "id": "p0" } }));
    batch["evaluations"] = items.into();
    let answer = point.ask("evaluations", &batch);
    let decisions = answer["evaluations"].as_array().expect("decisions");
    assert_eq!(decisions.len(), 1_000);
    for (number, decision) in decisions.iter().enumerate() {
        if number == 500 {
            assert_eq!(decision["decision"], false, "{decision}");
            assert_eq!(decision["context"]["error"]["status"], 500, "{decision}");
        } else {
            assert_eq!(*decision, json!({ "decision": true }));
        }
    }
    batch["evaluations"] = (0..1_001).map(cheap).collect();
    assert_eq!(point.post("evaluations", &batch).status, 413);

    let properties = |n: usize| (0..n).map(|n| (format!("k{n}"), json!("x"))).collect::<serde_json::Map<_, _>>();
    let mut tagged = ask("tagged", "1");
    tagged["resource"]["properties"] = properties(100).into();
    assert!(point.decision(&tagged));
    tagged["resource"]["properties"] = properties(101).into();
    for path in ["evaluation", "search/action", "search/subject"] {
        assert_eq!(point.post(path, &tagged).status, 413, "{path}");
    }
    let mut items = ask("tagged", "1");
    items["evaluations"] = json!([{ "resource": tagged["resource"] }, {}, { "action": { "name": "win" }, "resource": { "type": "record", "id": "round" } }, { "resource": { "type": "Resource", "id": "1" } }]);
    let answer = point.ask("evaluations", &items);
    let statuses: Vec<&Json> =
        answer["evaluations"].as_array().into_iter().flatten().map(|one| &one["context"]["error"]["status"]).collect();
    assert_eq!(statuses, [&json!(413), &Json::Null, &json!(500), &json!(400)], "{answer}");
    assert!(answer["evaluations"].as_array().into_iter().flatten().all(|one| one["decision"] == false), "{answer}");
    // Of a subject only one key is seen: whatever else is sent costs nothing and is no reason to refuse.
    let mut cleared = ask("cleared", "1");
    cleared["subject"]["properties"] = properties(10_000).into();
    cleared["subject"]["properties"]["long"] = "x".repeat(10_000).into();
    assert!(!point.decision(&cleared));
    cleared["subject"]["properties"]["clearance"] = json!([1, 3]);
    assert!(point.decision(&cleared));
    cleared["subject"]["properties"]["clearance"] = "x".repeat(513).into();
    assert_eq!(point.post("evaluation", &cleared).status, 400);

    let key = format!("Bearer {KEY}");
    let large = vec![b' '; (10 << 20) + 1];
    let refused = request(point.node.address(), "POST", "/access/v1/evaluation", &[("authorization", &key)], &large);
    // The refusal may come before everything is sent, on a connection that is closed then.
    assert!(refused.is_err() || refused.is_ok_and(|answer| answer.status == 413));
    assert!(point.decision(&ask("read", "1")), "it goes on");
}

#[test]
fn without_policy_and_facts_it_is_unavailable() {
    let feed = Feed::start();
    feed.set_mode(Mode::Hanging);
    let folder = tempfile::tempdir().expect("a folder");
    let node = Process::node(Path::new(BINARY), folder.path(), &folder.path().join("node"), &feed.url(), &[]);
    let body = published::todo_evaluations()[0].body.clone();
    for (path, body) in [("evaluation", body.clone()), ("evaluations", body.clone()), ("search/action", body)] {
        let answer = node.post(&format!("/access/v1/{path}"), &body);
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{}", answer.text());
    }
    let answer = request(node.address(), "POST", "/access/v1/evaluation", &[], b"{}").expect("an answer");
    assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer realm=\"understudy\"")));
    let answer = node.get("/.well-known/authzen-configuration");
    assert_eq!(answer.status, 404, "no base URL, no document");
}

#[test]
fn an_operator_maps_types_and_lets_facts_in() {
    let mut flags = vec!["--authzen-url", "https://h/t1", "--authzen-types", "account=user,file=record"];
    flags.extend(["--authzen-context-facts", "--authzen-facts-max", "1"]);
    let (_folder, mut point) = start(&fixture::certification(), &flags);
    let ask = json!({
        "subject": { "type": "account", "id": "mallory" },
        "action": { "name": "read" },
        "resource": { "type": "file", "id": "record-1" },
    });
    let found = point.ask("search/subject", &ask);
    let expected = json!([{ "type": "account", "id": "alice" }, { "type": "account", "id": "bob" }]);
    assert_eq!(found["results"], expected, "in the caller's words");
    assert!(!point.decision(&ask));
    let mut told = ask.clone();
    let role = [("user", "mallory"), ("String", "reader"), ("record", "record-1")];
    let args = role.map(|(type_name, id)| json!({ "type": type_name, "id": id }));
    told["context"] = json!({ "oso:context_facts": [{ "predicate": "has_role", "args": args }] });
    assert!(point.decision(&told));
    assert_eq!(point.ask("search/action", &told)["results"], json!([{ "name": "read" }]));
    assert!(!point.decision(&ask), "for one request only");
    let mut more = told.clone();
    let other = json!({ "predicate": "p", "args": [{ "type": "user", "id": "u" }] });
    more["context"]["oso:context_facts"].as_array_mut().expect("facts").push(other);
    assert_eq!(point.post("evaluation", &more).status, 413, "one fact, the operator says");
    let (_folder, mut plain) = start(&fixture::certification(), &[]);
    told["subject"]["type"] = json!("user");
    told["resource"]["type"] = json!("record");
    assert!(!plain.decision(&told), "off unless said");

    let document = |path: &str| request(point.node.address(), "GET", path, &[], b"").expect("an answer");
    let answer = document("/.well-known/authzen-configuration/t1");
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("max-age=3600")));
    assert_eq!(answer.json()["policy_decision_point"], "https://h/t1");
    assert_eq!(document("/.well-known/authzen-configuration").status, 404);
    let refused = request(point.node.address(), "POST", "/access/v1/evaluation", &[], b"{}").expect("an answer");
    assert_eq!(refused.header("www-authenticate"), Some("Bearer realm=\"https://h/t1\""));
}

/// Two generations that take turns, each of which allows one half: no answer is a mixture.
#[test]
fn one_request_sees_one_generation() {
    let folder = tempfile::tempdir().expect("a folder");
    let feed = Feed::start();
    let policy = "actor user {} resource record {}
        allow(u: user, \"read\", r: record) if is_open(r) and resource_property(r, \"a\", 1);
        allow(u: user, \"any\", _: record) if is_open(record{\"even\"});";
    let generation = |epoch: u64| {
        let record = if epoch.is_multiple_of(2) { "even" } else { "odd" };
        let facts = vec![fact("is_open", &[("record", record)]), fact("is_open", &[("record", "both")])];
        Recipe::new(policy, epoch, facts)
    };
    let first = generation(1);
    feed.offer(&first.said(), &first.bytes());
    let directory = folder.path().join("node");
    let node = Process::node(Path::new(BINARY), folder.path(), &directory, &feed.url(), &["--sync-interval", "100ms"]);
    node.await_serving();
    let item = |id: &str| json!({ "resource": { "type": "record", "id": id, "properties": { "a": 1 } } });
    let items: Vec<Json> = (0..200).map(|n| item(if n % 2 == 0 { "even" } else { "odd" })).collect();
    let batch = json!({
        "subject": { "type": "user", "id": "ann" }, "action": { "name": "read" }, "evaluations": items,
    });
    let search = json!({
        "subject": { "type": "user", "id": "ann" }, "action": { "name": "any" }, "resource": { "type": "record" },
    });
    let mut seen = BTreeSet::new();
    for epoch in 2..8 {
        let next = generation(epoch);
        feed.offer(&next.said(), &next.bytes());
        node.await_that("the next generation serves", || {
            let decisions = node.post("/access/v1/evaluations", &batch).json();
            let decisions: Vec<bool> = decisions["evaluations"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|one| one["decision"].as_bool())
                .collect();
            assert_eq!(decisions.len(), 200);
            let is_even = decisions[0];
            assert!(decisions.chunks(2).all(|pair| pair == [is_even, !is_even]), "{decisions:?}");
            seen.insert(is_even);
            // Any record, of those that the generation names: `both`, `even` in the policy; never `odd` beside them.
            let found = node.post("/access/v1/search/resource", &search).json()["results"].clone();
            let ids: Vec<&str> = found.as_array().into_iter().flatten().filter_map(|one| one["id"].as_str()).collect();
            assert!(ids.is_empty() || ids == ["both", "even"], "{ids:?}");
            is_even == epoch.is_multiple_of(2)
        });
    }
    assert_eq!(seen.len(), 2);
}

/// What was acknowledged is in the next answer, of what stands for "any" too.
#[test]
fn the_primary_answers_as_well() {
    let folder = tempfile::tempdir().expect("a folder");
    let flags = ["--authzen-url", "https://pdp.example"];
    let primary = Process::primary(Path::new(BINARY), folder.path(), &flags);
    let document = primary.get("/.well-known/authzen-configuration");
    assert_eq!(document.json()["policy_decision_point"], "https://pdp.example");
    let refused = request(primary.address(), "POST", "/access/v1/evaluation", &[], b"{}").expect("an answer");
    let challenge = Some("Bearer realm=\"https://pdp.example\"");
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, challenge));
    primary.post_policy(fixture::search().policy);
    let manager = json!(["title", ["user", "mia"], ["String", "manager"]]);
    primary.write(&[manager.clone(), json!(["owner", ["record", "7"], ["user", "bo"]])], &[]);
    let search = json!({
        "subject": { "type": "user", "id": "mia" }, "action": { "name": "view" }, "resource": { "type": "record" },
    });
    let found = || primary.post("/access/v1/search/resource", &search).json();
    let record = |id: &str| json!({ "type": "record", "id": id });
    assert_eq!(found(), json!({ "context": { "wildcard": true }, "results": [record("7")] }));
    primary.write(&[json!(["owner", ["record", "10"], ["user", "bo"]])], &[]);
    assert_eq!(found(), json!({ "context": { "wildcard": true }, "results": [record("10"), record("7")] }));
    primary.write(&[], &[manager]);
    assert_eq!(found(), json!({ "results": [] }));
}
