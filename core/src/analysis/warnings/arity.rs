//! Calls and heads with an argument too many or too few, where the language gives the predicate a meaning.

use std::collections::{BTreeSet, HashMap};

use super::{Warnings, calls_of, each, text};
use crate::syntax::{
    ast::{BlockKind, Expression, Name, Term},
    diagnostic::{Finding, Span},
};

/// Arities that the language gives the predicate.
fn arities(predicate: &str) -> Option<&'static [usize]> {
    match predicate {
        "allow" | "has_permission" | "has_role" => Some(&[2, 3]),
        "has_relation" => Some(&[3]),
        _ => None,
    }
}

/// How the predicate is written with all its arguments.
fn whole(predicate: &str) -> &'static str {
    match predicate {
        "has_relation" => "write resource, relation and the related object, as `has_relation(doc, \"folder\", folder)`",
        "has_role" => "write actor, role and resource, as `has_role(user, \"reader\", doc)`",
        "allow" => "write actor, action and resource, as `allow(user, \"read\", doc)`",
        _ => "write actor, permission and resource, as `has_permission(user, \"read\", doc)`",
    }
}

impl<'w> Warnings<'w> {
    /// Calls and heads of another arity than the language has, and those of `global` that name no global role or permission.
    pub(super) fn arity_of_known_predicates(&mut self) {
        let policy = self.policy;
        let mut uses: Vec<(&'w Name, Vec<&'w Term>, bool)> = Vec::new();
        for rule in &policy.rules {
            let params = rule.head.params.iter().map(|(term, _)| term).collect();
            uses.push((&rule.head.name, params, true));
            each(rule.body.as_ref().unwrap_or(&Expression::Constant(true)), &mut |condition| {
                if let Expression::Call(call) = condition {
                    uses.push((&call.name, call.args.iter().collect(), false));
                }
            });
        }
        let mut called = Vec::new();
        policy.blocks.iter().flat_map(|block| &block.rules).for_each(|rule| calls_of(&rule.body, &mut called));
        uses.extend(called.into_iter().map(|call| (&call.name, call.args.iter().collect(), false)));
        // Names of blocks, first places; those of `global` apart.
        let mut of_types: HashMap<(&str, &str), (&str, Span)> = HashMap::new();
        let mut global: BTreeSet<(&str, &str)> = BTreeSet::new();
        for block in &policy.blocks {
            let roles = block.roles.iter().map(|name| ("has_role", name));
            for (predicate, name) in roles.chain(block.permissions.iter().map(|name| ("has_permission", name))) {
                if block.kind == BlockKind::Global {
                    global.insert((predicate, &name.text));
                } else {
                    of_types.entry((predicate, &name.text)).or_insert((&block.name.text, name.span));
                }
            }
        }
        // What tests and rules give with two arguments is meant.
        let given: BTreeSet<&str> = {
            let heads = policy.rules.iter().filter(|rule| rule.head.params.len() == 2);
            let stored = self.stored().filter(|(_, args)| args.len() == 2).map(|(name, _)| name);
            heads.map(|rule| rule.head.name.text.as_str()).chain(stored).collect()
        };
        for (name, args, is_head) in uses {
            let predicate = name.text.as_str();
            let Some(known) = arities(predicate) else { continue };
            if !known.contains(&args.len()) {
                let wanted: Vec<String> = known.iter().rev().map(ToString::to_string).collect();
                let plural = if args.len() == 1 { "" } else { "s" };
                let message =
                    format!("`{predicate}` has {} argument{plural} here; it takes {}", args.len(), wanted.join(" or "));
                self.warn("arity", name.span, message, whole(predicate));
                continue;
            }
            if args.len() != 2 {
                continue;
            }
            let kind = if predicate == "allow" { "has_permission" } else { predicate };
            let word = if predicate == "has_role" { "role" } else { "permission" };
            match text(args[1]) {
                Some(literal) => {
                    let key = (kind, literal.id.as_str());
                    if let Some((type_name, declared)) = of_types.get(&key).filter(|_| !global.contains(&key)) {
                        let id = &literal.id;
                        let message = format!(
                            "`{predicate}` with two arguments is of no resource, and `{id}` is a {word} of `{type_name}`"
                        );
                        let finding = Finding::warning("arity", name.span, message).help(whole(predicate));
                        self.tell(finding.related(Some(*declared), "declared here"));
                    }
                }
                // `has_role(u, d)`: a variable where the name stands.
                None if !is_head && !global.iter().any(|(of, _)| *of == kind) && !given.contains(predicate) => {
                    let message =
                        format!("`{predicate}` with two arguments asks for a global {word}, and the policy has none");
                    self.warn("arity", name.span, message, whole(predicate));
                }
                None => {}
            }
        }
    }

    /// Types with more than one block: they are one type, which reads as if they were two.
    pub(super) fn blocks_of_one_type(&mut self) {
        let mut first: HashMap<&str, (BlockKind, Span)> = HashMap::new();
        for block in &self.policy.blocks {
            let name = &block.name;
            let (kind, span) = *first.entry(&name.text).or_insert((block.kind, name.span));
            if span == name.span {
                continue;
            }
            let message = if kind == block.kind {
                format!("`{}` has another block: both are read as one", name.text)
            } else {
                format!("`{}` is both an actor and a resource", name.text)
            };
            let help =
                if kind == block.kind { "join the blocks" } else { "write one block: an actor is a resource too" };
            let finding = Finding::warning("duplicate-block", name.span, message).help(help);
            self.tell(finding.related(Some(span), "the first one is here"));
        }
    }
}
