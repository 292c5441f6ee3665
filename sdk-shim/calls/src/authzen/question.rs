//! One question with what the caller says of everything in it.

use std::{collections::BTreeSet, sync::Arc};

use understudy_core::model::{Ask, Fact, Value};
use understudy_wire::{self as wire, Code};

use super::{
    Terms,
    entity::{Action, Entity},
    json::{Json, Object},
    properties::Properties,
    source::{Keys, Source},
    unreadable,
};
use crate::{convert, refusal::Refusal};

/// Member of a context that holds native facts, where the operator lets callers send any.
pub const CONTEXT_FACTS: &str = "oso:context_facts";

/// What a caller says of no entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// Its members.
    pub properties: Properties,
    /// Native facts, distinct.
    pub facts: Vec<Fact>,
    /// Most facts that an evaluation with it may bring along.
    facts_max: usize,
}

impl Context {
    /// Reads one.
    pub fn read(object: Option<&Object>, terms: &Terms) -> Result<Self, Refusal> {
        let facts_max = terms.facts_max;
        let Some(object) = object else {
            return Ok(Context { properties: Properties::default(), facts: Vec::new(), facts_max });
        };
        let is_facts = |name: &str| terms.takes_context_facts && name == CONTEXT_FACTS;
        let facts = match object.get(CONTEXT_FACTS) {
            Some(json) if is_facts(CONTEXT_FACTS) => native_facts(json)?,
            _ => Vec::new(),
        };
        let properties = Properties::read(object.iter().filter(|(name, _)| !is_facts(name)), &terms.types);
        Ok(Context { properties, facts, facts_max })
    }
}

/// May the subject do the action to the resource? Parts are shared by the items of a batch.
#[derive(Clone, Debug)]
pub struct Question {
    /// Who.
    pub subject: Arc<Entity>,
    /// Does what.
    pub action: Arc<Action>,
    /// To what.
    pub resource: Arc<Entity>,
    /// Under which circumstances.
    pub context: Arc<Context>,
}

impl Question {
    /// To the engine.
    pub fn ask(&self) -> Ask {
        Ask::Authorize {
            actor: self.subject.value.clone(),
            action: self.action.name.id().to_owned(),
            resource: self.resource.value.clone(),
        }
    }

    /// What its parts say.
    pub fn said(&self) -> Said<'_> {
        Said {
            subject: Some(&self.subject),
            resource: Some(&self.resource),
            action: Some(&self.action),
            context: &self.context,
        }
    }
}

/// What a caller says; what is searched has nothing to say.
#[derive(Clone, Copy)]
pub struct Said<'a> {
    /// Of the subject.
    pub subject: Option<&'a Entity>,
    /// Of the resource.
    pub resource: Option<&'a Entity>,
    /// Of the action.
    pub action: Option<&'a Action>,
    /// Of the rest.
    pub context: &'a Context,
}

impl<'a> Said<'a> {
    /// Sources that have properties.
    pub fn sources(self) -> impl Iterator<Item = Source> + 'a {
        let is_used = |(source, _, properties): (Source, _, &Properties)| (!properties.is_empty()).then_some(source);
        self.parts().into_iter().filter_map(is_used)
    }

    /// The facts of the request: of properties those that rules can see, and the native ones. Errors: 400 for what no fact
    /// can hold, 413 for more than the operator allows.
    pub fn facts(self, keys: Keys<'_>) -> Result<Vec<Fact>, Refusal> {
        let max = self.context.facts_max;
        let mut facts: BTreeSet<Fact> = self.context.facts.iter().take(max.saturating_add(1)).cloned().collect();
        for (source, owner, properties) in self.parts() {
            properties.add_facts(source, owner, keys.of(source), max, &mut facts)?;
        }
        if facts.len() > max {
            return Err(Refusal::new(
                Code::TooLarge,
                format!("more than {max} properties and context facts that rules of this policy see: send fewer"),
            ));
        }
        Ok(facts.into_iter().collect())
    }

    fn parts(self) -> Vec<(Source, Option<&'a Value>, &'a Properties)> {
        let entity = |source, entity: &'a Entity| (source, Some(&entity.value), &entity.properties);
        let subject = self.subject.map(|subject| entity(Source::Subject, subject));
        let resource = self.resource.map(|resource| entity(Source::Resource, resource));
        let action = self.action.map(|action| (Source::Action, Some(&action.name), &action.properties));
        let context = (Source::Context, None, &self.context.properties);
        subject.into_iter().chain(resource).chain(action).chain([context]).collect()
    }
}

fn native_facts(json: &Json) -> Result<Vec<Fact>, Refusal> {
    let read = serde_json::to_value(json).and_then(serde_json::from_value::<Option<Vec<wire::Fact>>>);
    let facts = read.map_err(|error| unreadable(format!("`context.{CONTEXT_FACTS}` can't be read: {error}")))?;
    let distinct: BTreeSet<Fact> = convert::facts(&facts.unwrap_or_default())?.into_iter().collect();
    Ok(distinct.into_iter().collect())
}
