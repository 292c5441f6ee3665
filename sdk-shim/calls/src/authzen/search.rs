//! The three searches: who, to what, what.

use std::collections::BTreeSet;

use serde::Serialize;
use understudy_core::{
    limits::WORK_UNITS_PER_REQUEST,
    model::{Answer, Ask, Constraint, Request, Value},
    vocabulary::Vocabulary,
};
use understudy_wire::authzen::Page;

use super::{
    Terms,
    entity::{Action, Entity, Kind, required},
    json::Object,
    members::object,
    mismatch,
    page::Paging,
    properties::Properties,
    question::{Context, Said},
    source::{Keys, Source},
    unanswered,
};
use crate::{
    dialogue::{Dialogue, Step, Told},
    refusal::Refusal,
    signer::Signer,
};

/// What is searched, and for what it has to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sought {
    /// Subjects of a type that may do the action to the resource.
    Subjects(Kind, Action, Entity),
    /// Resources of a type to which the subject may do the action.
    Resources(Kind, Entity, Action),
    /// What the subject may do to the resource.
    Actions(Entity, Entity),
}

/// A search.
#[derive(Debug)]
pub struct Search {
    sought: Sought,
    context: Context,
    paging: Paging,
    sources: Vec<Source>,
    now_s: i64,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which part it is; `None`: everything.
    pub page: Option<Page>,
    /// Ids or names, sorted bytewise, distinct.
    pub results: Vec<String>,
    /// Did the policy allow any at all, of which these are the known ones?
    pub is_wildcard: bool,
}

impl Search {
    /// Reads a subject search. `signer`: the server's, for its pages; `now_s`: seconds since 1970-01-01 UTC.
    pub fn subjects(body: &Object, terms: &Terms, signer: &Signer, now_s: i64) -> Result<Self, Refusal> {
        let kind = Kind::read(required(body, "subject")?, "subject", &terms.types)?;
        let action = Action::read(required(body, "action")?, &terms.types)?;
        Search::new(Sought::Subjects(kind, action, entity(body, "resource", terms)?), body, terms, signer, now_s)
    }

    /// Reads a resource search.
    pub fn resources(body: &Object, terms: &Terms, signer: &Signer, now_s: i64) -> Result<Self, Refusal> {
        let subject = entity(body, "subject", terms)?;
        let action = Action::read(required(body, "action")?, &terms.types)?;
        let kind = Kind::read(required(body, "resource")?, "resource", &terms.types)?;
        Search::new(Sought::Resources(kind, subject, action), body, terms, signer, now_s)
    }

    /// Reads an action search; an action that is sent says nothing.
    pub fn actions(body: &Object, terms: &Terms, signer: &Signer, now_s: i64) -> Result<Self, Refusal> {
        let sought = Sought::Actions(entity(body, "subject", terms)?, entity(body, "resource", terms)?);
        Search::new(sought, body, terms, signer, now_s)
    }

    fn new(sought: Sought, body: &Object, terms: &Terms, signer: &Signer, now_s: i64) -> Result<Self, Refusal> {
        let context = Context::read(object(body, "context", "context")?, terms)?;
        let paging = Paging::read(body, &fingerprint(&sought, &context, &terms.environment), signer)?;
        let sources = said(&sought, &context).sources().collect();
        Ok(Search { sought, context, paging, sources, now_s })
    }

    /// What is searched.
    pub fn sought(&self) -> &Sought {
        &self.sought
    }

    /// The page asked for.
    pub fn found(&self, told: &[Told]) -> Result<Found, Refusal> {
        let (keys, told) = self.split(told);
        let answer = match told.first() {
            Some(Told::Answer(answer)) => answer,
            Some(Told::Failed(error)) => return Err(unanswered(error)),
            _ => return Err(said(&self.sought, &self.context).facts(keys).err().unwrap_or_else(mismatch)),
        };
        let (mut results, is_wildcard) = self.read(answer).ok_or_else(mismatch)?;
        if is_wildcard {
            let Some(Told::Names(Some(universe))) = told.get(1) else { return Err(mismatch()) };
            results.extend(universe.iter().cloned());
        }
        let (page, results) = self.paging.page(results.into_iter().collect());
        Ok(Found { page, results, is_wildcard })
    }

    /// Ids or names of an answer, and whether it allows any. `None`: it is of another kind.
    fn read(&self, answer: &Answer) -> Option<(BTreeSet<String>, bool)> {
        let mut found = BTreeSet::new();
        let mut is_wildcard = false;
        match (answer, &self.sought) {
            (Answer::Ids(ids), Sought::Resources(..) | Sought::Actions(..)) => {
                is_wildcard = ids.iter().any(|id| id == "*");
                found.extend(ids.iter().filter(|id| *id != "*").cloned());
            }
            (Answer::Bindings { variables, rows }, Sought::Subjects(..)) => {
                let at = variables.iter().position(|variable| variable == SUBJECT)?;
                for row in rows {
                    match row.get(at)? {
                        Some(id) => drop(found.insert(id.clone())),
                        None => is_wildcard = true,
                    }
                }
            }
            _ => return None,
        }
        Some((found, is_wildcard))
    }

    fn ask(&self) -> Ask {
        match &self.sought {
            Sought::Subjects(kind, action, resource) => who(&kind.policy_type, &action.name, &resource.value),
            Sought::Resources(kind, subject, action) => Ask::List {
                actor: subject.value.clone(),
                action: action.name.id().to_owned(),
                resource_type: kind.policy_type.clone(),
            },
            Sought::Actions(subject, resource) => {
                Ask::Actions { actor: subject.value.clone(), resource: resource.value.clone() }
            }
        }
    }

    /// What stands for "any".
    fn universe(&self) -> Vocabulary {
        match &self.sought {
            Sought::Subjects(kind, ..) | Sought::Resources(kind, ..) => {
                Vocabulary::Ids { type_name: kind.policy_type.clone() }
            }
            Sought::Actions(_, resource) => {
                Vocabulary::Actions { resource_type: resource.value.type_name().to_owned() }
            }
        }
    }

    fn split<'a>(&'a self, told: &'a [Told]) -> (Keys<'a>, &'a [Told]) {
        let (keys, told) = told.split_at(self.sources.len().min(told.len()));
        (Keys { asked: &self.sources, told: keys }, told)
    }
}

impl Dialogue for Search {
    fn step(&self, told: &[Told]) -> Option<Step> {
        if let Some(source) = self.sources.get(told.len()) {
            return Some(source.keys());
        }
        match self.split(told) {
            (keys, []) => {
                let context_facts = said(&self.sought, &self.context).facts(keys).ok()?;
                let (now_s, budget) = (self.now_s, WORK_UNITS_PER_REQUEST);
                Some(Step::Ask(Request { ask: self.ask(), context_facts, now_s, budget }))
            }
            (_, [Told::Answer(answer)]) => {
                let (_, is_wildcard) = self.read(answer)?;
                is_wildcard.then(|| Step::Names(self.universe()))
            }
            _ => None,
        }
    }
}

const SUBJECT: &str = "subject";

/// Which subjects of exactly this type.
fn who(type_name: &str, action: &Value, resource: &Value) -> Ask {
    let is =
        |value: &Value| Constraint { type_name: value.type_name().to_owned(), ids: Some(vec![value.id().to_owned()]) };
    let variables = ["action", "resource", SUBJECT].map(str::to_owned);
    let constraints = [is(action), is(resource), Constraint { type_name: type_name.to_owned(), ids: None }];
    let [action, resource, subject] = variables.clone();
    Ask::Evaluate {
        calls: vec![("allow".to_owned(), vec![subject, action, resource])],
        constraints: variables.into_iter().zip(constraints).collect(),
    }
}

/// What is said of everything that isn't searched.
fn said<'a>(sought: &'a Sought, context: &'a Context) -> Said<'a> {
    let (subject, resource, action) = match sought {
        Sought::Subjects(_, action, resource) => (None, Some(resource), Some(action)),
        Sought::Resources(_, subject, action) => (Some(subject), None, Some(action)),
        Sought::Actions(subject, resource) => (Some(subject), Some(resource), None),
    };
    Said { subject, resource, action, context }
}

fn entity(body: &Object, name: &str, terms: &Terms) -> Result<Entity, Refusal> {
    Entity::read(required(body, name)?, name, None, &terms.types)
}

/// Bytes that are the same for the same search alone. What is ignored in a request is not in it.
fn fingerprint(sought: &Sought, context: &Context, environment: &str) -> Vec<u8> {
    let Said { subject, resource, action, .. } = said(sought, context);
    let facts = context.facts.iter().map(|fact| (&*fact.predicate, fact.args.iter().map(parts).collect()));
    let fingerprint = Fingerprint {
        environment,
        sought: match sought {
            Sought::Subjects(kind, ..) => ("subjects", Some(&kind.policy_type)),
            Sought::Resources(kind, ..) => ("resources", Some(&kind.policy_type)),
            Sought::Actions(..) => ("actions", None),
        },
        subject: subject.map(|subject| (parts(&subject.value), &subject.properties)),
        resource: resource.map(|resource| (parts(&resource.value), &resource.properties)),
        action: action.map(|action| (parts(&action.name), &action.properties)),
        context: &context.properties,
        facts: facts.collect(),
    };
    // Texts and maps of texts are always written.
    serde_json::to_vec(&fingerprint).unwrap_or_default()
}

#[derive(Serialize)]
struct Fingerprint<'a> {
    environment: &'a str,
    /// The endpoint, and the type that is searched.
    sought: (&'a str, Option<&'a String>),
    subject: Option<(Parts<'a>, &'a Properties)>,
    resource: Option<(Parts<'a>, &'a Properties)>,
    action: Option<(Parts<'a>, &'a Properties)>,
    context: &'a Properties,
    facts: Vec<(&'a str, Vec<Parts<'a>>)>,
}

/// Type and id.
type Parts<'a> = (&'a str, &'a str);

fn parts(value: &Value) -> Parts<'_> {
    (value.type_name(), value.id())
}
