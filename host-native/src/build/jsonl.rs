//! A file of facts: one JSON fact a line, `{"predicate":"has_role","args":[{"type":"User","id":"ann"}, …]}`.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

use understudy_core::model::Fact;

use super::BuildError;
use crate::http::convert;

/// Reads every fact of the file, in its order. Empty lines don't count.
/// Errors name the file, and the line from 1; they show no more of it than its predicate and types.
pub fn read(path: &Path) -> Result<Vec<Fact>, BuildError> {
    let failed = |place: String, message: String| BuildError::File { place, message };
    let name = path.display();
    let file = File::open(path).map_err(|error| failed(name.to_string(), format!("can't be read: {error}")))?;
    let mut facts = Vec::new();
    for (number, line) in BufReader::new(file).split(b'\n').enumerate() {
        let place = || format!("{name}:{}", number + 1);
        let line = line.map_err(|error| failed(place(), format!("can't be read: {error}")))?;
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let fact = serde_json::from_slice(line)
            .map_err(|error| failed(place(), format!("this is no fact, at column {}", error.column())))?;
        facts.push(convert::fact(&fact).map_err(|error| failed(place(), error.0))?);
    }
    Ok(facts)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read_text(text: &str) -> Result<Vec<Fact>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("facts.jsonl");
        std::fs::write(&path, text).unwrap();
        read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn a_fact_a_line_with_empty_lines_and_any_line_end() {
        let line = r#"{"predicate":"is_public","args":[{"type":"Repo","id":7}]}"#;
        let facts = read_text(&format!("{line}\r\n\n  {line}")).unwrap();
        assert_eq!(facts.len(), 2);
        assert_eq!(facts[0].args[0].id(), "7");
        assert_eq!(read_text(""), Ok(Vec::new()));
    }

    #[test]
    fn a_bad_line_is_told_by_file_and_line() {
        let good = r#"{"predicate":"p","args":[{"type":"Repo","id":"a"}]}"#;
        for (bad, expected) in [
            ("{", "facts.jsonl:2: this is no fact"),
            (r#"{"predicate":"p"}"#, "facts.jsonl:2: this is no fact"),
            (r#"{"predicate":"p","args":[]}"#, "facts.jsonl:2: `p` has 0 arguments"),
            (r#"{"predicate":"p","args":[{"type":"Repo","id":"*"}]}"#, "facts.jsonl:2: in a fact of `p`"),
        ] {
            let error = read_text(&format!("{good}\n{bad}\n")).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        let error = read(Path::new("/nowhere/facts.jsonl")).unwrap_err().to_string();
        assert!(error.starts_with("/nowhere/facts.jsonl: can't be read"), "{error}");
    }
}
