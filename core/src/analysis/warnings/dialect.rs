//! What is read here and isn't part of the language: Oso Cloud refuses it, or drops it.

use std::collections::HashSet;

use super::{Warnings, calls_of, each};
use crate::syntax::ast::{Call, Expression};

/// Predicates of the old library that the language doesn't have.
const OLD: [&str; 5] = ["print", "debug", "cut", "forall", "not_"];

impl Warnings<'_> {
    /// Items without effect, calls of what was built into the old library.
    pub(super) fn foreign_items(&mut self) {
        let policy = self.policy;
        for (span, what) in &policy.ignored {
            let message = format!("{what} does nothing here, and Oso Cloud refuses it or drops it");
            self.warn("no-effect", *span, message, "remove it; what it was to check can stand in a `test`");
        }
        let heads = policy.rules.iter().map(|rule| (rule.head.name.text.as_str(), rule.head.params.len()));
        let declared = policy.declarations.iter().map(|(name, types)| (name.text.as_str(), types.len()));
        let defined: HashSet<(&str, usize)> = heads.chain(declared).collect();
        let mut called: Vec<&Call> = Vec::new();
        for rule in &policy.rules {
            each(rule.body.as_ref().unwrap_or(&Expression::Constant(true)), &mut |condition| {
                if let Expression::Call(call) = condition {
                    called.push(call);
                }
            });
        }
        policy.blocks.iter().flat_map(|block| &block.rules).for_each(|rule| calls_of(&rule.body, &mut called));
        for call in called {
            let name = call.name.text.as_str();
            if OLD.contains(&name) && !defined.contains(&(name, call.args.len())) {
                let message = format!(
                    "`{name}` isn't built in: here it is a fact that nothing stores, so the rule never matches"
                );
                self.warn("no-effect", call.name.span, message, format!("remove it: Oso Cloud has no `{name}`"));
            }
        }
    }
}
