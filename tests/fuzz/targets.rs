//! What is fuzzed: bytes from outside, and what must hold of each room that reads them. The fuzzer's binaries and
//! `fuzz_replay.rs` run the same functions. A panic is a finding; so is anything slow or large.
#![allow(dead_code, reason = "each binary runs one target")]

use std::sync::OnceLock;

use serde::{Serialize, de::DeserializeOwned};
use understudy_calls::{
    authzen::{Terms, batch::Batch, json, limits::FACTS_MAX, search::Search},
    convert,
    dialogue::{Dialogue, Step, Told},
    page, question,
    refusal::Unreadable,
    signer::Signer,
};
use understudy_core::{
    compile::{Source, compile},
    engine::{Checked, Engine, Options},
    eval::answer::Evaluator,
    facts::plain::Plain,
    model::{Answer, Ask, AskError, Constraint, Fact, Pattern, Request, Value},
    raw,
    snapshot::{Contents, Counts, Manifest, PolicyText, Snapshot, verify, write},
    syntax::{ast::Policy, lexer, parser},
};
use understudy_wire as wire;

/// What a fuzzer calls with any bytes.
pub type Target = fn(&[u8]);

/// Names of the targets: those of the binaries and of the folders of inputs.
pub const TARGETS: [(&str, Target); 6] =
    [("lexer", lexer), ("parser", parser), ("checker", checker), ("snapshot", snapshot), ("raw", raw), ("wire", wire)];

/// Work units of a question: enough to reach every kind of step, few enough for many inputs a second.
const UNITS: u64 = 3_000;
/// When everything is asked: seconds since 1970.
const NOW_S: i64 = 1_780_000_000;
/// Bytes of text that a target takes: what is longer only repeats.
const TEXT_BYTES_MAX: usize = 16 << 10;

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| text.len() <= TEXT_BYTES_MAX)
}

/// Tokens lie in the text, in order, on the borders of characters; the last one is the end.
pub fn lexer(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let mut findings = Vec::new();
    let tokens = lexer::lex(0, text, &mut findings);
    let mut last = 0;
    for token in &tokens {
        let (start, end) = (token.span.start as usize, token.span.end as usize);
        assert!(last <= start && text.get(start..end).is_some(), "a token lies at {start}..{end} after {last}");
        last = end;
    }
    assert_eq!(tokens.last().map(|token| &token.kind), Some(&lexer::Kind::End));
    assert!(findings.iter().all(|found| text.get(found.span.start as usize..found.span.end as usize).is_some()));
}

/// Every finding lies in the text; parsing twice gives the same.
pub fn parser(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let (mut policy, mut findings) = (Policy::default(), Vec::new());
    parser::parse(0, text, &mut policy, &mut findings);
    assert!(findings.iter().all(|found| text.get(found.span.start as usize..found.span.end as usize).is_some()));
    let (mut again, mut found_again) = (Policy::default(), Vec::new());
    parser::parse(0, text, &mut again, &mut found_again);
    assert_eq!(format!("{policy:?} {findings:?}"), format!("{again:?} {found_again:?}"));
}

/// No program without a reason, and what compiles can be asked.
pub fn checker(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let compiled = compile(&[Source { name: "fuzz", text }]);
    for found in &compiled.diagnostics {
        assert!(found.place.line >= 1 && found.place.column >= 1 && !found.message.is_empty());
    }
    let Some(program) = compiled.program else {
        assert!(!compiled.diagnostics.is_empty(), "no program and no reason");
        return;
    };
    let mut evaluator = Evaluator::new(&program, Plain::new(facts()), 1);
    for ask in questions(&facts()) {
        let _ = evaluator.ask(&request(ask, Vec::new()));
    }
}

/// Any bytes open or are refused; what opens can be asked and listed, and what verifies can be opened.
pub fn snapshot(bytes: &[u8]) {
    if bytes.len() > 64 << 10 {
        return;
    }
    let mut bytes = bytes.to_vec();
    let n_bytes = bytes.len() as u64;
    // The length that the header announces: of a cut or grown file, nothing else would be read.
    if let Some(announced) = bytes.get_mut(16..24) {
        announced.copy_from_slice(&n_bytes.to_le_bytes());
    }
    let verified = verify(&bytes);
    let opened = Snapshot::open(&bytes);
    assert!(verified.is_err() || opened.is_ok(), "what verifies can be opened");
    let Ok(opened) = opened else { return };
    let stored: Vec<Fact> = opened.facts().take(64).collect();
    let options = Options { checked: Checked::Program, ..Options::seeded(1) };
    let Ok(mut engine) = Engine::open(&bytes, options) else { return };
    let _ = (engine.metadata().map(<[_]>::len), engine.keys().map(<[_]>::len));
    for fact in stored.iter().take(8) {
        engine.facts(Some(&fact.predicate), &[]);
        engine.facts(None, &[Pattern::Exact(fact.args[0].clone())]);
    }
    for ask in questions(&stored) {
        let _ = engine.ask(&request(ask.clone(), Vec::new()));
        let _ = engine.ask(&request(ask, stored.iter().take(3).cloned().collect()));
    }
}

/// A call that is read is the one that was written, an answer likewise; any bytes get a reply that can be read.
pub fn raw(bytes: &[u8]) {
    if let Ok(outcome) = raw::answer::decode(bytes) {
        let mut written = Vec::new();
        raw::answer::encode(&outcome, &mut written);
        let again = raw::answer::decode(&written).expect("what is written is read");
        assert_eq!(format!("{outcome:?}"), format!("{again:?}"));
        if let Ok(raw::Reply::Explanation(explanation)) = outcome {
            let _ = (explanation.to_string(), explanation.nearest_miss());
        }
    }
    let mut called = bytes.to_vec();
    if let Ok(mut call) = raw::request::decode(bytes) {
        let mut written = Vec::new();
        raw::request::encode(&call, &mut written);
        let again = raw::request::decode(&written).expect("what is written is read");
        assert_eq!(format!("{call:?}"), format!("{again:?}"));
        match &mut call {
            raw::Call::Ask(Request { budget, .. })
            | raw::Call::Explain(Request { budget, .. })
            | raw::Call::Summarize(Request { budget, .. })
            | raw::Call::Test { budget, .. } => *budget = UNITS.min(*budget),
            _ => {}
        }
        if let raw::Call::Explain(request) = &call {
            let mut engine = Engine::open(world(), Options::seeded(1)).expect("it was written here");
            let outcomes = [engine.explain(request).map(|explanation| explanation.answer), engine.ask(request)];
            if outcomes.iter().all(|outcome| !matches!(outcome, Err(AskError::Budget { .. }))) {
                assert_eq!(outcomes[0], outcomes[1], "an explanation has the answer that there is");
            }
        }
        raw::request::encode(&call, &mut called);
    }
    let mut reply = Vec::new();
    let mut engine = Engine::open(world(), Options::seeded(1)).expect("it was written here");
    raw::dispatch::call(Some(&mut engine), &called, &mut reply);
    let outcome = raw::answer::decode(&reply).expect("a reply can be read");
    if let Ok(raw::Reply::Snapshot(built)) = outcome {
        verify(&built).expect("what is built verifies");
        Engine::open(&built, Options::seeded(1)).expect("what is built opens");
    }
    raw::dispatch::call(None, &called, &mut reply);
    assert!(raw::answer::decode(&reply).is_ok(), "a reply can be read");
}

/// JSON of every kind of request: read, turned into questions, asked, turned back. The first byte says which kind.
pub fn wire(bytes: &[u8]) {
    let Some((kind, json)) = bytes.split_first() else { return };
    if json.len() > TEXT_BYTES_MAX {
        return;
    }
    match kind {
        b'a' => asked(json, |asked: wire::AuthorizeRequest| {
            Ok((question::authorize(&asked)?, convert::facts(&asked.context_facts)?))
        }),
        b'l' => asked(json, |asked: wire::ListRequest| {
            let _ = page::Paging::read(&asked, &Signer::new([1; 32]), "key", NOW_S)
                .map(|paging| paging.page(vec!["a".into()]));
            Ok((question::list(&asked)?, convert::facts(&asked.context_facts)?))
        }),
        b'c' => asked(json, |asked: wire::ActionsRequest| {
            Ok((question::actions(&asked)?, convert::facts(&asked.context_facts)?))
        }),
        b'q' => asked(json, |asked: wire::QueryRequest| {
            let args = convert::patterns(&asked.fact.args)?;
            Ok((Ask::Query { predicate: asked.fact.predicate, args }, convert::facts(&asked.context_facts)?))
        }),
        b'e' => asked(json, |asked: wire::EvaluateRequest| {
            let context_facts = convert::facts(&asked.context_facts)?;
            Ok((convert::evaluate(asked)?, context_facts))
        }),
        b'r' => {
            let Ok(asked) = same::<wire::AuthorizeResourcesRequest>(json) else { return };
            for resource in &asked.resources {
                let _ = convert::value(&resource.type_name, &resource.id);
            }
        }
        b'b' => {
            for changes in same::<Vec<wire::Changeset>>(json).unwrap_or_default() {
                match changes {
                    wire::Changeset::Inserts(facts) => {
                        let read = convert::facts(&facts).unwrap_or_default();
                        read.into_iter().for_each(|fact| _ = convert::wire_fact(fact));
                    }
                    wire::Changeset::Deletes(patterns) => patterns.iter().for_each(|p| _ = convert::delete(p)),
                }
            }
        }
        b'f' => {
            let Ok(query) = std::str::from_utf8(json) else { return };
            let Ok(parsed) = wire::FactsQuery::parse(query) else { return };
            let _ = convert::patterns(&parsed.args);
        }
        b'v' => {
            let Ok(body) = json::read(json) else { return };
            let Ok(batch) = Batch::read(&body, &Terms::default(), NOW_S) else { return };
            let told = converse(&batch);
            assert!(!batch.decisions(&told).is_empty());
        }
        b's' => {
            let Ok(body) = json::read(json) else { return };
            for read in [Search::subjects, Search::resources, Search::actions] {
                let Ok(search) = read(&body, &Terms::default(), &Signer::new([1; 32]), NOW_S) else { continue };
                let Ok(found) = search.found(&converse(&search)) else { continue };
                assert!(found.results.is_sorted_by(|a, b| a < b), "sorted and distinct");
            }
        }
        b'k' => _ = same::<wire::BulkRequest>(json),
        b'p' => _ = same::<wire::PolicySource>(json),
        b'x' => _ = same::<wire::ExpectRequest>(json),
        b'h' => _ = same::<wire::Head>(json).map(|head| head.snapshot.is_well_formed()),
        b't' => _ = same::<wire::Report>(json),
        b'm' => _ = same::<wire::PolicyMetadataResult>(json),
        b'o' => _ = same::<wire::PolicyRefusal>(json),
        _ => {
            let Ok(path) = std::str::from_utf8(json) else { return };
            let _ = page::Token::read(path, &Signer::new([1; 32]), &[&[7; 32]], 0);
            let _ = understudy_calls::head::bearer(path);
            let _ = understudy_calls::head::endpoint("GET", understudy_calls::head::one_leading_slash(path));
        }
    }
}

/// What is read can be written, and is then read as the same.
fn same<T: Serialize + DeserializeOwned>(json: &[u8]) -> Result<T, Unreadable> {
    let read: T = convert::body(json)?;
    let written = serde_json::to_vec(&read).expect("the wire's types are JSON");
    let again: T = convert::body(&written).expect("what is written is read");
    assert_eq!(written, serde_json::to_vec(&again).expect("the wire's types are JSON"));
    Ok(read)
}

fn asked<T, F>(json: &[u8], convert: F)
where
    T: Serialize + DeserializeOwned,
    F: FnOnce(T) -> Result<(Ask, Vec<Fact>), Unreadable>,
{
    let Ok((ask, context_facts)) = same::<T>(json).and_then(convert) else { return };
    let predicate = match &ask {
        Ask::Query { predicate, .. } => predicate.clone(),
        _ => String::new(),
    };
    let mut engine = Engine::open(world(), Options::seeded(1)).expect("it was written here");
    let Ok(answer) = engine.ask(&request(ask, context_facts)) else { return };
    if let Answer::Facts(rows) = answer {
        let results = rows.into_iter().map(|row| convert::wire_solution(&predicate, row)).collect();
        let result = wire::QueryResult { results };
        let text = serde_json::to_vec(&result).expect("the wire's types are JSON");
        assert_eq!(convert::body::<wire::QueryResult>(&text), Ok(result));
    }
}

/// Goes through a dialogue. A caller asserts nothing but properties, and few of them.
fn converse(dialogue: &dyn Dialogue) -> Vec<Told> {
    let mut engine = Engine::open(world(), Options::seeded(1)).expect("it was written here");
    let mut told = Vec::new();
    while let Some(step) = dialogue.step(&told) {
        told.push(match step {
            Step::Ask(request) => {
                let facts = &request.context_facts;
                assert!(facts.len() <= FACTS_MAX && facts.iter().all(|fact| fact.predicate.ends_with("_property")));
                let asked = Request { budget: UNITS, ..request };
                engine.ask(&asked).map_or_else(Told::Failed, Told::Answer)
            }
            Step::Explain(request) => {
                let asked = Request { budget: UNITS, ..request };
                Told::Reasons(engine.summarize(&asked).ok().map(|reasons| reasons.lines))
            }
            Step::Names(vocabulary) => Told::Names(engine.names(&vocabulary)),
            Step::Skip => Told::Skipped,
        });
    }
    told
}

fn request(ask: Ask, context_facts: Vec<Fact>) -> Request {
    Request { ask, context_facts, now_s: NOW_S, budget: UNITS }
}

fn value(type_name: &str, id: &str) -> Value {
    Value::new(type_name, id).expect("a value")
}

fn fact(predicate: &str, args: &[(&str, &str)]) -> Fact {
    Fact { predicate: predicate.to_owned(), args: args.iter().map(|(ty, id)| value(ty, id)).collect() }
}

fn facts() -> Vec<Fact> {
    vec![
        fact("has_role", &[("User", "ann"), ("String", "reader"), ("Doc", "1")]),
        fact("has_role", &[("User", "bo"), ("String", "owner"), ("Doc", "2")]),
        fact("has_role", &[("User", "ann"), ("String", "admin")]),
        fact("has_relation", &[("Doc", "1"), ("String", "parent"), ("Doc", "2")]),
        fact("has_relation", &[("Doc", "2"), ("String", "parent"), ("Doc", "1")]),
        fact("is_public", &[("Doc", "3")]),
        fact("banned", &[("User", "bo")]),
        fact("level", &[("User", "ann"), ("Integer", "7")]),
        fact("locked", &[("Doc", "2"), ("Boolean", "true")]),
        fact("expires", &[("User", "ann"), ("Doc", "1"), ("Integer", "1780000001")]),
    ]
}

/// Questions of every form, about what these facts name and about what nothing names.
fn questions(facts: &[Fact]) -> Vec<Ask> {
    let mut values: Vec<&Value> = facts.iter().flat_map(|fact| &fact.args).collect();
    values.sort();
    values.dedup();
    let (ann, doc) = (value("User", "ann"), value("Doc", "1"));
    let actor = values.iter().find(|value| value.type_name() == "User").map_or(&ann, |found| *found).clone();
    let resource = values.first().map_or(&doc, |found| *found).clone();
    let ty = resource.type_name().to_owned();
    let action = "read".to_owned();
    let mut asked = vec![
        Ask::Authorize { actor: actor.clone(), action: action.clone(), resource: doc.clone() },
        Ask::Authorize { actor: value("Nobody", "n"), action: "none".into(), resource: resource.clone() },
        Ask::List { actor: actor.clone(), action: action.clone(), resource_type: "Doc".into() },
        Ask::List { actor: actor.clone(), action, resource_type: ty.clone() },
        Ask::Actions { actor: actor.clone(), resource: doc },
        Ask::Query { predicate: "allow".into(), args: vec![Pattern::Any, Pattern::Any, Pattern::Any] },
        Ask::Query { predicate: "has_role".into(), args: vec![Pattern::Exact(actor), Pattern::Any, Pattern::Type(ty)] },
        Ask::Evaluate {
            calls: vec![
                ("has_permission".into(), vec!["a".into(), "p".into(), "r".into()]),
                ("has_relation".into(), vec!["r".into(), "p".into(), "s".into()]),
            ],
            constraints: [("a", "User"), ("p", "String"), ("r", "Doc"), ("s", "Doc")]
                .map(|(name, ty)| (name.to_owned(), Constraint { type_name: ty.into(), ids: None }))
                .into(),
        },
    ];
    for fact in facts.iter().take(6) {
        asked.push(Ask::Query { predicate: fact.predicate.clone(), args: vec![Pattern::Any; fact.args.len()] });
        let args = fact.args.iter().cloned().map(Pattern::Exact).collect();
        asked.push(Ask::Query { predicate: fact.predicate.clone(), args });
    }
    asked
}

/// A snapshot for calls and requests.
fn world() -> &'static [u8] {
    static WORLD: OnceLock<Vec<u8>> = OnceLock::new();
    WORLD.get_or_init(|| snapshot_of(POLICY, facts()))
}

/// The snapshot of a policy and facts.
pub fn snapshot_of(policy: &str, facts: Vec<Fact>) -> Vec<u8> {
    let manifest = Manifest {
        environment: "e".into(),
        tenant: "t".into(),
        store: "s".into(),
        epoch: 1,
        created_ms: 2,
        offset: 3,
        counts: Counts::default(),
    };
    let policy = Some(PolicyText { file: None, text: policy.to_owned() });
    write(&Contents { manifest, policy, keys: Some(Vec::new()) }, facts).expect("the policy compiles")
}

const POLICY: &str = r#"
global { roles = ["admin"]; permissions = ["export"]; "export" if "admin"; }
actor User {}
resource Doc {
  roles = ["reader", "owner"];
  permissions = ["read", "delete"];
  relations = { parent: Doc };
  "reader" if "owner";
  role if role on "parent";
  "read" if "reader" or is_public(resource);
  "delete" if "owner" and not locked(resource, true);
}
has_role(_: User, "reader", doc: Doc) if is_public(doc);
has_permission(user: User, "read", doc: Doc) if expires(user, doc, until) and until > @current_unix_time;
has_permission(user: User, "rate", doc: Doc) if
  level(user, have) and have >= 5 and doc matches Doc and not (banned(user) or locked(doc, true));
has_permission(user: User, "be", user: User);
"#;
