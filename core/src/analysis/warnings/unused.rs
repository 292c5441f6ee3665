//! Declared and of no effect: permissions that no rule grants, relations that no rule reads.

use std::collections::BTreeSet;

use super::{PAIRS_MAX, Warnings, each, text};
use crate::{
    rules::rule::{ANYTHING, BoundId},
    syntax::ast::{Block, BlockKind, Call, Expression, Name, Term},
};

impl<'w> Warnings<'w> {
    pub(super) fn permissions_nobody_gets(&mut self) {
        if !self.has_actors() && !self.expanded.is_empty() {
            return;
        }
        // What each way grants: predicate arity, permission (any if `None`), types; and which permissions it needs.
        let mut grants: Vec<(usize, Option<&str>, BoundId, Vec<&str>)> = Vec::new();
        for rule in self.rules() {
            let arity = rule.head.params.len();
            if !matches!(rule.head.name.text.as_str(), "has_permission" | "allow") || !(2..=3).contains(&arity) {
                continue;
            }
            // The plain way from permission to `allow` grants nothing of its own.
            let is_allow = rule.head.name.text == "allow";
            let action = text(&rule.head.params[1].0).map(|literal| literal.id.as_str());
            for way in self.ways(rule, false) {
                let needs = way.calls.iter().filter(|call| call.name.text == "has_permission" && call.args.len() > 1);
                let is_same = |call: &&&Call| matches!((&call.args[1], &rule.head.params[1].0), (Term::Variable(a), Term::Variable(b)) if a.text == b.text);
                if action.is_none() && (is_allow && needs.clone().any(|call| is_same(&call))) {
                    continue;
                }
                let needs = needs.filter_map(|call| text(&call.args[1])).map(|literal| literal.id.as_str()).collect();
                let mut bound = ANYTHING;
                if let Some((term, annotation)) = rule.head.params.get(2) {
                    bound = match (term, annotation) {
                        (Term::Variable(name), Some(annotation)) if name.text == "_" => {
                            self.types.annotation(&annotation.text)
                        }
                        _ => self.bound(&way, term),
                    };
                }
                grants.push((arity, action, bound, needs));
            }
        }
        if grants.len() * self.policy.blocks.iter().map(|block| block.permissions.len()).sum::<usize>() > PAIRS_MAX {
            return;
        }
        let stored: BTreeSet<&str> = self
            .stored()
            .filter_map(|(name, args)| match name {
                "has_permission" => args.get(1).map(|value| value.id.as_str()),
                _ => None,
            })
            .collect();
        let policy = self.policy;
        let declared: Vec<(&Block, &Name)> =
            policy.blocks.iter().flat_map(|block| block.permissions.iter().map(move |name| (block, name))).collect();
        let names: BTreeSet<&str> = declared.iter().map(|(_, name)| name.text.as_str()).collect();
        // Least fixpoint: a permission that only itself grants is granted to nobody.
        let mut granted: BTreeSet<(&str, &str)> = BTreeSet::new();
        loop {
            let mut new = Vec::new();
            for (block, name) in &declared {
                let key = (block.name.text.as_str(), name.text.as_str());
                if granted.contains(&key) {
                    continue;
                }
                let arity = if block.kind == BlockKind::Global { 2 } else { 3 };
                let own = if arity == 2 { ANYTHING } else { self.types.annotation(&block.name.text) };
                let gets = stored.contains(key.1)
                    || grants.iter().any(|(n_args, action, bound, needs)| {
                        let both = self.types.meet(*bound, own);
                        let met = |need: &&str| {
                            !names.contains(need) || stored.contains(need) || granted.iter().any(|(_, n)| n == need)
                        };
                        *n_args == arity
                            && action.is_none_or(|action| action == key.1)
                            && (arity == 2 || !self.types.is_empty(both))
                            && needs.iter().all(met)
                    });
                if gets {
                    new.push(key);
                }
            }
            if new.is_empty() {
                break;
            }
            granted.extend(new);
        }
        for (block, name) in declared {
            if !granted.contains(&(block.name.text.as_str(), name.text.as_str())) {
                let (text, type_name) = (&name.text, &block.name.text);
                let message = format!("nobody can get permission `{text}` of `{type_name}`");
                self.warn(
                    "permission-nobody-gets",
                    name.span,
                    message,
                    format!("grant it, as `\"{text}\" if \"role\";`, or remove it"),
                );
            }
        }
    }

    pub(super) fn relations_unused(&mut self) {
        let mut uses: Vec<(Option<&str>, BoundId)> = Vec::new();
        for rule in self.rules() {
            let mut calls = Vec::new();
            each(rule.body.as_ref().unwrap_or(&Expression::Constant(true)), &mut |condition| {
                if let Expression::Call(call) = condition
                    && call.name.text == "has_relation"
                    && call.args.len() == 3
                {
                    calls.push(call);
                }
            });
            if calls.is_empty() {
                continue;
            }
            let bounds: Vec<_> = self.ways(rule, false).into_iter().map(|way| way.bounds).collect();
            for call in calls {
                let relation = text(&call.args[1]).map(|literal| literal.id.as_str());
                // Under `not`, or where ways differ: any type.
                let mut own = bounds.iter().map(|bounds| match &call.args[0] {
                    Term::Variable(name) => bounds.get(name.text.as_str()).copied().unwrap_or(ANYTHING),
                    _ => ANYTHING,
                });
                uses.extend(own.next().map(|bound| (relation, bound)));
                uses.extend(own.map(|bound| (relation, bound)));
            }
        }
        if uses.len() * self.policy.blocks.iter().map(|block| block.relations.len()).sum::<usize>() > PAIRS_MAX {
            return;
        }
        for block in &self.policy.blocks {
            let own = self.types.annotation(&block.name.text);
            for (name, _) in &block.relations {
                let is_used = uses.iter().any(|(relation, bound)| {
                    let both = self.types.meet(*bound, own);
                    relation.is_none_or(|relation| relation == name.text) && !self.types.is_empty(both)
                });
                if !is_used {
                    let (relation, type_name) = (&name.text, &block.name.text);
                    let message = format!("relation `{relation}` of `{type_name}` is used by no rule");
                    self.warn(
                        "unused-relation",
                        name.span,
                        message,
                        format!("use it, as `\"role\" on \"{relation}\"`, or remove it"),
                    );
                }
            }
        }
    }
}
