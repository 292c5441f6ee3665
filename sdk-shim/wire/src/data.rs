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
/// What names of its parameters begin with. Others may be anybody's on the way here, as those that keep caches away.
const OURS: [&str; 2] = ["arg", "pred"];

/// Query string of `GET /api/facts`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FactsQuery {
    /// Predicate, or all.
    pub predicate: Option<String>,
    /// A pattern per position up to the highest one named.
    pub args: Vec<Value>,
}

impl FactsQuery {
    /// Reads a query string. A key without value is a wildcard, keys of others are ignored. `Err`: the parameter that looks
    /// like one of these and is none, and why; left out, it would give facts that were not asked for.
    pub fn parse(query: &str) -> Result<Self, String> {
        let mut parsed = FactsQuery::default();
        for pair in query.split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (key, value) = (unescape(key), unescape(value));
            let is_wildcard = value.is_empty();
            let before = parsed.args.len();
            let Some(place) = parsed.place(&key)? else { continue };
            if is_wildcard {
                parsed.args.truncate(before);
                continue;
            }
            match place {
                Some(known) if *known != value => {
                    return Err(format!("`{}` stands there twice: give it once", shown(&key)));
                }
                place => *place = Some(value),
            }
        }
        Ok(parsed)
    }

    /// Where the value of a parameter goes; `None`: it is not one of these.
    fn place(&mut self, key: &str) -> Result<Option<&mut Option<String>>, String> {
        if key == "predicate" {
            return Ok(Some(&mut self.predicate));
        }
        let lower = key.to_ascii_lowercase();
        if !OURS.iter().any(|ours| lower.starts_with(ours)) {
            return Ok(None);
        }
        let unknown = || {
            format!(
                "`{}` isn't a parameter of this path: it takes predicate, args.0.type, args.0.id and so on to args.{}",
                shown(key),
                ARGS_MAX - 1
            )
        };
        let (index, part) = key.strip_prefix("args.").and_then(|rest| rest.split_once('.')).ok_or_else(unknown)?;
        let is_number = !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit());
        let index = if is_number { index.parse::<usize>().ok() } else { None };
        let index = index.filter(|index| *index < ARGS_MAX).ok_or_else(unknown)?;
        match part {
            "type" | "id" => {}
            // What begins like one of these is a slip; the rest is as unknown as any other parameter (http-api.md §6.1).
            _ if part.to_ascii_lowercase().starts_with(['t', 'i']) => return Err(unknown()),
            _ => return Ok(None),
        }
        if self.args.len() <= index {
            self.args.resize(index + 1, Value::default());
        }
        let arg = self.args.get_mut(index).ok_or_else(unknown)?;
        Ok(Some(if part == "type" { &mut arg.type_name } else { &mut arg.id }))
    }
}

/// A name as a message shows it: no more than a line of it.
fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(80).collect()
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
