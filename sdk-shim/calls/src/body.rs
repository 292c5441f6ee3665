//! A JSON body as one of the wire's types, or one message that names the place and what is wrong there.

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;
use understudy_wire::objects;

use crate::convert::Unreadable;

/// Reads a JSON body. Only one that can't be read is read a second time, to find out where.
pub fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Unreadable> {
    objects::from_slice(bytes).map_err(|error| unreadable::<T>(bytes, &error))
}

fn unreadable<T: DeserializeOwned>(bytes: &[u8], error: &serde_json::Error) -> Unreadable {
    if bytes.is_empty() {
        return Unreadable("the body is empty: send JSON".into());
    }
    if let Err(error) = std::str::from_utf8(bytes) {
        return Unreadable(format!("the body is not UTF-8: look at byte {}", error.valid_up_to() + 1));
    }
    match error.classify() {
        Category::Syntax if !is_a_list_too_long(bytes, error) => no_json(error),
        Category::Eof | Category::Io => no_json(error),
        Category::Syntax | Category::Data => match place::<T>(bytes) {
            Some(place) => Unreadable(format!("the body can't be read at `{place}`: {error}")),
            None => Unreadable(format!("the body can't be read: {error}")),
        },
    }
}

/// To the parser that is syntax, though it is JSON.
fn is_a_list_too_long(bytes: &[u8], error: &serde_json::Error) -> bool {
    error.to_string().starts_with("trailing characters") && serde_json::from_slice::<IgnoredAny>(bytes).is_ok()
}

fn no_json(error: &serde_json::Error) -> Unreadable {
    Unreadable(format!("the body is no JSON: {error}"))
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
                "the body can't be read at `context_facts`: invalid type: map, expected a sequence",
            ),
            ("{", "[", "the body can't be read: invalid type: sequence"),
            ("}", "", "the body is no JSON: EOF while parsing an object"),
            ("}", "} x", "the body is no JSON: trailing characters"),
            ("User", "\\ud800", "the body is no JSON: "),
            ("User", "\u{1}", "the body is no JSON: control character"),
            (asked, "7", "the body can't be read: invalid type: integer `7`, expected struct"),
            (
                "\"action\":\"read\",",
                "\"action\":\"read\",\"context_facts\":[[\"p\",[]]],",
                "the body can't be read at `context_facts[0]`: invalid type: sequence",
            ),
        ] {
            let message = message::<AuthorizeRequest>(asked.replacen(from, to, 1));
            assert!(message.starts_with(expected), "{message}");
            assert!(!message.contains('\n'));
        }
        let message = message::<Vec<ActionsRequest>>(format!("[{asked},{}]", asked.replace("\"2\"", "[]")));
        assert!(
            message
                .starts_with("the body can't be read at `[1].resource_id`: invalid type: sequence, expected a string"),
            "{message}"
        );
    }

    #[test]
    fn what_is_no_text_is_said_and_depth_is_harmless() {
        assert!(
            message::<AuthorizeRequest>(b"{\"actor_type\":\"\xff\"}")
                .starts_with("the body is not UTF-8: look at byte 16")
        );
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        let unknown = message::<EvaluateRequest>(format!("{{\"more\":{deep}}}"));
        assert!(unknown.contains("missing field `predicate`"), "{unknown}");
        for (field, known) in [
            ("predicate", "the body can't be read at `predicate[0]`: invalid type: sequence"),
            ("calls", "the body can't be read at `calls[0][0]`: invalid type: sequence"),
        ] {
            let message = message::<EvaluateRequest>(format!("{{\"{field}\":{deep}}}"));
            assert!(message.starts_with(known), "{message}");
        }
    }
}
