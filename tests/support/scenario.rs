//! A scenario: a policy, facts, and a table of many expectations, in one text file.
//!
//! Lines before the first section say what the scenario is about. Sections: `--- policy` (Polar), `--- facts` (one a
//! line), `--- expect` (one a line). Values are written `User:ann`, `"text"`, `7`, `true`; `#` begins a comment in facts
//! and expectations.
//!
//! | Line | Says |
//! |---|---|
//! | `yes User:ann,bo read,edit Doc:1,2` | each of these decisions is an allow (here eight) |
//! | `no User:ann read Doc:1` | each is a deny |
//! | `list User:ann read Doc = 1 2` | the list has exactly these ids; `-`: none |
//! | `who User read Doc:1 = ann bo` | of this type, exactly these actors may |
//! | `actions User:ann Doc:1 = edit read` | the actor may do exactly this |
//! | `error negation list User:ann read Doc` | the question (`can` for a decision) has that error and no answer |
//!
//! A line may end in ` at SECONDS` (the time of the question) and in ` with FACT; FACT` (context facts), in this order.

use std::path::{Path, PathBuf};

use understudy_core::model::{Fact, Value};

/// One scenario as read.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Folder and file name without its ending.
    pub name: String,
    /// Polar source.
    pub policy: String,
    /// Stored facts.
    pub facts: Vec<Fact>,
    /// Lines of the table, written out.
    pub expectations: Vec<Expectation>,
}

/// One expectation: a question under its circumstances, and what must come of it.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// Line of the file.
    pub line: usize,
    /// The question.
    pub question: Question,
    /// `@current_unix_time`.
    pub now_s: i64,
    /// Facts of the request.
    pub context_facts: Vec<Fact>,
    /// What must come of it.
    pub expected: Expected,
}

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// May this actor do this to this resource?
    Can(Value, String, Value),
    /// To which resources of this type may this actor do this?
    List(Value, String, String),
    /// Who of this type may do this to this resource?
    Who(String, String, Value),
    /// What may this actor do to this resource?
    Actions(Value, Value),
}

/// What must come of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Of a decision.
    Allowed(bool),
    /// Of the others: ids, sorted bytewise, as `*` wherever everything fits.
    Ids(Vec<String>),
    /// The error's kind.
    Error(String),
}

/// Time of the questions that don't name one.
const NOW_S: i64 = 1_780_000_000;

/// Every scenario below `folder`, sorted by name.
///
/// Panics on a file that is no scenario: a test's data are part of the test.
pub fn all(folder: &Path) -> Vec<Scenario> {
    let mut paths = Vec::new();
    for shape in std::fs::read_dir(folder).expect("the folder of scenarios is there") {
        let shape = shape.expect("the folder of scenarios can be listed").path();
        let files = std::fs::read_dir(&shape).expect("scenarios stand in folders");
        paths.extend(files.map(|file| file.expect("a folder of scenarios can be listed").path()));
    }
    paths.sort();
    paths.iter().map(|path| read(path, folder)).collect()
}

fn read(path: &PathBuf, folder: &Path) -> Scenario {
    let text = std::fs::read_to_string(path).expect("a scenario is text");
    let name = path.strip_prefix(folder).unwrap_or(path).with_extension("").display().to_string();
    let mut scenario =
        Scenario { name: name.clone(), policy: String::new(), facts: Vec::new(), expectations: Vec::new() };
    let mut section = "";
    for (number, line) in text.lines().enumerate() {
        if let Some(heading) = line.strip_prefix("--- ") {
            section = heading;
            continue;
        }
        let bad = |what: &str| -> ! { panic!("{name}:{}: {what}: {line}", number + 1) };
        let stripped = line.split('#').next().unwrap_or_default().trim();
        match section {
            "" => {}
            "policy" => scenario.policy.extend([line, "\n"]),
            _ if stripped.is_empty() => {}
            "facts" => scenario.facts.push(fact(stripped).unwrap_or_else(|| bad("no fact"))),
            "expect" => {
                let read = expectations(number + 1, stripped).unwrap_or_else(|| bad("no expectation"));
                scenario.expectations.extend(read);
            }
            _ => bad("unknown section"),
        }
    }
    assert!(!scenario.expectations.is_empty(), "{name} expects nothing");
    scenario
}

/// `has_role(User:ann, "reader", Doc:1)`
fn fact(text: &str) -> Option<Fact> {
    let (predicate, args) = text.trim().strip_suffix(')')?.split_once('(')?;
    let args = args.split(',').map(|arg| value(arg.trim())).collect::<Option<_>>()?;
    Some(Fact { predicate: predicate.to_owned(), args })
}

fn value(text: &str) -> Option<Value> {
    if let Some(string) = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        return Value::new("String", string).ok();
    }
    if matches!(text, "true" | "false") {
        return Value::new("Boolean", text).ok();
    }
    if text.parse::<i64>().is_ok() {
        return Value::new("Integer", text).ok();
    }
    let (type_name, id) = text.split_once(':')?;
    Value::new(type_name, id).ok()
}

/// `User:ann,bo`: values of one type.
fn values(text: &str) -> Option<Vec<Value>> {
    let (type_name, ids) = text.split_once(':')?;
    ids.split(',').map(|id| Value::new(type_name, id).ok()).collect()
}

fn expectations(line: usize, text: &str) -> Option<Vec<Expectation>> {
    let (text, context_facts) = match text.split_once(" with ") {
        Some((text, facts)) => (text, facts.split(';').map(fact).collect::<Option<Vec<_>>>()?),
        None => (text, Vec::new()),
    };
    let (text, now_s) = match text.split_once(" at ") {
        Some((text, now_s)) => (text, now_s.trim().parse().ok()?),
        None => (text, NOW_S),
    };
    let (asked, ids) = match text.split_once('=') {
        Some((asked, ids)) => (asked, Some(ids)),
        None => (text, None),
    };
    let mut words: Vec<&str> = asked.split_whitespace().collect();
    let mut error = None;
    if words.first() == Some(&"error") {
        error = Some((*words.get(1)?).to_owned());
        words.drain(..2);
    }
    let ids = ids.map(|ids| {
        let mut ids: Vec<String> = ids.split_whitespace().filter(|id| *id != "-").map(ToOwned::to_owned).collect();
        ids.sort();
        Expected::Ids(ids)
    });
    let expected = error.map(Expected::Error).or(ids);
    let mut read = Vec::new();
    let mut push = |question, expected| {
        read.push(Expectation { line, question, now_s, context_facts: context_facts.clone(), expected });
    };
    match words[..] {
        [word @ ("yes" | "no" | "can"), actors, actions, resources] => {
            let expected = match word {
                "can" => expected?,
                _ => Expected::Allowed(word == "yes"),
            };
            for actor in values(actors)? {
                for action in actions.split(',') {
                    for resource in values(resources)? {
                        push(Question::Can(actor.clone(), action.to_owned(), resource), expected.clone());
                    }
                }
            }
        }
        ["list", actors, action, type_name] => {
            for actor in values(actors)? {
                push(Question::List(actor, action.to_owned(), type_name.to_owned()), expected.clone()?);
            }
        }
        ["who", type_name, action, resources] => {
            for resource in values(resources)? {
                push(Question::Who(type_name.to_owned(), action.to_owned(), resource), expected.clone()?);
            }
        }
        ["actions", actors, resources] => {
            for actor in values(actors)? {
                for resource in values(resources)? {
                    push(Question::Actions(actor.clone(), resource), expected.clone()?);
                }
            }
        }
        _ => return None,
    }
    Some(read)
}
