//! Adversarial policies and questions end: by an answer, or by an error that says which limit it was. Every line printed
//! tells what it took: time, the most memory resident at once, and the work units it was given.

use std::{fs, time::Instant};

use understudy_core::{
    compile::{Source, compile},
    engine::{Engine, Options},
    eval::answer::Evaluator,
    facts::plain::Plain,
    limits::{NESTING_MAX, POLICY_BYTES_MAX},
    model::{Answer, Ask, AskError, Fact, Pattern, Request, Value},
    rules::rule::Program,
    snapshot::{Contents, Manifest, PolicyText, write},
};

/// No scenario may have more resident memory than this, what others left to the allocator included.
const PEAK_MIB_MAX: u64 = 1_536;
/// Work units of the scenarios that can't be answered.
const UNITS: u64 = 3_000_000;
const N_NODES: usize = 100_000;

/// A line of `/proc/self/status`, in MiB.
fn status_mib(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line of the status");
    line.trim_matches(|c: char| !c.is_ascii_digit()).parse::<u64>().expect("a number of kB") / 1_024
}

/// Runs a scenario alone and prints what it took.
fn measured<T>(name: &str, scenario: impl FnOnce() -> T) -> T {
    // Resets the peak (`man 5 proc`).
    fs::write("/proc/self/clear_refs", "5").expect("the process's own peak can be reset");
    let begun = Instant::now();
    let outcome = scenario();
    let peak = status_mib("VmHWM:");
    println!("{name}: {:.2} s, at most {peak} MiB resident", begun.elapsed().as_secs_f64());
    assert!(peak <= PEAK_MIB_MAX, "{name}: {peak} MiB");
    outcome
}

fn compiled(text: &str) -> Result<Program, Vec<&'static str>> {
    let compiled = compile(&[Source { name: "policy.polar", text }]);
    compiled.program.ok_or_else(|| compiled.diagnostics.iter().map(|d| d.code).collect())
}

fn value(ty: &str, id: usize) -> Value {
    Value::new(ty, id.to_string()).expect("a value")
}

fn ask(evaluator: &mut Evaluator<Plain>, ask: Ask, budget: u64) -> Result<Answer, AskError> {
    evaluator.ask(&Request { ask, context_facts: Vec::new(), now_s: 0, budget })
}

fn pairs(predicate: &str) -> Ask {
    Ask::Query { predicate: predicate.to_owned(), args: vec![Pattern::Any, Pattern::Any] }
}

#[test]
fn every_adversary_ends() {
    recursion_over_a_long_circle();
    cross_products();
    deep_negation();
    large_sources();
    many_rules();
    many_types();
    nesting();
}

const REACH: &str = r#"
    left(x, y) if next(x, y);
    left(x, z) if left(x, y) and next(y, z);
    both(x, y) if next(x, y);
    both(x, z) if both(x, y) and both(y, z);
    odd(x) if next(x, y) and not odd(y);
    free(x) if next(x, _) and not left(x, x);
"#;

fn recursion_over_a_long_circle() {
    let next = |n: usize| Fact { predicate: "next".into(), args: vec![value("N", n), value("N", (n + 1) % N_NODES)] };
    let policy = Some(PolicyText { file: None, text: REACH.to_owned() });
    let contents = Contents { manifest: Manifest::default(), policy, keys: None };
    let bytes = write(&contents, (0..N_NODES).map(next)).expect("it can be written");
    let mut engine = Engine::open(&bytes, Options::seeded(1)).expect("it opens");
    let mut ask = |ask, budget| engine.ask(&Request { ask, context_facts: Vec::new(), now_s: 0, budget });
    let around = Ask::Query {
        predicate: "left".to_owned(),
        args: vec![Pattern::Exact(value("N", 7)), Pattern::Exact(value("N", 6))],
    };
    let around = measured("left recursion once around a circle of 100,000", || ask(around, 10 * UNITS));
    assert!(matches!(around, Ok(Answer::Facts(rows)) if rows.len() == 1));
    for (name, predicate) in [("left", "left"), ("double", "both")] {
        let name = format!("{name} recursion over a circle of 100,000, all pairs");
        let found = measured(&name, || ask(pairs(predicate), UNITS));
        assert!(matches!(found, Err(AskError::Budget { .. } | AskError::Memory { .. })), "{name}");
    }
    for predicate in ["odd", "free"] {
        let every = Ask::Query { predicate: predicate.to_owned(), args: vec![Pattern::Any] };
        let found = measured(&format!("`{predicate}` along a circle of 100,000"), || ask(every, UNITS));
        assert!(
            matches!(found, Err(AskError::Recursion { .. } | AskError::Budget { .. } | AskError::Memory { .. })),
            "{predicate}"
        );
    }
}

fn cross_products() {
    let program = compiled("p(a, g) if e(a, b) and e(c, d) and e(f, g) and s(b) and s(d);").expect("it compiles");
    let mut facts = Vec::new();
    for n in 0..300 {
        facts.push(Fact { predicate: "e".into(), args: vec![value("N", n), value("N", n + 1)] });
        facts.push(Fact { predicate: "s".into(), args: vec![value("N", n)] });
    }
    let mut evaluator = Evaluator::new(&program, Plain::new(facts), 0);
    let crossed = measured("a product of three relations of 300", || ask(&mut evaluator, pairs("p"), UNITS));
    assert_eq!(crossed, Err(AskError::Budget { units: UNITS }));
}

fn deep_negation() {
    let n_deep = 5_000;
    let mut text = String::from("n0(x) if s(x);\n");
    for n in 1..=n_deep {
        text += &format!("n{n}(x) if s(x) and not n{}(x);\n", n - 1);
    }
    let program = measured("compiling negations 5,000 deep", || compiled(&text)).expect("it compiles");
    let facts = [Fact { predicate: "s".into(), args: vec![value("N", 1)] }];
    let mut evaluator = measured("linking them", || Evaluator::new(&program, Plain::new(facts), 0));
    let deepest = Ask::Query { predicate: format!("n{n_deep}"), args: vec![Pattern::Any] };
    let found = measured("asking the deepest", || ask(&mut evaluator, deepest, 400_000_000));
    match found {
        Ok(Answer::Facts(rows)) => assert_eq!(rows.len(), 1),
        Err(AskError::Budget { .. }) => println!("  by its budget"),
        other => panic!("{other:?}"),
    }
}

fn large_sources() {
    let rule = "p(x: U) if q(x) and not r(x);\n";
    let text = rule.repeat(POLICY_BYTES_MAX / rule.len());
    let found = measured("10 MB of rules", || compiled(&text).map(|_| ()));
    assert!(found.is_ok() || found == Err(vec!["rules"]), "{found:?}");
    let found = measured("one byte over", || compiled(&format!("{text}{rule}")).map(|_| ()));
    assert_eq!(found, Err(vec!["policy-size"]));
    let found = measured("10 MB of mistakes", || compiled(&"p(x) if ;\n".repeat(POLICY_BYTES_MAX / 10)).map(|_| ()));
    assert!(found.is_err());
    let ors = "(a(x) or b(x)) and ".repeat(40);
    let found = measured("2^40 branches", || compiled(&format!("p(x) if {ors} c(x);")).map(|_| ()));
    assert_eq!(found, Err(vec!["branches"]));
    let body = "q(x) and ".repeat(POLICY_BYTES_MAX / 10);
    let found = measured("a body of a million conditions", || compiled(&format!("p(x) if {body} q(x);")).map(|_| ()));
    assert_eq!(found, Err(vec!["conditions"]));
    // Places of conditions are 16 bits wide: one more than fits must not make the rule a shorter one.
    for n_conditions in [65_535, 65_536, 65_537] {
        let text = format!("p(x) if {} never(x);", "q(x) and ".repeat(n_conditions));
        assert_eq!(compiled(&text).map(|_| ()), Err(vec!["conditions"]), "{n_conditions}");
    }
    let elements: String = (0..70_000).map(|n| format!("\"{n}\", ")).collect();
    let found =
        measured("`not in` of 70,000", || compiled(&format!("p(x) if x not in [{elements}\"last\"];")).map(|_| ()));
    assert_eq!(found, Err(vec!["conditions"]));
}

fn many_rules() {
    let n_rules = 100_000;
    let mut text = String::new();
    for n in 0..n_rules {
        text += &format!("p{n}(x, \"{n}\") if p{}(x, \"{}\");\n", n + 1, n + 1);
    }
    text += &format!("p{n_rules}(x, \"{n_rules}\") if s(x);\n");
    let program = measured("compiling 100,000 rules, each with a predicate of its own", || compiled(&text));
    let program = program.expect("it compiles");
    let facts = [Fact { predicate: "s".into(), args: vec![value("N", 1)] }];
    let mut evaluator = measured("linking them", || Evaluator::new(&program, Plain::new(facts), 0));
    let first = Ask::Query { predicate: "p0".into(), args: vec![Pattern::Any, Pattern::Any] };
    let found = measured("asking the first", || ask(&mut evaluator, first, 400_000_000)).expect("an answer");
    assert!(matches!(found, Answer::Facts(rows) if rows.len() == 1));
    // What is needed bound at the end is found out from there back to the beginning.
    let text = text + &format!("p{n_rules}(x, y) if x < y;\n");
    let program = compiled(&text).expect("it compiles");
    let facts = [Fact { predicate: "s".into(), args: vec![value("N", 1)] }];
    measured("linking them with a comparison at the end", || Evaluator::new(&program, Plain::new(facts), 0));
}

fn many_types() {
    let blocks = |n: usize| (0..n).map(|n| format!("resource R{n} {{}}\n")).collect::<String>();
    let found = measured("8,000 types", || {
        let program = compiled(&blocks(8_000))?;
        Evaluator::new(&program, Plain::new([]), 0);
        Ok::<_, Vec<&str>>(())
    });
    assert_eq!(found, Ok(()));
    let found = measured("400,000 types", || compiled(&blocks(400_000)).map(|_| ()));
    assert_eq!(found, Err(vec!["types"]));
}

fn nesting() {
    for (open, close) in [("(", ")"), ("not ", ""), ("not (", ")")] {
        let text = |n: usize| format!("p(x) if {}a(x){};", open.repeat(n), close.repeat(n));
        assert!(compiled(&text(NESTING_MAX / 2 - 1)).is_ok(), "{open}");
        let found = measured(&format!("a million of `{open}`"), || compiled(&text(1_000_000)).map(|_| ()));
        assert!(found.as_ref().is_err_and(|codes| codes.contains(&"nesting")), "{open}");
    }
}
