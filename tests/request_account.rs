//! One account per request: what it holds is counted against limits before work begins; entering it, looking for rows and
//! writing the answer spend its units and its memory; what is over is a refusal with the limit's name, and the next request
//! finds the engine as it was.

use understudy_core::{
    compile::{Source, compile},
    engine::{Engine, Options},
    eval::answer::Evaluator,
    facts::plain::Plain,
    limits::{
        CONTEXT_FACTS_MAX, ID_BYTES_MAX, NAME_BYTES_MAX, REQUEST_IDS_MAX, REQUEST_TYPES_MAX, WORK_UNITS_DEFAULT,
        WORK_UNITS_PER_REQUEST,
    },
    model::{Answer, Ask, AskError, Constraint, Fact, Pattern, Request, Value},
    raw::{Refusal, Reply, answer, dispatch, request},
    snapshot::{Contents, PolicyText, write},
};

const POLICY: &str = r#"
    actor User {}
    resource Repository { roles = ["reader"]; permissions = ["read"]; "read" if "reader"; }
    pair(a, b) if left(a) and right(b);
    long(a) if left(a) and a in ["0", "1"];
"#;

fn value(type_name: &str, id: impl Into<String>) -> Value {
    Value::new(type_name, id).expect("a value")
}

fn fact(predicate: &str, args: &[(&str, &str)]) -> Fact {
    Fact { predicate: predicate.to_owned(), args: args.iter().map(|(ty, id)| value(ty, *id)).collect() }
}

fn evaluator(facts: Vec<Fact>) -> Evaluator<Plain> {
    let program = compile(&[Source { name: "policy.polar", text: POLICY }]).program.expect("a policy");
    Evaluator::new(&program, Plain::new(facts), 7)
}

fn asked(ask: Ask, context_facts: Vec<Fact>) -> Request {
    Request { ask, context_facts, now_s: 0, budget: WORK_UNITS_PER_REQUEST }
}

fn check(actor: Value) -> Ask {
    Ask::Authorize { actor, action: "read".into(), resource: value("Repository", "web") }
}

fn evaluate(ids: Vec<String>, name: &str) -> Ask {
    let constraint = Constraint { type_name: "User".into(), ids: Some(ids) };
    Ask::Evaluate {
        calls: vec![("left".to_owned(), vec![name.to_owned()])],
        constraints: vec![(name.to_owned(), constraint)],
    }
}

fn numbers(n: usize) -> Vec<String> {
    (0..n).map(|n| n.to_string()).collect()
}

/// As many facts, each with a type and a predicate of its own, as far as so many types are allowed.
fn context(n_facts: usize, n_types: usize) -> Vec<Fact> {
    (0..n_facts).map(|n| fact("seen", &[(&format!("T{}", n % n_types), &n.to_string())])).collect()
}

/// Refused with these words, natively and as bytes, and before a unit was spent.
fn refused(request: &Request, words: &str) {
    let mut evaluator = evaluator(Vec::new());
    match evaluator.ask(request) {
        Err(AskError::Invalid { message }) => assert!(message.contains(words), "{message}"),
        other => panic!("{words}: {other:?}"),
    }
    assert_eq!(evaluator.n_spent(), 0, "{words}");
    let bytes = write(&Contents::default(), []).expect("a snapshot");
    let mut engine = Engine::open(&bytes, Options::seeded(7)).expect("it opens");
    let (mut call, mut out) = (Vec::new(), Vec::new());
    request::encode_ask(request, &mut call);
    dispatch::call(Some(&mut engine), &call, &mut out);
    match answer::decode(&out) {
        Ok(Err(Refusal::Ask(AskError::Invalid { message }))) => assert!(message.contains(words), "{message}"),
        other => panic!("{words}: {other:?}"),
    }
}

#[test]
fn what_is_over_a_limit_is_refused_before_work_begins() {
    let bob = || check(value("User", "bob"));
    let sentence = |n: usize, what: &str, n_max: usize| format!("{n} {what}; at most {n_max} are allowed");
    for n in [CONTEXT_FACTS_MAX + 1, 60_000, 65_537] {
        refused(&asked(bob(), context(n, n)), &sentence(n, "context facts", CONTEXT_FACTS_MAX));
    }
    for n in [REQUEST_IDS_MAX + 1, 65_537, 300_000] {
        refused(&asked(evaluate(numbers(n), "x"), vec![]), &sentence(n, "ids", REQUEST_IDS_MAX));
    }
    let n = REQUEST_TYPES_MAX + 1;
    refused(&asked(bob(), context(n, n)), &sentence(n, "types", REQUEST_TYPES_MAX));
    let half = Constraint { type_name: "User".into(), ids: Some(numbers(REQUEST_IDS_MAX / 2 + 1)) };
    let constraints = vec![("x".to_owned(), half.clone()), ("y".to_owned(), half)];
    let calls = vec![("pair".to_owned(), vec!["x".to_owned(), "y".to_owned()])];
    refused(&asked(Ask::Evaluate { calls, constraints }, vec![]), "ids; at most");
}

#[test]
fn a_name_has_the_length_of_an_id_at_most_wherever_it_stands() {
    let long = "n".repeat(NAME_BYTES_MAX + 1);
    let (any, web) = (|| value("User", "bob"), || value("Repository", "web"));
    let of_type = Constraint { type_name: long.clone(), ids: None };
    let questions = [
        check(value(&long, "bob")),
        Ask::Authorize { actor: any(), action: long.clone(), resource: web() },
        Ask::List { actor: any(), action: long.clone(), resource_type: "Repository".into() },
        Ask::List { actor: any(), action: "read".into(), resource_type: long.clone() },
        Ask::Actions { actor: any(), resource: value(&long, "web") },
        Ask::Query { predicate: long.clone(), args: vec![Pattern::Any] },
        Ask::Query { predicate: "p".into(), args: vec![Pattern::Type(long.clone())] },
        Ask::Query { predicate: "p".into(), args: vec![Pattern::Exact(value(&long, "x"))] },
        Ask::Evaluate { calls: vec![], constraints: vec![("x".into(), of_type)] },
        evaluate(vec!["1".into()], &long),
    ];
    let words = format!("has {} bytes; at most {NAME_BYTES_MAX} are allowed", long.len());
    for question in questions {
        refused(&asked(question, vec![]), &words);
    }
    let long_id = "i".repeat(ID_BYTES_MAX + 1);
    for question in [check(value("User", long_id.as_str())), evaluate(vec![long_id.clone()], "x")] {
        refused(&asked(question, vec![]), &words);
    }
    for (predicate, type_name, id) in [(&*long, "T", "x"), ("p", &*long, "x"), ("p", "T", &*long_id)] {
        refused(&asked(check(any()), vec![fact(predicate, &[(type_name, id)])]), &words);
    }
    let fits = check(value(&"n".repeat(NAME_BYTES_MAX), "i".repeat(ID_BYTES_MAX)));
    assert_eq!(evaluator(vec![]).ask(&asked(fits, vec![])), Ok(Answer::Decision(false)));
}

#[test]
fn a_variable_with_two_entries_is_refused() {
    let of = |id: &str| Constraint { type_name: "User".into(), ids: Some(vec![id.into()]) };
    let twice = Ask::Evaluate {
        calls: vec![("left".into(), vec!["x".into()])],
        constraints: vec![("x".into(), of("1")), ("x".into(), of("2"))],
    };
    let outcome = evaluator(vec![fact("left", &[("User", "2")])]).ask(&asked(twice, vec![]));
    assert!(matches!(&outcome, Err(AskError::Invalid { message }) if message.contains("two entries")), "{outcome:?}");
}

/// Units of a request that is answered.
fn units(request: &Request) -> u64 {
    let mut evaluator = evaluator(Vec::new());
    evaluator.ask(request).expect("an answer");
    evaluator.n_spent()
}

#[test]
fn just_under_the_limits_units_grow_as_the_request_does() {
    let bob = || check(value("User", "bob"));
    let grows = |name: &str, small: &Request, large: &Request, times: u64| {
        let (small, large) = (units(small), units(large));
        println!("{name}: {small} units, {times} times as much: {large}");
        assert!(small * times / 2 < large && large < small * times * 2, "{name}: {small}, {large}");
    };
    let (n_small, n_large) = (CONTEXT_FACTS_MAX / 10, CONTEXT_FACTS_MAX);
    let facts = |n| asked(bob(), context(n, REQUEST_TYPES_MAX / 2));
    grows("context facts", &facts(n_small), &facts(n_large), 10);
    let ids = |n| asked(evaluate(numbers(n), "x"), vec![]);
    grows("ids", &ids(REQUEST_IDS_MAX / 10), &ids(REQUEST_IDS_MAX), 10);
    let text = |n| {
        let id = "i".repeat(ID_BYTES_MAX);
        asked(bob(), (0..n).map(|at| fact("p", &[("T", &format!("{at:06}{}", &id[6..]))])).collect())
    };
    grows("bytes", &text(1_000), &text(8_000), 8);
    assert!(units(&facts(n_large)) > 10 * n_large as u64, "a context fact is more than ten seeks");
}

/// `n` users and as many repositories, each user with a role on each of ten of them.
fn roles(n: usize) -> Vec<Fact> {
    let role = |user: usize, repository: usize| {
        let (user, repository) = (user.to_string(), (repository % n).to_string());
        fact("has_role", &[("User", &user), ("String", "reader"), ("Repository", &repository)])
    };
    (0..n).flat_map(|user| (0..10).map(move |at| role(user, user * 7 + at * 13))).collect()
}

fn everything() -> Ask {
    let (user, repository) = (Pattern::Type("User".into()), Pattern::Type("Repository".into()));
    Ask::Query { predicate: "allow".into(), args: vec![user, Pattern::Any, repository] }
}

#[test]
fn memory_is_bounded_like_work_and_nothing_stays() {
    const MIB: u64 = 1 << 20;
    let policy = Some(PolicyText { file: None, text: POLICY.to_owned() });
    let bytes = write(&Contents { policy, ..Contents::default() }, roles(5_000)).expect("a snapshot");
    let program = compile(&[Source { name: "policy.polar", text: POLICY }]).program.expect("a policy");
    let snapshot = understudy_core::snapshot::Snapshot::open(&bytes).expect("it opens");
    let layered = understudy_core::facts::layers::Layered::new(snapshot.base().clone(), 7);
    let mut evaluator = Evaluator::new(&program, layered, 7);
    let every = asked(everything(), vec![]);
    evaluator.set_memory_max(4 * MIB);
    for _ in 0..3 {
        assert_eq!(evaluator.ask(&every), Err(AskError::Memory { bytes: 4 * MIB }));
        assert_eq!(evaluator.explain(&program, &every).map(|_| ()), Err(AskError::Memory { bytes: 4 * MIB }));
        assert_eq!(evaluator.ask(&asked(check(value("User", "0")), vec![])), Ok(Answer::Decision(false)));
    }
    evaluator.set_memory_max(128 * MIB);
    assert!(matches!(evaluator.ask(&every), Ok(Answer::Facts(rows)) if rows.len() == 50_000));
    let spent = evaluator.n_spent();
    assert_eq!(evaluator.ask(&Request { budget: spent, ..every.clone() }).map(|_| ()), Ok(()));
    let short = Request { budget: spent - 1, ..every };
    assert_eq!(evaluator.ask(&short), Err(AskError::Budget { units: spent - 1 }), "the answer's writing is paid for");
    assert!(spent < WORK_UNITS_DEFAULT);
}

/// What is written, read and written again by the host costs more than finding it: a long list is no quick question.
#[test]
fn an_id_of_a_list_costs_more_than_its_row() {
    let list = |n: usize| {
        let role =
            |at: usize| fact("has_role", &[("User", "ann"), ("String", "reader"), ("Repository", &at.to_string())]);
        let mut evaluator = evaluator((0..n).map(role).collect());
        let (actor, action, resource_type) = (value("User", "ann"), "read".to_owned(), "Repository".to_owned());
        let answer = evaluator.ask(&asked(Ask::List { actor, action, resource_type }, vec![]));
        assert!(matches!(&answer, Ok(Answer::Ids(ids)) if ids.len() == n), "{answer:?}");
        evaluator.n_spent()
    };
    let of_one = (list(2_000) - list(1_000)) / 1_000;
    assert!((16..64).contains(&of_one), "{of_one} units an id");
}

/// A product of two relations: what waits is one frame a relation, however many rows there are to come.
#[test]
fn what_is_gone_through_row_by_row_is_not_held() {
    let mut facts = Vec::new();
    for n in 0..1_000 {
        let n = n.to_string();
        facts.extend([fact("left", &[("String", &n)]), fact("right", &[("String", &n)])]);
    }
    let constraint = Constraint { type_name: "String".into(), ids: None };
    let product = Ask::Evaluate {
        calls: vec![
            ("left".into(), vec!["x".into()]),
            ("right".into(), vec!["y".into()]),
            ("neither".into(), vec!["x".into(), "y".into()]),
        ],
        constraints: ["x", "y"].map(|name| (name.to_owned(), constraint.clone())).to_vec(),
    };
    let mut evaluator = evaluator(facts);
    evaluator.set_memory_max(1 << 20);
    let outcome = evaluator.ask(&asked(product, vec![]));
    assert!(matches!(&outcome, Ok(Answer::Bindings { rows, .. }) if rows.is_empty()), "{outcome:?}");
}

#[test]
fn a_refusal_for_memory_travels() {
    let outcome: Result<Reply, Refusal> = Err(Refusal::Ask(AskError::Memory { bytes: 1 << 33 }));
    let mut bytes = Vec::new();
    answer::encode(&outcome, &mut bytes);
    assert_eq!(answer::decode(&bytes), Ok(outcome));
}
