//! Variables that stand once in a rule: a slip for another one, or any value, which `_` would say.

use std::collections::HashMap;

use super::{Warnings, each, terms};
use crate::syntax::{
    ast::{Expression, Name, Rule, Shorthand, Term},
    similar::nearest,
};

/// Where a variable stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Head,
    Condition,
    /// Under a `not`.
    Negated,
    /// A side of a comparison, which binds nothing.
    Compared,
}

fn variable<'w>(term: &'w Term, place: Place, found: &mut Vec<(&'w Name, Place)>) {
    match term {
        Term::Variable(name) => found.push((name, place)),
        Term::List(elements) => elements.iter().for_each(|element| variable(element, place, found)),
        Term::Literal(_) | Term::Now => {}
    }
}

/// Every variable of a body with its place, in the order written.
fn walk<'w>(expression: &'w Expression, is_negated: bool, found: &mut Vec<(&'w Name, Place)>) {
    let place = |own| if is_negated { Place::Negated } else { own };
    match expression {
        Expression::And(parts) | Expression::Or(parts) => parts.iter().for_each(|part| walk(part, is_negated, found)),
        Expression::Not(inside) => walk(inside, true, found),
        Expression::Compare(_, left, right) => {
            variable(left, place(Place::Compared), found);
            variable(right, place(Place::Compared), found);
        }
        Expression::Matches(name, ..) => found.push((name, place(Place::Condition))),
        other => {
            each(other, &mut |condition| {
                terms(condition, &mut |term| {
                    if let Term::Variable(name) = term {
                        found.push((name, place(Place::Condition)));
                    }
                });
            });
        }
    }
}

/// The same of a shorthand condition.
fn shorthand<'w>(body: &'w Shorthand, place: Place, found: &mut Vec<(&'w Name, Place)>) {
    match body {
        Shorthand::And(parts) | Shorthand::Or(parts) => parts.iter().for_each(|part| shorthand(part, place, found)),
        Shorthand::Not(inside) => shorthand(inside, Place::Negated, found),
        Shorthand::Call(call) => call.args.iter().for_each(|arg| variable(arg, place, found)),
        Shorthand::Global(_) | Shorthand::Name(..) => {}
    }
}

/// The variable of the rule that was meant: one spelt alike, one that is the beginning of the other, or the one parameter
/// that nothing uses.
fn meant<'w>(name: &str, found: &[(&'w Name, Place)], n_uses: &HashMap<&str, usize>) -> Option<&'w str> {
    let others = || found.iter().map(|(other, _)| other.text.as_str()).filter(|other| *other != name && *other != "_");
    let begins = |other: &&str| {
        let (name, other) = (name.to_lowercase(), other.to_lowercase());
        name.starts_with(&other) || other.starts_with(&name)
    };
    let mut unused = found.iter().filter(|(other, place)| {
        *place == Place::Head && other.text != name && !other.text.starts_with('_') && n_uses[other.text.as_str()] == 1
    });
    nearest(name, others())
        .or_else(|| others().find(begins))
        .or_else(|| unused.next().filter(|_| unused.next().is_none()).map(|(other, _)| other.text.as_str()))
}

impl<'w> Warnings<'w> {
    /// Variables that stand once: where nothing binds them, and where any value will do.
    pub(super) fn variables_unbound(&mut self) {
        let policy = self.policy;
        let rules: Vec<&'w Rule> = policy.rules.iter().collect();
        for rule in rules {
            let mut found = Vec::new();
            rule.head.params.iter().for_each(|(term, _)| variable(term, Place::Head, &mut found));
            if let Some(body) = &rule.body {
                walk(body, false, &mut found);
            }
            self.tell_variables(&found, &[]);
        }
        for rule in policy.blocks.iter().flat_map(|block| &block.rules) {
            let mut found = Vec::new();
            shorthand(&rule.body, Place::Condition, &mut found);
            self.tell_variables(&found, &["actor", "resource", "role", "permission"]);
        }
    }

    fn tell_variables(&mut self, found: &[(&'w Name, Place)], exempt: &[&'w str]) {
        let mut n_uses: HashMap<&str, usize> = HashMap::new();
        found.iter().for_each(|(name, _)| *n_uses.entry(&name.text).or_default() += 1);
        for (name, place) in found {
            let text = name.text.as_str();
            if n_uses[text] != 1 || text.starts_with('_') || exempt.contains(&text) || self.is_told() {
                continue;
            }
            let other = if *place == Place::Head { None } else { meant(text, found, &n_uses) };
            // Shorthand has its two variables whether a condition names them or not.
            let in_scope = exempt.iter().copied().find(|name| name.starts_with(text) || text.starts_with(name));
            let in_scope = in_scope.or_else(|| exempt.get(1).copied().filter(|_| *place == Place::Negated));
            let other = other.or(in_scope);
            let any = format!("write `_{text}` if any value will do");
            match (place, other) {
                (Place::Head, _) | (Place::Condition, None) => {
                    self.warn("variable-used-once", name.span, format!("variable `{text}` is used once"), any);
                }
                (_, Some(other)) => {
                    let message = format!("`{text}` isn't bound: no other condition names it");
                    self.warn("unbound-variable", name.span, message, format!("did you mean `{other}`?"));
                }
                (Place::Negated, None) => {
                    let message = format!("`{text}` isn't bound: the `not` means that there is no such value at all");
                    let help = format!("bind it by a condition outside the `not`; if that is meant, write `_{text}`");
                    self.warn("unbound-variable", name.span, message, help);
                }
                (Place::Compared, None) => {
                    let message = format!("`{text}` isn't bound, so this comparison has no answer");
                    self.warn("unbound-variable", name.span, message, "bind it by a condition that calls a predicate");
                }
            }
        }
    }
}
