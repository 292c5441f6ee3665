//! Round trips, truncations, bytes of every kind.

mod samples;

use samples::{calls, explanations, outcomes, value};

use super::{answer, request, *};
use crate::{
    limits::EXPLAIN_STEPS_MAX,
    model::{
        Ask,
        explanation::{Atom, Step},
    },
};

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
