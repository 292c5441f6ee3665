//! Policy tests: `iff` with every condition, failures that say where and why.

use understudy_core::{
    compile::{Source, compile},
    eval::policy_tests::{Failure, FailureKind, Report, TestResult, run, run_some},
};

const POLICY: &str = r#"actor User {}
resource Org { roles = ["member"]; }
resource Doc {
  roles = ["reader", "owner"];
  permissions = ["read", "delete"];
  relations = { org: Org };
  "read" if "reader"; "reader" if "owner"; "reader" if "member" on "org";
  "delete" if "owner";
}
level(User{"ann"}, 3); level(User{"bob"}, 5); level(User{"cy"}, 9);
pass(_: User, "hall"); pass(User{"ann"}, "lab");
open(Doc{"memo"});
may_see(u: User, d: Doc) if open(d) or has_role(u, "owner", d);
"#;

fn report(tests: &str) -> Report {
    let text = format!("{POLICY}{tests}");
    let compiled = compile(&[Source { name: "policy.polar", text: &text }]);
    assert!(compiled.diagnostics.is_empty(), "{:?}", compiled.diagnostics);
    run(&compiled, 100, 0)
}

fn one(assertion: &str) -> Option<Failure> {
    let report = report(&format!(
        "test fixture owners {{ has_role(User{{\"ann\"}}, \"owner\", Doc{{\"a\"}}); }}
test \"one\" {{ setup {{ fixture owners; has_role(User{{\"bob\"}}, \"reader\", Doc{{\"a\"}}); }} {assertion} }}"
    ));
    assert_eq!(report.total(), 1, "{assertion}");
    report.tests.into_iter().flat_map(|test| test.failures).next()
}

fn holds(assertion: &str) {
    let failure = one(assertion);
    assert!(failure.is_none(), "{assertion}: {failure:?}");
}

fn fails(assertion: &str, message: &str) {
    let failure = one(assertion).unwrap_or_else(|| panic!("{assertion} holds"));
    assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::Assertion, message), "{assertion}");
}

#[test]
fn iff_takes_every_condition() {
    holds("assert level(u: User, n) iff n in [3, 5, 9];");
    holds("assert level(u: User, n) iff n not in [4, 6];");
    holds("assert level(u: User, n: Integer) iff n = 3 or n = 5 or n = 9;");
    holds("assert level(User{\"ann\"}, n: Integer) iff n = 3;");
    holds("assert level(u: User, 5) iff u = User{\"bob\"};");
    holds("assert allow(User{\"ann\"}, act: String, Doc{\"a\"}) iff not (act != \"read\" and act != \"delete\");");
    holds("assert allow(User{\"bob\"}, act: String, Doc{\"a\"}) iff act = \"read\" and act != \"delete\";");
    // Every pair of candidates is tried.
    holds(
        "assert level(u: User, n: Integer) iff (u = User{\"ann\"} and n = 3) or (u = User{\"bob\"} and n = 5) or (u = User{\"cy\"} and n = 9);",
    );
    // A condition may ask for what rules and facts say.
    holds("assert may_see(User{\"bob\"}, d: Doc) iff open(d);");
    fails(
        "assert may_see(User{\"ann\"}, d: Doc) iff open(d);",
        "for d = Doc{\"a\"} it holds and the condition doesn't",
    );
    fails("assert level(u: User, n: Integer) iff n >= 4;", "for n = 3 it holds and the condition doesn't");
    fails("assert level(User{\"bob\"}, n: Integer) iff n >= 5;", "for n = 6 it doesn't hold and the condition does");
    fails("assert_not level(User{\"bob\"}, n: Integer) iff n = 5;", "the `iff` holds");
    holds("assert_not level(User{\"bob\"}, n: Integer) iff n = 6;");
}

#[test]
fn wildcards_agree_with_conditions_but_with_no_list() {
    let no_list = "every value is an answer, which no list says";
    fails("assert pass(u: User, \"hall\") iff u in [User{\"ann\"}];", no_list);
    holds("assert pass(u: User, \"hall\") iff u matches User;");
    fails(
        "assert pass(u: User, \"hall\") iff u != User{\"ann\"};",
        "for u = User{\"ann\"} it holds and the condition doesn't",
    );
    holds("assert pass(User{\"cy\"}, where: String) iff where = \"hall\";");
    holds("assert pass(_: Actor, \"hall\");");
    holds("assert_not pass(_: Doc, \"hall\");");
}

#[test]
fn a_list_says_what_is_missing_and_what_is_too_much() {
    fails("assert level(_, n) iff n in [3, 4, 9];", "listed, but no answer: 4; an answer, but not listed: 5");
    fails("assert level(_, n) iff n in [3, 5, 9, 4];", "listed, but no answer: 4");
    fails("assert level(_, n) iff n in [3, 9];", "an answer, but not listed: 5");
    fails("assert level(_, n) iff n not in [3, 4];", "excluded, and yet an answer: 3");
}

#[test]
fn what_cannot_be_asked_is_told() {
    let failure = one("assert level(User{\"ann\"}, 3) iff x in [3];").expect("x is nowhere");
    assert_eq!(failure.kind, FailureKind::Error);
    assert!(failure.message.contains("mentions no variable"), "{}", failure.message);
    let failure = report("test \"t\" { setup { fixture nowhere; } assert open(Doc{\"memo\"}); }");
    assert_eq!(failure.tests[0].failures[0].message, "no fixture is called `nowhere`");
}

#[test]
fn a_comparison_of_a_string_under_a_not_is_told_by_its_own_line() {
    let text = "c(s: S) if is_s(s) and not text(s);\ntext(s: S) if n(s, v) and v > 5;\n\
                test \"t\" { setup { is_s(S{\"1\"}); n(S{\"1\"}, \"9\"); } assert c(S{\"1\"}); }";
    let report = run(&compile(&[Source { name: "policy.polar", text }]), 0, 0);
    let failure = &report.tests[0].failures[0];
    assert_eq!(failure.kind, FailureKind::Error);
    assert!(
        failure.message.starts_with("a comparison at line 2 meets a value that isn't an Integer, such as a String")
    );
    assert!(failure.message.contains("under the `not` at line 1"), "{}", failure.message);
}

#[test]
fn a_failed_assert_tells_its_line_and_the_nearest_miss() {
    let failure = one("\n\n assert allow(User{\"ann\"}, \"read\", Doc{\"b\"});").expect("it fails");
    assert_eq!((failure.file.as_str(), failure.line), ("policy.polar", 17));
    assert_eq!(failure.assertion, "assert allow(User{\"ann\"}, \"read\", Doc{\"b\"})");
    assert!(failure.message.starts_with("expected allow, got deny: no fact `has_"), "{}", failure.message);
    let told = failure.explanation.expect("it is explained").to_string();
    assert!(told.starts_with("allow(User{\"ann\"}, \"read\", Doc{\"b\"}): no such fact"), "{told}");
    assert!(!told.contains('@'), "{told}");
}

#[test]
fn a_failed_assert_not_tells_the_derivation() {
    let failure = one("assert_not allow(User{\"ann\"}, \"read\", Doc{\"a\"});").expect("it fails");
    assert_eq!(failure.message, "expected deny, got allow");
    let told = failure.explanation.expect("it is explained").to_string();
    assert!(told.contains("has_role(User{\"ann\"}, \"owner\", Doc{\"a\"})  <- stored fact"), "{told}");
    assert!(!told.contains('@'), "{told}");
}

#[test]
fn tests_are_chosen_by_name() {
    let text = format!(
        "{POLICY} test \"a b\" {{ assert open(Doc{{\"memo\"}}); }} test \"c\" {{ assert open(Doc{{\"no\"}}); }}"
    );
    let compiled = compile(&[Source { name: "policy.polar", text: &text }]);
    let report = run_some(&compiled, 0, 0, |name| name.contains('b'));
    assert_eq!((report.passed(), report.total()), (1, 1));
    let names: Vec<&str> = report.tests.iter().map(|TestResult { name, .. }| name.as_str()).collect();
    assert_eq!(names, ["a b"]);
}
