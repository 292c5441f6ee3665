//! Round trips, truncations, bytes of every kind.

use super::{answer, request, *};
use crate::{
    model::{Ask, Constraint, Row, Value},
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
    ]);
    calls
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
    vec![
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
    ]
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
                let _ = answer::decode(&changed);
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
