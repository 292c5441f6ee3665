//! Facts and their writes.

use serde::{Deserialize, Serialize};

use crate::value::{Fact, FactPattern, Value};

/// One entry of `POST /api/batch`: exactly one of the two keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Changeset {
    /// Facts to store.
    #[serde(rename = "inserts")]
    Inserts(Vec<Fact>),
    /// Patterns of facts to remove.
    #[serde(rename = "deletes")]
    Deletes(Vec<FactPattern>),
}

/// Body of `POST /api/bulk` (deprecated): deletes first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkRequest {
    /// Patterns of facts to remove.
    pub delete: Vec<FactPattern>,
    /// Facts to store.
    pub tell: Vec<Fact>,
}

/// Answer of `GET /api/stats` (deprecated).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Facts of `has_role`.
    pub num_roles: u64,
    /// Facts of `has_relation`.
    pub num_relations: u64,
    /// All facts.
    pub num_facts: u64,
}

/// Answer of `POST /test_environment`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestEnvironment {
    /// A key of the new environment, which may write.
    pub token: String,
}

/// Most positions that `GET /api/facts` reads; a fact has at most five.
const ARGS_MAX: usize = 32;

/// Query string of `GET /api/facts`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FactsQuery {
    /// Predicate, or all.
    pub predicate: Option<String>,
    /// A pattern per position up to the highest one named.
    pub args: Vec<Value>,
}

impl FactsQuery {
    /// Reads a query string. Keys nobody knows are ignored, a key without value is a wildcard.
    pub fn parse(query: &str) -> Self {
        let mut parsed = FactsQuery::default();
        for pair in query.split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (key, value) = (unescape(key), unescape(value));
            if value.is_empty() {
                continue;
            }
            if key == "predicate" {
                parsed.predicate = Some(value);
                continue;
            }
            let Some((index, part)) = key.strip_prefix("args.").and_then(|rest| rest.split_once('.')) else { continue };
            let Some(index) = index.parse::<usize>().ok().filter(|index| *index < ARGS_MAX) else { continue };
            if part != "type" && part != "id" {
                continue;
            }
            if parsed.args.len() <= index {
                parsed.args.resize(index + 1, Value::default());
            }
            let Some(arg) = parsed.args.get_mut(index) else { continue };
            if part == "type" {
                arg.type_name = Some(value);
            } else {
                arg.id = Some(value);
            }
        }
        parsed
    }
}

/// Undoes `%41` and `+` of a query string; what is no escape stays as it is.
pub fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(here) = bytes.get(at) {
        let escaped = bytes.get(at + 1..at + 3).and_then(|hex| {
            let hex = std::str::from_utf8(hex).ok().filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))?;
            u8::from_str_radix(hex, 16).ok()
        });
        match (*here, escaped) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
                continue;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}
