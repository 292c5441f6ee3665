//! Coverage of policy tests: what was needed, what was only tried, what nothing asked for.

use understudy_core::{
    compile::{Source, compile},
    eval::policy_tests::run,
};

const POLICY: &str = r#"actor User {}
resource Doc {
  roles = ["reader", "owner"];
  permissions = ["read", "delete"];
  "read" if "reader"
    or "owner";
  "delete" if "owner";
}
visible(d: Doc) if open(d) or
  listed(d);
open(Doc{"memo"});
seen(u: User, d: Doc) if has_role(u, "reader", d) and not banned(u);
banned(u: User) if flagged(u);
"#;

/// `line use label` of every item.
fn items(tests: &str) -> Vec<String> {
    let text = format!("{POLICY}{tests}");
    let compiled = compile(&[Source { name: "policy.polar", text: &text }]);
    assert!(compiled.diagnostics.is_empty(), "{:?}", compiled.diagnostics);
    let report = run(&compiled, 0, 0);
    assert_eq!(report.passed(), report.total(), "{report:?}");
    let told = report.coverage.items.iter().map(|item| format!("{} {} {}", item.line, item.used.name(), item.label));
    told.collect()
}

#[test]
fn without_tests_all_is_missed() {
    let items = items("");
    let expected = [
        "5 missed \"read\" if ..",
        "5 missed branch 1 of `or`",
        "6 missed branch 2 of `or`",
        "7 missed \"delete\" if ..",
        "9 missed visible/1",
        "9 missed branch 1 of `or`",
        "10 missed branch 2 of `or`",
        "11 missed open/1",
        "12 missed seen/2",
        "13 missed banned/1",
    ];
    assert_eq!(items, expected);
}

#[test]
fn a_branch_counts_when_its_derivation_was_needed() {
    let items = items(
        r#"test "t" {
  setup { has_role(User{"ann"}, "owner", Doc{"a"}); }
  assert allow(User{"ann"}, "read", Doc{"a"});
  assert visible(Doc{"memo"});
}"#,
    );
    let expected = [
        "5 exercised \"read\" if ..",
        "5 tried branch 1 of `or`",
        "6 exercised branch 2 of `or`",
        "7 missed \"delete\" if ..",
        "9 exercised visible/1",
        "9 exercised branch 1 of `or`",
        "10 tried branch 2 of `or`",
        "11 exercised open/1",
        "12 missed seen/2",
        "13 missed banned/1",
    ];
    assert_eq!(items, expected);
}

#[test]
fn a_refusal_only_tries_but_what_it_met_counts() {
    let tests = |flag: &str, verb: &str| {
        format!(
            "test \"t\" {{ setup {{ has_role(User{{\"ann\"}}, \"reader\", Doc{{\"a\"}}); {flag} }} {verb} seen(User{{\"ann\"}}, Doc{{\"a\"}}); }}"
        )
    };
    let last = |items: Vec<String>| items[8..].to_vec();
    let flagged = last(items(&tests("flagged(User{\"ann\"});", "assert_not")));
    assert_eq!(flagged, ["12 tried seen/2", "13 exercised banned/1"]);
    let free = last(items(&tests("", "assert")));
    assert_eq!(free, ["12 exercised seen/2", "13 tried banned/1"]);
}
