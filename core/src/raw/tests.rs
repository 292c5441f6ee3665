//! Round trips, truncations, bytes of every kind.

use super::{answer, request, *};
use crate::{
    eval::policy_tests::{Failure, FailureKind},
    limits::EXPLAIN_STEPS_MAX,
    model::{
        Ask, Constraint, Row, Value,
        explanation::{Arg, Atom, By, Condition, Outcome, SIGNS, Step, Way, What},
    },
    snapshot::{Counts, Key, PolicyText},
};

fn value(type_name: &str, id: &str) -> Value {
    Value::new(type_name, id).expect("a value")
}

fn fact(n_args: usize) -> Fact {
    let args = (0..n_args).map(|i| value("Repository", &"x".repeat(i * 3 + 1))).collect();
    Fact { predicate: "has_relation".into(), args }
}

fn asks() -> Vec<Ask> {
    let (actor, resource) = (value("User", "ann"), value("Repository", "überlang-und-krumm"));
    vec![
        Ask::Authorize { actor: actor.clone(), action: "read".into(), resource: resource.clone() },
        Ask::Authorize { actor: actor.clone(), action: String::new(), resource: value("Integer", "-3") },
        Ask::List { actor: actor.clone(), action: "repo:read".into(), resource_type: "Repository".into() },
        Ask::Actions { actor: actor.clone(), resource },
        Ask::Query { predicate: "allow".into(), args: Vec::new() },
        Ask::Query {
            predicate: "allow".into(),
            args: vec![Pattern::Any, Pattern::Type("String".into()), Pattern::Exact(actor)],
        },
        Ask::Evaluate { calls: Vec::new(), constraints: Vec::new() },
        Ask::Evaluate {
            calls: vec![("allow".into(), vec!["a".into(), "b".into()]), ("is_public".into(), vec!["b".into()])],
            constraints: vec![
                ("a".into(), Constraint { type_name: "User".into(), ids: None }),
                ("b".into(), Constraint { type_name: "Repository".into(), ids: Some(Vec::new()) }),
                ("c".into(), Constraint { type_name: "X".into(), ids: Some(vec!["1".into(), "zwölf".into()]) }),
            ],
        },
    ]
}

fn calls() -> Vec<Call> {
    let manifest = Manifest {
        environment: "e_1".into(),
        tenant: String::new(),
        store: "s".repeat(16),
        epoch: 7,
        created_ms: u64::MAX,
        offset: 1 << 40,
        counts: Counts::default(),
    };
    let policy = PolicyText { file: None, text: "actor User {}".into() };
    let keys = vec![Key { digest: [7; 32], write: true }, Key { digest: [9; 32], write: false }];
    let mut calls: Vec<Call> = asks()
        .into_iter()
        .enumerate()
        .map(|(n, ask)| {
            let context_facts = (0..n % 3).map(|n| fact(n + 1)).collect();
            Call::Ask(Request { ask, context_facts, now_s: -5, budget: 1 << 33 })
        })
        .collect();
    calls.extend([
        Call::Facts { predicate: None, args: Vec::new() },
        Call::Facts { predicate: Some("has_role".into()), args: vec![Pattern::Type("User".into()), Pattern::Any] },
        Call::Metadata,
        Call::Status,
        Call::Apply { offset: 0, changes: Vec::new() },
        Call::Apply { offset: 1 << 50, changes: vec![Change::Insert(fact(5)), Change::Delete(fact(1))] },
        Call::Check { sources: vec![("a.polar".into(), "actor User {}".into()), (String::new(), String::new())] },
        Call::Build { contents: Contents { manifest: manifest.clone(), policy: None, keys: None }, facts: Vec::new() },
        Call::Build {
            contents: Contents { manifest, policy: Some(policy), keys: Some(keys) },
            facts: vec![fact(1), fact(2), fact(3)],
        },
        Call::Test { sources: Vec::new(), now_s: i64::MIN, budget: u64::MAX, seed: 1 << 40 },
        Call::Test { sources: vec![("a.polar".into(), "actor User {}".into())], now_s: 5, budget: 0, seed: 0 },
        Call::CheckFact { predicate: String::new(), args: Vec::new() },
        Call::Names(Vocabulary::Ids { type_name: "User".into() }),
        Call::Names(Vocabulary::Actions { resource_type: String::new() }),
        Call::Names(Vocabulary::Arguments { predicate: "has_tag".into(), arity: u32::MAX, at: 1 }),
        Call::CheckFact {
            predicate: "has_tag".into(),
            args: vec![("User".into(), "*".into()), (String::new(), "ann".into()), ("Actor".into(), String::new())],
        },
    ]);
    let explained: Vec<Call> = calls
        .iter()
        .filter_map(|call| match call {
            Call::Ask(request) => Some(Call::Explain(request.clone())),
            _ => None,
        })
        .collect();
    calls.extend(explained);
    calls
}

/// Every kind of way, condition, outcome and argument, each answer it may be of.
fn explanations() -> Vec<Explanation> {
    let any = |number, type_name: Option<&str>| Arg::Any { number, type_name: type_name.map(str::to_owned) };
    let exact = || Arg::Exact { type_name: "Repository".into(), id: "überlang".into() };
    let atom = |args: Vec<Arg>| Atom { predicate: "not@4.1".into(), args };
    let condition = |what, outcome, step| Condition { what, outcome, step };
    let mut conditions = vec![
        condition(What::Goal(atom(vec![any(0, None), any(2, Some("User")), exact()])), Outcome::Met, Some(1)),
        condition(What::Not(atom(Vec::new())), Outcome::Failed, Some(0)),
        condition(What::In(exact(), Vec::new()), Outcome::Open, None),
        condition(What::In(any(1, None), vec![exact(), any(1, None)]), Outcome::Open, None),
        condition(What::Never, Outcome::Failed, None),
    ];
    conditions.extend(SIGNS.map(|sign| condition(What::Compare(sign, exact(), any(0, None)), Outcome::Met, None)));
    let rule = |file: &str, line| By::Rule { number: 7, file: file.into(), line };
    let by = [By::StoredFact, By::LaterFact, By::ContextFact, By::Question, rule("policy.polar", 12), rule("", 0)];
    let ways = by.map(|by| Way { by, conditions: Vec::new() });
    let steps = vec![
        Step { goal: atom(vec![exact()]), holds: true, ways: vec![Way { by: By::Question, conditions }] },
        Step { goal: atom(Vec::new()), holds: false, ways: ways.to_vec() },
    ];
    let of = |answer, roots, nearest| Explanation { answer, roots, steps: steps.clone(), nearest, is_cut: true };
    vec![
        of(Answer::Ids(vec!["*".into(), "acme".into()]), vec![1, 0, 1], None),
        of(Answer::Facts(vec![vec![Row::Any, Row::Exact(value("User", "ann"))]]), vec![0, 1], Some((1, 9))),
        of(Answer::Bindings { variables: vec!["a".into()], rows: vec![vec![None]] }, vec![0], Some((0, 0))),
        Explanation {
            answer: Answer::Decision(false),
            roots: Vec::new(),
            steps: Vec::new(),
            nearest: None,
            is_cut: false,
        },
    ]
}

fn report() -> Vec<TestResult> {
    let failure = |kind, explanation| Failure {
        kind,
        file: "policy.polar".into(),
        line: 9,
        assertion: "assert open(Doc{\"memo\"})".into(),
        message: "it doesn't hold".into(),
        explanation,
    };
    let failures: Vec<Failure> =
        explanations().into_iter().map(|explanation| failure(FailureKind::Assertion, Some(explanation))).collect();
    let failed =
        TestResult { name: "wrong".into(), line: 8, n_passed: 2, n_total: 6, failures, ..TestResult::default() };
    let unread = TestResult { n_total: 1, failures: vec![failure(FailureKind::Error, None)], ..failed.clone() };
    vec![TestResult { n_passed: 3, n_total: 3, ..TestResult::default() }, failed, TestResult { n_passed: 0, ..unread }]
}

fn outcomes() -> Vec<Result<Reply, Refusal>> {
    let block = BlockMetadata {
        roles: vec!["admin".into(), "reader".into()],
        permissions: vec!["read".into()],
        relations: vec![("parent".into(), "Organization".into())],
    };
    let counts = Counts { facts: 1, types: 2, values: 3, relations: 4 };
    let manifest = Manifest { environment: "e".into(), epoch: 9, offset: 11, counts, ..Manifest::default() };
    let note = Note {
        severity: Severity::Warning,
        code: "unknown-relation".into(),
        file: "policy.polar".into(),
        line: 3,
        column: 9,
        message: "no relation `x`".into(),
        help: Some("declare it".into()),
    };
    let place = || "`not banned`, line 4".to_owned();
    let mut outcomes = vec![
        Ok(Reply::Answer(Answer::Decision(true))),
        Ok(Reply::Answer(Answer::Decision(false))),
        Ok(Reply::Answer(Answer::Ids(Vec::new()))),
        Ok(Reply::Answer(Answer::Ids(vec!["*".into(), "acme".into(), "zwölf monate".into()]))),
        Ok(Reply::Answer(Answer::Facts(vec![
            Vec::new(),
            vec![Row::Any, Row::AnyOf("User".into()), Row::Exact(value("User", "ann"))],
        ]))),
        Ok(Reply::Answer(Answer::Bindings { variables: Vec::new(), rows: vec![Vec::new(), Vec::new()] })),
        Ok(Reply::Answer(Answer::Bindings {
            variables: vec!["a".into(), "b".into()],
            rows: vec![vec![None, Some("x".into())], vec![Some("a-longer-one".into()), None]],
        })),
        Ok(Reply::Facts(vec![fact(1), fact(5)])),
        Ok(Reply::Metadata(None)),
        Ok(Reply::Metadata(Some(vec![("Repository".into(), block), ("global".into(), BlockMetadata::default())]))),
        Ok(Reply::Status(Status { manifest, offset: 12 })),
        Ok(Reply::Applied { offset: u64::MAX }),
        Ok(Reply::Diagnostics(vec![note.clone(), Note { severity: Severity::Error, help: None, ..note }])),
        Ok(Reply::Snapshot(vec![1, 2, 3])),
        Err(Refusal::Ask(AskError::Negation { place: place() })),
        Err(Refusal::Ask(AskError::Recursion { place: place() })),
        Err(Refusal::Ask(AskError::Comparison { place: place() })),
        Err(Refusal::Ask(AskError::Unrenderable { place: place() })),
        Err(Refusal::Ask(AskError::Budget { units: 400_000_000 })),
        Err(Refusal::Ask(AskError::Invalid { message: "no variable `x`".into() })),
        Err(Refusal::NotOpen),
        Err(Refusal::Snapshot("the policy has errors".into())),
        Ok(Reply::Report(Vec::new())),
        Ok(Reply::Report(report())),
        Ok(Reply::FactCheck(None)),
        Ok(Reply::Names(None)),
        Ok(Reply::Names(Some(Vec::new()))),
        Ok(Reply::Names(Some(vec!["".into(), "ann".into()]))),
        Ok(Reply::FactCheck(Some("`open` is not used in policy".into()))),
    ];
    outcomes.extend(explanations().into_iter().map(|explanation| Ok(Reply::Explanation(explanation))));
    outcomes
}

fn encoded_call(call: &Call) -> Vec<u8> {
    let mut bytes = vec![1; 3];
    request::encode(call, &mut bytes);
    bytes
}

#[test]
fn every_call_comes_back_as_it_went() {
    for call in calls() {
        let bytes = encoded_call(&call);
        assert!(bytes.len().is_multiple_of(8), "{call:?}");
        let read = request::decode(&bytes).unwrap_or_else(|error| panic!("{call:?}: {error}"));
        assert_eq!(format!("{read:?}"), format!("{call:?}"));
        assert_eq!(encoded_call(&read), bytes);
    }
}

#[test]
fn every_outcome_comes_back_as_it_went() {
    for outcome in outcomes() {
        let mut bytes = Vec::new();
        answer::encode(&outcome, &mut bytes);
        assert!(bytes.len().is_multiple_of(8), "{outcome:?}");
        assert_eq!(answer::decode(&bytes), Ok(outcome));
    }
}

#[test]
fn a_malformed_call_is_told_with_its_place() {
    let refusal = Refusal::Malformed(Malformed::At { at: 16, expected: "more words" });
    let mut bytes = Vec::new();
    answer::encode(&Err(refusal), &mut bytes);
    let read = answer::decode(&bytes).expect("an answer");
    assert!(matches!(read, Err(Refusal::Malformed(Malformed::At { at: 16, .. }))), "{read:?}");
    assert!(String::from_utf8_lossy(&bytes).contains("expected more words"));
}

#[test]
fn a_value_that_is_none_is_invalid_and_says_why() {
    let ask = Ask::List { actor: value("User", "ann"), action: "read".into(), resource_type: "R".into() };
    let mut bytes = encoded_call(&Call::Ask(Request { ask, context_facts: Vec::new(), now_s: 0, budget: 1 }));
    let at = bytes.windows(3).position(|window| window == b"ann").expect("the id is in the call");
    bytes[at..at + 3].fill(0);
    bytes[32..36].copy_from_slice(&0u32.to_le_bytes());
    bytes.drain(at..at + 8);
    let error = request::decode(&bytes).expect_err("no value has an empty id");
    let mut told = Vec::new();
    answer::encode(&Err(Refusal::Malformed(error)), &mut told);
    let refused = answer::decode(&told).expect("an answer").expect_err("a refusal");
    assert!(matches!(&refused, Refusal::Ask(AskError::Invalid { message }) if message.contains("empty id")));
}

#[test]
fn a_place_outside_of_an_explanation_is_refused() {
    for explanation in explanations() {
        let encoded = |explanation: Explanation| {
            let mut bytes = Vec::new();
            answer::encode(&Ok(Reply::Explanation(explanation)), &mut bytes);
            answer::decode(&bytes)
        };
        let n_steps = explanation.steps.len();
        let mut outside = vec![Explanation { roots: vec![n_steps], ..explanation.clone() }];
        outside.push(Explanation { nearest: Some((n_steps, 0)), ..explanation.clone() });
        if n_steps > 0 {
            let mut step = explanation.clone();
            step.steps[0].ways[0].conditions[0].step = Some(n_steps);
            outside.push(step);
        }
        for outside in outside {
            assert!(encoded(outside.clone()).is_err(), "{outside:?}");
        }
    }
    let goal = Atom { predicate: "p".into(), args: Vec::new() };
    let step = Step { goal, holds: true, ways: Vec::new() };
    for (n_steps, is_read) in [(EXPLAIN_STEPS_MAX, true), (EXPLAIN_STEPS_MAX + 1, false)] {
        let steps = vec![step.clone(); n_steps];
        let answer = Answer::Decision(true);
        let mut bytes = Vec::new();
        let explanation = Explanation { answer, roots: vec![0], steps, nearest: None, is_cut: false };
        answer::encode(&Ok(Reply::Explanation(explanation)), &mut bytes);
        assert_eq!(answer::decode(&bytes).is_ok(), is_read, "{n_steps}");
    }
}

#[test]
fn what_finds_the_entry_of_a_check_lies_in_one_piece() {
    let ask = |user: &str, repository: &str| {
        let (actor, resource) = (value("User", user), value("Repository", repository));
        let ask = Ask::Authorize { actor, action: "read".into(), resource };
        encoded_call(&Call::Ask(Request { ask, context_facts: Vec::new(), now_s: 0, budget: 1 }))
    };
    // Words 10 to 13 are three lengths and a zero, then the three texts: 8 + 8 + 16 bytes.
    let entry = 40..40 + 16 + 32;
    let (one, other) = (ask("ann", "web"), ask("somebody-else", "another-repository"));
    assert_eq!(one[entry.clone()], other[entry]);
}

#[test]
fn cut_off_or_longer_bytes_are_refused_everywhere() {
    let answers = outcomes().into_iter().map(|outcome| {
        let mut bytes = Vec::new();
        answer::encode(&outcome, &mut bytes);
        bytes
    });
    for bytes in answers {
        for end in 0..bytes.len() {
            assert!(answer::decode(&bytes[..end]).is_err());
        }
        let longer: Vec<u8> = bytes.iter().copied().chain([0; 8]).collect();
        assert!(answer::decode(&longer).is_err());
    }
    for bytes in calls().iter().map(encoded_call) {
        for end in 0..bytes.len() {
            assert!(request::decode(&bytes[..end]).is_err());
        }
        let longer: Vec<u8> = bytes.iter().copied().chain([0; 8]).collect();
        assert!(request::decode(&longer).is_err());
    }
}

#[test]
fn any_changed_word_is_read_or_refused_but_never_a_panic() {
    let mut answers = Vec::new();
    for outcome in outcomes() {
        let mut bytes = Vec::new();
        answer::encode(&outcome, &mut bytes);
        answers.push(bytes);
    }
    let calls: Vec<Vec<u8>> = calls().iter().map(encoded_call).collect();
    for bytes in answers.iter().chain(&calls) {
        for at in (0..bytes.len()).step_by(4) {
            for word in [0, 1, 2, 3, 8, 255, 1 << 16, 1 << 31, u32::MAX] {
                let mut changed = bytes.clone();
                changed[at..at + 4].copy_from_slice(&word.to_le_bytes());
                // What is read again must be a fixed point: nothing is guessed.
                if let Ok(call) = request::decode(&changed)
                    && let Ok(again) = request::decode(&encoded_call(&call))
                {
                    assert_eq!(format!("{again:?}"), format!("{call:?}"));
                }
                // What can be read can be printed.
                if let Ok(Ok(Reply::Explanation(explanation))) = answer::decode(&changed) {
                    let _ = (explanation.to_string(), explanation.nearest_miss());
                }
            }
        }
    }
}

/// The example that `wit/RAW.md` draws, from its own lines.
#[test]
fn the_drawn_example_is_what_is_written() {
    let page = include_str!("../../../wit/RAW.md");
    let drawing = page.split("```").nth(1).expect("the page has a drawing");
    let digits: Vec<u8> = drawing
        .lines()
        .flat_map(|line| line.split_whitespace().skip(1).take_while(|word| word.len() == 8))
        .filter(|word| word.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .flat_map(|word| word.bytes().collect::<Vec<u8>>())
        .collect();
    let hex = |digit: u8| char::from(digit).to_digit(16).expect("a digit") as u8;
    let drawn: Vec<u8> = digits.chunks(2).map(|pair| hex(pair[0]) << 4 | hex(pair[1])).collect();
    let (actor, resource) = (value("User", "ann"), value("Repository", "web"));
    let ask = Ask::Authorize { actor, action: "read".into(), resource };
    let budget = crate::limits::WORK_UNITS_PER_REQUEST;
    let request = Request { ask, context_facts: Vec::new(), now_s: 1_780_000_000, budget };
    assert_eq!(encoded_call(&Call::Ask(request)), drawn);
}
