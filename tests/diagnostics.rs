//! Bad policies and what is said of them: `diagnostics/NAME.polar` and `NAME.expected`. `UNDERSTUDY_BLESS=1` writes the
//! expectations anew, to be read as a diff. A line `--- FILE` begins another file of the same policy.

#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value as Json, json};
use understudy::build::excerpt;
use understudy_core::compile::{self, Source};
use understudy_tests::case::all;

const BINARY: &str = env!("CARGO_BIN_EXE_understudy");
const SAMPLE: &str = include_str!("../host-native/src/dev/sample/policy.polar");

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/diagnostics")
}

fn files(name: &str, text: &str) -> Vec<(String, String)> {
    let Some(rest) = text.strip_prefix("--- ") else { return vec![(format!("{name}.polar"), text.to_owned())] };
    let parts = rest.split("\n--- ").map(|part| part.split_once('\n').unwrap());
    parts.map(|(file, text)| (file.to_owned(), text.to_owned())).collect()
}

fn rendered(name: &str, text: &str) -> String {
    let files = files(name, text);
    let sources: Vec<Source<'_>> = files.iter().map(|(name, text)| Source { name, text }).collect();
    let diagnostics = compile::check(&sources);
    excerpt::human(&diagnostics, &sources, false) + &excerpt::counted(&diagnostics) + "\n"
}

#[test]
fn every_bad_policy_gets_the_expected_text() {
    let bless = std::env::var_os("UNDERSTUDY_BLESS").is_some_and(|value| !value.is_empty());
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "polar"));
    paths.sort();
    let mut wrong = Vec::new();
    for path in &paths {
        let name = path.file_stem().unwrap().to_string_lossy();
        let found = rendered(&name, &std::fs::read_to_string(path).unwrap());
        let expected = path.with_extension("expected");
        if bless {
            std::fs::write(&expected, &found).unwrap();
        } else if std::fs::read_to_string(&expected).unwrap_or_default() != found {
            wrong.push(format!("{name}:\n{found}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}, UNDERSTUDY_BLESS=1 writes them anew:\n{}",
        wrong.len(),
        paths.len(),
        wrong.join("\n")
    );
    assert!(paths.len() >= 60, "{}", paths.len());
    println!("{} bad policies: what is said of each is as written", paths.len());
}

#[test]
fn good_policies_get_no_silly_warnings() {
    for (name, text) in [("sample", SAMPLE), ("sdk", include_str!("sdk/policy.polar"))] {
        assert_eq!(rendered(name, text), "0 errors, 0 warnings\n", "{name}");
    }
    // The cases are policies cut to one point: they leave things unused, but nothing in them looks misspelt.
    let mut codes = BTreeSet::new();
    for case in all(&folder().join("../cases")) {
        let diagnostics = compile::check(&[Source { name: &case.name, text: &case.policy }]);
        codes.extend(diagnostics.iter().filter(|d| d.severity.word() == "warning").map(|d| d.code));
    }
    let expected = [
        "negation-circle",
        "never-matches",
        "permission-nobody-gets",
        "unbound-variable",
        "unlistable",
        "unused-relation",
        "variable-used-once",
    ];
    assert_eq!(codes, BTreeSet::from(expected));
}

fn check(args: &[&str]) -> Output {
    Command::new(BINARY).arg("check").args(args).output().unwrap()
}

#[test]
fn exit_codes_and_the_machine_form() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    };
    let good = write("good.polar", "actor User {}\n");
    let doubtful = write("doubtful.polar", "resource Doc { permissions = [\"read\"]; }\n");
    let bad = write("bad.polar", "resource Böse {\n\troles = [\"ä\"]; permissions = [\"ä\"];\n}\n");
    let code = |args: &[&str]| check(args).status.code();
    assert_eq!(code(&[&good]), Some(0));
    assert_eq!(code(&[&good, &doubtful]), Some(0));
    assert_eq!(code(&[&good, &doubtful, "--deny-warnings"]), Some(1));
    assert_eq!(code(&[&good, &bad]), Some(1));
    assert_eq!(code(&[&good, "missing.polar"]), Some(2));

    let plain = String::from_utf8(check(&[&bad]).stdout).unwrap();
    assert!(plain.starts_with("error[duplicate-name]: ") && plain.ends_with("\n1 error, 0 warnings\n"), "{plain}");
    assert!(!plain.contains('\u{1b}'), "no colour into a pipe");
    let found: Json = serde_json::from_slice(&check(&[&bad, "--json"]).stdout).unwrap();
    let expected = json!({
        "severity": "error",
        "code": "duplicate-name",
        "message": "`ä` is declared with two meanings in `Böse`",
        "file": bad,
        "start": {"line": 2, "column": 32},
        "end": {"line": 2, "column": 35},
        "help": "give one of them another name",
        "related": [{
            "message": "declared here as a role",
            "file": bad,
            "start": {"line": 2, "column": 11},
            "end": {"line": 2, "column": 14},
        }],
    });
    assert_eq!(found, json!({"diagnostics": [expected], "errors": 1, "warnings": 0}));
}
