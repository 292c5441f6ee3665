//! Names of a question that neither policy nor facts know, and what was meant.

use std::collections::BTreeSet;

use super::Explaining;
use crate::{
    facts::{Facts, RelationId, Row as Ids, RowPattern},
    limits::EXPLAIN_NAMES_MAX,
    model::{
        Ask, Pattern, Value,
        summary::{Named, Unknown},
    },
    rules::rule::{Rule, Term},
    syntax::similar::nearest,
    vocabulary,
};

impl<F: Facts> Explaining<'_, F> {
    /// What is unknown of a question, in the order it names it.
    pub(super) fn unknown(&mut self, ask: &Ask) -> Vec<Unknown> {
        let mut unknown = Vec::new();
        match ask {
            Ask::Authorize { actor, action, resource } => {
                unknown.extend(self.unknown_value(actor));
                unknown.extend(self.unknown_action(action, resource.type_name()));
                unknown.extend(self.unknown_value(resource));
            }
            Ask::List { actor, action, resource_type } => {
                unknown.extend(self.unknown_value(actor));
                unknown.extend(self.unknown_action(action, resource_type));
                unknown.extend(self.unknown_type(resource_type));
            }
            Ask::Actions { actor, resource } => {
                unknown.extend(self.unknown_value(actor));
                unknown.extend(self.unknown_value(resource));
            }
            Ask::Query { predicate, args } => {
                unknown.extend(self.unknown_predicate(predicate));
                let is_word = |value: &Value| matches!(value.type_name(), "String" | "Integer" | "Boolean");
                for pattern in args {
                    match pattern {
                        Pattern::Exact(value) if !is_word(value) => unknown.extend(self.unknown_value(value)),
                        Pattern::Type(type_name) => unknown.extend(self.unknown_type(type_name)),
                        _ => {}
                    }
                }
            }
            Ask::Evaluate { calls, constraints } => {
                for (predicate, _) in calls {
                    unknown.extend(self.unknown_predicate(predicate));
                }
                for (_, constraint) in constraints {
                    unknown.extend(self.unknown_type(&constraint.type_name));
                }
            }
        }
        unknown.dedup();
        unknown
    }

    fn unknown_value(&mut self, value: &Value) -> Option<Unknown> {
        self.unknown_type(value.type_name()).or_else(|| self.unknown_id(value.type_name(), value.id()))
    }

    fn unknown_type(&self, name: &str) -> Option<Unknown> {
        if matches!(name, "String" | "Integer" | "Boolean") || self.program.find_type(name).is_some() {
            return None;
        }
        let mut known: BTreeSet<&str> =
            self.program.types.iter().filter(|ty| !ty.is_abstract).map(|ty| ty.name.as_str()).collect();
        for relation in self.all_relations() {
            for ty in &self.facts.shape(relation).types {
                known.insert(self.facts.type_name(*ty));
            }
        }
        if known.contains(name) {
            return None;
        }
        let nearest = nearest(name, known).map(str::to_owned);
        Some(Unknown { named: Named::Type, name: name.to_owned(), type_name: String::new(), nearest })
    }

    /// Reads facts of the type until it finds the id; at most so many as `limits` says.
    fn unknown_id(&mut self, type_name: &str, id: &str) -> Option<Unknown> {
        let mut known = BTreeSet::new();
        let ty = self.program.find_type(type_name);
        for constant in self.program.constants.iter().filter(|constant| Some(constant.ty) == ty) {
            known.insert(constant.id.clone());
        }
        if known.contains(id) {
            return None;
        }
        let mut n_read = 0;
        for relation in self.all_relations() {
            let types = self.facts.shape(relation).types.clone();
            let places: Vec<usize> =
                (0..types.len()).filter(|at| self.facts.type_name(types[*at]) == type_name).collect();
            if places.is_empty() {
                continue;
            }
            let (mut cursor, mut row) = (self.facts.open(relation, &RowPattern::default()), Ids::default());
            while self.facts.next(&mut cursor, &mut row) {
                n_read += 1;
                if n_read > EXPLAIN_NAMES_MAX || self.units == 0 {
                    // Who can't be looked for is not said to be unknown.
                    return None;
                }
                self.units -= 1;
                for at in &places {
                    let mut text = String::new();
                    self.facts.write_id(crate::model::Sym { ty: types[*at], id: row[*at] }, &mut text);
                    if text == id {
                        return None;
                    }
                    known.insert(text);
                }
            }
        }
        let nearest = nearest(id, known.iter().map(String::as_str)).map(str::to_owned);
        Some(Unknown { named: Named::Entity, name: id.to_owned(), type_name: type_name.to_owned(), nearest })
    }

    fn unknown_action(&mut self, action: &str, type_name: &str) -> Option<Unknown> {
        // Of a type that nobody knows nothing more is said.
        if self.unknown_type(type_name).is_some() {
            return None;
        }
        let known = vocabulary::actions_of_policy(self.program, type_name);
        // Where a rule takes its action from a fact, any word of a fact may be one.
        if known.contains(action) || (self.takes_any_action() && self.unknown_id("String", action).is_none()) {
            return None;
        }
        let nearest = nearest(action, known.iter().map(String::as_str)).map(str::to_owned);
        Some(Unknown { named: Named::Action, name: action.to_owned(), type_name: type_name.to_owned(), nearest })
    }

    fn takes_any_action(&self) -> bool {
        let is_variable = |rule: &Rule| rule.line > 0 && matches!(rule.args.get(1), Some(Term::Var(_)));
        let rules = self.program.rules.iter().filter(|rule| is_variable(rule));
        let mut heads = rules.map(|rule| &self.program.predicates[rule.head.index()]);
        let mut relations = Vec::new();
        self.facts.relations("has_permission", 3, &mut relations);
        !relations.is_empty()
            || heads.any(|head| head.arity == 3 && matches!(head.name.as_str(), "allow" | "has_permission"))
    }

    fn unknown_predicate(&self, name: &str) -> Option<Unknown> {
        let mut known: BTreeSet<&str> = self
            .linked
            .predicates
            .iter()
            .take(self.program.predicates.len())
            .filter(|predicate| !predicate.auxiliary)
            .map(|predicate| predicate.name.as_str())
            .collect();
        let relations = self.all_relations();
        for relation in &relations {
            known.insert(self.facts.predicate(*relation));
        }
        if known.contains(name) {
            return None;
        }
        let nearest = nearest(name, known).map(str::to_owned);
        Some(Unknown { named: Named::Predicate, name: name.to_owned(), type_name: String::new(), nearest })
    }

    fn all_relations(&self) -> Vec<RelationId> {
        let mut relations = Vec::new();
        self.facts.all_relations(&mut relations);
        relations
    }
}
