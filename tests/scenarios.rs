//! Every scenario of `tests/scenarios`, over facts in memory, over a written snapshot and over later writes. An expectation
//! passes only if the other questions agree: who may is in the actor's list, in who-can and in the actions, who may not is
//! in none of them, and every id that a list names is allowed. A question that has an error has it only where the scenario
//! says so.

use std::{collections::BTreeMap, path::Path};

use understudy_core::{
    compile::{Source, compile},
    engine::{Engine, Options},
    eval::answer::Evaluator,
    facts::plain::Plain,
    limits::WORK_UNITS_PER_REQUEST,
    model::{Answer, Ask, AskError, Change, Pattern, Request, Row, Value},
    snapshot::{Contents, Counts, Manifest, PolicyText, write},
};
use understudy_tests::scenario::{Expectation, Expected, Question, Scenario, all};

/// An id that no scenario names.
const UNSEEN: &str = "unseen-by-every-scenario";

type Ask1<'a> = &'a mut dyn FnMut(&Request) -> Result<Answer, AskError>;

fn ask_of(question: &Question) -> Ask {
    match question.clone() {
        Question::Can(actor, action, resource) => Ask::Authorize { actor, action, resource },
        Question::List(actor, action, resource_type) => Ask::List { actor, action, resource_type },
        Question::Actions(actor, resource) => Ask::Actions { actor, resource },
        Question::Who(actor_type, action, resource) => {
            let action = Value::new("String", action).expect("actions are not empty");
            let args = vec![Pattern::Type(actor_type), Pattern::Exact(action), Pattern::Exact(resource)];
            Ask::Query { predicate: "allow".to_owned(), args }
        }
    }
}

/// Asks under the circumstances of an expectation.
fn found(ask: Ask1<'_>, about: &Expectation, question: &Question) -> Expected {
    let context_facts = about.context_facts.clone();
    let request = Request { ask: ask_of(question), context_facts, now_s: about.now_s, budget: WORK_UNITS_PER_REQUEST };
    let mut ids = match ask(&request) {
        Err(error) => return Expected::Error(error.kind().to_owned()),
        Ok(Answer::Decision(allowed)) => return Expected::Allowed(allowed),
        Ok(Answer::Ids(ids)) => ids,
        Ok(Answer::Facts(rows)) => rows
            .into_iter()
            .map(|row| match row.into_iter().next() {
                Some(Row::Exact(actor)) => actor.id().to_owned(),
                _ => "*".to_owned(),
            })
            .collect(),
        Ok(Answer::Bindings { .. }) => unreachable!("no scenario asks by variables"),
    };
    ids.sort();
    Expected::Ids(ids)
}

/// What is wrong with an expectation, if anything is.
fn wrong(ask: Ask1<'_>, scenario: &Scenario, about: &Expectation) -> Option<String> {
    let found_itself = found(ask, about, &about.question);
    if found_itself != about.expected {
        return Some(format!("{:?}: expected {:?}, got {found_itself:?}", about.question, about.expected));
    }
    for (question, id, belongs) in implied(about) {
        // As for the expectation itself, an error stands where it is expected.
        let said = scenario.expectations.iter().find(|other| {
            other.question == question && other.now_s == about.now_s && other.context_facts == about.context_facts
        });
        match (found(ask, about, &question), said.map(|other| &other.expected)) {
            (Expected::Error(error), Some(Expected::Error(expected))) if error == *expected => {}
            (Expected::Allowed(allowed), _) if allowed == belongs => {}
            (Expected::Ids(ids), _) if belongs == (ids.contains(&id) || ids.iter().any(|found| found == "*")) => {}
            (got, _) => return Some(format!("{:?} but {question:?}: {got:?}", about.question)),
        }
    }
    None
}

/// Questions whose answers follow from an expectation: whether the id is among what is found, or the decision itself.
fn implied(about: &Expectation) -> Vec<(Question, String, bool)> {
    let text = |text: &str| text.to_owned();
    match (&about.question, &about.expected) {
        (Question::Can(actor, action, resource), Expected::Allowed(allowed)) => {
            let (actor_type, resource_type) = (text(actor.type_name()), text(resource.type_name()));
            let list = Question::List(actor.clone(), action.clone(), resource_type);
            let who = Question::Who(actor_type, action.clone(), resource.clone());
            let actions = Question::Actions(actor.clone(), resource.clone());
            vec![
                (list, text(resource.id()), *allowed),
                (who, text(actor.id()), *allowed),
                (actions, action.clone(), *allowed),
            ]
        }
        (question, Expected::Ids(ids)) => {
            let mut decisions: BTreeMap<String, bool> = ids.iter().map(|id| (id.clone(), true)).collect();
            let is_open = decisions.remove("*").is_some();
            decisions.insert(UNSEEN.to_owned(), is_open);
            let can = |id: String| {
                let value = |type_name: &str| Value::new(type_name, id.clone()).expect("ids are not empty");
                match question.clone() {
                    Question::List(actor, action, ty) => Question::Can(actor, action, value(&ty)),
                    Question::Who(ty, action, resource) => Question::Can(value(&ty), action, resource),
                    Question::Actions(actor, resource) => Question::Can(actor, id, resource),
                    Question::Can(..) => question.clone(),
                }
            };
            decisions.into_iter().map(|(id, allowed)| (can(id.clone()), id, allowed)).collect()
        }
        _ => Vec::new(),
    }
}

/// The expectation's contrary: it must fail, or the runner sees nothing.
fn turned(about: &Expectation) -> Expectation {
    let expected = match &about.expected {
        Expected::Allowed(allowed) => Expected::Allowed(!allowed),
        Expected::Ids(ids) if ids.is_empty() => Expected::Ids(vec![UNSEEN.to_owned()]),
        Expected::Ids(ids) => Expected::Ids(ids[1..].to_vec()),
        Expected::Error(_) => Expected::Allowed(false),
    };
    Expectation { expected, ..about.clone() }
}

fn snapshot(scenario: &Scenario, is_empty: bool) -> Vec<u8> {
    let manifest = Manifest {
        environment: "e".to_owned(),
        tenant: "t".to_owned(),
        store: scenario.name.clone(),
        epoch: 1,
        created_ms: 0,
        offset: 0,
        counts: Counts::default(),
    };
    let policy = Some(PolicyText { file: None, text: scenario.policy.clone() });
    let facts = if is_empty { Vec::new() } else { scenario.facts.clone() };
    write(&Contents { manifest, policy, keys: None }, facts).expect("the policy compiled before")
}

/// Asks over the three stores in turn; what is wrong first, with the store's name.
fn wrong_over(asks: &mut [(&str, Ask1<'_>)], scenario: &Scenario, about: &Expectation) -> Option<String> {
    asks.iter_mut().find_map(|(over, ask)| Some(format!("over {over}: {}", wrong(*ask, scenario, about)?)))
}

#[test]
fn every_expectation_of_every_scenario() {
    let scenarios = all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios"));
    let (mut n_passed, mut n_failed, mut failures) = (0, 0, Vec::new());
    for scenario in &scenarios {
        let compiled = compile(&[Source { name: &scenario.name, text: &scenario.policy }]);
        let Some(program) = compiled.program else {
            n_failed += scenario.expectations.len();
            failures.extend(compiled.diagnostics.iter().map(ToString::to_string));
            continue;
        };
        let mut plain = Evaluator::new(&program, Plain::new(scenario.facts.clone()), 0);
        let (full, empty) = (snapshot(scenario, false), snapshot(scenario, true));
        let mut stored = Engine::open(&full, Options::seeded(0)).expect("a written snapshot opens");
        let mut written_later = Engine::open(&empty, Options::seeded(0)).expect("a written snapshot opens");
        written_later.apply(&scenario.facts.iter().cloned().map(Change::Insert).collect::<Vec<_>>(), 1);
        for about in &scenario.expectations {
            let mut asks: [(&str, Ask1<'_>); 3] = [
                ("facts in memory", &mut |request| plain.ask(request)),
                ("a snapshot", &mut |request| stored.ask(request)),
                ("later writes", &mut |request| written_later.ask(request)),
            ];
            match wrong_over(&mut asks, scenario, about) {
                None => n_passed += 1,
                Some(what) => {
                    n_failed += 1;
                    failures.push(format!("{}:{} {what}", scenario.name, about.line));
                }
            }
            let turned = turned(about);
            if wrong_over(&mut asks[..1], scenario, &turned).is_none() {
                failures.push(format!("{}:{} passes turned as well: {turned:?}", scenario.name, about.line));
            }
        }
    }
    println!("{} scenarios", scenarios.len());
    println!("{n_passed} passed, {n_failed} failed");
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}
