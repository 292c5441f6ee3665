//! Worlds of the wire: a policy, facts, and exchanges that must go exactly so, on a primary, on a node that follows it, or
//! on both. One JSON file a world, in `tests/wire`.

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::{
    http::{self, request},
    process::{KEY, Process},
};

/// A key that may only ask, beside the development key.
pub const READ_KEY: &str = "e_0123456789_2_readonly";

/// One file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct World {
    /// What it is about.
    pub about: String,
    /// Who is asked, unless an exchange says otherwise.
    pub on: Vec<Server>,
    /// Lines of the policy; none: there is no policy.
    pub policy: Option<Vec<String>>,
    /// Stored facts, as `["predicate", "Type:id", …]`; an argument without a type is a String.
    #[serde(default)]
    pub facts: Vec<Vec<String>>,
    /// Many more of one form.
    pub many: Option<Many>,
    /// In this order.
    pub exchanges: Vec<Exchange>,
}

/// Facts that differ in a number.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Many {
    /// How many.
    pub count: usize,
    /// One of them, with `{n}` for five digits.
    pub fact: Vec<String>,
}

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Server {
    /// The primary.
    Primary,
    /// A node that follows it.
    Node,
}

/// A request and what must come back.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// Number of the vector or section, and what it shows.
    pub name: String,
    /// Who is asked.
    pub on: Option<Vec<Server>>,
    /// Method and target.
    pub send: String,
    /// The body; null: none. A string `$name` in it is what an earlier exchange kept under that name.
    #[serde(default)]
    pub body: Json,
    /// A body that is no JSON, instead.
    pub body_text: Option<String>,
    /// Spaces behind the body until it has so many bytes.
    pub pad_to: Option<usize>,
    /// `read`: the key that may only ask; `none`; otherwise the text itself. Absent: the development key.
    pub key: Option<String>,
    /// Further request headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Status.
    pub status: u16,
    /// The whole body.
    pub answer: Option<Json>,
    /// The whole body to the byte.
    pub answer_text: Option<String>,
    /// What the body's text contains.
    #[serde(default)]
    pub has: Vec<String>,
    /// Values at JSON pointers.
    #[serde(default)]
    pub at: BTreeMap<String, Json>,
    /// Lengths of the arrays at JSON pointers.
    #[serde(default)]
    pub counts: BTreeMap<String, usize>,
    /// Response headers; an empty value: any but an empty one.
    #[serde(default)]
    pub answer_headers: BTreeMap<String, String>,
    /// Values at JSON pointers to keep, by name.
    #[serde(default)]
    pub keep: BTreeMap<String, String>,
}

impl World {
    /// Reads a file; panics with its name where it is none.
    pub fn read(path: &Path) -> World {
        let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// The flags that give it to a primary, whose files go to `folder`.
    pub fn flags(&self, folder: &Path) -> Vec<String> {
        let mut flags = vec!["--key".to_owned(), KEY.to_owned(), "--key".to_owned(), format!("{READ_KEY}:read")];
        let mut file = |flag: &str, name: &str, text: String| {
            let path = folder.join(name);
            std::fs::write(&path, text).expect("the folder is ours");
            flags.extend([flag.to_owned(), path.to_str().expect("a path in UTF-8").to_owned()]);
        };
        if let Some(policy) = &self.policy {
            file("--policy", "policy.polar", policy.join("\n"));
        }
        let many = self.many.iter().flat_map(|many| {
            let numbered = |n: usize| many.fact.iter().map(move |part| part.replace("{n}", &format!("{n:05}")));
            (0..many.count).map(move |n| numbered(n).collect::<Vec<_>>())
        });
        let facts: String = self.facts.iter().cloned().chain(many).map(|parts| format!("{}\n", fact(&parts))).collect();
        if !facts.is_empty() {
            file("--facts", "facts.jsonl", facts);
        }
        flags
    }

    /// Does anything ask this server?
    pub fn asks(&self, server: Server) -> bool {
        self.exchanges.iter().any(|exchange| self.is_asked(exchange, server))
    }

    /// Goes through its exchanges with one server; gives what was wrong, and how many there were.
    pub fn hold(&self, server: Server, process: &Process) -> (Vec<String>, usize) {
        let (mut wrong, mut kept, mut n) = (Vec::new(), BTreeMap::new(), 0);
        for exchange in self.exchanges.iter().filter(|exchange| self.is_asked(exchange, server)) {
            n += 1;
            if let Err(what) = exchange.hold(process, &mut kept) {
                wrong.push(format!("{} ({server:?}): {what}", exchange.name));
            }
        }
        (wrong, n)
    }

    fn is_asked(&self, exchange: &Exchange, server: Server) -> bool {
        exchange.on.as_ref().unwrap_or(&self.on).contains(&server)
    }
}

impl Exchange {
    fn hold(&self, process: &Process, kept: &mut BTreeMap<String, Json>) -> Result<(), String> {
        let answer = self.ask(process, kept)?;
        let (text, json) = (answer.text(), answer.json());
        let told = || format!("{} {}", answer.status, text.chars().take(2_000).collect::<String>());
        let check = |holds: bool, what: &str| if holds { Ok(()) } else { Err(format!("{what}: {}", told())) };
        check(answer.status == self.status, &format!("not {}", self.status))?;
        check(answer.header("x-request-id").is_some_and(|id| !id.is_empty()), "no X-Request-ID")?;
        if let Some(expected) = &self.answer {
            check(json == *expected, &format!("not {expected}"))?;
        }
        if let Some(expected) = &self.answer_text {
            check(text == *expected, &format!("not to the byte {expected}"))?;
        }
        for part in &self.has {
            check(text.contains(part), &format!("without `{part}`"))?;
        }
        for (pointer, expected) in &self.at {
            check(json.pointer(pointer) == Some(expected), &format!("not {expected} at {pointer}"))?;
        }
        for (pointer, expected) in &self.counts {
            let length = json.pointer(pointer).and_then(Json::as_array).map(Vec::len);
            check(length == Some(*expected), &format!("not {expected} at {pointer} but {length:?}"))?;
        }
        for (name, expected) in &self.answer_headers {
            let found = answer.header(name).unwrap_or_default();
            let is_right = if expected.is_empty() { !found.is_empty() } else { found == expected };
            check(is_right, &format!("header {name}: `{found}`"))?;
        }
        for (name, pointer) in &self.keep {
            let value = json.pointer(pointer).ok_or_else(|| format!("nothing at {pointer}: {}", told()))?;
            kept.insert(name.clone(), value.clone());
        }
        // Every body is JSON, refusals are one message.
        let is_json = answer.header("content-type").is_some_and(|found| found.starts_with("application/json"));
        if answer.status >= 400 {
            check(is_json && json["message"].is_string(), "no JSON message")?;
        }
        Ok(())
    }

    fn ask(&self, process: &Process, kept: &BTreeMap<String, Json>) -> Result<http::Exchange, String> {
        let (method, target) = self.send.split_once(' ').ok_or("`send` is a method and a target")?;
        let mut body = match (&self.body_text, &self.body) {
            (Some(text), _) => text.clone().into_bytes(),
            (None, Json::Null) => Vec::new(),
            (None, body) => filled(body, kept).to_string().into_bytes(),
        };
        body.resize(self.pad_to.unwrap_or(body.len()), b' ');
        let bearer = match self.key.as_deref() {
            None => format!("Bearer {KEY}"),
            Some("read") => format!("Bearer {READ_KEY}"),
            Some(kept_name) if kept.contains_key(kept_name) => {
                format!("Bearer {}", kept[kept_name].as_str().unwrap_or_default())
            }
            Some(text) => text.to_owned(),
        };
        let mut headers: Vec<(&str, &str)> =
            self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        if self.key.as_deref() != Some("none") {
            headers.push(("authorization", &bearer));
        }
        request(process.address(), method, target, &headers, &body).map_err(|error| format!("no answer: {error}"))
    }
}

fn filled(body: &Json, kept: &BTreeMap<String, Json>) -> Json {
    match body {
        Json::String(text) => {
            text.strip_prefix('$').and_then(|name| kept.get(name)).cloned().unwrap_or_else(|| body.clone())
        }
        Json::Array(items) => items.iter().map(|item| filled(item, kept)).collect(),
        Json::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), filled(value, kept))).collect(),
        _ => body.clone(),
    }
}

fn fact(parts: &[String]) -> Json {
    let (predicate, args) = parts.split_first().expect("a fact has a predicate");
    let arg = |text: &String| {
        let (type_name, id) = text.split_once(':').unwrap_or(("String", text));
        json!({ "type": type_name, "id": id })
    };
    json!({ "predicate": predicate, "args": args.iter().map(arg).collect::<Vec<_>>() })
}
