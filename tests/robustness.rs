//! No text makes the compiler panic, and no policy that compiles makes a question panic or run for ever: policies of the
//! cases, cut, spliced and sprinkled, from a fixed seed.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use understudy_core::{
    compile::{Source, check, compile},
    eval::{answer::Evaluator, policy_tests},
    facts::plain::Plain,
    limits::NESTING_MAX,
    model::{Ask, AskError, Request, Value},
    syntax::{diagnostic::Severity, printer::format},
};
use understudy_tests::{case::all, random::Random};

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
const N_TEXTS: usize = 6_000;

/// A place between two characters.
fn cut(text: &str, random: &mut Random) -> usize {
    let mut at = random.below(text.len() + 1);
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn question() -> Request {
    let actor = Value::new("Person", "ann").expect("a value");
    let ask = Ask::List { actor, action: "read".to_owned(), resource_type: "Doc".to_owned() };
    Request { ask, context_facts: Vec::new(), now_s: 0, budget: 20_000 }
}

#[test]
fn mangled_policies_never_panic() {
    let cases = all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("cases"));
    let sprinkles = [
        "{", "}", "(", ")", "[", "\"", "\\", ";", "not ", " if ", " or ", " and ", "@", "::", "é", "\0", "-9", "global",
    ];
    let mut random = Random::new(SEED);
    let mut n_compiled = 0;
    for _ in 0..N_TEXTS {
        let (a, b) = (&cases[random.below(cases.len())], &cases[random.below(cases.len())]);
        let mut text =
            format!("{}{}", &a.policy[..cut(&a.policy, &mut random)], &b.policy[cut(&b.policy, &mut random)..]);
        for _ in 0..random.below(4) {
            let at = cut(&text, &mut random);
            text.insert_str(at, sprinkles[random.below(sprinkles.len())]);
        }
        let compiled = compile(&[Source { name: "mangled", text: &text }]);
        let checked = check(&[Source { name: "mangled", text: &text }]);
        let has_error = checked.iter().any(|found| found.severity == Severity::Error);
        assert_eq!(has_error, compiled.program.is_none(), "warnings stop nothing: {text}");
        if let Ok(printed) = format(&text) {
            assert_eq!(format(&printed).ok().as_ref(), Some(&printed), "printed as printed: {text}");
        }
        let Some(program) = compiled.program.as_ref() else {
            assert!(!compiled.diagnostics.is_empty(), "no program and no reason: {text}");
            continue;
        };
        n_compiled += 1;
        policy_tests::run(&compiled, 0, 0);
        let mut evaluator = Evaluator::new(program, Plain::new(a.facts.clone()), 0);
        let _ = evaluator.ask(&question());
    }
    assert!(n_compiled > N_TEXTS / 200, "the mangling leaves something to evaluate: {n_compiled}");
}

#[test]
fn nesting_is_bounded() {
    for (open, close) in [("(", ")"), ("not ", ""), ("not (", ")")] {
        let body = format!("{}a(x){}", open.repeat(100_000), close.repeat(100_000));
        let compiled = compile(&[Source { name: "deep", text: &format!("p(x) if {body};") }]);
        assert!(compiled.diagnostics.iter().any(|d| d.code == "nesting"), "{NESTING_MAX}");
    }
}

#[test]
fn one_mistake_does_not_hide_the_next() {
    let text = "p(x) if ;\nactor User { roles = [\"a\" };\nq(x) if r(x;\nok(x) if p(x);";
    let compiled = compile(&[Source { name: "policy.polar", text }]);
    let lines: Vec<u32> = compiled.diagnostics.iter().map(|d| d.place.line).collect();
    assert!(lines.contains(&1) && lines.contains(&2) && lines.contains(&3), "{:?}", compiled.diagnostics);
}

#[test]
fn a_spent_budget_is_an_error() {
    let text = "actor Person {} resource Doc {}\nallow(a: Person, x: String, d: Doc) if allow(a, x, d);\n\
                allow(_: Person, \"read\", d: Doc) if pair(d, e) and pair(e, f) and pair(f, g) and pair(g, d);";
    let program = compile(&[Source { name: "policy.polar", text }]).program.expect("it compiles");
    let doc = |n: usize| Value::new("Doc", n.to_string()).expect("a value");
    let facts = (0..2_500)
        .map(|n| understudy_core::model::Fact { predicate: "pair".to_owned(), args: vec![doc(n % 50), doc(n / 50)] });
    let mut evaluator = Evaluator::new(&program, Plain::new(facts), 0);
    assert_eq!(evaluator.ask(&question()), Err(AskError::Budget { units: 20_000 }));
}

#[test]
fn the_number_of_types_is_bounded() {
    // A chain is the worst: everything is below everything before it.
    let chain = |n: usize| -> String {
        (1..n).map(|at| format!("resource T{at} extends T{} {{}}\n", at - 1)).chain(["resource T0 {}".into()]).collect()
    };
    let undeclared = |n: usize| -> String { (0..n).map(|at| format!("p(x: T{at}, y: T{at}) if q(x, y);\n")).collect() };
    for (text, is_policy) in [(chain(2_000), true), (chain(50_000), false), (undeclared(50_000), false)] {
        let start = Instant::now();
        let compiled = compile(&[Source { name: "types", text: &text }]);
        assert_eq!(compiled.program.is_some(), is_policy);
        assert_eq!(compiled.diagnostics.iter().any(|found| found.code == "types"), !is_policy);
        println!("{} bytes of types: {:?}", text.len(), start.elapsed());
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    }
}
