//! A plan's limits.

use super::*;
use crate::primary::limits::Limits;

#[test]
fn limits_are_off_unless_given() {
    let folder = tempfile::tempdir().unwrap();
    let limits =
        Limits { entries_max: Some(2), matches_max: Some(1), body_bytes_max: Some(1_000), ..Limits::default() };
    let primary = start(&PrimaryConfig { limits, ..config(folder.path()) });
    let (ann, bob, cyd) = (role("ann", "reader"), role("bob", "reader"), role("cyd", "reader"));
    assert_eq!(primary.post("/api/batch", &inserts(&[ann.clone(), bob.clone()])).status, 200);
    let several = primary.post("/api/batch", &inserts(&[ann, bob, cyd]));
    assert_eq!((several.status, several.message().contains("at most 2")), (413, true));
    let wild = r#"[{"deletes":[{"predicate":"has_role","args":[{},{},{}]}]}]"#;
    let refused = primary.post("/api/batch", wild);
    assert_eq!((refused.status, refused.message().contains("more than 1 facts")), (413, true));
    assert_eq!(primary.post("/api/batch", &format!("[{}]", " ".repeat(1_000))).status, 413);
    assert_eq!(primary.get("/api/facts").json().as_array().unwrap().len(), 2);
    primary.stop();
}

#[test]
fn questions_and_answers_have_limits_too() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { context_facts_max: Some(2), results_max: Some(2), ..Limits::default() };
    let primary = start(&PrimaryConfig { limits, ..config(folder.path()) });
    let list = |n_context_facts: usize| {
        let facts: Vec<String> = (0..n_context_facts).map(|n| permission(&format!("r{n}"))).collect();
        let asked = r#""actor_type":"User","actor_id":"ann","action":"read","resource_type":"Repo""#;
        primary.post("/api/list", &format!(r#"{{{asked},"context_facts":[{}]}}"#, facts.join(",")))
    };
    assert_eq!(list(2).text(), r#"{"results":["r0","r1"]}"#);
    let refused = list(3);
    assert_eq!((refused.status, refused.message().contains("3 context facts")), (413, true));
    assert_eq!(primary.post("/api/batch", &inserts(&[permission("s")])).status, 200);
    let refused = list(2);
    assert_eq!((refused.status, refused.message().contains("3 results")), (413, true), "never a part of the list");
    assert_eq!(primary.get("/api/facts").status, 200);
    assert_eq!(primary.post("/api/batch", &inserts(&[permission("t"), permission("u")])).status, 200);
    assert_eq!(primary.get("/api/facts").status, 413);
    primary.stop();
}

#[test]
fn authzen_is_under_the_same_limits() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { context_facts_max: Some(2), results_max: Some(2), ..Limits::default() };
    let primary = start(&PrimaryConfig { limits, ..config(folder.path()) });
    let observing = r#"actor User {} resource Repo { permissions = ["read"]; }
        has_permission(_: User, "read", _: Repo) if context_property(_, true);"#;
    assert_eq!(primary.policy(observing).status, 200);
    let send = |path: &str, body: &str| {
        let line = format!("POST /access/v1/{path}");
        primary.exchange(&line, Some(DEVELOPMENT_KEY), "Content-Type: application/json\r\n", body)
    };
    let evaluate = |context: &str| {
        let asked =
            r#""subject":{"type":"User","id":"ann"},"action":{"name":"read"},"resource":{"type":"Repo","id":"web"}"#;
        send("evaluation", &format!(r#"{{{asked},"context":{context}}}"#))
    };
    assert_eq!(evaluate(r#"{"a":true,"b":true}"#).text(), r#"{"decision":true}"#);
    let refused = evaluate(r#"{"a":true,"b":true,"c":true}"#);
    assert_eq!((refused.status, refused.message().contains("3 context facts")), (413, true));
    let search = r#"{"subject":{"type":"User","id":"ann"},"action":{"name":"read"},"resource":{"type":"Repo"}}"#;
    assert_eq!(primary.post("/api/batch", &inserts(&[permission("r"), permission("s")])).status, 200);
    assert_eq!(send("search/resource", search).status, 200);
    assert_eq!(primary.post("/api/batch", &inserts(&[permission("t")])).status, 200);
    assert_eq!(send("search/resource", search).status, 413, "never a part of the list");
    // Where it is any, what that stands for counts.
    let public = |repo: &str| format!(r#"{{"predicate":"is_public","args":[{{"type":"Repo","id":"{repo}"}}]}}"#);
    let seen = observing.to_owned() + r#" has_permission(_: User, "see", repo: Repo) if is_public(repo);"#;
    assert_eq!(primary.post("/api/clear_data", "").status, 200);
    assert_eq!(primary.policy(&seen).status, 200);
    let search = search.replace("}}", r#"},"context":{"a":true}}"#);
    assert_eq!(primary.post("/api/batch", &inserts(&[public("r"), public("s")])).status, 200);
    let found = send("search/resource", &search);
    assert_eq!((found.status, found.json()["results"].as_array().unwrap().len()), (200, 2), "{}", found.text());
    assert_eq!(primary.post("/api/batch", &inserts(&[public("t")])).status, 200);
    assert_eq!(send("search/resource", &search).status, 413);
    primary.stop();
}

#[test]
fn rates_are_refused_with_429_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits { entries_per_minute_max: Some(3), asks_per_second_max: Some(usize::MAX), ..Limits::default() };
    let primary = start(&PrimaryConfig { limits, ..config(folder.path()) });
    assert_eq!(primary.post("/api/batch", &inserts(&[permission("a"), permission("b")])).status, 200);
    let refused = primary.post("/api/batch", &inserts(&[permission("c"), permission("d")]));
    assert_eq!((refused.status, refused.header("retry-after")), (429, None));
    assert!(refused.message().contains("in a minute"), "{}", refused.text());
    assert_eq!(primary.get("/api/stats").json()["num_facts"], 2);
    assert_eq!(primary.post("/api/batch", &inserts(&[permission("c")])).status, 200);
    assert_eq!(primary.post("/api/batch", "[]").status, 200, "nothing is always left");
    primary.stop();

    let limits = Limits { asks_per_second_max: Some(0), ..Limits::default() };
    let primary = start(&PrimaryConfig { limits, ..config(folder.path()) });
    assert_eq!(primary.post("/api/authorize", "{}").status, 429);
    let expected = primary.post("/api/expect", "{}");
    assert_eq!((expected.status, expected.offset()), (200, 2), "always taken");
    assert_eq!(primary.post("/api/batch", &inserts(&[permission("e")])).status, 200, "a write is no question");
    primary.stop();

    for (asks_at_once_max, status) in [(0, 429), (1, 400)] {
        let limits = Limits { asks_at_once_max: Some(asks_at_once_max), ..Limits::default() };
        let primary = start(&PrimaryConfig { limits, ..config(folder.path()) });
        for _ in 0..3 {
            assert_eq!(primary.post("/api/authorize", "{}").status, status, "{asks_at_once_max} at once");
        }
        primary.stop();
    }
}

fn permission(repo: &str) -> String {
    format!(
        r#"{{"predicate":"has_permission","args":[{{"type":"User","id":"ann"}},{{"type":"String","id":"read"}},{{"type":"Repo","id":"{repo}"}}]}}"#
    )
}
