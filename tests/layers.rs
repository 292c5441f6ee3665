//! The engine on snapshots: every case wherever its facts lie, and each sentence of what layers promise.

use std::path::Path;

use serde_json::json;
use understudy_core::{
    engine::{Engine, Options},
    limits::WORK_UNITS_PER_REQUEST,
    model::{Answer, Ask, Change, Fact, Request, Value},
    snapshot::{Contents, Manifest, PolicyText, WriteError, verify, write},
};
use understudy_tests::{
    ask,
    case::{Case, all},
};

fn snapshot(policy: &str, facts: Vec<Fact>) -> Result<Vec<u8>, WriteError> {
    let policy = Some(PolicyText { file: None, text: policy.to_owned() });
    write(&Contents { manifest: Manifest { offset: 10, ..Manifest::default() }, policy, keys: None }, facts)
}

/// How the facts of a case come to the engine.
const PLACEMENTS: [&str; 5] = ["base", "later", "both", "deleted since", "context"];

fn answer(case: &Case, placement: &str, asked: &Ask) -> serde_json::Value {
    let mut facts = case.facts.clone();
    let mut context_facts = case.context_facts.clone();
    let mut changes = Vec::new();
    match placement {
        "later" => changes = facts.drain(..).map(Change::Insert).collect(),
        "both" => changes = facts.split_off(facts.len() / 2).into_iter().map(Change::Insert).collect(),
        "deleted since" => {
            // Every fact of the case is deleted and comes back; as many others are stored and then deleted.
            let deleted = facts.iter().cloned().flat_map(|fact| [Change::Delete(fact.clone()), Change::Insert(fact)]);
            changes.extend(deleted);
            for fact in case.facts.iter().rev() {
                let mut args = fact.args.clone();
                args.reverse();
                let turned = Fact { predicate: fact.predicate.clone(), args };
                if !case.facts.contains(&turned) {
                    facts.push(turned.clone());
                    changes.push(Change::Delete(turned));
                }
            }
        }
        "context" => context_facts.append(&mut facts),
        _ => {}
    }
    let bytes = match snapshot(&case.policy, facts) {
        Ok(bytes) => bytes,
        Err(error) => return json!(error.to_string()),
    };
    verify(&bytes).expect("what was written verifies");
    let mut engine = Engine::open(&bytes, Options::seeded(3)).expect("what was written opens");
    for (number, change) in changes.into_iter().enumerate() {
        engine.apply(&[change], 11 + number as u64);
    }
    let now_s = case.now_s.unwrap_or(1_780_000_000);
    let request = Request { ask: asked.clone(), context_facts, now_s, budget: WORK_UNITS_PER_REQUEST };
    let mut told = || engine.ask(&request).map_or_else(|e| json!({"error": e.kind()}), |found| ask::answer(&found));
    let first = told();
    assert_eq!(first, told(), "{}: a request leaves something behind", case.name);
    ask::sorted(first)
}

#[test]
fn every_case_wherever_its_facts_lie() {
    let cases = all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("cases"));
    let (mut n_asked, mut wrong) = (0, Vec::new());
    for case in &cases {
        let Some(asked) = ask::ask(&case.ask) else { continue };
        let expected = ask::sorted(case.expect.clone());
        for placement in PLACEMENTS {
            n_asked += 1;
            let got = answer(case, placement, &asked);
            if got != expected {
                wrong.push(format!("{} ({placement}): expected {expected}, got {got}", case.name));
            }
        }
    }
    println!("{} passed, {} failed", n_asked - wrong.len(), wrong.len());
    assert!(n_asked > 800 && wrong.is_empty(), "{} of {n_asked}:\n{}", wrong.len(), wrong.join("\n"));
}

const POLICY: &str = r#"
    actor User {}
    resource Repo { permissions = ["read"]; roles = ["reader"]; "read" if "reader"; }
    has_permission(user: User, "open", repo: Repo) if has_role(user, "reader", repo) and not banned(user);
    has_permission(user: User, "late", repo: Repo) if until(user, repo, time) and time > @current_unix_time;
    same(x, y) if first(x) and second(y) and x = y;
"#;

fn fact(predicate: &str, args: &[(&str, &str)]) -> Fact {
    let args = args.iter().map(|(ty, id)| Value::new(*ty, *id).expect("a value")).collect();
    Fact { predicate: predicate.to_owned(), args }
}

fn authorize(
    engine: &mut Engine<'_>,
    actor: (&str, &str),
    action: &str,
    resource: (&str, &str),
    context: Vec<Fact>,
) -> bool {
    let value = |(ty, id)| Value::new(ty, id).expect("a value");
    let ask = Ask::Authorize { actor: value(actor), action: action.to_owned(), resource: value(resource) };
    let request = Request { ask, context_facts: context, now_s: 1_000, budget: WORK_UNITS_PER_REQUEST };
    match engine.ask(&request).expect("it has an answer") {
        Answer::Decision(allowed) => allowed,
        other => panic!("{other:?}"),
    }
}

fn query(engine: &mut Engine<'_>, predicate: &str, n_args: usize) -> usize {
    let args = vec![understudy_core::model::Pattern::Any; n_args];
    let ask = Ask::Query { predicate: predicate.to_owned(), args };
    let request = Request { ask, context_facts: vec![], now_s: 1_000, budget: WORK_UNITS_PER_REQUEST };
    match engine.ask(&request).expect("it has an answer") {
        Answer::Facts(found) => found.len(),
        other => panic!("{other:?}"),
    }
}

const ANN: (&str, &str) = ("User", "ann");
const WEB: (&str, &str) = ("Repo", "web");

fn reader() -> Fact {
    fact("has_role", &[ANN, ("String", "reader"), WEB])
}

#[test]
fn an_empty_relation_is_only_empty_until_something_fills_it() {
    let bytes = snapshot(POLICY, vec![reader()]).expect("it is written");
    let mut engine = Engine::open(&bytes, Options::seeded(1)).expect("it opens");
    assert!(authorize(&mut engine, ANN, "open", WEB, vec![]));
    assert!(!authorize(&mut engine, ANN, "open", WEB, vec![fact("banned", &[ANN])]), "a context fact under `not`");
    assert!(authorize(&mut engine, ANN, "open", WEB, vec![]), "it held for its own request only");
    engine.apply(&[Change::Insert(fact("banned", &[ANN]))], 11);
    assert!(!authorize(&mut engine, ANN, "open", WEB, vec![]), "a later write under `not`");
    engine.apply(&[Change::Delete(fact("banned", &[ANN]))], 12);
    assert!(authorize(&mut engine, ANN, "open", WEB, vec![]));
}

#[test]
fn the_highest_offset_decides() {
    let bytes = snapshot(POLICY, vec![reader()]).expect("it is written");
    let mut engine = Engine::open(&bytes, Options::seeded(1)).expect("it opens");
    assert_eq!(engine.offset(), 10);
    engine.apply(&[Change::Delete(reader())], 10);
    assert!(authorize(&mut engine, ANN, "read", WEB, vec![]), "the snapshot already contains offset 10");
    engine.apply(&[Change::Delete(reader())], 11);
    assert!(!authorize(&mut engine, ANN, "read", WEB, vec![]), "a tombstone hides the base");
    assert!(engine.facts(Some("has_role"), &[]).is_empty());
    assert!(authorize(&mut engine, ANN, "read", WEB, vec![reader()]), "context facts come last");
    engine.apply(&[Change::Insert(reader())], 11);
    assert!(!authorize(&mut engine, ANN, "read", WEB, vec![]), "offset 11 has been applied");
    engine.apply(&[Change::Insert(reader()), Change::Delete(reader())], 12);
    assert!(!authorize(&mut engine, ANN, "read", WEB, vec![]), "inserted and deleted since is gone");
    engine.apply(&[Change::Delete(reader()), Change::Insert(reader())], 13);
    assert!(authorize(&mut engine, ANN, "read", WEB, vec![]));
    assert_eq!(engine.facts(Some("has_role"), &[]), [reader()]);
}

#[test]
fn two_unknown_ids_are_equal_only_if_their_text_is() {
    let bytes = snapshot(POLICY, vec![reader()]).expect("it is written");
    let mut engine = Engine::open(&bytes, Options::seeded(1)).expect("it opens");
    for unknown in [("User", "nobody"), ("Robot", "ann"), ("Repo", "web")] {
        assert!(!authorize(&mut engine, unknown, "read", WEB, vec![]), "{unknown:?}");
        assert!(!authorize(&mut engine, ANN, "read", unknown, vec![]) || unknown == WEB, "{unknown:?}");
    }
    let request = |x: &str, y: (&str, &str)| {
        let ask = Ask::Query {
            predicate: "same".into(),
            args: vec![understudy_core::model::Pattern::Any, understudy_core::model::Pattern::Any],
        };
        let context_facts = vec![fact("first", &[("New", x)]), fact("second", &[y])];
        Request { ask, context_facts, now_s: 0, budget: WORK_UNITS_PER_REQUEST }
    };
    let mut found = |x, y| engine.ask(&request(x, y)).expect("it has an answer");
    assert_eq!(found("a", ("New", "b")), Answer::Facts(vec![]));
    assert_eq!(found("a", ("Newer", "a")), Answer::Facts(vec![]), "the type belongs to the value");
    assert!(matches!(found("a", ("New", "a")), Answer::Facts(rows) if rows.len() == 1));
}

#[test]
fn an_id_of_a_later_write_is_found_by_the_request() {
    let bytes = snapshot(POLICY, vec![]).expect("it is written");
    let mut engine = Engine::open(&bytes, Options::seeded(1)).expect("it opens");
    let bob = ("User", "bob");
    engine.apply(&[Change::Insert(fact("has_role", &[bob, ("String", "reader"), WEB]))], 11);
    assert!(authorize(&mut engine, bob, "read", WEB, vec![]));
    assert!(authorize(&mut engine, bob, "open", WEB, vec![]));
    engine.apply(&[Change::Insert(fact("banned", &[bob]))], 12);
    assert!(!authorize(&mut engine, bob, "open", WEB, vec![]));
}

#[test]
fn integers_of_every_layer_compare_by_value() {
    let until = |time: &str| fact("until", &[ANN, WEB, ("Integer", time)]);
    for (time, open) in [("5", false), ("999", false), ("1000", false), ("1001", true), ("-7", false), ("20000", true)]
    {
        let bytes = snapshot(POLICY, vec![until(time)]).expect("it is written");
        let mut engine = Engine::open(&bytes, Options::seeded(1)).expect("it opens");
        assert_eq!(authorize(&mut engine, ANN, "late", WEB, vec![]), open, "{time} in the base");
        engine.apply(&[Change::Delete(until(time))], 11);
        assert!(!authorize(&mut engine, ANN, "late", WEB, vec![]));
        assert_eq!(authorize(&mut engine, ANN, "late", WEB, vec![until(time)]), open, "{time} as context");
        engine.apply(&[Change::Insert(until(time))], 12);
        assert_eq!(authorize(&mut engine, ANN, "late", WEB, vec![]), open, "{time} later");
    }
}

#[test]
fn ids_that_compact_encodings_would_confuse_stay_apart() {
    let pairs = [
        ("a", "a\0"),
        ("0D6E4079-e36a-4b0a-a3f1-60e0a3a1b2c3", "0d6e4079-e36a-4b0a-a3f1-60e0a3a1b2c3"),
        ("7", "007"),
        ("é", "e\u{301}"),
        ("12345678", "123456789"),
        ("a", "a "),
    ];
    for (stored, asked) in pairs.into_iter().chain(pairs.map(|(a, b)| (b, a))) {
        for beside in [None, Some("zz-something-longer-than-eight-bytes")] {
            let role = |id: &str| fact("has_role", &[("User", id), ("String", "reader"), WEB]);
            let facts = std::iter::once(stored).chain(beside).map(role).collect();
            let bytes = snapshot(POLICY, facts).expect("it is written");
            let mut engine = Engine::open(&bytes, Options::seeded(1)).expect("it opens");
            assert!(authorize(&mut engine, ("User", stored), "read", WEB, vec![]), "{stored:?}");
            assert!(!authorize(&mut engine, ("User", asked), "read", WEB, vec![]), "{asked:?} is not {stored:?}");
        }
    }
}

#[test]
fn predicates_that_no_rule_names_are_stored_relations() {
    let bytes = snapshot(POLICY, vec![fact("likes", &[ANN, WEB])]).expect("it is written");
    let mut engine = Engine::open(&bytes, Options::seeded(1)).expect("it opens");
    assert_eq!(query(&mut engine, "likes", 2), 1);
    assert_eq!(query(&mut engine, "likes", 1), 0);
    assert_eq!(query(&mut engine, "hates", 2), 0);
    engine.apply(&[Change::Insert(fact("hates", &[ANN, WEB])), Change::Delete(fact("likes", &[ANN, WEB]))], 11);
    assert_eq!((query(&mut engine, "likes", 2), query(&mut engine, "hates", 2)), (0, 1));
}

#[test]
fn lists_come_in_bytewise_order_whatever_the_layer() {
    let ids = ["b", "a", "10", "9", "B", "a-much-longer-identifier", "0d6e4079-e36a-4b0a-a3f1-60e0a3a1b2c3", "é"];
    let role = |id: &str| fact("has_role", &[ANN, ("String", "reader"), ("Repo", id)]);
    let bytes = snapshot(POLICY, ids[..3].iter().map(|id| role(id)).collect()).expect("it is written");
    let mut engine = Engine::open(&bytes, Options::seeded(1)).expect("it opens");
    engine.apply(&ids[3..6].iter().map(|id| Change::Insert(role(id))).collect::<Vec<_>>(), 11);
    let ask = Ask::List {
        actor: Value::new("User", "ann").expect("a value"),
        action: "read".into(),
        resource_type: "Repo".into(),
    };
    let context_facts = ids[6..].iter().map(|id| role(id)).collect();
    let request = Request { ask, context_facts, now_s: 0, budget: WORK_UNITS_PER_REQUEST };
    let mut expected: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    expected.sort_unstable();
    assert_eq!(engine.ask(&request), Ok(Answer::Ids(expected)));
}
