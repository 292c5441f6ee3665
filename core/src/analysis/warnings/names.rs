//! Names that look like slips.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{KNOWN, PAIRS_MAX, Warnings, calls_of, each, terms, text, variables};
use crate::{
    limits::FINDINGS_MAX,
    syntax::{
        ast::{Expression, Literal, Name, Setup, Term},
        similar::did_you_mean,
    },
};

impl<'w> Warnings<'w> {
    pub(super) fn variables_used_once(&mut self) {
        let policy = self.policy;
        let mut told = |found: &[&Name], exempt: &[&str]| {
            let mut n_uses: HashMap<&str, usize> = HashMap::new();
            found.iter().for_each(|name| *n_uses.entry(&name.text).or_default() += 1);
            for name in found {
                let text = name.text.as_str();
                if n_uses[text] == 1 && !text.starts_with('_') && !exempt.contains(&text) {
                    let message = format!("variable `{text}` is used once");
                    self.warn(
                        "variable-used-once",
                        name.span,
                        message,
                        format!("write `_{text}` if any value will do"),
                    );
                }
            }
        };
        for rule in &policy.rules {
            let mut found = Vec::new();
            for (term, _) in &rule.head.params {
                if let Term::Variable(name) = term {
                    found.push(name);
                }
            }
            if let Some(body) = &rule.body {
                variables(body, &mut |name| found.push(name));
            }
            told(&found, &[]);
        }
        for rule in policy.blocks.iter().flat_map(|block| &block.rules) {
            let (mut calls, mut found) = (Vec::new(), Vec::new());
            calls_of(&rule.body, &mut calls);
            for arg in calls.into_iter().flat_map(|call| &call.args) {
                if let Term::Variable(name) = arg {
                    found.push(name);
                }
            }
            told(&found, &["actor", "resource", "role", "permission"]);
        }
    }

    pub(super) fn names_alike(&mut self) {
        let policy = self.policy;
        let declared: Vec<&str> = policy.blocks.iter().map(|block| block.name.text.as_str()).collect();
        let built_in = ["String", "Integer", "Boolean", "Actor", "Resource"];
        let known_types: BTreeSet<&str> = declared.iter().copied().chain(built_in).collect();
        let heads = policy.rules.iter().map(|rule| (rule.head.name.text.as_str(), rule.head.params.len()));
        let declares = policy.declarations.iter().map(|(name, types)| (name.text.as_str(), types.len()));
        let facts = self.stored().map(|(name, args)| (name, args.len()));
        let known: BTreeSet<(&str, usize)> = heads.chain(declares).chain(facts).collect();
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
            if !known_types.contains(name.text.as_str()) && self.findings.len() < FINDINGS_MAX {
                let help = did_you_mean(&name.text, known_types.iter().copied());
                if let Some(help) = help {
                    self.warn("unknown-type", name.span, format!("no block declares `{}`", name.text), help);
                }
            }
        }
        let mut n_pairs = 0;
        for (name, arity) in called {
            let text = name.text.as_str();
            if KNOWN.contains(&text) || known.contains(&(text, arity)) || self.findings.len() >= FINDINGS_MAX {
                continue;
            }
            n_pairs += known.len();
            if n_pairs > PAIRS_MAX {
                return;
            }
            let alike = known.iter().filter(|(_, n)| *n == arity).map(|(known, _)| *known).chain(KNOWN);
            if let Some(help) = did_you_mean(text, alike) {
                self.warn("unknown-predicate", name.span, format!("no rule defines `{text}`"), help);
            } else if let Some((_, other)) = known.iter().find(|(known, _)| *known == text) {
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
            if declared.contains(text) || stored_names.contains(text) || self.findings.len() >= FINDINGS_MAX {
                continue;
            }
            if let Some(help) = did_you_mean(text, declared.iter().copied()) {
                let what = match predicate {
                    "has_role" => "role",
                    "has_relation" => "relation",
                    _ => "permission",
                };
                self.warn("unknown-name", literal.span, format!("no block declares a {what} `{text}`"), help);
            }
        }
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
                let help = did_you_mean(&name.text, known.iter().copied())
                    .unwrap_or_else(|| format!("write it, as `test fixture {} {{ … }}`", name.text));
                self.warn("unknown-fixture", name.span, format!("there is no fixture `{}`", name.text), help);
            }
        }
    }
}
