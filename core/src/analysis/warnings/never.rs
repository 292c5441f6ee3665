//! Rules that nothing can satisfy, whatever the facts.

use std::collections::HashMap;

use super::{Warnings, Way, each};
use crate::syntax::{
    ast::{BlockKind, Expression, Name, Rule, Term},
    diagnostic::{Finding, Span},
};

impl<'w> Warnings<'w> {
    pub(super) fn has_actors(&self) -> bool {
        self.policy.blocks.iter().any(|block| block.kind == BlockKind::Actor)
    }

    pub(super) fn clash(&self, name: &Name, annotation: &Name, before: Option<(&str, Span)>) -> Finding {
        let (variable, wanted) = (&name.text, &annotation.text);
        let Some((before, span)) = before else {
            let message = format!("no type is a `{wanted}`, so this never matches");
            return Finding::warning("never-matches", annotation.span, message)
                .help(format!("declare one, as `{} Name {{}}`", wanted.to_lowercase()));
        };
        let message = format!("`{variable}` can't be a `{wanted}` and a `{before}`, so this never matches");
        Finding::warning("never-matches", annotation.span, message)
            .help("make one a type below the other by `extends`, or use another variable")
            .related(Some(span), format!("`{variable}` is a `{before}` here"))
    }

    pub(super) fn impossible(
        &mut self,
        condition: &Expression,
        way: &Way<'w>,
        places: &HashMap<&str, (&str, Span)>,
        rule: Span,
    ) -> Option<Finding> {
        let never = |span, message: String, help: &str| {
            Some(Finding::warning("never-matches", span, format!("{message}, so this never matches")).help(help))
        };
        match condition {
            Expression::Constant(false) => never(rule, "a condition is `false`".to_owned(), "remove the rule"),
            Expression::In(Term::Variable(name), list, false) if list.is_empty() => {
                never(name.span, "the list is empty".to_owned(), "write a value into it, or remove the rule")
            }
            Expression::Equal(Term::Literal(a), Term::Literal(b)) if (&a.type_name, &a.id) != (&b.type_name, &b.id) => {
                never(b.span, "these values are different".to_owned(), "remove the rule")
            }
            Expression::Equal(Term::Variable(name), Term::Literal(value))
            | Expression::Equal(Term::Literal(value), Term::Variable(name)) => {
                let bound = *way.bounds.get(name.text.as_str())?;
                let own = self.types.exact(&value.type_name);
                let both = self.types.meet(bound, own);
                if self.types.is_empty(bound) || !self.types.is_empty(both) {
                    return None;
                }
                let (type_name, span) = *places.get(name.text.as_str())?;
                let message = format!("`{}` is a `{type_name}` and never a `{}`", name.text, value.type_name);
                never(value.span, message, "compare it with a value of its type")
                    .map(|finding| finding.related(Some(span), format!("`{}` is a `{type_name}` here", name.text)))
            }
            Expression::Compare(op, left, right) if *op != "!=" => {
                let integer = self.types.exact("Integer");
                for side in [left, right] {
                    let (bound, span, shown) = match side {
                        Term::Literal(value) => {
                            (self.types.exact(&value.type_name), value.span, format!("a `{}`", value.type_name))
                        }
                        Term::Variable(name) => {
                            let Some(bound) = way.bounds.get(name.text.as_str()) else { continue };
                            (*bound, name.span, format!("`{}`", name.text))
                        }
                        Term::Now | Term::List(_) => continue,
                    };
                    let both = self.types.meet(bound, integer);
                    if self.types.is_empty(both) && !self.types.is_empty(bound) {
                        let message = format!("`{op}` compares Integers and {shown} is none");
                        return never(span, message, "store the value as an Integer");
                    }
                }
                None
            }
            _ => None,
        }
    }

    pub(super) fn rules_that_never_match(&mut self) {
        let has_actors = self.has_actors();
        for rule in self.rules() {
            // Without an actor nothing in shorthand matches: that is one finding.
            let is_expanded = rule.head.params.iter().any(|(term, annotation)| match (term, annotation) {
                (Term::Variable(name), Some(annotation)) => annotation.span == name.span && annotation.text == "Actor",
                _ => false,
            });
            self.ways(rule, has_actors || !is_expanded);
        }
        if let (false, Some(rule)) = (has_actors, self.expanded.first()) {
            let message = "no block declares an actor, so no shorthand rule ever matches".to_owned();
            self.warn("never-matches", rule.head.name.span, message, "declare one, as `actor User {}`");
            return;
        }
        // A relation that leads to no actor, where the one who asks is meant.
        let actors = self.types.annotation("Actor");
        for rule in self.expanded {
            let mut leads = Vec::new();
            each(rule.body.as_ref().unwrap_or(&Expression::Constant(true)), &mut |condition| {
                if let Expression::Call(call) = condition
                    && call.name.text == "has_relation"
                    && let [Term::Variable(on), Term::Literal(name), Term::Variable(actor)] = call.args.as_slice()
                    && actor.text == "actor"
                    && call.name.span == name.span
                {
                    leads.push((on.text.clone(), name));
                }
            });
            for (on, name) in leads {
                let targets = self.targets(&on, rule, &name.id);
                let reaches = |warnings: &mut Self, target: &String| {
                    let bound = warnings.types.annotation(target);
                    let both = warnings.types.meet(bound, actors);
                    !warnings.types.is_empty(both)
                };
                if let Some(target) = targets.first().cloned()
                    && !targets.iter().any(|target| reaches(self, target))
                {
                    let message = format!(
                        "relation `{}` leads to `{target}`, which isn't an actor, so this never matches",
                        name.id
                    );
                    let help = format!("name what the actor has there, as `\"role\" on \"{}\"`", name.id);
                    let declared = self.relation_span(&name.id, &target);
                    let finding = Finding::warning("never-matches", name.span, message).help(help);
                    self.tell(finding.related(declared, "declared here"));
                }
            }
        }
    }

    pub(super) fn targets(&self, on: &str, rule: &Rule, relation: &str) -> Vec<String> {
        let mut of = None;
        let params = rule.head.params.iter();
        for (term, annotation) in params {
            if let (Term::Variable(name), Some(annotation)) = (term, annotation)
                && name.text == on
            {
                of = Some(annotation.text.clone());
            }
        }
        each(rule.body.as_ref().unwrap_or(&Expression::Constant(true)), &mut |condition| {
            if let Expression::Matches(name, annotation, _) = condition
                && name.text == on
            {
                of = Some(annotation.text.clone());
            }
        });
        let places = of.as_deref().map(|of| self.types.supertypes(of)).unwrap_or_default();
        let owns = places.into_iter().filter_map(|place| self.declarations.get(place));
        owns.flat_map(|own| &own.relations).filter(|(name, _)| name == relation).map(|(_, to)| to.clone()).collect()
    }

    pub(super) fn relation_span(&self, relation: &str, target: &str) -> Option<Span> {
        let all = self.policy.blocks.iter().flat_map(|block| &block.relations);
        all.filter(|(name, to)| name.text == relation && to.text == target).map(|(name, _)| name.span).next()
    }
}
