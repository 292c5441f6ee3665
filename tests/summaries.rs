//! Short forms of explanations: `summaries/NAME.summary` has a policy, facts, and questions with what is said of them.
//! `UNDERSTUDY_BLESS=1` writes what is said anew, to be read as a diff.

use std::path::{Path, PathBuf};

use understudy_core::{
    compile::{Source, compile},
    eval::answer::Evaluator,
    facts::plain::Plain,
    limits::WORK_UNITS_PER_REQUEST,
    model::{Ask, Fact, Pattern, Request, Value},
};
use understudy_tests::case;

fn value(word: &str) -> Value {
    let (type_name, id) = word.split_once(':').unwrap_or(("String", word));
    Value::new(type_name, id).expect("a value")
}

fn pattern(word: &str) -> Pattern {
    match word.split_once(':') {
        None if word == "_" => Pattern::Any,
        Some((type_name, "_")) => Pattern::Type(type_name.to_owned()),
        _ => Pattern::Exact(value(word)),
    }
}

fn ask(question: &str) -> Ask {
    let words: Vec<&str> = question.split_whitespace().collect();
    match words.as_slice() {
        ["authorize", actor, action, resource] => {
            Ask::Authorize { actor: value(actor), action: (*action).to_owned(), resource: value(resource) }
        }
        ["list", actor, action, resource_type] => {
            Ask::List { actor: value(actor), action: (*action).to_owned(), resource_type: (*resource_type).to_owned() }
        }
        ["actions", actor, resource] => Ask::Actions { actor: value(actor), resource: value(resource) },
        ["query", predicate, args @ ..] => {
            Ask::Query { predicate: (*predicate).to_owned(), args: args.iter().map(|word| pattern(word)).collect() }
        }
        _ => panic!("`{question}` is no question"),
    }
}

/// The file with what is said now.
fn told(name: &str, text: &str) -> String {
    let (before, told) = text.split_once("--- told\n").expect("a section `told`");
    let (policy, facts) = before.split_once("--- facts\n").expect("a section `facts`");
    let policy = policy.split_once("--- policy\n").expect("a section `policy`").1;
    let source = format!("{name}.polar");
    let compiled = compile(&[Source { name: &source, text: policy }]);
    let program = compiled.program.unwrap_or_else(|| panic!("{name}: {:?}", compiled.diagnostics));
    let mut evaluator = Evaluator::new(&program, Plain::new(case::facts(name, facts)), 0);
    let mut text = format!("{before}--- told\n");
    for question in told.lines().filter_map(|line| line.strip_prefix("? ")) {
        let request = Request {
            ask: ask(question),
            context_facts: Vec::new(),
            now_s: 1_780_000_000,
            budget: WORK_UNITS_PER_REQUEST,
        };
        let (summary, explanation) = evaluator.summarize(&program, &request).expect("an answer");
        assert_eq!(evaluator.ask(&request), Ok(explanation.answer), "{name}: {question}");
        text += &format!("? {question}\n");
        summary.lines().iter().for_each(|line| text += &format!("{line}\n"));
        text += "\n";
    }
    text
}

#[test]
fn every_question_gets_the_expected_lines() {
    let bless = std::env::var_os("UNDERSTUDY_BLESS").is_some_and(|value| !value.is_empty());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("summaries");
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("it can be listed").path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    let mut wrong = Vec::new();
    for path in &paths {
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let expected = std::fs::read_to_string(path).expect("a file can be read");
        let found = told(&name, &expected);
        if bless {
            std::fs::write(path, &found).expect("a file can be written");
        } else if found != expected {
            wrong.push(found);
        }
    }
    assert!(wrong.is_empty(), "UNDERSTUDY_BLESS=1 writes them anew:\n{}", wrong.join("\n"));
}

const COUNTED: &str = "actor User {}
resource Doc { roles = [\"reader\"]; permissions = [\"read\"]; \"read\" if \"reader\"; }";

/// Lines of a question of a user who is a reader of `n_docs` documents.
fn of_reader(n_docs: usize, resource: Option<&str>, budget: u64) -> Option<Vec<String>> {
    let program = compile(&[Source { name: "", text: COUNTED }]).program.expect("it compiles");
    let user = Value::new("User", "ann").expect("a value");
    let role = Value::new("String", "reader").expect("a value");
    let facts = (0..n_docs).map(|n| {
        let doc = Value::new("Doc", format!("d{n}")).expect("a value");
        Fact { predicate: "has_role".to_owned(), args: vec![user.clone(), role.clone(), doc] }
    });
    let mut evaluator = Evaluator::new(&program, Plain::new(facts.collect::<Vec<_>>()), 0);
    let action = "read".to_owned();
    let ask = match resource {
        Some(id) => Ask::Authorize { actor: user, action, resource: Value::new("Doc", id).expect("a value") },
        None => Ask::List { actor: user, action, resource_type: "Doc".to_owned() },
    };
    let request = Request { ask, context_facts: Vec::new(), now_s: 0, budget };
    evaluator.summarize(&program, &request).ok().map(|(summary, _)| summary.lines())
}

#[test]
fn facts_that_are_not_listed_are_counted() {
    let lines = of_reader(500, Some("other"), WORK_UNITS_PER_REQUEST).expect("an answer");
    assert!(
        lines.iter().any(|line| line.starts_with("User:ann has: ") && line.ends_with(" and 494 more")),
        "{lines:?}"
    );
}

#[test]
fn answers_that_are_not_told_are_counted_where_the_tree_is_cut() {
    let lines = of_reader(3_000, None, WORK_UNITS_PER_REQUEST).expect("an answer");
    assert!(lines.iter().any(|line| line == "and 2995 more"), "{lines:?}");
}

#[test]
fn an_allow_stays_one_where_its_reasons_are_cut() {
    // Each budget that is enough for the answer, whatever is left for its reasons.
    let mut n_cut = 0;
    for budget in 1..200 {
        let Some(lines) = of_reader(1, Some("d0"), budget) else { continue };
        assert!(lines[0].starts_with("allowed: "), "{budget}: {lines:?}");
        n_cut += usize::from(lines.iter().any(|line| line.starts_with("(cut: ")));
    }
    assert!(n_cut > 0);
}
