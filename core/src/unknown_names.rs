//! Names of a question that neither policy nor facts have: the universe is open, so they are no error, but mostly a slip.
//!
//! Enters: a question. Leaves: a sentence per unknown name, with the nearest known one. Never: changes an answer.

use std::collections::BTreeSet;

use crate::{
    facts::layers::Layered,
    model::{Ask, Pattern},
    rules::rule::{Program, Rule, Term},
    syntax::similar::did_you_mean,
    vocabulary::{self, Vocabulary, admits},
};

/// A sentence per unknown type, action or predicate, in the order of the question. Cost: reads every fact of permission.
pub fn of(program: &Program, facts: &Layered<'_>, ask: &Ask) -> Vec<String> {
    let known = Known { program, facts };
    let mut found = Vec::new();
    match ask {
        Ask::Authorize { actor, action, resource } => {
            found.extend(known.unknown_type(actor.type_name()));
            known.action_on(action, resource.type_name(), &mut found);
        }
        Ask::List { actor, action, resource_type } => {
            found.extend(known.unknown_type(actor.type_name()));
            known.action_on(action, resource_type, &mut found);
        }
        Ask::Actions { actor, resource } => {
            found.extend([actor, resource].into_iter().filter_map(|value| known.unknown_type(value.type_name())));
        }
        Ask::Query { predicate, args } => {
            found.extend(known.unknown_predicate(predicate, args.len()));
            found.extend(args.iter().filter_map(|arg| match arg {
                Pattern::Any => None,
                Pattern::Type(name) => known.unknown_type(name),
                Pattern::Exact(value) => known.unknown_type(value.type_name()),
            }));
        }
        Ask::Evaluate { calls, constraints } => {
            found.extend(calls.iter().filter_map(|(name, variables)| known.unknown_predicate(name, variables.len())));
            found.extend(constraints.iter().filter_map(|(_, one)| known.unknown_type(&one.type_name)));
        }
    }
    let mut seen = BTreeSet::new();
    found.retain(|sentence| seen.insert(sentence.clone()));
    found
}

/// Types of values that need no declaration.
const BUILT_IN: [&str; 3] = ["String", "Integer", "Boolean"];

struct Known<'a, 'b> {
    program: &'a Program,
    facts: &'a Layered<'b>,
}

impl Known<'_, '_> {
    fn unknown_type(&self, name: &str) -> Option<String> {
        let types =
            || self.program.types.iter().map(|ty| ty.name.as_str()).chain(self.facts.type_names()).chain(BUILT_IN);
        let is_known = types().any(|known| known == name);
        (!is_known).then(|| sentence(format!("policy and facts have no type `{name}`"), did_you_mean(name, types())))
    }

    /// The type of the resource, then the action on it.
    fn action_on(&self, action: &str, resource_type: &str, found: &mut Vec<String>) {
        if let Some(unknown) = self.unknown_type(resource_type) {
            found.push(unknown);
            return;
        }
        if self.takes_any_action(resource_type) {
            return;
        }
        let asked = Vocabulary::Actions { resource_type: resource_type.to_owned() };
        let actions = vocabulary::names(self.program, self.facts, &asked).unwrap_or_default();
        if actions.iter().all(|known| known != action) {
            let nearest = did_you_mean(action, actions.iter().map(String::as_str));
            found.push(sentence(format!("`{resource_type}` has no action `{action}`"), nearest));
        }
    }

    /// Does some rule that is written down grant whatever is asked for on the type?
    fn takes_any_action(&self, resource_type: &str) -> bool {
        let ty = self.program.find_type(resource_type);
        let grants_any = |rule: &Rule| {
            let is_written = rule.line > 0;
            is_written
                && matches!(rule.args.get(1), Some(Term::Var(_)))
                && rule.args.get(2).is_some_and(|resource| admits(self.program, rule, *resource, ty))
        };
        ["allow", "has_permission"].into_iter().any(|name| {
            let predicate = self.program.find_predicate(name, 3).map(|id| &self.program.predicates[id.index()]);
            predicate.is_some_and(|predicate| {
                predicate.rules.iter().any(|rule| self.program.rules.get(rule.index()).is_some_and(grants_any))
            })
        })
    }

    fn unknown_predicate(&self, name: &str, arity: usize) -> Option<String> {
        let of_rules = self.program.predicates.iter().filter(|predicate| !predicate.auxiliary);
        let of_rules = of_rules.map(|predicate| (predicate.name.as_str(), usize::from(predicate.arity)));
        let declared = self.program.fact_types.iter().map(|fact| (fact.predicate.as_str(), fact.args.len()));
        let known: BTreeSet<(&str, usize)> = of_rules.chain(declared).chain(self.facts.predicates()).collect();
        if known.contains(&(name, arity)) {
            return None;
        }
        let arities: Vec<String> =
            known.iter().filter(|(known, _)| *known == name).map(|(_, arity)| arity.to_string()).collect();
        let what = format!("policy and facts have no predicate `{name}` of {arity} arguments");
        Some(if arities.is_empty() {
            sentence(what, did_you_mean(name, known.iter().map(|(known, _)| *known)))
        } else {
            format!("{what}: `{name}` has {}", arities.join(" or "))
        })
    }
}

fn sentence(what: String, nearest: Option<String>) -> String {
    match nearest {
        Some(nearest) => format!("{what}; {nearest}"),
        None => what,
    }
}
