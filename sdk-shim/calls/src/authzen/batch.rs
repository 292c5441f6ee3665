//! One evaluation or many: read, asked in order, decided.

use std::sync::Arc;

use understudy_core::{
    limits::WORK_UNITS_PER_REQUEST,
    model::{Answer, Request},
};
use understudy_wire::Code;

use super::{
    Terms,
    entity::{Action, Entity, required},
    json::{Json, Object},
    limits::{ITEMS_MAX, REASONS_MAX, REASONS_UNITS},
    members::{array, member, missing, object, other_kind, string},
    mismatch,
    question::{Context, Question},
    source::{Keys, Source},
    unanswered, unreadable,
};
use crate::{
    dialogue::{Dialogue, Step, Told},
    refusal::Refusal,
};

/// Decisions that are asked for together.
#[derive(Debug)]
pub struct Batch {
    items: Vec<Result<Question, Refusal>>,
    /// Whose keys have to be known first.
    sources: Vec<Source>,
    /// The decision after which nothing more is asked.
    stop: Option<bool>,
    is_single: bool,
    /// Are reasons asked for, and given?
    wants_reasons: bool,
    now_s: i64,
}

/// A decision, or why there is none, and its reasons where they were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The decision.
    pub decision: Result<bool, Refusal>,
    /// The reasons, on a few lines.
    pub reason: Option<String>,
}

impl Batch {
    /// Reads a single evaluation. `now_s`: seconds since 1970-01-01 UTC.
    pub fn single(body: &Object, terms: &Terms, now_s: i64) -> Result<Self, Refusal> {
        let types = &terms.types;
        let question = Question {
            subject: Arc::new(Entity::read(required(body, "subject")?, "subject", None, types)?),
            action: Arc::new(Action::read(required(body, "action")?, types)?),
            resource: Arc::new(Entity::read(required(body, "resource")?, "resource", None, types)?),
            context: Arc::new(Context::read(object(body, "context", "context")?, terms)?),
        };
        Ok(Batch::new(vec![Ok(question)], None, true, wants_reasons(body, terms), now_s))
    }

    /// Reads several; without items it is a single one. What is wrong with one item is that item's, what is wrong with all
    /// of them (or is no object) the request's.
    pub fn read(body: &Object, terms: &Terms, now_s: i64) -> Result<Self, Refusal> {
        let items = array(body, "evaluations", "evaluations")?.unwrap_or_default();
        if items.is_empty() {
            return Batch::single(body, terms, now_s);
        }
        let stop = semantic(body)?;
        if items.len() > ITEMS_MAX {
            let message = format!("{} evaluations at once: at most {ITEMS_MAX}", items.len());
            return Err(Refusal::new(Code::TooLarge, message));
        }
        let defaults = Defaults::read(body, terms)?;
        let item = |(number, json): (usize, &Json)| match json {
            Json::Object(item) => Ok(defaults.question(item, terms)),
            other => Err(other_kind(&format!("evaluations[{number}]"), other, "an object")),
        };
        let items = items.iter().enumerate().map(item).collect::<Result<_, _>>()?;
        Ok(Batch::new(items, stop, false, wants_reasons(body, terms), now_s))
    }

    fn new(
        items: Vec<Result<Question, Refusal>>,
        stop: Option<bool>,
        is_single: bool,
        wants_reasons: bool,
        now_s: i64,
    ) -> Self {
        let used =
            |source: &Source| items.iter().flatten().any(|item| item.said().sources().any(|used| used == *source));
        let sources = Source::ALL.into_iter().filter(used).collect();
        Batch { items, sources, stop, is_single, wants_reasons, now_s }
    }

    /// Is it answered by one decision, without an array around it?
    pub fn is_single(&self) -> bool {
        self.is_single
    }

    /// The decisions, or why there is none, in order; with a semantic that stops early, up to the one that did.
    pub fn decisions(&self, told: &[Told]) -> Vec<Decided> {
        let (keys, outcomes, reasons) = self.split(told);
        let decide = |(item, told): (&Result<Question, Refusal>, &Told)| match told {
            Told::Answer(Answer::Decision(decision)) => Ok(*decision),
            Told::Failed(error) => Err(unanswered(error)),
            // Whatever stood in its way stands there still.
            Told::Skipped => Err(item.clone().and_then(|item| item.said().facts(keys)).err().unwrap_or_else(mismatch)),
            _ => Err(mismatch()),
        };
        let decisions = self.items.iter().zip(outcomes).map(decide).enumerate();
        let decided = decisions.map(|(at, decision)| {
            let reason = match reasons.get(at) {
                Some(Told::Reasons(Some(lines))) => Some(lines.join("\n")),
                _ => None,
            };
            Decided { decision, reason }
        });
        decided.collect()
    }

    /// Keys that rules tell apart, what came of items, and reasons.
    fn split<'a>(&'a self, told: &'a [Told]) -> (Keys<'a>, &'a [Told], &'a [Told]) {
        let (keys, rest) = told.split_at(self.sources.len().min(told.len()));
        let n_items = self.items.len().min(rest.len());
        let last = rest.iter().take(n_items).position(|told| self.ends(told));
        let (outcomes, reasons) = rest.split_at(last.map_or(n_items, |last| last + 1));
        (Keys { asked: &self.sources, told: keys }, outcomes, reasons)
    }

    /// Is it the decision after which nothing more is asked? What can't be decided is no grant.
    fn ends(&self, told: &Told) -> bool {
        self.stop == Some(*told == Told::Answer(Answer::Decision(true)))
    }

    /// The question that an item asks, within so many units; `None`: it can't be asked.
    fn request(&self, item: &Result<Question, Refusal>, keys: Keys<'_>, budget: u64) -> Option<Request> {
        let item = item.as_ref().ok()?;
        let context_facts = item.said().facts(keys).ok()?;
        Some(Request { ask: item.ask(), context_facts, now_s: self.now_s, budget })
    }
}

impl Dialogue for Batch {
    fn step(&self, told: &[Told]) -> Option<Step> {
        if let Some(source) = self.sources.get(told.len()) {
            return Some(source.keys());
        }
        let (keys, outcomes, reasons) = self.split(told);
        if outcomes.len() == self.items.len() || outcomes.last().is_some_and(|told| self.ends(told)) {
            return self.reason_of(reasons.len(), outcomes.len(), keys);
        }
        let item = self.items.get(outcomes.len())?;
        // An equal share each: one that needs more is none of the others'.
        let share = WORK_UNITS_PER_REQUEST / self.items.len().max(1) as u64;
        Some(self.request(item, keys, share).map_or(Step::Skip, Step::Ask))
    }
}

impl Batch {
    /// Asks for the reasons of an item that was asked; the first ones only.
    fn reason_of(&self, at: usize, n_asked: usize, keys: Keys<'_>) -> Option<Step> {
        if !self.wants_reasons || at >= n_asked.min(REASONS_MAX) {
            return None;
        }
        let budget = REASONS_UNITS / n_asked.clamp(1, REASONS_MAX) as u64;
        let item = self.items.get(at)?;
        Some(self.request(item, keys, budget).map_or(Step::Skip, Step::Explain))
    }
}

/// Does the caller ask for reasons, and may it have them?
fn wants_reasons(body: &Object, terms: &Terms) -> bool {
    let Some(Json::Object(options)) = member(body, "options") else { return false };
    terms.gives_reasons && member(options, "reason") == Some(&Json::Boolean(true))
}

/// Members that items don't have to repeat, each read once. What is wrong with one concerns the items that rely on it.
struct Defaults<'a> {
    body: &'a Object,
    subject: Result<Arc<Entity>, Refusal>,
    action: Result<Arc<Action>, Refusal>,
    resource: Result<Arc<Entity>, Refusal>,
    context: Result<Arc<Context>, Refusal>,
}

impl<'a> Defaults<'a> {
    fn read(body: &'a Object, terms: &Terms) -> Result<Self, Refusal> {
        let types = &terms.types;
        let entity = |name| default(body, name, |default| Entity::read(default, name, None, types));
        Ok(Defaults {
            body,
            subject: entity("subject")?,
            action: default(body, "action", |default| Action::read(default, types))?,
            resource: entity("resource")?,
            context: Context::read(object(body, "context", "context")?, terms).map(Arc::new),
        })
    }

    /// The item with what it doesn't have itself. An entity is the item's or the default, never a mixture, but for a type.
    fn question(&self, item: &Object, terms: &Terms) -> Result<Question, Refusal> {
        let types = &terms.types;
        let entity = |name: &str, default: &Result<Arc<Entity>, Refusal>| match object(item, name, name)? {
            Some(own) => Entity::read(own, name, self.default_type(name), types).map(Arc::new),
            None => default.clone(),
        };
        let subject = entity("subject", &self.subject)?;
        let action = match object(item, "action", "action")? {
            Some(own) => Arc::new(Action::read(own, types)?),
            None => self.action.clone()?,
        };
        let resource = entity("resource", &self.resource)?;
        let context = match object(item, "context", "context")? {
            Some(own) => Arc::new(Context::read(Some(own), terms)?),
            None => self.context.clone()?,
        };
        Ok(Question { subject, action, resource, context })
    }

    fn default_type(&self, name: &str) -> Option<&str> {
        match member(self.body, name) {
            Some(Json::Object(default)) => string(default, "type", name).ok()?,
            _ => None,
        }
    }
}

/// The outer error is the request's, the inner one that of items without their own.
fn default<T>(
    body: &Object,
    name: &str,
    read: impl FnOnce(&Object) -> Result<T, Refusal>,
) -> Result<Result<Arc<T>, Refusal>, Refusal> {
    Ok(match object(body, name, name)? {
        Some(default) => read(default).map(Arc::new),
        None => Err(missing(name, "an object, in the item or for all")),
    })
}

/// The decision that ends it.
fn semantic(body: &Object) -> Result<Option<bool>, Refusal> {
    let place = "options.evaluations_semantic";
    let options = object(body, "options", "options")?;
    match options.map(|options| string(options, "evaluations_semantic", place)).transpose()?.flatten() {
        None | Some("execute_all") => Ok(None),
        Some("deny_on_first_deny") => Ok(Some(false)),
        Some("permit_on_first_permit") => Ok(Some(true)),
        Some(other) => Err(unreadable(format!(
            "`{place}` is `{}`: allowed is execute_all, deny_on_first_deny or permit_on_first_permit",
            other.escape_debug()
        ))),
    }
}
