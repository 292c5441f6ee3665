//! A file of facts: one JSON fact a line, `{"predicate":"has_role","args":[{"type":"User","id":"ann"}, …]}`.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

use serde::Deserialize;
use serde_json::Value as Json;
use understudy_core::{model::Fact, syntax::similar::nearest};
use understudy_wire::{self as wire, lenient, objects};

use super::BuildError;
use crate::http::convert;

/// Bad lines that are told of one file: who has more has one mistake many times.
const BAD_LINES_MAX: usize = 20;
/// Characters of a value that a message shows.
const FOUND_CHARS_MAX: usize = 40;
/// What some editors put before a text.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// What a fact looks like, for messages.
const EXAMPLE: &str = r#"{"predicate":"has_role","args":[{"type":"User","id":"ann"}]}"#;

/// Reads every fact of the file, in its order. Empty lines don't count.
/// Errors name the file, line and column of every bad line up to a limit.
pub fn read(path: &Path) -> Result<Vec<Fact>, BuildError> {
    Ok(read_with_lines(path)?.into_iter().map(|(_, fact)| fact).collect())
}

/// The same, each with its line from 1.
pub fn read_with_lines(path: &Path) -> Result<Vec<(usize, Fact)>, BuildError> {
    let name = path.display();
    let unreadable =
        |place: String, error: std::io::Error| BuildError::File { place, message: format!("can't be read: {error}") };
    let file = File::open(path).map_err(|error| unreadable(name.to_string(), error))?;
    let (mut facts, mut bad) = (Vec::new(), Vec::new());
    let mut n_bad = 0;
    for (number, line) in BufReader::new(file).split(b'\n').enumerate() {
        let line = line.map_err(|error| unreadable(format!("{name}:{}", number + 1), error))?;
        let line = if number == 0 { line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&line) } else { &line };
        if line.trim_ascii().is_empty() {
            continue;
        }
        match fact(line.trim_ascii_end()) {
            Ok(fact) => facts.push((number + 1, fact)),
            Err((column, message)) => {
                n_bad += 1;
                if n_bad <= BAD_LINES_MAX {
                    let column = column.map(|column| format!(":{column}")).unwrap_or_default();
                    bad.push(format!("{name}:{}{column}: {message}", number + 1));
                }
            }
        }
    }
    if n_bad == 0 {
        return Ok(facts);
    }
    if n_bad > BAD_LINES_MAX {
        bad.push(format!("{name}: {} more bad lines; fix these first", n_bad - BAD_LINES_MAX));
    }
    Err(BuildError::Lines(bad))
}

/// A fact of a file, which has no members that mean nothing: requests may have them, a file is somebody's own writing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    predicate: String,
    args: Vec<Argument>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Argument {
    #[serde(rename = "type")]
    type_name: String,
    #[serde(deserialize_with = "lenient::id")]
    id: String,
}

/// One line; its first mistake otherwise, with the column from 1 where there is one.
fn fact(line: &[u8]) -> Result<Fact, (Option<usize>, String)> {
    match objects::from_slice::<Line>(line) {
        Ok(Line { predicate, args }) => {
            let args = args.into_iter().map(|Argument { type_name, id }| wire::TypedId { type_name, id });
            convert::fact(&wire::Fact { predicate, args: args.collect() }).map_err(|error| (None, error.0))
        }
        Err(error) => {
            let message = match serde_json::from_slice::<Json>(line) {
                Ok(json) => mistake(&json).unwrap_or_else(|| without_place(&error)),
                Err(error) => {
                    format!("the line isn't JSON ({}); a fact is one object: {EXAMPLE}", without_place(&error))
                }
            };
            Err((Some(error.column().max(1)), message))
        }
    }
}

/// A member that nobody reads, and the one that may be meant.
fn unknown(place: &str, object: &serde_json::Map<String, Json>, known: [&str; 2]) -> Option<String> {
    let name = object.keys().find(|name| !known.contains(&name.as_str()))?;
    let meant = nearest(name, known).map(|near| format!("; did you mean `{near}`?"));
    let meant = meant.unwrap_or_else(|| format!(": it has `{}` and `{}`", known[0], known[1]));
    Some(format!("{place} has no member {}{meant}", found(&Json::from(name.as_str()))))
}

/// What keeps the JSON from being a fact: subject first, then what it must be.
fn mistake(json: &Json) -> Option<String> {
    let Json::Object(fact) = json else {
        return Some(format!("a fact must be an object like {EXAMPLE}; found {}", found(json)));
    };
    if let Some(unknown) = unknown("a fact", fact, ["predicate", "args"]) {
        return Some(unknown);
    }
    match fact.get("predicate") {
        Some(Json::String(_)) => {}
        None => return Some(format!("`predicate` is missing: a fact is an object like {EXAMPLE}")),
        Some(other) => return Some(format!("`predicate` must be a string like \"has_role\"; found {}", found(other))),
    }
    let args = match fact.get("args") {
        Some(Json::Array(args)) => args,
        None => return Some(format!("`args` is missing: a fact is an object like {EXAMPLE}")),
        Some(other) => return Some(format!("`args` must be an array of objects; found {}", found(other))),
    };
    for (at, arg) in args.iter().enumerate() {
        let Json::Object(value) = arg else {
            let example = r#"{"type":"User","id":"ann"}"#;
            return Some(format!("args[{at}] must be an object like {example}; found {}", found(arg)));
        };
        if let Some(unknown) = unknown(&format!("args[{at}]"), value, ["type", "id"]) {
            return Some(unknown);
        }
        for name in ["type", "id"] {
            match value.get(name) {
                Some(Json::String(_)) => {}
                Some(Json::Number(number)) if name == "id" && !number.is_f64() => {}
                None => return Some(format!("args[{at}].{name} is missing: give a string")),
                Some(other) => return Some(format!("args[{at}].{name} must be a string; found {}", found(other))),
            }
        }
    }
    None
}

/// The value, or its beginning.
fn found(json: &Json) -> String {
    let text = json.to_string();
    if text.chars().count() <= FOUND_CHARS_MAX {
        return text;
    }
    text.chars().take(FOUND_CHARS_MAX).chain("…".chars()).collect()
}

/// The parser's words without the line and column, which are told before.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read_text(text: &str) -> Result<Vec<Fact>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f.jsonl");
        std::fs::write(&path, text).unwrap();
        read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn a_fact_a_line_with_empty_lines_any_line_end_and_a_byte_order_mark() {
        let line = r#"{"predicate":"is_public","args":[{"type":"Repo","id":7}]}"#;
        let facts = read_text(&format!("\u{feff}{line}\r\n\n  {line}")).unwrap();
        assert_eq!(facts.len(), 2);
        assert_eq!(facts[0].args[0].id(), "7");
        assert_eq!(read_text(""), Ok(Vec::new()));
    }

    #[test]
    fn every_bad_line_is_told_by_its_place() {
        let bad = [
            (
                r#"{"predicate":"is_member","args":["ann"]}"#,
                r#":1:38: args[0] must be an object like {"type":"User","id":"ann"}; found "ann""#,
            ),
            ("{", ":2:1: the line isn't JSON (EOF while parsing an object); a fact is one object"),
            (r#"{"predicate":"p"}"#, ":3:17: `args` is missing"),
            (r#"{"predicate":"p","args":[]}"#, ":4: `p` has 0 arguments"),
            (r#"{"predicate":"p","args":[{"type":"Repo","id":"*"}]}"#, ":5: in a fact of `p`"),
            (r#"{"predicate":"p","args":[{"type":"Repo"}]}"#, ":6:40: args[0].id is missing: give a string"),
            (r#"["p"]"#, ":7:"),
            (r#"{"predicate":7,"args":[]}"#, "`predicate` must be a string like \"has_role\"; found 7"),
            (r#"{"predicate":"p","args":[{"type":"Repo","id":true}]}"#, "args[0].id must be a string; found true"),
            (r#"{"predicate":"p","args":[{"id":5}]}"#, ":10:33: args[0].type is missing: give a string"),
            (r#"{"predicate":"p","args":[["Repo","web"]]}"#, ":11:25: args[0] must be an object like"),
            (r#"["p",[{"type":"Repo","id":"web"}]]"#, ": a fact must be an object like"),
            (
                r#"{"predicate":"p","args":[{"type":"Repo","id":"web","tpye":"x"}]}"#,
                r#": args[0] has no member "tpye"; did you mean `type`?"#,
            ),
            (r#"{"predicate":"p","args":[{"type":"R","id":"w"}],"when":1}"#, r#"a fact has no member "when": it has"#),
            (r#"{"predicate":"p","args":[{"type":"R","id":"w","id":"v"}]}"#, ": duplicate field `id`"),
        ];
        let text: String = bad.iter().map(|(line, _)| format!("{line}\n")).collect();
        let error = read_text(&text).unwrap_err();
        let lines: Vec<&str> = error.lines().collect();
        assert_eq!(lines.len(), bad.len(), "{error}");
        for (line, (_, expected)) in lines.iter().zip(bad) {
            assert!(line.contains(expected), "{line}\n{expected}");
        }
        let error = read_text(&"7\n".repeat(25)).unwrap_err();
        assert_eq!(error.lines().count(), BAD_LINES_MAX + 1);
        assert!(error.ends_with("5 more bad lines; fix these first"), "{error}");
        let error = read(Path::new("/nowhere/facts.jsonl")).unwrap_err().to_string();
        assert!(error.starts_with("/nowhere/facts.jsonl: can't be read"), "{error}");
    }
}
