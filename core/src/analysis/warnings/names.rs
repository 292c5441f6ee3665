//! Names that look like slips.

use std::collections::{BTreeMap, BTreeSet};

use super::{KNOWN, Warnings, calls_of, each, terms, text};
use crate::syntax::ast::{Expression, Literal, Name, Setup, Term};

impl<'w> Warnings<'w> {
    pub(super) fn names_alike(&mut self) {
        let policy = self.policy;
        let declared: Vec<&str> = policy.blocks.iter().map(|block| block.name.text.as_str()).collect();
        let built_in = ["String", "Integer", "Boolean", "Actor", "Resource"];
        let known_types: BTreeSet<&str> = declared.iter().copied().chain(built_in).collect();
        let heads = policy.rules.iter().map(|rule| (rule.head.name.text.as_str(), rule.head.params.len()));
        let declares = policy.declarations.iter().map(|(name, types)| (name.text.as_str(), types.len()));
        let facts = self.stored().map(|(name, args)| (name, args.len()));
        let defined: BTreeSet<(&str, usize)> = heads.chain(declares).collect();
        let stored = self.stored_in_several_tests();
        let known: BTreeSet<(&str, usize)> = defined.iter().copied().chain(facts).collect();
        let own = |kind: &str| -> BTreeSet<&str> {
            let lists = policy.blocks.iter().flat_map(|block| match kind {
                "has_role" => block.roles.iter().collect::<Vec<_>>(),
                "has_permission" | "allow" => block.permissions.iter().collect(),
                _ => block.relations.iter().map(|(name, _)| name).collect(),
            });
            lists.map(|name| name.text.as_str()).collect()
        };
        let by_kind: BTreeMap<&str, BTreeSet<&str>> = KNOWN.iter().map(|kind| (*kind, own(kind))).collect();
        let stored_names: BTreeSet<&str> =
            self.stored().flat_map(|(_, args)| args).map(|arg| arg.id.as_str()).collect();
        let mut types_named: Vec<&Name> = Vec::new();
        let mut called: Vec<(&Name, usize)> = Vec::new();
        let mut strings: Vec<(&str, &Literal)> = Vec::new();
        for rule in &policy.rules {
            types_named.extend(rule.head.params.iter().filter_map(|(_, annotation)| annotation.as_ref()));
            let second = rule.head.params.get(1).and_then(|(term, _)| text(term));
            strings.extend(second.map(|literal| (rule.head.name.text.as_str(), literal)));
            each(rule.body.as_ref().unwrap_or(&Expression::Constant(true)), &mut |condition| match condition {
                Expression::Matches(_, annotation, _) => types_named.push(annotation),
                Expression::Call(call) => {
                    called.push((&call.name, call.args.len()));
                    let second = call.args.get(1).and_then(text);
                    strings.extend(second.map(|literal| (call.name.text.as_str(), literal)));
                }
                _ => {}
            });
        }
        for rule in policy.blocks.iter().flat_map(|block| &block.rules) {
            let mut calls = Vec::new();
            calls_of(&rule.body, &mut calls);
            called.extend(calls.into_iter().map(|call| (&call.name, call.args.len())));
        }
        types_named.extend(policy.declarations.iter().flat_map(|(_, types)| types));
        for name in types_named {
            if known_types.contains(name.text.as_str()) || self.is_told() {
                continue;
            }
            let text = &name.text;
            let help = self.meant(text, known_types.iter().copied()).unwrap_or_else(|| {
                format!("declare it, as `resource {text} {{}}` or `actor {text} {{}}`: undeclared, no `Actor` or `Resource` is one")
            });
            self.warn("unknown-type", name.span, format!("no block declares `{text}`"), help);
        }
        for (name, arity) in called {
            let text = name.text.as_str();
            if KNOWN.contains(&text) || known.contains(&(text, arity)) || self.is_told() {
                continue;
            }
            // A name that one test alone has may be the slip itself.
            let alike =
                defined.iter().chain(&stored).filter(|(_, n)| *n == arity).map(|(known, _)| *known).chain(KNOWN);
            if let Some(help) = self.meant(text, alike) {
                self.warn("unknown-predicate", name.span, format!("no rule defines `{text}`"), help);
            } else if let Some((_, other)) = known.range((text, 0)..).next().filter(|(known, _)| *known == text) {
                let message = format!("`{text}` is called with {arity} arguments, and defined with {other}");
                self.warn(
                    "unknown-predicate",
                    name.span,
                    message,
                    "predicates of one name and different arity have nothing in common",
                );
            }
        }
        for (predicate, literal) in strings {
            let Some(declared) = by_kind.get(predicate) else { continue };
            let text = literal.id.as_str();
            if declared.contains(text) || stored_names.contains(text) || self.is_told() {
                continue;
            }
            if let Some(help) = self.meant(text, declared.iter().copied()) {
                let what = match predicate {
                    "has_role" => "role",
                    "has_relation" => "relation",
                    _ => "permission",
                };
                self.warn("unknown-name", literal.span, format!("no block declares a {what} `{text}`"), help);
            }
        }
    }

    /// Predicates whose facts more than one test or fixture has.
    fn stored_in_several_tests(&self) -> BTreeSet<(&'w str, usize)> {
        let fixtures = self.policy.fixtures.iter().map(|(_, steps)| steps);
        let setups = self.policy.tests.iter().map(|test| &test.setup).chain(fixtures);
        let (mut once, mut more) = (BTreeSet::new(), BTreeSet::new());
        for steps in setups {
            let facts = steps.iter().filter_map(|step| match step {
                Setup::Fact(fact) => Some((fact.name.text.as_str(), fact.args.len())),
                Setup::Fixture(_) => None,
            });
            for called in facts.collect::<BTreeSet<_>>() {
                if !once.insert(called) {
                    more.insert(called);
                }
            }
        }
        more
    }

    pub(super) fn star_ids(&mut self) {
        let mut found = Vec::new();
        let mut see = |term: &Term| {
            if let Term::Literal(literal) = term
                && literal.id == "*"
                && literal.type_name != "String"
            {
                found.push(literal.span);
            }
        };
        for rule in &self.policy.rules {
            rule.head.params.iter().for_each(|(term, _)| see(term));
            terms(rule.body.as_ref().unwrap_or(&Expression::Constant(true)), &mut see);
        }
        for span in found {
            let message = "the id `*` stands for no value: an answer with it is an error".to_owned();
            self.warn("star-id", span, message, "write `_: Type` for every value of a type");
        }
    }

    pub(super) fn tests(&mut self) {
        let known: BTreeSet<&str> = self.policy.fixtures.iter().map(|(name, _)| name.text.as_str()).collect();
        for step in self.steps() {
            let Setup::Fixture(name) = step else { continue };
            if !known.contains(name.text.as_str()) {
                let help = self
                    .meant(&name.text, known.iter().copied())
                    .unwrap_or_else(|| format!("write it, as `test fixture {} {{ … }}`", name.text));
                self.warn("unknown-fixture", name.span, format!("there is no fixture `{}`", name.text), help);
            }
        }
    }
}
