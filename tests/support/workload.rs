//! The GitHub-like workload of `tests/workload`: generated, read, and its queries as every door takes them.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use understudy_core::model::{Answer, Ask, Fact, Pattern, Row, Value};

use crate::ask::{text, value};

/// Expiry times of the workload lie far from this and from any other plausible clock.
pub const NOW_S: i64 = 1_780_000_000;

/// A generated workload.
pub struct Workload {
    folder: PathBuf,
    /// Its queries, in order.
    pub queries: Vec<Query>,
}

/// One query with its known answer.
#[derive(Clone, Debug)]
pub struct Query {
    /// Its name.
    pub id: String,
    /// Its kind, as `Q5.large`.
    pub kind: String,
    line: Json,
}

/// An answer in the form in which queries know it: `true` or `false`, or ids in bytewise order.
pub type Ids = Vec<String>;

impl Workload {
    /// Generates one of a size (`XS`, `S`, `M`, `L`). `None`: there is no Python to run the generator.
    pub fn generate(size: &str, folder: &Path) -> Option<Self> {
        let generator = Path::new(env!("CARGO_MANIFEST_DIR")).join("workload/github_workload.py");
        let generated = Command::new("python3").arg(generator).args(["--size", size, "--out"]).arg(folder).output();
        let generated = generated.ok()?;
        assert!(generated.status.success(), "{}", String::from_utf8_lossy(&generated.stderr));
        let queries = lines(&folder.join("queries.jsonl")).map(|line| Query {
            id: text(&line["id"]),
            kind: text(&line["kind"]),
            line,
        });
        Some(Workload { folder: folder.to_owned(), queries: queries.collect() })
    }

    /// Its policy's file.
    pub fn policy(&self) -> PathBuf {
        self.folder.join("policy.polar")
    }

    /// Its facts' file, one JSON object a line.
    pub fn facts_file(&self) -> PathBuf {
        self.folder.join("facts.jsonl")
    }

    /// Its facts.
    pub fn facts(&self) -> Vec<Fact> {
        let fact = |fact: Json| {
            let args = fact["args"].as_array().into_iter().flatten().map(value).collect();
            Fact { predicate: text(&fact["predicate"]), args }
        };
        lines(&self.facts_file()).map(fact).collect()
    }

    /// Kinds of queries, in order.
    pub fn kinds(&self) -> Vec<String> {
        let mut kinds: Vec<String> = self.queries.iter().map(|query| query.kind.clone()).collect();
        kinds.dedup();
        kinds
    }
}

fn lines(file: &Path) -> impl Iterator<Item = Json> + use<> {
    let file = std::fs::read_to_string(file).expect("the generator wrote it");
    let lines: Vec<Json> =
        file.lines().map(|line| serde_json::from_str(line).expect("one JSON object a line")).collect();
    lines.into_iter()
}

impl Query {
    fn op(&self) -> String {
        text(&self.line["op"])
    }

    fn action(&self) -> String {
        text(&self.line["action"])
    }

    /// As the engine takes it.
    pub fn ask(&self) -> Ask {
        let (actor, resource) = (&self.line["actor"], &self.line["resource"]);
        match self.op().as_str() {
            "authorize" => Ask::Authorize { actor: value(actor), action: self.action(), resource: value(resource) },
            "list" => Ask::List {
                actor: value(actor),
                action: self.action(),
                resource_type: text(&self.line["resource_type"]),
            },
            "actions" => Ask::Actions { actor: value(actor), resource: value(resource) },
            _ => Ask::Query {
                predicate: "allow".to_owned(),
                args: vec![
                    Pattern::Type(text(&self.line["actor_type"])),
                    Pattern::Exact(Value::new("String", self.action()).expect("an action is a String")),
                    Pattern::Exact(value(resource)),
                ],
            },
        }
    }

    /// As the HTTP API takes it: path and body.
    pub fn wire(&self) -> (&'static str, Json) {
        let (actor, resource) = (&self.line["actor"], &self.line["resource"]);
        let mut body = json!({"context_facts": []});
        let mut put = |name: &str, value: &Json| body[name] = value.clone();
        let op = self.op();
        if op == "actors" {
            let args = json!([
                {"type": self.line["actor_type"], "id": null},
                {"type": "String", "id": self.action()},
                resource
            ]);
            put("fact", &json!({"predicate": "allow", "args": args}));
            return ("/api/query", body);
        }
        put("actor_type", &actor["type"]);
        put("actor_id", &actor["id"]);
        match op.as_str() {
            "authorize" => {
                put("action", &self.line["action"]);
                put("resource_type", &resource["type"]);
                put("resource_id", &resource["id"]);
                ("/api/authorize", body)
            }
            "list" => {
                put("action", &self.line["action"]);
                put("resource_type", &self.line["resource_type"]);
                ("/api/list", body)
            }
            _ => {
                put("resource_type", &resource["type"]);
                put("resource_id", &resource["id"]);
                ("/api/actions", body)
            }
        }
    }

    /// As the command line takes it.
    pub fn arguments(&self) -> Vec<String> {
        let of = |value: &Json| format!("{}:{}", text(&value["type"]), text(&value["id"]));
        let (actor, resource) = (of(&self.line["actor"]), of(&self.line["resource"]));
        match self.op().as_str() {
            "authorize" => vec!["authorize".into(), actor, self.action(), resource],
            "list" => vec!["list".into(), actor, self.action(), text(&self.line["resource_type"])],
            "actions" => vec!["actions".into(), actor, resource],
            _ => {
                let actors = format!("{}:_", text(&self.line["actor_type"]));
                vec!["query".into(), "allow".into(), actors, self.action(), resource]
            }
        }
    }

    /// Is this its known answer? Where there are many ids, their digest is known.
    pub fn is_right(&self, got: &Ids) -> bool {
        match &self.line["expected"] {
            Json::Bool(allowed) => *got == [allowed.to_string()],
            Json::Array(expected) => *got == expected.iter().map(text).collect::<Vec<_>>(),
            _ => {
                let digest = Sha256::digest(got.join("\n"));
                let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
                Some(got.len() as u64) == self.line["expected_count"].as_u64()
                    && digest == text(&self.line["expected_sha256"])
            }
        }
    }
}

/// Ids of what the engine answered.
pub fn ids_of_answer(answer: Answer) -> Ids {
    match answer {
        Answer::Decision(allowed) => vec![allowed.to_string()],
        Answer::Ids(ids) => ids,
        Answer::Facts(facts) => sorted(facts.into_iter().map(|args| match &args[0] {
            Row::Exact(actor) => actor.id().to_owned(),
            Row::Any | Row::AnyOf(_) => "*".to_owned(),
        })),
        Answer::Bindings { .. } => Vec::new(),
    }
}

/// Ids of what an endpoint answered.
pub fn ids_of_reply(reply: &Json) -> Ids {
    if let Some(allowed) = reply["allowed"].as_bool() {
        return vec![allowed.to_string()];
    }
    sorted(reply["results"].as_array().into_iter().flatten().map(|result| match result {
        Json::String(id) => id.clone(),
        fact => fact["args"][0]["id"].as_str().unwrap_or("*").to_owned(),
    }))
}

/// Ids of what the command line printed.
pub fn ids_of_lines(printed: &str) -> Ids {
    sorted(printed.lines().map(|line| match line {
        "allowed" => "true".to_owned(),
        "denied" => "false".to_owned(),
        // A solution: the actor comes first.
        solution if solution.contains(' ') => {
            let actor = solution.split(' ').next().and_then(|actor| actor.split_once(':'));
            actor.map_or_else(|| solution.to_owned(), |(_, id)| id.to_owned())
        }
        id => id.to_owned(),
    }))
}

fn sorted(ids: impl Iterator<Item = String>) -> Ids {
    let mut ids: Ids = ids.collect();
    ids.sort_unstable();
    ids
}
