//! A JSON body as one of the wire's types, or one message that names the place and what is wrong there.

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;
use understudy_wire::objects;

use crate::{limits::JSON_VALUES_MAX, refusal::Unreadable};

/// What some editors put before a text.
pub(crate) const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Reads a JSON body. Only one that can't be read is read a second time, to find out where.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unreadable> {
    objects::from_slice(bytes).map_err(|error| unreadable::<T>(bytes, &error))
}

/// The same for a question, whose values are counted first.
pub fn read_question<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unreadable> {
    if has_more_values(bytes, JSON_VALUES_MAX) {
        return Err(Unreadable(format!("the body has more than {JSON_VALUES_MAX} JSON values: ask for less at once")));
    }
    read(bytes)
}

/// Has it more values than that? What is no JSON may be taken for more than it is, never for less.
fn has_more_values(bytes: &[u8], max: usize) -> bool {
    if bytes.len() <= max {
        return false;
    }
    let (mut n_values, mut is_text, mut is_escaped, mut is_opened) = (1, false, false, false);
    for byte in bytes {
        // What follows an opening bracket is a value, unless it is the closing one.
        if is_opened && !byte.is_ascii_whitespace() {
            is_opened = false;
            n_values += usize::from(!matches!(byte, b']' | b'}'));
        }
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = is_text,
            b'"' => is_text = !is_text,
            b'[' | b'{' if !is_text => is_opened = true,
            b',' if !is_text => n_values += 1,
            _ => {}
        }
    }
    n_values > max
}

fn unreadable<T: DeserializeOwned>(bytes: &[u8], error: &serde_json::Error) -> Unreadable {
    if bytes.is_empty() {
        return Unreadable("the body is empty: send JSON".into());
    }
    // JSON that goes over a network has none (RFC 8259 §8.1); left in place it is an error that no editor shows.
    if bytes.starts_with(BYTE_ORDER_MARK) {
        return Unreadable("the body begins with a byte order mark: send UTF-8 without one".into());
    }
    if let Err(error) = std::str::from_utf8(bytes) {
        return Unreadable(format!("the body is not UTF-8: look at byte {}", error.valid_up_to() + 1));
    }
    match error.classify() {
        Category::Syntax if !is_a_list_too_long(bytes, error) => no_json(error),
        Category::Eof | Category::Io => no_json(error),
        Category::Syntax | Category::Data => {
            let what = in_words_of_json(error);
            match place::<T>(bytes) {
                Some(place) => Unreadable(format!("the body can't be read at `{place}`: {what}")),
                None => Unreadable(format!("the body can't be read: {what}")),
            }
        }
    }
}

/// To the parser that is syntax, though it is JSON.
fn is_a_list_too_long(bytes: &[u8], error: &serde_json::Error) -> bool {
    error.to_string().starts_with("trailing characters") && serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}

fn no_json(error: &serde_json::Error) -> Unreadable {
    let (line, column) = (error.line(), error.column());
    Unreadable(match error.classify() {
        Category::Eof => format!("the body ends before its JSON does (line {line}, column {column})"),
        _ => format!("the body isn't JSON (line {line}, column {column})"),
    })
}

/// What is wrong in the words of JSON, where the parser has those of our programming language; and where.
fn in_words_of_json(error: &serde_json::Error) -> String {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    let what = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text);
    // Nothing of the body stands in a message but values of a wrong type, between backticks or quotes.
    let what = what
        .split_once("expected struct ")
        .map_or(what.to_owned(), |(before, _)| before.to_owned() + "expected an object");
    let what = what
        .replace("invalid type: sequence", "invalid type: array")
        .replace("invalid type: map", "invalid type: object");
    let what = what.replace("expected a sequence", "expected an array").replace("expected a map", "expected an object");
    if line == 0 { what } else { format!("{what} (line {line}, column {column})") }
}

/// Path of what is wrong, as `context_facts[0].args[1].id`; `None`: it is the whole.
fn place<T: DeserializeOwned>(bytes: &[u8]) -> Option<String> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let error = serde_path_to_error::deserialize::<_, T>(objects::only(&mut json)).err()?;
    Some(error.path().to_string()).filter(|path| path != ".")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use understudy_wire::{ActionsRequest, AuthorizeRequest, EvaluateRequest};

    use super::*;

    fn message<T: DeserializeOwned + std::fmt::Debug>(bytes: impl AsRef<[u8]>) -> String {
        read::<T>(bytes.as_ref()).unwrap_err().0
    }

    #[test]
    fn a_message_names_the_place() {
        let asked = r#"{"actor_type":"User","actor_id":"1","action":"read","resource_type":"Repo","resource_id":"2"}"#;
        read::<AuthorizeRequest>(asked.as_bytes()).unwrap();
        for (from, to, expected) in [
            (asked, "", "the body is empty"),
            ("\"User\"", "7", "the body can't be read at `actor_type`: invalid type: integer `7`, expected a string"),
            (
                "\"1\"",
                "1.5",
                "the body can't be read at `actor_id`: invalid type: floating point `1.5`, expected a string",
            ),
            ("\"1\"", "null", "the body can't be read at `actor_id`: invalid type: null"),
            ("\"action\":\"read\",", "", "the body can't be read: missing field `action`"),
            ("\"resource_id\"", "\"action\"", "the body can't be read: duplicate field `action`"),
            (
                "}",
                r#","context_facts":[{"predicate":"p","args":[{"type":"A","id":"1"},{"type":"A"}]}]}"#,
                "the body can't be read at `context_facts[0].args[1]`: missing field `id`",
            ),
            (
                "}",
                r#","context_facts":{}}"#,
                "the body can't be read at `context_facts`: invalid type: object, expected an array",
            ),
            ("{", "[", "the body can't be read: invalid type: array"),
            ("}", "", "the body ends before its JSON does (line 1, column "),
            ("}", "} x", "the body isn't JSON (line 1, column "),
            ("User", "\\ud800", "the body isn't JSON (line 1, column "),
            ("User", "\u{1}", "the body isn't JSON (line 1, column "),
            (asked, "7", "the body can't be read: invalid type: integer `7`, expected an object (line 1, column 1)"),
            (
                "\"action\":\"read\",",
                "\"action\":\"read\",\"context_facts\":[[\"p\",[]]],",
                "the body can't be read at `context_facts[0]`: invalid type: array",
            ),
        ] {
            let message = message::<AuthorizeRequest>(asked.replacen(from, to, 1));
            assert!(message.starts_with(expected), "{message}");
            assert!(!message.contains('\n'));
        }
        let message = message::<Vec<ActionsRequest>>(format!("[{asked},{}]", asked.replace("\"2\"", "[]")));
        assert!(
            message.starts_with("the body can't be read at `[1].resource_id`: invalid type: array, expected a string"),
            "{message}"
        );
    }

    #[test]
    fn values_are_counted_before_they_are_read() {
        let padding = " ".repeat(20);
        for (text, n_values) in [(r#"{"a":[1,2,{}],"b":"[,{\",\"]"}"#, 6), (r#"["\\",",","\"[",[]]"#, 5), ("7", 1)] {
            let text = text.to_owned() + &padding;
            assert!(
                has_more_values(text.as_bytes(), n_values - 1) && !has_more_values(text.as_bytes(), n_values),
                "{text}"
            );
        }
        let many = format!("[{}]", vec!["[]"; JSON_VALUES_MAX].join(","));
        let message = read_question::<Vec<ActionsRequest>>(many.as_bytes()).unwrap_err().0;
        assert!(message.contains("more than 500000 JSON values"), "{message}");
    }

    #[test]
    fn what_is_no_text_is_said_and_depth_is_harmless() {
        assert!(
            message::<AuthorizeRequest>(b"{\"actor_type\":\"\xff\"}")
                .starts_with("the body is not UTF-8: look at byte 16")
        );
        assert_eq!(
            message::<AuthorizeRequest>("\u{feff}{}"),
            "the body begins with a byte order mark: send UTF-8 without one"
        );
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let unknown = message::<EvaluateRequest>(format!("{{\"more\":{deep}}}"));
        assert!(unknown.contains("missing field `predicate`"), "{unknown}");
        for (field, known) in [
            ("predicate", "the body can't be read at `predicate[0]`: invalid type: array"),
            ("calls", "the body can't be read at `calls[0][0]`: invalid type: array"),
        ] {
            let message = message::<EvaluateRequest>(format!("{{\"{field}\":{deep}}}"));
            assert!(message.starts_with(known), "{message}");
        }
    }
}
