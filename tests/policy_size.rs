//! Policies that are small as text and large in meaning: counted before they are made, compiled in time near their length,
//! within memory that a node of 256 MiB has. A process of its own, so that its peak is what these took.

use std::{fs, time::Instant};

use understudy_core::{
    compile::{Source, check, compile},
    eval::{answer::Evaluator, policy_tests},
    facts::plain::Plain,
    rules::rule::Program,
};

/// Resident memory that no scenario may pass, in MiB.
const PEAK_MIB_MAX: u64 = 192;

/// Runs a scenario and prints what it took.
fn measured<T>(name: &str, scenario: impl FnOnce() -> T) -> T {
    // Resets the peak (`man 5 proc`).
    fs::write("/proc/self/clear_refs", "5").expect("the process's own peak can be reset");
    let begun = Instant::now();
    let outcome = scenario();
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line of the status");
    let peak = line.trim_matches(|c: char| !c.is_ascii_digit()).parse::<u64>().expect("a number of kB") / 1_024;
    println!("{name}: {:.2} s, at most {peak} MiB resident", begun.elapsed().as_secs_f64());
    assert!(peak <= PEAK_MIB_MAX, "{name}: {peak} MiB");
    outcome
}

fn compiled(text: &str) -> Result<Program, Vec<&'static str>> {
    let compiled = compile(&[Source { name: "policy.polar", text }]);
    compiled.program.ok_or_else(|| compiled.diagnostics.iter().map(|d| d.code).collect())
}

#[test]
fn every_expansion_is_counted() {
    multiplied_rules();
    long_chains();
    heavy_tests();
}

/// A rule whose `or`s make copies of everything beside them is counted before it is copied.
fn multiplied_rules() {
    let multiplied = |n_ors: usize, n_conditions: usize| {
        let ors = "(a(x) or b(x)) and ".repeat(n_ors);
        format!("p(x) if {ors} {} c(x);", "q(x) and ".repeat(n_conditions))
    };
    let negated = |n_ors: usize, n_conditions: usize| {
        let ors = "(a(x) or b(x)) and ".repeat(n_ors);
        format!("p(x) if {ors} not ({} c(x));", "q(x) and ".repeat(n_conditions))
    };
    for (name, text) in [
        ("12 `or` beside 1,000 conditions", multiplied(12, 1_000)),
        ("12 `or` beside 220 conditions", multiplied(12, 220)),
        ("11 `or` beside a `not` of 1,000 conditions", negated(11, 1_000)),
        ("100 rules of 10 `or` beside 40 conditions", multiplied(10, 40).repeat(100)),
        ("12 `or` with a name of 10 kB", multiplied(12, 0).replace('x', &"x".repeat(10_000))),
    ] {
        assert_eq!(measured(name, || compiled(&text).map(|_| ())), Err(vec!["rules"]), "{name}");
    }
    let program = measured("the largest that compiles, linked", || {
        let program = compiled(&multiplied(12, 110))?;
        Evaluator::new(&program, Plain::new([]), 0);
        Ok::<_, Vec<&str>>(program)
    });
    assert!(program.is_ok_and(|program| program.rules.len() > 4_096));
    let elements: String = (0..400_000).map(|n| format!("{n}, ")).collect();
    let found = measured("`in` of 400,000", || compiled(&format!("p(x) if x in [{elements}1];")).map(|_| ()));
    assert_eq!(found, Ok(()));
}

fn long_chains() {
    let chain = |n: usize, block: &dyn Fn(usize) -> String| -> String {
        let block = |n: usize| match n {
            0 => format!("resource R0 {{ {} }}\n", block(0)),
            n => format!("resource R{n} extends R{} {{ {} }}\n", n - 1, block(n)),
        };
        format!("actor User {{}}\n{}", (0..n).map(block).collect::<String>())
    };
    let plain = chain(2_000, &|_| String::new());
    let found = measured("a chain of 2,000 `extends`", || compiled(&plain).map(|_| ()));
    assert_eq!(found, Ok(()));
    let found = measured("a chain of 8,000 `extends`", || compiled(&chain(8_000, &|_| String::new())).map(|_| ()));
    assert_eq!(found, Err(vec!["types"]));
    let ruled = chain(500, &|n| {
        format!(
            "roles = [\"r{n}\"]; permissions = [\"p{n}\"]; relations = {{ l{n}: R0 }}; \
                 \"p{n}\" if \"r{n}\"; \"p{n}\" if \"r0\" on \"l{n}\"; \"p0\" if \"r{n}\";"
        )
    });
    let found =
        measured("checking a chain of 500 with rules", || check(&[Source { name: "policy.polar", text: &ruled }]));
    assert_eq!(found.len(), 0, "{:?}", found.first());
    let mut deep = chain(1_500, &|_| String::new());
    deep = deep.replacen("resource R0 {", "resource R0 { roles = [\"r\"]; permissions = [\"p\"];", 1);
    let rules: String = (0..30_000).map(|n| format!("\"p\" if n{n}(resource) and \"r\"; ")).collect();
    deep = deep.replacen("extends R1498 {", &format!("extends R1498 {{ {rules}"), 1);
    let found = measured("30,000 rules at the end of a chain of 1,500", || compiled(&deep).map(|_| ()));
    assert_eq!(found, Ok(()));
}

fn heavy_tests() {
    let facts = |n: usize| (0..n).map(|n| format!("q(N{{\"{n}\"}}); ")).collect::<String>();
    let ran = |text: &str| {
        let compiled = compile(&[Source { name: "policy.polar", text }]);
        let report = policy_tests::run(&compiled, 0, 0);
        (report.passed(), report.total())
    };
    let crossed = format!(
        "p(a, b, c) if q(a) and q(b) and q(c); test \"t\" {{ setup {{ {} }} assert p(x, y, z); }}",
        facts(1_500)
    );
    let found = measured("a policy test over a product of 1,500 facts", || ran(&crossed));
    println!("  {found:?}");
    let failing: String = (0..500).map(|n| format!("assert p(N{{\"{n}\"}});")).collect();
    let chain: String = (0..300).map(|n| format!("r{n}(x) if r{}(x) or s{n}(x) or t{n}(x); ", n + 1)).collect();
    let failing = format!("p(x) if r0(x); {chain} test \"t\" {{ {failing} }}");
    let found = measured("500 assertions that fail by a chain of 300", || ran(&failing));
    assert_eq!(found, (0, 500));
    let includes = "fixture f; ".repeat(1_000);
    let repeated = format!(
        "p(x) if q(x); test fixture f {{ {} }} test \"t\" {{ setup {{ {includes} }} assert p(N{{\"1\"}}); }}",
        facts(1_000)
    );
    assert_eq!(measured("a fixture of 1,000 facts named 1,000 times", || ran(&repeated)), (1, 1));
    let many: String =
        (0..2_000).map(|n| format!("test \"t{n}\" {{ setup {{ fixture f; }} assert p(N{{\"1\"}}); }}")).collect();
    let many = format!("p(x) if q(x); test fixture f {{ {} }} {many}", facts(1_000));
    assert_eq!(measured("2,000 tests with a fixture of 1,000 facts", || ran(&many)), (1_000, 2_000));
}
