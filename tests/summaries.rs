//! Short forms of explanations: `summaries/NAME.summary` has a policy, facts, and questions with what is said of them.
//! `UNDERSTUDY_BLESS=1` writes what is said anew, to be read as a diff.

use std::path::{Path, PathBuf};

use understudy_core::{
    compile::{Source, compile},
    eval::answer::Evaluator,
    facts::plain::Plain,
    limits::WORK_UNITS_PER_REQUEST,
    model::{Ask, Pattern, Request, Value},
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
