//! A case: policy, facts, question, expectation, in one text file.
//!
//! Sections begin with `--- NAME`: `policy` (Polar), `facts` and `context` (facts in Polar), `now` (seconds), `ask` and
//! `expect` (one line of JSON each). Lines before the first section say where the expectation comes from.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use understudy_core::{
    model::{Fact, Value},
    syntax::{
        ast::{Policy, Setup},
        parser::parse,
    },
};

/// Cases of the published catalogue that came with the language's description.
pub const CATALOGUE_CASES: usize = 232;

/// Folders of cases of our own; the others are the catalogue's categories.
const OWN_FOLDERS: [&str; 3] = ["evaluation", "traps", "well-founded"];

/// One case as read.
#[derive(Clone, Debug)]
pub struct Case {
    /// File name without its ending.
    pub name: String,
    /// Is it one of the catalogue's?
    pub is_catalogued: bool,
    /// Polar source.
    pub policy: String,
    /// Stored facts.
    pub facts: Vec<Fact>,
    /// Facts of the request.
    pub context_facts: Vec<Fact>,
    /// `@current_unix_time`.
    pub now_s: Option<i64>,
    /// The question: `kind` and its members.
    pub ask: Json,
    /// The answer.
    pub expect: Json,
}

/// Every case below `folder`, sorted by path.
///
/// Panics on a file that is no case: a test's data are part of the test.
pub fn all(folder: &Path) -> Vec<Case> {
    let mut paths = Vec::new();
    collect(folder, &mut paths);
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder of cases is there") {
        let path = entry.expect("the folder of cases can be listed").path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|ending| ending == "case") {
            paths.push(path);
        }
    }
}

fn read(path: &Path) -> Case {
    let text = std::fs::read_to_string(path).expect("a case is text");
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default();
    Case { is_catalogued: OWN_FOLDERS.iter().all(|own| folder != *own), ..of_text(name, &text) }
}

/// The case of a file's text, one of our own. Panics as [`all`].
pub fn of_text(name: String, text: &str) -> Case {
    let section = |wanted: &str| {
        let heading = format!("--- {wanted}\n");
        let start = text.find(&heading)? + heading.len();
        let end = text[start..].find("\n--- ").map_or(text.len(), |end| start + end + 1);
        Some(text[start..end].to_owned())
    };
    let json = |wanted: &str| {
        let line = section(wanted).unwrap_or_default();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{name}: section `{wanted}`: {error}"))
    };
    Case {
        policy: section("policy").unwrap_or_default(),
        facts: facts(&name, &section("facts").unwrap_or_default()),
        context_facts: facts(&name, &section("context").unwrap_or_default()),
        now_s: section("now").map(|text| text.trim().parse().expect("`now` is a number of seconds")),
        ask: json("ask"),
        expect: json("expect"),
        is_catalogued: false,
        name,
    }
}

/// Facts as the sections of a case hold them. Panics as [`all`].
pub fn facts(name: &str, text: &str) -> Vec<Fact> {
    let (mut policy, mut findings) = (Policy::default(), Vec::new());
    parse(0, &format!("test \"facts\" {{ setup {{ {text} }} }}"), &mut policy, &mut findings);
    assert!(findings.is_empty(), "{name}: {findings:?}");
    let steps = policy.tests.into_iter().flat_map(|test| test.setup);
    steps
        .filter_map(|step| match step {
            Setup::Fixture(_) => None,
            Setup::Fact(fact) => Some(Fact {
                predicate: fact.name.text,
                args: fact
                    .args
                    .into_iter()
                    .map(|arg| Value::new(arg.type_name, arg.id).expect("facts of cases hold values"))
                    .collect(),
            }),
        })
        .collect()
}
