//! One of everything that travels.

use super::super::*;
use crate::{
    eval::policy_tests::{Failure, FailureKind},
    model::{
        Ask, Constraint, Row, Value,
        explanation::{Arg, Atom, By, Condition, Outcome, SIGNS, Step, Way, What},
    },
    snapshot::{Counts, Key, PolicyText},
};

pub(super) fn value(type_name: &str, id: &str) -> Value {
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

pub(super) fn calls() -> Vec<Call> {
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
        Call::Spent,
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
            Call::Ask(request) => Some(request.clone()),
            _ => None,
        })
        .flat_map(|request| {
            let names = Call::UnknownNames(request.ask.clone());
            [
                Call::Page { request: request.clone(), skip: 1 << 40, limit: 1_000 },
                Call::Explain(request.clone()),
                Call::Summarize(request),
                names,
            ]
        })
        .collect();
    calls.extend(explained);
    calls
}

/// Every kind of way, condition, outcome and argument, each answer it may be of.
pub(super) fn explanations() -> Vec<Explanation> {
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

pub(super) fn outcomes() -> Vec<Result<Reply, Refusal>> {
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
        Err(Refusal::Ask(AskError::Negation { place: place(), compared: 0 })),
        Err(Refusal::Ask(AskError::Negation { place: place(), compared: 2 })),
        Err(Refusal::Ask(AskError::Recursion { place: place() })),
        Err(Refusal::Ask(AskError::Comparison { place: place() })),
        Err(Refusal::Ask(AskError::Unrenderable { place: place() })),
        Err(Refusal::Ask(AskError::Budget { units: 400_000_000 })),
        Err(Refusal::Ask(AskError::Memory { bytes: 1 << 40 })),
        Err(Refusal::Ask(AskError::Invalid { message: "no variable `x`".into() })),
        Err(Refusal::NotOpen),
        Err(Refusal::Snapshot("the policy has errors".into())),
        Ok(Reply::Report(Vec::new())),
        Ok(Reply::Report(report())),
        Ok(Reply::FactCheck(None)),
        Ok(Reply::Spent { units: u64::MAX }),
        Ok(Reply::Names(None)),
        Ok(Reply::Names(Some(Vec::new()))),
        Ok(Reply::Names(Some(vec![String::new(), "ann".into()]))),
        Ok(Reply::Page(Page { answer: Answer::Ids(vec!["acme".into()]), total: 1 << 40 })),
        Ok(Reply::Page(Page { answer: Answer::Facts(vec![vec![Row::Any]]), total: 1 })),
        Ok(Reply::UnknownNames(Vec::new())),
        Ok(Reply::UnknownNames(vec!["`Repo` has no action `raed`; did you mean `read`?".into()])),
        Ok(Reply::FactCheck(Some("`open` is not used in policy".into()))),
    ];
    outcomes.extend(explanations().into_iter().enumerate().map(|(at, explanation)| {
        let lines = vec!["denied".into(); at];
        let rules = [(0, String::new()), (7, "\"read\" if \"reader\";".into())].into_iter().take(at).collect();
        Ok(Reply::Reasons(Reasons { lines, rules, explanation }))
    }));
    outcomes.extend(explanations().into_iter().map(|explanation| Ok(Reply::Explanation(explanation))));
    outcomes
}
