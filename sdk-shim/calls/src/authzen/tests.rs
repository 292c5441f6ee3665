//! Bodies in, questions and bodies out, without an engine: strict JSON, properties as facts, batches, pages.
#![allow(clippy::unwrap_used)]

use serde_json::{Value as Json, json};
use understudy_core::{
    model::{Answer, Ask, AskError, Fact, Value},
    vocabulary::Vocabulary,
};
use understudy_wire::Code;

use super::{Terms, batch::Batch, json, limits, question::CONTEXT_FACTS, search::Search};
use crate::{
    dialogue::{Dialogue, Step, Told},
    refusal::Refusal,
    signer::Signer,
};

const FACTS: &str = include_str!("../../../../tests/authzen/facts.json");

/// Goes through a dialogue with an engine of straw.
fn converse(dialogue: &dyn Dialogue, tell: impl Fn(Step) -> Told) -> Vec<Told> {
    let mut told = Vec::new();
    while let Some(step) = dialogue.step(&told) {
        told.push(if matches!(step, Step::Skip) { Told::Skipped } else { tell(step) });
    }
    told
}

fn read(body: &Json) -> json::Object {
    json::read(body.to_string().as_bytes()).unwrap()
}

fn question() -> Json {
    json!({
        "subject": { "type": "user", "id": "u1" }, "action": { "name": "edit" }, "resource": { "type": "doc", "id": "d1" },
    })
}

/// The facts that the question brings along where rules see these keys.
fn facts(body: &Json, terms: &Terms, keys: Option<&[&str]>) -> Result<Vec<Fact>, Refusal> {
    let batch = Batch::single(&read(body), terms, 0)?;
    let facts = std::cell::RefCell::new(Vec::new());
    let told = converse(&batch, |step| match step {
        Step::Names(_) => Told::Names(keys.map(|keys| keys.iter().map(|key| (*key).to_owned()).collect())),
        Step::Ask(request) => {
            facts.replace(request.context_facts);
            Told::Answer(Answer::Decision(true))
        }
        Step::Explain(_) => Told::Reasons(None),
        Step::Skip => Told::Skipped,
    });
    batch.decisions(&told).remove(0).decision.map(|_| facts.into_inner())
}

#[test]
fn properties_become_facts() {
    let cases: Vec<Json> = serde_json::from_str(FACTS).unwrap();
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        let mut body = question();
        for part in ["subject", "resource", "action"] {
            if let Some(properties) = case.get(part) {
                body[part]["properties"] = properties.clone();
            }
        }
        if let Some(context) = case.get("context") {
            body["context"] = context.clone();
        }
        let got = facts(&body, &Terms::default(), None);
        let Some(expected) = case.get("facts") else {
            assert_eq!(Json::from(got.unwrap_err().code.status()), case["status"], "{name}");
            continue;
        };
        let fact = |fact: &Json| {
            let parts = fact.as_array().unwrap();
            let value = |arg: &Json| Value::new(arg[0].as_str().unwrap(), arg[1].as_str().unwrap()).unwrap();
            Fact { predicate: parts[0].as_str().unwrap().to_owned(), args: parts[1..].iter().map(value).collect() }
        };
        let mut expected: Vec<Fact> = expected.as_array().unwrap().iter().map(fact).collect();
        expected.sort();
        assert_eq!(got.unwrap(), expected, "{name}");
    }
    assert!(cases.len() >= 11);
}

#[test]
fn only_what_rules_can_see_counts() {
    let many: serde_json::Map<String, Json> = (0..limits::FACTS_MAX + 1).map(|n| (format!("k{n}"), json!(n))).collect();
    let mut body = question();
    body["context"] = Json::Object(many);
    let terms = Terms::default();
    assert_eq!(facts(&body, &terms, None).unwrap_err().code, Code::TooLarge);
    assert_eq!(facts(&body, &terms, Some(&["k1", "k7", "other"])).unwrap().len(), 2);
    assert_eq!(facts(&body, &terms, Some(&[])).unwrap(), []);
    body["context"].as_object_mut().unwrap().remove("k0");
    assert_eq!(facts(&body, &terms, None).unwrap().len(), limits::FACTS_MAX);

    let few = Terms { facts_max: limits::FACTS_MAX - 1, ..Terms::default() };
    let refusal = facts(&body, &few, None).unwrap_err();
    assert!(refusal.code == Code::TooLarge && refusal.message.starts_with("more than 99 "), "{}", refusal.message);

    // What no fact can hold is refused only where rules see it.
    let long = "x".repeat(limits::TEXT_BYTES_MAX + 1);
    for context in [json!({ "a": &long }), json!({ &long: 1 }), json!({ "a": { "type": "user", "id": &long } })] {
        body["context"] = context;
        assert_eq!(facts(&body, &terms, None).unwrap_err().code, Code::BadRequest);
        assert_eq!(facts(&body, &terms, Some(&["b"])).unwrap(), []);
    }
}

#[test]
fn native_facts_are_read_only_where_the_operator_lets_callers_send_them() {
    let mut body = question();
    let role = json!({ "predicate": "has_role", "args": [{ "type": "user", "id": "u1" }, { "type": "String", "id": "admin" }] });
    body["context"] = json!({ CONTEXT_FACTS: [role], "a": 1 });
    assert_eq!(facts(&body, &Terms::default(), None).unwrap().len(), 1, "`a` alone");
    let terms = Terms { takes_context_facts: true, ..Terms::default() };
    let got = facts(&body, &terms, Some(&[])).unwrap();
    assert_eq!((got.len(), got[0].predicate.as_str()), (1, "has_role"), "whatever rules ask for");
    body["context"][CONTEXT_FACTS] = json!([{ "predicate": "has_role" }]);
    assert_eq!(facts(&body, &terms, None).unwrap_err().code, Code::BadRequest);
    let fact = |n| json!({ "predicate": "p", "args": [{ "type": "user", "id": format!("u{n}") }] });
    body["context"][CONTEXT_FACTS] = (0..limits::FACTS_MAX + 1).map(fact).collect();
    assert_eq!(facts(&body, &terms, None).unwrap_err().code, Code::TooLarge);
}

#[test]
fn types_are_named_as_the_policy_does() {
    let terms = Terms { types: "user=User".parse().unwrap(), ..Terms::default() };
    let mut body = question();
    body["resource"]["properties"] = json!({ "owner": { "type": "user", "id": "u9" } });
    let got = facts(&body, &terms, None).unwrap();
    assert_eq!(got[0].args[2], Value::new("User", "u9").unwrap());
    let batch = Batch::single(&read(&body), &terms, 0).unwrap();
    let Some(Step::Ask(request)) = batch.step(&[Told::Names(None)]) else { panic!("a question") };
    let Ask::Authorize { actor, .. } = request.ask else { panic!("a decision") };
    assert_eq!(actor, Value::new("User", "u1").unwrap());
}

#[test]
fn json_that_leaves_room_for_two_readings_is_refused() {
    let nested = |n: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(n - 1), "]".repeat(n - 1));
    for good in [r#"{"a":1,"b":{"a":2}}"#, r#"{"a":"\ud83d\ude00"}"#, &nested(limits::NESTING_MAX), " {}\n"] {
        assert!(json::read(good.as_bytes()).is_ok(), "{good}");
    }
    for (bad, why) in [
        (&br#"{"a":1,"a":1}"#[..], "the member `a` is there twice"),
        (br#"{"x":[{"b":1,"\u0062":2}]}"#, "the member `b` is there twice"),
        (br#"{"a":"\ud83d"}"#, "hex escape"),
        (br#"{"a":"\udc00\ud800"}"#, "hex escape"),
        (b"{\"a\":\"\xff\"}", "invalid unicode"),
        (br#"{"a":1e999}"#, "number out of range"),
        (nested(limits::NESTING_MAX + 1).as_bytes(), "more than 64 objects and arrays within each other"),
        (b"", "the body is empty"),
        (b"[]", "the body is an array"),
        (b"null", "the body is null"),
        (br#"{"a":1}{}"#, "trailing characters"),
        (br#"{"a":01}"#, "invalid number"),
        (b"{\"a\":\"\n\"}", "control character"),
        (b"\xef\xbb\xbf{}", "begins with a byte order mark"),
    ] {
        let refusal = json::read(bad).unwrap_err();
        assert_eq!(refusal.code, Code::BadRequest);
        assert!(refusal.message.contains(why), "{}: {}", String::from_utf8_lossy(bad), refusal.message);
    }
    let many = format!(r#"{{"a":[{}1]}}"#, "1,".repeat(limits::JSON_VALUES_MAX));
    assert_eq!(json::read(many.as_bytes()).unwrap_err().code, Code::TooLarge);
}

/// Reads are allowed, `loop` has no answer.
fn straw(step: Step) -> Told {
    match step {
        Step::Ask(request) => match request.ask {
            Ask::Authorize { action, .. } if action == "loop" => {
                Told::Failed(AskError::Recursion { place: "a rule".into() })
            }
            Ask::Authorize { action, .. } => Told::Answer(Answer::Decision(action == "read")),
            _ => panic!("only decisions are asked for"),
        },
        Step::Names(_) => Told::Names(Some(Vec::new())),
        Step::Explain(request) => match request.ask {
            Ask::Authorize { action, .. } => Told::Reasons(Some(vec![format!("as for {action}"), "because".into()])),
            _ => panic!("only decisions are explained"),
        },
        Step::Skip => Told::Skipped,
    }
}

#[test]
fn reasons_are_told_to_callers_who_ask_for_them_where_an_operator_lets_them() {
    let reasons = |body: &Json, terms: &Terms| {
        let batch = Batch::read(&read(body), terms, 0).unwrap();
        let told = converse(&batch, straw);
        batch.decisions(&told).into_iter().map(|decided| decided.reason).collect::<Vec<_>>()
    };
    let mut body = question();
    body["evaluations"] = json!([
        { "action": { "name": "read" } },
        { "action": {} },
        { "action": { "name": "edit" } },
        { "action": { "name": "read" } },
    ]);
    let terms = Terms::default();
    assert_eq!(reasons(&body, &terms), vec![None; 4]);
    body["options"] = json!({ "reason": true });
    let told = |action: &str| Some(format!("as for {action}\nbecause"));
    assert_eq!(reasons(&body, &terms), [told("read"), None, told("edit"), told("read")]);
    assert_eq!(reasons(&body, &Terms { gives_reasons: false, ..Terms::default() }), vec![None; 4]);
    body["options"] = json!({ "reason": true, "evaluations_semantic": "deny_on_first_deny" });
    assert_eq!(reasons(&body, &terms), [told("read"), None], "none of what was not asked");
    body["options"] = json!({ "reason": "yes" });
    assert_eq!(reasons(&body, &terms), vec![None; 4]);
}

/// `true`, `false`, or the status of an item.
fn decisions(body: &Json) -> Result<Json, Refusal> {
    let batch = Batch::read(&read(body), &Terms::default(), 0)?;
    let told = converse(&batch, straw);
    let item =
        |decision: Result<bool, Refusal>| decision.map_or_else(|refusal| json!(refusal.code.status()), Json::from);
    Ok(batch.decisions(&told).into_iter().map(|decided| item(decided.decision)).collect())
}

#[test]
fn an_items_failure_is_its_own() {
    let mut body = question();
    body["evaluations"] = json!([
        { "action": { "name": "read" } },
        { "subject": { "id": "u2" }, "action": { "name": "read" } },
        { "subject": { "type": "user" }, "action": { "name": "read" } },
        { "subject": "u2" },
        { "subject": { "type": "Actor", "id": "u1" } },
        { "action": { "name": "loop" } },
        { "action": null, "resource": null },
        {},
    ]);
    assert_eq!(decisions(&body).unwrap(), json!([true, true, 400, 400, 400, 500, false, false]));
    body["subject"] = json!({ "type": "user" });
    body["evaluations"] = json!([{}, { "subject": { "id": "u1" }, "action": { "name": "read" } }]);
    assert_eq!(decisions(&body).unwrap(), json!([400, true]), "a type is all that an entity takes from its default");
    body["subject"] = json!("u1");
    assert_eq!(decisions(&body).unwrap_err().code, Code::BadRequest, "a default that is no object");
    body["subject"] = Json::Null;
    body["evaluations"] = json!([{}, 7]);
    assert_eq!(decisions(&body).unwrap_err().code, Code::BadRequest, "an item that is no object");
    body["evaluations"] = json!(vec![json!({}); limits::ITEMS_MAX + 1]);
    assert_eq!(decisions(&body).unwrap_err().code, Code::TooLarge);
}

#[test]
fn a_batch_ends_where_its_semantic_says() {
    let mut body = question();
    let items = ["read", "edit", "loop", "read"].map(|name| json!({ "action": { "name": name } }));
    for (semantic, order, expected) in [
        (json!("execute_all"), [0, 1, 2, 3], json!([true, false, 500, true])),
        (Json::Null, [0, 1, 2, 3], json!([true, false, 500, true])),
        (json!("deny_on_first_deny"), [0, 1, 2, 3], json!([true, false])),
        (json!("deny_on_first_deny"), [0, 2, 1, 3], json!([true, 500])),
        (json!("deny_on_first_deny"), [0, 3, 0, 0], json!([true, true, true, true])),
        (json!("permit_on_first_permit"), [2, 1, 0, 3], json!([500, false, true])),
        (json!("permit_on_first_permit"), [2, 1, 1, 1], json!([500, false, false, false])),
    ] {
        body["evaluations"] = order.map(|at: usize| items[at].clone()).to_vec().into();
        body["options"] = json!({ "evaluations_semantic": semantic, "more": 1 });
        assert_eq!(decisions(&body).unwrap(), expected, "{semantic} {order:?}");
    }
    for bad in [json!("any"), json!(1), json!(["execute_all"])] {
        body["options"]["evaluations_semantic"] = bad;
        assert_eq!(decisions(&body).unwrap_err().code, Code::BadRequest);
    }
    body["evaluations"] = json!([]);
    assert_eq!(decisions(&body).unwrap(), json!([false]), "without items, options say nothing");
    assert!(Batch::read(&read(&body), &Terms::default(), 0).unwrap().is_single());
}

fn resources(page: &Json, ids: &[&str]) -> Result<(Json, Vec<String>), Refusal> {
    let mut body = question();
    body["page"] = page.clone();
    search(&body, ids)
}

fn search(body: &Json, ids: &[&str]) -> Result<(Json, Vec<String>), Refusal> {
    let search = Search::resources(&read(body), &Terms::default(), &Signer::new([1; 32]), 0)?;
    let told = converse(&search, |step| match step {
        Step::Ask(_) => Told::Answer(Answer::Ids(ids.iter().map(|id| (*id).to_owned()).collect())),
        Step::Names(Vocabulary::Ids { type_name }) => Told::Names(Some(vec![type_name, "b".into()])),
        _ => Told::Names(Some(Vec::new())),
    });
    let found = search.found(&told)?;
    assert_eq!(found.is_wildcard, ids.contains(&"*"));
    Ok((serde_json::to_value(found.page).unwrap(), found.results))
}

#[test]
fn pages_go_on_after_the_last_key() {
    let ids = ["a", "b", "c"];
    let all: Vec<String> = ids.map(str::to_owned).to_vec();
    assert_eq!(resources(&Json::Null, &ids).unwrap(), (Json::Null, all.clone()));
    let whole = json!({ "next_token": "", "count": 3, "total": 3 });
    assert_eq!(resources(&json!({}), &ids).unwrap(), (whole.clone(), all.clone()));
    assert_eq!(resources(&json!({ "limit": 3.0, "token": "" }), &ids).unwrap(), (whole, all));

    let (page, first) = resources(&json!({ "limit": 2 }), &ids).unwrap();
    assert_eq!((first, &page["count"], &page["total"]), (vec!["a".into(), "b".into()], &json!(2), &json!(3)));
    let token = page["next_token"].as_str().unwrap();
    let last = (json!({ "next_token": "", "count": 1, "total": 3 }), vec!["c".to_owned()]);
    assert_eq!(resources(&json!({ "token": token }), &ids).unwrap(), last);
    assert_eq!(resources(&json!({ "token": token, "limit": 2 }), &ids).unwrap(), last);
    let later = (json!({ "next_token": "", "count": 1, "total": 2 }), vec!["bb".to_owned()]);
    assert_eq!(resources(&json!({ "token": token }), &["a", "bb"]).unwrap(), later, "another generation");

    // A search that differs, if only in its page.
    for page in [
        json!({ "token": token, "limit": 3 }),
        json!({ "token": token, "properties": { "x": 1 } }),
        json!({ "token": &token[1..] }),
        json!({ "token": "?" }),
        json!({ "token": 1 }),
        json!({ "limit": -1 }),
        json!({ "limit": 1.5 }),
        json!({ "limit": "1" }),
        json!({ "limit": 2_147_483_648_u64 }),
    ] {
        assert_eq!(resources(&page, &ids).unwrap_err().code, Code::BadRequest, "{page}");
    }
    let mut body = question();
    body["page"] = json!({ "token": token });
    for (part, member, value) in [
        ("subject", "id", json!("u2")),
        ("action", "name", json!("read")),
        ("resource", "type", json!("box")),
        ("subject", "properties", json!({ "a": 1 })),
        ("context", "a", json!(1)),
    ] {
        let mut body = body.clone();
        body[part][member] = value;
        assert_eq!(search(&body, &ids).unwrap_err().code, Code::BadRequest, "{part}.{member}");
    }
    body["resource"] = json!({ "type": "doc", "id": "other", "properties": { "x": 1 } });
    body["later"] = json!(1);
    body["context"] = json!({ "nothing": null });
    assert_eq!(search(&body, &ids).unwrap(), last, "what is ignored makes no other search");

    let (page, none) = resources(&json!({ "limit": 0 }), &ids).unwrap();
    assert_eq!((none.len(), &page["count"], &page["total"]), (0, &json!(0), &json!(3)));
    assert_ne!(page["next_token"], "");
    assert_eq!(resources(&json!({ "limit": 0 }), &[]).unwrap().0["next_token"], "");
}

#[test]
fn long_results_are_paged_unasked_and_any_is_spelt_out() {
    let many: Vec<String> = (0..limits::PAGE_SIZE_MAX + 5).map(|n| format!("{n:06}")).collect();
    let ids: Vec<&str> = many.iter().map(String::as_str).collect();
    let (page, first) = resources(&Json::Null, &ids).unwrap();
    assert_eq!((first.len(), &page["total"]), (limits::PAGE_SIZE_MAX, &json!(limits::PAGE_SIZE_MAX + 5)));
    let (page, rest) = resources(&json!({ "token": page["next_token"] }), &ids).unwrap();
    assert_eq!((rest.len(), &page["next_token"]), (5, &json!("")));
    assert_eq!(resources(&Json::Null, &["*", "a", "b"]).unwrap().1, ["a", "b", "doc"]);
}
