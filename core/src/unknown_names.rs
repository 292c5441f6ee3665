//! Names of a question that neither policy nor facts have: the universe is open, so they are no error, but mostly a slip.
//!
//! Enters: a question. Leaves: an item per unknown name, with the nearest known one. Never: changes an answer; suggests a
//! name that only one fact has, which may be a slip itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    facts::{Facts, RelationId, Row as Ids, RowPattern},
    limits::EXPLAIN_NAMES_MAX,
    model::{
        Ask, Pattern, Sym, Value,
        summary::{Named, Unknown},
    },
    rules::rule::{Literal, Program, Rule, Term},
    syntax::similar::nearest,
    vocabulary::{self, admits},
};

/// Types of values that need no declaration.
const BUILT_IN: [&str; 3] = ["String", "Integer", "Boolean"];

/// What is unknown of a question's types, actions, predicates and Strings, in its order. Cost: reads every fact that has a
/// String, where rules take one from facts.
pub fn of<F: Facts>(program: &Program, facts: &F, ask: &Ask) -> Vec<Unknown> {
    let mut units = u64::MAX;
    Known { program, facts, units: &mut units, with_entities: false }.unknown(ask)
}

/// The same, and entities that no fact names. `units`: what reading facts may cost, one each.
pub(crate) fn with_entities<F: Facts>(program: &Program, facts: &F, ask: &Ask, units: &mut u64) -> Vec<Unknown> {
    Known { program, facts, units, with_entities: true }.unknown(ask)
}

struct Known<'a, F: Facts> {
    program: &'a Program,
    facts: &'a F,
    units: &'a mut u64,
    with_entities: bool,
}

/// What came of looking for an id.
enum Looked {
    Found,
    /// The ids that there are instead.
    Absent(BTreeSet<String>),
    /// There are too many to read: what can't be looked for isn't said to be unknown.
    TooMany,
}

impl<F: Facts> Known<'_, F> {
    fn unknown(mut self, ask: &Ask) -> Vec<Unknown> {
        let mut found = Vec::new();
        match ask {
            Ask::Authorize { actor, action, resource } => {
                found.extend(self.unknown_value(actor));
                let of_type = self.unknown_type(resource.type_name());
                if of_type.is_none() {
                    found.extend(self.unknown_action(action, resource.type_name()));
                }
                found.extend(of_type.or_else(|| self.unknown_entity(resource)));
            }
            Ask::List { actor, action, resource_type } => {
                found.extend(self.unknown_value(actor));
                let of_type = self.unknown_type(resource_type);
                found.extend(of_type.or_else(|| self.unknown_action(action, resource_type)));
            }
            Ask::Actions { actor, resource } => {
                found.extend(self.unknown_value(actor));
                found.extend(self.unknown_value(resource));
            }
            Ask::Query { predicate, args } => {
                let of_predicate = self.unknown_predicate(predicate, args.len());
                let is_known = of_predicate.is_none();
                found.extend(of_predicate);
                for (at, pattern) in args.iter().enumerate() {
                    match pattern {
                        Pattern::Any => {}
                        Pattern::Type(name) => found.extend(self.unknown_type(name)),
                        Pattern::Exact(value) if value.type_name() == "String" => {
                            if is_known {
                                found.extend(self.unknown_string(value.id(), predicate, args.len(), at));
                            }
                        }
                        Pattern::Exact(value) => found.extend(self.unknown_value(value)),
                    }
                }
            }
            Ask::Evaluate { calls, constraints } => {
                for (name, variables) in calls {
                    found.extend(self.unknown_predicate(name, variables.len()));
                }
                for (_, constraint) in constraints {
                    found.extend(self.unknown_type(&constraint.type_name));
                }
            }
        }
        let mut once: Vec<Unknown> = Vec::with_capacity(found.len());
        for unknown in found {
            if !once.contains(&unknown) {
                once.push(unknown);
            }
        }
        once
    }

    fn unknown_value(&mut self, value: &Value) -> Option<Unknown> {
        self.unknown_type(value.type_name()).or_else(|| self.unknown_entity(value))
    }

    fn unknown_type(&self, name: &str) -> Option<Unknown> {
        if BUILT_IN.contains(&name) || self.program.find_type(name).is_some() {
            return None;
        }
        let mut stored: BTreeMap<&str, usize> = BTreeMap::new();
        for relation in self.all_relations() {
            let n_facts = self.n_facts(relation);
            for ty in &self.facts.shape(relation).types {
                *stored.entry(self.facts.type_name(*ty)).or_default() += n_facts;
            }
        }
        if stored.contains_key(name) {
            return None;
        }
        // Of types that only rules name each may be a slip, where others are declared.
        let blocks = &self.program.metadata;
        let has_blocks = blocks.iter().any(|(block, _)| block != "global");
        let is_declared = |name: &str| !has_blocks || blocks.iter().any(|(block, _)| block == name);
        let named = self.program.types.iter().filter(|ty| !ty.is_abstract).map(|ty| ty.name.as_str());
        let candidates = named.filter(|name| is_declared(name)).chain(more_than_one(&stored)).chain(BUILT_IN);
        let nearest = nearest(name, candidates).map(str::to_owned);
        Some(Unknown { named: Named::Type, name: name.to_owned(), nearest })
    }

    fn unknown_entity(&mut self, value: &Value) -> Option<Unknown> {
        let (type_name, id) = (value.type_name(), value.id());
        if !self.with_entities || BUILT_IN.contains(&type_name) || self.is_constant(type_name, id) {
            return None;
        }
        let found = self.look(id, |facts, relation, at| facts.type_name(facts.shape(relation).types[at]) == type_name);
        let Looked::Absent(mut others) = found else { return None };
        let ty = self.program.find_type(type_name);
        let constants = self.program.constants.iter().filter(|constant| Some(constant.ty) == ty);
        others.extend(constants.map(|constant| constant.id.clone()));
        let nearest = nearest(id, others.iter().map(String::as_str)).map(str::to_owned);
        Some(Unknown { named: Named::Entity { type_name: type_name.to_owned() }, name: id.to_owned(), nearest })
    }

    /// An action on a type that is known.
    fn unknown_action(&mut self, action: &str, resource_type: &str) -> Option<Unknown> {
        let known = vocabulary::actions_of_policy(self.program, resource_type);
        if known.contains(action) {
            return None;
        }
        let is_permission = |facts: &F, relation: RelationId, at: usize| {
            let types = &facts.shape(relation).types;
            facts.predicate(relation) == "has_permission"
                && (at, types.len()) == (1, 3)
                && facts.type_name(types[at]) == "String"
                && facts.type_name(types[2]) == resource_type
        };
        let Looked::Absent(stored) = self.look(action, is_permission) else { return None };
        if !action.is_empty() && self.takes_any_action(resource_type) {
            // Where rules take the action as it comes, it may be any word of a fact; where nothing names one, any at all.
            let is_named = !known.is_empty() || !stored.is_empty();
            if !is_named || !matches!(self.look_for_string(action), Looked::Absent(_)) {
                return None;
            }
        }
        let nearest = nearest(action, known.iter().map(String::as_str)).map(str::to_owned);
        Some(Unknown { named: Named::Action { on: resource_type.to_owned() }, name: action.to_owned(), nearest })
    }

    /// Does some rule that is written down grant whatever is asked for on the type?
    fn takes_any_action(&self, resource_type: &str) -> bool {
        let ty = self.program.find_type(resource_type);
        let grants_any = |rule: &Rule| {
            rule.line > 0
                && matches!(rule.args.get(1), Some(Term::Var(_)))
                && rule.args.get(2).is_some_and(|resource| admits(self.program, rule, *resource, ty))
        };
        ["allow", "has_permission"].into_iter().any(|name| self.rules_of(name, 3).any(grants_any))
    }

    /// A String that is asked for at one place of a predicate which is known.
    fn unknown_string(&mut self, text: &str, predicate: &str, arity: usize, at: usize) -> Option<Unknown> {
        let mut known: BTreeSet<&str> = BTreeSet::new();
        let mut takes_any = false;
        for rule in self.rules_of(predicate, arity) {
            match rule.args.get(at) {
                Some(Term::Var(_)) => takes_any |= rule.line > 0 || predicate == "allow",
                Some(term) => known.extend(vocabulary::string(self.program, *term)),
                None => {}
            }
        }
        let wanted = self.program.find_predicate(predicate, arity);
        for literal in self.program.rules.iter().flat_map(|rule| &rule.body) {
            let (Literal::Call { predicate, args } | Literal::Not { predicate, args }) = literal else { continue };
            if Some(*predicate) == wanted {
                known.extend(args.get(at).and_then(|term| vocabulary::string(self.program, *term)));
            }
        }
        let blocks = self.program.metadata.iter().filter(|_| at == 1).map(|(_, block)| block);
        for block in blocks {
            match predicate {
                "has_role" => known.extend(block.roles.iter().map(String::as_str)),
                "has_permission" | "allow" => known.extend(block.permissions.iter().map(String::as_str)),
                "has_relation" => known.extend(block.relations.iter().map(|(name, _)| name.as_str())),
                _ => {}
            }
        }
        if known.contains(text) {
            return None;
        }
        let is_here = |facts: &F, relation: RelationId, place: usize| {
            let types = &facts.shape(relation).types;
            let is_string = |ty| facts.type_name(ty) == "String";
            (place, types.len()) == (at, arity) && facts.predicate(relation) == predicate && is_string(types[place])
        };
        let Looked::Absent(_) = self.look(text, is_here) else { return None };
        if takes_any && (self.is_constant("String", text) || !matches!(self.look_for_string(text), Looked::Absent(_))) {
            return None;
        }
        let nearest = nearest(text, known).map(str::to_owned);
        let named = Named::Argument { of: predicate.to_owned(), at: at + 1 };
        Some(Unknown { named, name: text.to_owned(), nearest })
    }

    fn unknown_predicate(&self, name: &str, arity: usize) -> Option<Unknown> {
        let of_rules = self.program.predicates.iter().filter(|predicate| !predicate.auxiliary);
        let of_rules = of_rules.map(|predicate| (predicate.name.as_str(), usize::from(predicate.arity)));
        let declared = self.program.fact_types.iter().map(|fact| (fact.predicate.as_str(), fact.args.len()));
        let of_policy: BTreeSet<(&str, usize)> = of_rules.chain(declared).collect();
        let mut stored: BTreeMap<&str, usize> = BTreeMap::new();
        let mut arities: BTreeSet<usize> = BTreeSet::new();
        for relation in self.all_relations() {
            let known = self.facts.predicate(relation);
            *stored.entry(known).or_default() += self.n_facts(relation);
            if known == name {
                arities.insert(self.facts.shape(relation).types.len());
            }
        }
        arities.extend(of_policy.iter().filter(|(known, _)| *known == name).map(|(_, arity)| *arity));
        if arities.contains(&arity) {
            return None;
        }
        let candidates = of_policy.iter().map(|(known, _)| *known).chain(more_than_one(&stored));
        let nearest = if arities.is_empty() { nearest(name, candidates).map(str::to_owned) } else { None };
        let named = Named::Predicate { arity, others: arities.into_iter().collect() };
        Some(Unknown { named, name: name.to_owned(), nearest })
    }

    fn rules_of(&self, predicate: &str, arity: usize) -> impl Iterator<Item = &Rule> {
        let predicate = self.program.find_predicate(predicate, arity);
        let rules = predicate.map(|id| &self.program.predicates[id.index()].rules).into_iter().flatten();
        rules.filter_map(|rule| self.program.rules.get(rule.index()))
    }

    fn is_constant(&self, type_name: &str, id: &str) -> bool {
        let ty = self.program.find_type(type_name);
        self.program.constants.iter().any(|constant| Some(constant.ty) == ty && constant.id == id)
    }

    fn look_for_string(&mut self, text: &str) -> Looked {
        self.look(text, |facts, relation, at| facts.type_name(facts.shape(relation).types[at]) == "String")
    }

    /// Reads facts until the id stands at a wanted place; at most so many as `limits` says.
    fn look(&mut self, id: &str, wanted: impl Fn(&F, RelationId, usize) -> bool) -> Looked {
        let mut others = BTreeSet::new();
        let mut n_read = 0;
        for relation in self.all_relations() {
            let types = &self.facts.shape(relation).types;
            let places: Vec<usize> = (0..types.len()).filter(|at| wanted(self.facts, relation, *at)).collect();
            if places.is_empty() {
                continue;
            }
            let (mut cursor, mut row) = (self.facts.open(relation, &RowPattern::default()), Ids::default());
            while self.facts.next(&mut cursor, &mut row) {
                n_read += 1;
                if n_read > EXPLAIN_NAMES_MAX || *self.units == 0 {
                    return Looked::TooMany;
                }
                *self.units -= 1;
                for at in &places {
                    let mut text = String::new();
                    self.facts.write_id(Sym { ty: types[*at], id: row[*at] }, &mut text);
                    if text == id {
                        return Looked::Found;
                    }
                    others.insert(text);
                }
            }
        }
        Looked::Absent(others)
    }

    fn n_facts(&self, relation: RelationId) -> usize {
        self.facts.count(relation, &RowPattern::default())
    }

    fn all_relations(&self) -> Vec<RelationId> {
        let mut relations = Vec::new();
        self.facts.all_relations(&mut relations);
        relations
    }
}

/// Names that more than one fact has.
fn more_than_one<'n>(stored: &BTreeMap<&'n str, usize>) -> impl Iterator<Item = &'n str> {
    stored.iter().filter(|(_, n_facts)| **n_facts > 1).map(|(name, _)| *name)
}
