//! AuthZEN 1.0 on nodes that have lost their upstream: vectors by number, the certification's fixture, the published
//! scenarios; searches against evaluations.

use std::{collections::BTreeSet, path::Path};

use serde_json::{Value as Json, json};
use understudy_tests::{
    authzen::{
        DecisionPoint,
        fixture::{self, PEOPLE, RECORDS, USERS},
        published::{self, ACTIONS, Case},
    },
    http::{Exchange, request},
    process::{KEY, Process},
};

const BINARY: &str = env!("CARGO_BIN_EXE_understudy");
const VECTORS: &str = include_str!("authzen/vectors.json");

fn start(fixture: &fixture::Fixture, more: &[&str]) -> (tempfile::TempDir, DecisionPoint) {
    let folder = tempfile::tempdir().expect("a folder");
    let point = DecisionPoint::start(Path::new(BINARY), folder.path(), fixture, more);
    (folder, point)
}

#[test]
fn the_vectors_hold_by_number() {
    let flags = ["--authzen-url", "https://pdp.example"];
    let fixtures = [("cert", fixture::certification()), ("todo", fixture::todo()), ("search", fixture::search())];
    let points = fixtures.map(|(name, fixture)| (name, start(&fixture, &flags)));
    let vectors: Vec<Json> = serde_json::from_str(VECTORS).expect("vectors");
    let mut token = String::new();
    for (expected_number, vector) in (1..).zip(&vectors) {
        assert_eq!(vector["number"], expected_number, "none is left out");
        let point = points.iter().find(|(name, _)| vector["fixture"] == *name);
        let (_, (_, point)) = point.unwrap_or_else(|| panic!("no fixture: {vector}"));
        token = hold(&point.node, vector, &token).unwrap_or(token);
    }
    assert_eq!(vectors.len(), 45);
    println!("{} vectors passed", vectors.len());
}

/// Sends a vector, three times where it succeeds; gives the token for the next page, if there is one.
fn hold(node: &Process, vector: &Json, token: &str) -> Option<String> {
    let answer = send(node, vector, token);
    let number = &vector["number"];
    let text = format!("vector {number}: {} {}", answer.status, answer.text());
    assert_eq!(Json::from(answer.status), vector["status"], "{text}");
    for (name, value) in vector["answer_headers"].as_object().into_iter().flatten() {
        assert_eq!(answer.header(name), value.as_str(), "{text}: {name}");
    }
    assert_eq!(answer.header("content-type"), Some("application/json"), "{text}");
    let body = answer.json();
    if answer.status != 200 {
        assert!(body["message"].is_string(), "{text}");
        return None;
    }
    for _ in 0..2 {
        assert_eq!(send(node, vector, token).body, answer.body, "{text}");
    }
    if let Some(expected) = vector.get("answer") {
        assert_eq!(&body, expected, "{text}");
    }
    if let Some(expected) = vector.get("results") {
        assert_eq!(&body["results"], expected, "{text}");
    }
    if let Some(expected) = vector.get("decisions") {
        let decisions =
            body["evaluations"].as_array().map(|all| all.iter().map(|one| one["decision"].clone()).collect());
        assert_eq!(decisions.as_ref(), Some(expected), "{text}");
    }
    for member in ["count", "total"] {
        if let Some(expected) = vector.get(member) {
            assert_eq!(&body["page"][member], expected, "{text}");
        }
    }
    if let Some(expected) = vector.get("wildcard") {
        assert_eq!(&body["context"]["wildcard"], expected, "{text}");
    }
    let next = body["page"]["next_token"].as_str().unwrap_or_default().to_owned();
    if let Some(expected) = vector.get("has_more") {
        assert_eq!(Json::from(!next.is_empty()), *expected, "{text}");
    }
    if let Some(then) = vector.get("then") {
        let mut second = vector.clone();
        second["body"]["page"] = then["page"].clone();
        let answer = send(node, &second, &next).json();
        assert_eq!(answer, then["answer"], "{text}, then {answer}");
    }
    (!next.is_empty()).then_some(next)
}

fn send(node: &Process, vector: &Json, token: &str) -> Exchange {
    let (method, path) = vector["request"].as_str().and_then(|line| line.split_once(' ')).expect("method and path");
    let mut body = match (&vector["text"], &vector["body"]) {
        (Json::String(text), _) => text.clone(),
        (_, Json::Null) => String::new(),
        (_, body) => body.to_string(),
    };
    body = body.replace("$token", token);
    for person in &PEOPLE {
        body = body.replace(&format!("${}", person.name), &person.id());
    }
    let authorization = format!("Bearer {KEY}");
    let mut headers = vec![("authorization", authorization.as_str())];
    for (name, value) in vector["headers"].as_object().into_iter().flatten() {
        headers.retain(|(known, _)| known != name);
        headers.extend(value.as_str().map(|value| (name.as_str(), value)));
    }
    request(node.address(), method, path, &headers, body.as_bytes()).expect("an answer")
}

#[test]
fn the_published_scenarios_hold() {
    let mut n_passed = 0;
    let mut pass = |name: &str, point: &mut DecisionPoint, cases: &[Case], n_expected: usize| {
        assert_eq!(cases.len(), n_expected, "{name}");
        for Case { path, body, answer } in cases {
            assert_eq!(&point.ask(path, body), answer, "{name}: {body}");
        }
        println!("{name}: {n_expected}");
        n_passed += n_expected;
    };
    let (_folder, mut todo) = start(&fixture::todo(), &[]);
    pass("todo, evaluation", &mut todo, &published::todo_evaluations(), 40);
    pass("todo, evaluations", &mut todo, &published::todo_batches(), 3);
    let (_folder, mut gateway) = start(&fixture::gateway(), &[]);
    pass("gateway", &mut gateway, &published::gateway(), 25);
    let (_folder, mut search) = start(&fixture::search(), &[]);
    pass("search, action", &mut search, &published::action_searches(), 120);
    pass("search, subject", &mut search, &published::subject_searches(), 60);
    pass("search, resource", &mut search, &published::resource_searches(), 18);
    pass("identity provider", &mut search, &published::identity_provider(), 6);
    // One of them by pages of two.
    let case = &published::resource_searches()[2];
    assert_eq!(Json::from(pages(&mut search, case.path, &case.body, 2)), case.answer["results"]);
    println!("{n_passed} scenarios passed");

    let nobody = json!({ "type": "user", "id": "nobody" });
    let any = json!({ "subject": nobody, "action": { "name": "fly" }, "resource": { "type": "record", "id": "101" } });
    for path in ["search/subject", "search/resource", "search/action"] {
        assert_eq!(search.ask(path, &any), json!({ "results": [] }), "{path}");
    }
}

/// All results, by pages of this many.
fn pages(point: &mut DecisionPoint, path: &str, body: &Json, limit: usize) -> Vec<Json> {
    let mut body = body.clone();
    body["page"] = json!({ "limit": limit });
    let mut all = Vec::new();
    loop {
        let answer = point.ask(path, &body);
        let (page, results) = (&answer["page"], answer["results"].as_array().expect("results"));
        assert!(results.len() <= limit && page["count"] == results.len(), "{answer}");
        all.extend(results.iter().cloned());
        if page["next_token"] == "" {
            assert_eq!(page["total"], all.len(), "{answer}");
            return all;
        }
        body["page"]["token"] = page["next_token"].clone();
    }
}

/// Every candidate of a search, evaluated by itself: exactly those are found that may.
#[test]
fn searches_agree_with_evaluations() {
    let (_folder, mut point) = start(&fixture::search(), &[]);
    let records: Vec<Json> = RECORDS.map(|id| json!({ "type": "record", "id": id.to_string() })).collect();
    let users = USERS.map(|(user, ..)| json!({ "type": "user", "id": user }));
    let actions = ACTIONS.map(|name| json!({ "name": name }));
    let mut n_evaluations = 0;
    let mut agree = |cases: Vec<Case>, part: &str, candidates: &[Json]| {
        for Case { path, body, .. } in cases {
            let found = point.ask(path, &body)["results"].clone();
            let may = candidates.iter().filter(|candidate| {
                let mut evaluation = body.clone();
                evaluation[part] = (*candidate).clone();
                n_evaluations += 1;
                point.decision(&evaluation)
            });
            assert_eq!(may.cloned().collect::<Json>(), found, "{path} {body}");
        }
    };
    agree(published::subject_searches(), "subject", &users);
    agree(published::resource_searches(), "resource", &records);
    agree(published::action_searches(), "action", &actions);
    assert_eq!(n_evaluations, 60 * 6 + 18 * 20 + 120 * 3);
}

#[test]
fn the_certifications_fixture_answers() {
    let (_folder, mut point) = start(&fixture::certification(), &[]);
    let ask = |user: &str, action: &str, record: &str| {
        json!({
            "subject": { "type": "user", "id": user },
            "action": { "name": action },
            "resource": { "type": "record", "id": record },
        })
    };
    let with = |mut body: Json, part: &str, properties: Json| {
        body[part]["properties"] = properties;
        body
    };
    let active = json!({ "status": "active" });
    let archived = json!({ "status": "archived" });
    let decisions = [
        (ask("alice", "read", "record-1"), true),
        (with(ask("alice", "write", "record-1"), "resource", active), true),
        (ask("bob", "read", "record-1"), true),
        (ask("bob", "write", "record-1"), false),
        (with(ask("alice", "write", "record-2"), "resource", archived.clone()), false),
        (
            with(
                with(ask("bob", "write", "record-2"), "resource", archived.clone()),
                "subject",
                json!({ "role": "admin" }),
            ),
            true,
        ),
        (with(ask("alice", "delete", "record-1"), "action", json!({ "soft": true })), true),
        (with(ask("alice", "delete", "record-1"), "action", json!({ "soft": false })), false),
    ];
    for (body, expected) in &decisions {
        assert_eq!(point.decision(body), *expected, "{body}");
        let mut busy = body.clone();
        busy["context"] = json!({ "ip": "198.51.100.4", "time": "2026-01-11T00:00:00Z" });
        busy["unknown"] = json!([1]);
        busy["subject"]["unknown"] = json!({});
        assert_eq!(point.decision(&busy), *expected, "{busy}");
    }
    let admin = json!({ "role": "admin" });
    let searches = [
        ("search/subject", ask("any", "read", "record-1"), vec!["alice", "bob"]),
        ("search/resource", ask("alice", "read", "any"), vec!["record-1"]),
        ("search/action", ask("alice", "any", "record-1"), vec!["read", "write"]),
        ("search/subject", with(ask("any", "write", "record-2"), "resource", archived.clone()), vec!["bob"]),
        ("search/resource", with(ask("bob", "write", "any"), "subject", admin.clone()), vec!["record-2"]),
        (
            "search/action",
            with(with(ask("bob", "any", "record-2"), "subject", admin), "resource", archived),
            vec!["write"],
        ),
    ];
    for (path, body, expected) in searches {
        let all = point.ask(path, &body);
        let results = all["results"].as_array().expect("results");
        let key = |result: &Json| result.get("id").or(result.get("name")).and_then(Json::as_str).map(str::to_owned);
        let found: BTreeSet<String> = results.iter().filter_map(key).collect();
        assert!(expected.iter().all(|id| found.contains(*id)), "{path} {body}: {all}");
        assert_eq!(found.len(), results.len(), "no result twice: {all}");
        assert_eq!(pages(&mut point, path, &body, 1), *results, "{path} {body}");
        let mut more = body.clone();
        more["context"] = json!({ "ip": "198.51.100.4" });
        more["page"] = json!({ "unknown": 1 });
        assert_eq!(point.ask(path, &more)["results"], all["results"], "{path} {more}");
        // What is searched, as found, may; asked with the same properties of everything else.
        for result in results {
            let mut evaluation = body.clone();
            let part = path.rsplit('/').next().expect("a part");
            evaluation[part] = result.clone();
            assert!(point.decision(&evaluation), "{path} {evaluation}");
        }
    }
    for part in ["subject", "action", "resource"] {
        let mut body = ask("alice", "read", "record-1");
        body.as_object_mut().expect("an object").remove(part);
        let message = point.post("evaluation", &body).json()["message"].clone();
        assert_eq!(message, format!("`{part}` is missing: give an object"));
    }
}
