//! The typed exports that the host has no use for say what the raw calls say.
#![allow(clippy::unwrap_used)]

use std::io::Write;

use understudy_core::{
    limits::WORK_UNITS_PER_REQUEST,
    model::{
        Answer, Ask, Explanation, Fact, Pattern, Request, Value,
        explanation::{Arg, Atom, Condition, Outcome, Step, Way},
    },
    raw::{Call, Reply},
    snapshot::{Contents, Manifest, PolicyText, write},
    vocabulary::Vocabulary,
};

use super::{
    bindings::exports::understudy::engine::{
        authorizer::{self, Context, Question},
        reasons,
        types::{self, FactPattern, Source},
    },
    component::Guest,
    instance::{Instance, Opening},
};

const POLICY: &str = r#"
    actor User {}
    resource Repo { roles = ["reader"]; permissions = ["read"]; relations = { parent: Repo };
      "read" if "reader"; "reader" if "reader" on "parent"; }
    has_permission(user: User, "read", repo: Repo) if
      level(user, n) and n > 3 and n in [4, 5] and not is_locked(repo);
"#;
const TESTS: &str = r#"
    test "right" { assert_not allow(User{"ann"}, "read", Repo{"web"}); }
    test "wrong" { setup { level(User{"ann"}, 4); } assert allow(User{"bo"}, "read", Repo{"web"});
      assert_not allow(User{"ann"}, "read", Repo{"web"}); assert level(User{"ann"}, n) iff n in [5]; }
"#;

pub(super) fn value(type_name: &str, id: &str) -> Value {
    Value::new(type_name, id).unwrap()
}

pub(super) fn typed(type_name: &str, id: &str) -> types::Value {
    types::Value { type_name: type_name.into(), id: id.into() }
}

pub(super) fn opened() -> Instance {
    let fact = |predicate: &str, args: &[(&str, &str)]| Fact {
        predicate: predicate.into(),
        args: args.iter().map(|(type_name, id)| value(type_name, id)).collect(),
    };
    let facts = [
        fact("has_role", &[("User", "ann"), ("String", "reader"), ("Repo", "lib")]),
        fact("has_relation", &[("Repo", "web"), ("String", "parent"), ("Repo", "lib")]),
        fact("level", &[("User", "cy"), ("Integer", "5")]),
        fact("is_locked", &[("Repo", "lib")]),
    ];
    let policy = Some(PolicyText { file: Some("policy.polar".into()), text: POLICY.into() });
    let bytes = write(&Contents { manifest: Manifest::default(), policy, keys: None }, facts).unwrap();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&bytes).unwrap();
    Instance::open(&Guest::load().unwrap(), &file, Opening::within(256 << 20, 1)).unwrap()
}

/// What both forms say, in lines: goals, their ways, the conditions of these.
fn drawn(explanation: &Explanation) -> Vec<String> {
    let mut lines = Vec::new();
    for Step { goal, holds, ways } in &explanation.steps {
        lines.push(format!("{goal}: {holds}"));
        for Way { by, conditions } in ways {
            lines.push(format!("  {by}"));
            for Condition { what, outcome, step } in conditions {
                lines.push(format!("    {what}: {outcome:?}, {step:?}"));
            }
        }
    }
    lines
}

fn drawn_typed(explanation: &reasons::Explanation) -> Vec<String> {
    let mut lines = Vec::new();
    for reasons::Goal { atom: goal, holds, ways } in &explanation.goals {
        lines.push(format!("{}: {holds}", atom(goal)));
        for reasons::Way { by, conditions } in ways {
            lines.push(match by {
                reasons::By::StoredFact => "  stored fact".to_owned(),
                reasons::By::LaterFact => "  fact written later".to_owned(),
                reasons::By::ContextFact => "  context fact".to_owned(),
                reasons::By::Question => "  the question".to_owned(),
                reasons::By::Rule(reasons::Place { line: 0, .. }) => {
                    "  built-in rule: allow if has_permission".to_owned()
                }
                reasons::By::Rule(reasons::Place { file, line }) => format!("  rule at {file}:{line}"),
            });
            for reasons::Condition { what, outcome, goal } in conditions {
                let outcome = match outcome {
                    reasons::Outcome::Met => Outcome::Met,
                    reasons::Outcome::Failed => Outcome::Failed,
                    reasons::Outcome::Skipped => Outcome::Open,
                };
                lines.push(format!("    {}: {outcome:?}, {goal:?}", said(what)));
            }
        }
    }
    lines
}

fn said(what: &reasons::What) -> String {
    match what {
        reasons::What::Goal(goal) => atom(goal),
        reasons::What::Negated(goal) => format!("not {}", atom(goal)),
        reasons::What::Compare((sign, left, right)) => format!("{} {sign} {}", argument(left), argument(right)),
        reasons::What::Contained((one, elements)) => {
            let elements: Vec<String> = elements.iter().map(|element| argument(element).to_string()).collect();
            format!("{} in [{}]", argument(one), elements.join(", "))
        }
        reasons::What::Never => "false".to_owned(),
    }
}

fn atom(reasons::Atom { predicate, args }: &reasons::Atom) -> String {
    Atom { predicate: predicate.clone(), args: args.iter().map(argument).collect() }.to_string()
}

fn argument(reasons::Argument { type_name, id, number }: &reasons::Argument) -> Arg {
    match (type_name, id) {
        (Some(type_name), Some(id)) => Arg::Exact { type_name: type_name.clone(), id: id.clone() },
        _ => Arg::Any { number: *number, type_name: type_name.clone() },
    }
}

#[test]
fn explanations_are_the_same_typed_and_raw() {
    let mut instance = opened();
    let authorize = |user: &str, repo: &str| {
        let asked = Question::Authorize((typed("User", user), "read".into(), typed("Repo", repo)));
        let ask = Ask::Authorize { actor: value("User", user), action: "read".into(), resource: value("Repo", repo) };
        (asked, ask)
    };
    let query = |predicate: &str, types: &[Option<&str>]| {
        let typed = types.iter().map(|ty| types::Pattern { type_name: ty.map(str::to_owned), id: None });
        let asked = Question::Query(FactPattern { predicate: predicate.into(), args: typed.collect() });
        let args = types.iter().map(|ty| ty.map_or(Pattern::Any, |ty| Pattern::Type(ty.to_owned()))).collect();
        (asked, Ask::Query { predicate: predicate.into(), args })
    };
    let list = (
        Question::List((typed("User", "ann"), "read".into(), "Repo".into())),
        Ask::List { actor: value("User", "ann"), action: "read".into(), resource_type: "Repo".into() },
    );
    let actions = (
        Question::Actions((typed("User", "cy"), typed("Repo", "web"))),
        Ask::Actions { actor: value("User", "cy"), resource: value("Repo", "web") },
    );
    let questions = [
        authorize("ann", "web"),
        authorize("bo", "web"),
        authorize("cy", "lib"),
        list,
        actions,
        query("level", &[None, None]),
        // An open `not`: an error of both.
        query("allow", &[Some("User"), None, Some("Repo")]),
    ];
    for (asked, ask) in questions {
        let request = Request { ask, context_facts: Vec::new(), now_s: 0, budget: WORK_UNITS_PER_REQUEST };
        let raw = instance.call(&Call::Explain(request.clone()));
        let (bindings, store) = instance.typed();
        let context = Context { facts: Vec::new(), now_s: 0, budget: None };
        let typed = bindings.understudy_engine_authorizer().call_explain(store, &asked, &context).unwrap();
        let (raw, typed) = match (raw, typed) {
            (Ok(Reply::Explanation(raw)), Ok(typed)) => (raw, typed),
            (Err(raw), Err(types::Error::Unanswerable(typed))) => {
                assert_eq!(raw.to_string(), typed, "{request:?}");
                continue;
            }
            (raw, typed) => panic!("{request:?}: {raw:?}, {typed:?}"),
        };
        match (&raw.answer, typed.answer) {
            (Answer::Decision(raw), authorizer::Answer::Decision(typed)) => assert_eq!(*raw, typed),
            (Answer::Ids(raw), authorizer::Answer::Ids(typed)) => assert_eq!(*raw, typed),
            (Answer::Facts(raw), authorizer::Answer::Solutions(typed)) => assert_eq!(raw.len(), typed.len()),
            (raw, typed) => panic!("{raw:?}, {typed:?}"),
        }
        assert_eq!(drawn(&raw), drawn_typed(&typed.why));
        let roots: Vec<u32> = raw.roots.iter().map(|root| *root as u32).collect();
        assert_eq!((roots, raw.is_cut), (typed.why.roots, typed.why.is_cut));
        let nearest = typed.why.nearest.map(|miss| (miss.goal as usize, miss.way as usize));
        assert_eq!(raw.nearest, nearest);
        assert!(!raw.steps.is_empty());
    }
}

#[test]
fn results_of_tests_are_the_same_typed_and_raw() {
    let mut instance = Instance::new(&Guest::load().unwrap(), 256 << 20).unwrap();
    let text = format!("{POLICY}{TESTS}");
    let sources = vec![("policy.polar".to_owned(), text.clone())];
    let call = Call::Test { sources, now_s: 7, budget: WORK_UNITS_PER_REQUEST, seed: 1 };
    let Ok(Reply::Report(raw)) = instance.call(&call) else { panic!("a report") };
    let (bindings, store) = instance.typed();
    let sources = [Source { name: "policy.polar".into(), text }];
    let typed = bindings.understudy_engine_policy().call_test(&mut *store, &sources, 7, None, 2).unwrap().unwrap();
    assert_eq!((raw.len(), typed.len()), (2, 2));
    for (raw, typed) in raw.iter().zip(&typed) {
        let named = (typed.name.as_str(), typed.file.as_str(), typed.line, typed.passed as usize);
        assert_eq!((raw.name.as_str(), raw.file.as_str(), raw.line, raw.n_passed), named);
        let failures = typed.failures.iter().map(|failure| {
            let explanation = failure.explanation.as_ref().map(drawn_typed);
            (failure.line, failure.assertion.clone(), failure.message.clone(), explanation)
        });
        let expected = raw.failures.iter().map(|failure| {
            let explanation = failure.explanation.as_ref().map(drawn);
            (failure.line, failure.assertion.clone(), failure.message.clone(), explanation)
        });
        assert_eq!(failures.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }
    assert_eq!((typed[0].passed, typed[1].failures.len()), (1, 3));

    let broken = [Source { name: "broken.polar".into(), text: "actor {".into() }];
    let refused = bindings.understudy_engine_policy().call_test(store, &broken, 7, Some(10), 2).unwrap();
    let Err(types::Error::Invalid(message)) = refused else { panic!("{refused:?}") };
    assert!(message.contains("broken.polar:1"), "{message}");
}

#[test]
fn names_are_told_typed_as_raw() {
    let mut instance = opened();
    let raw = |instance: &mut Instance, asked| match instance.call(&Call::Names(asked)) {
        Ok(Reply::Names(names)) => names,
        other => panic!("{other:?}"),
    };
    let ids = raw(&mut instance, Vocabulary::Ids { type_name: "User".into() }).unwrap();
    let actions = raw(&mut instance, Vocabulary::Actions { resource_type: "Repo".into() }).unwrap();
    let arguments = raw(&mut instance, Vocabulary::Arguments { predicate: "has_role".into(), arity: 3, at: 1 });
    assert!(!ids.is_empty());
    let (bindings, store) = instance.typed();
    let typed = bindings.understudy_engine_vocabulary();
    assert_eq!(typed.call_ids(&mut *store, "User").unwrap().unwrap(), ids);
    assert_eq!(typed.call_actions(&mut *store, "Repo").unwrap().unwrap(), actions);
    assert_eq!(typed.call_strings(store, "has_role", 3, 1).unwrap().unwrap(), arguments);
}

#[test]
fn facts_are_checked_typed_as_raw() {
    let mut instance = opened();
    for (predicate, id, fits) in
        [("level", "3", true), ("level", "three", false), ("rank", "3", false), ("level", "", false)]
    {
        let args = vec![("User".to_owned(), "ann".to_owned()), ("Integer".to_owned(), id.to_owned())];
        let raw = instance.call(&Call::CheckFact { predicate: predicate.into(), args });
        let fact = types::Fact { predicate: predicate.into(), args: vec![typed("User", "ann"), typed("Integer", id)] };
        let (bindings, store) = instance.typed();
        let typed = bindings.understudy_engine_authorizer().call_check_fact(store, &fact).unwrap().unwrap();
        assert_eq!(typed.is_none(), fits, "{predicate} {id}: {typed:?}");
        assert_eq!(raw, Ok(Reply::FactCheck(typed)));
    }
    let mut closed = Instance::new(&Guest::load().unwrap(), 256 << 20).unwrap();
    let fact = types::Fact { predicate: "level".into(), args: Vec::new() };
    let (bindings, store) = closed.typed();
    let unopened = bindings.understudy_engine_authorizer().call_check_fact(store, &fact).unwrap();
    assert!(matches!(unopened, Err(types::Error::NotOpen)), "{unopened:?}");
}
