//! How large a rule becomes once its `or`s are multiplied out, counted before that is done: `n` of two branches each make
//! 2^n copies of what stands beside them.

use crate::{
    limits::{BRANCHES_PER_RULE_MAX, CONDITIONS_PER_RULE_MAX, PROGRAM_PARTS_MAX},
    syntax::{
        ast::{Expression, Rule, Term},
        diagnostic::Finding,
    },
};

/// Bytes of a variable's name that count as a part: every clause names its own variables.
const NAME_BYTES_PER_PART: usize = 16;

/// What an expression becomes; every number saturates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Ways to satisfy it.
    pub n_branches: u64,
    /// Conditions of the longest way.
    pub n_conditions: u64,
    /// Conditions and arguments of all ways together, those of negations included.
    pub n_parts: u64,
    /// Arguments as written: what a negation may take from outside.
    n_terms: u64,
}

impl Size {
    /// Are there more ways than one rule may have?
    pub fn has_too_many_branches(&self) -> bool {
        self.n_branches > BRANCHES_PER_RULE_MAX as u64
    }

    /// Has one way more conditions than a rule may have?
    pub fn has_too_many_conditions(&self) -> bool {
        self.n_conditions > CONDITIONS_PER_RULE_MAX as u64
    }
}

/// Parts of the clauses that a rule becomes: conditions and arguments, those of heads included. 0 for a rule that alone is
/// over a limit of one rule: it becomes none.
/// Cost: linear in the rule as written.
fn parts(rule: &Rule) -> u64 {
    let params = rule.head.params.iter().map(|(term, _)| of_term(term));
    let head = params.fold(1, u64::saturating_add);
    let Some(body) = rule.body.as_ref().map(size) else { return head };
    if body.has_too_many_branches() || body.has_too_many_conditions() {
        return 0;
    }
    body.n_branches.saturating_mul(head).saturating_add(body.n_parts)
}

/// Refuses rules that come to more than [`PROGRAM_PARTS_MAX`]: one finding, at the largest rule.
pub fn check<'r>(rules: impl Iterator<Item = &'r Rule>) -> Result<(), Finding> {
    let (mut all, mut largest) = (0_u64, None);
    for rule in rules {
        let own = parts(rule);
        all = all.saturating_add(own);
        if largest.is_none_or(|(most, _)| most < own) {
            largest = Some((own, rule.head.name.span));
        }
    }
    let Some((own, span)) = largest.filter(|_| all > PROGRAM_PARTS_MAX) else { return Ok(()) };
    let message = format!(
        "the policy comes to {all} conditions and arguments once its `or`s are multiplied out, {own} of them in this rule: \
         the limit is {PROGRAM_PARTS_MAX}"
    );
    Err(Finding::error("rules", span, message).help("give the parts around its `or`s rules of their own"))
}

fn of_term(term: &Term) -> u64 {
    match term {
        Term::Variable(name) => 1 + (name.text.len() / NAME_BYTES_PER_PART) as u64,
        Term::Literal(_) | Term::Now => 1,
        Term::List(elements) => elements.iter().map(of_term).fold(1, u64::saturating_add),
    }
}

fn of_condition<'t>(n_conditions: u64, terms: impl IntoIterator<Item = &'t Term>) -> Size {
    let n_terms = terms.into_iter().map(of_term).fold(0, u64::saturating_add);
    Size { n_branches: 1, n_conditions, n_parts: n_terms.saturating_add(1), n_terms }
}

/// What an expression becomes. Cost: linear in it.
pub fn size(expression: &Expression) -> Size {
    match expression {
        Expression::Or(parts) => {
            let none = Size { n_branches: 0, n_conditions: 0, n_parts: 0, n_terms: 0 };
            parts.iter().map(size).fold(none, |all, part| Size {
                n_branches: all.n_branches.saturating_add(part.n_branches),
                n_conditions: all.n_conditions.max(part.n_conditions),
                n_parts: all.n_parts.saturating_add(part.n_parts),
                n_terms: all.n_terms.saturating_add(part.n_terms),
            })
        }
        Expression::And(parts) => {
            let none = Size { n_branches: 1, n_conditions: 0, n_parts: 0, n_terms: 0 };
            parts.iter().map(size).fold(none, |all, part| {
                let copies = all.n_parts.saturating_mul(part.n_branches);
                Size {
                    n_branches: all.n_branches.saturating_mul(part.n_branches),
                    n_conditions: all.n_conditions.saturating_add(part.n_conditions),
                    n_parts: copies.saturating_add(part.n_parts.saturating_mul(all.n_branches)),
                    n_terms: all.n_terms.saturating_add(part.n_terms),
                }
            })
        }
        // A predicate of its own: its call, and a clause a branch, each with every outer variable in its head.
        Expression::Not(inside) => {
            let inside = size(inside);
            let heads = inside.n_branches.saturating_mul(inside.n_terms.saturating_add(1));
            let n_parts = inside.n_terms.saturating_add(1).saturating_add(heads).saturating_add(inside.n_parts);
            Size { n_branches: 1, n_conditions: 1, n_parts, n_terms: inside.n_terms }
        }
        Expression::Equal(left, right) | Expression::Compare(_, left, right) => of_condition(1, [left, right]),
        Expression::In(term, list, _) => of_condition(1, std::iter::once(term).chain(list)),
        Expression::Call(call) => of_condition(1, &call.args),
        Expression::Matches(..) | Expression::Constant(_) => of_condition(1, []),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::syntax::{ast::Policy, parser::parse};

    fn parts_of(text: &str) -> u64 {
        let (mut policy, mut findings) = (Policy::default(), Vec::new());
        parse(0, text, &mut policy, &mut findings);
        assert!(findings.is_empty(), "{findings:?}");
        parts(&policy.rules[0])
    }

    #[test]
    fn parts_are_those_of_every_way() {
        for (text, expected) in [
            ("p(x);", 2),
            ("p(x) if q(x, 1);", 2 + 3),
            ("p(x) if q(x) or r(x);", 2 * (2 + 2)),
            ("p(x) if (q(x) or r(x)) and (s(x) or t(x)) and u(x);", 4 * (2 + 3 * 2)),
            ("p(x) if x in [1, 2, 3];", 2 + 5),
            // The call, and a clause of one condition.
            ("p(x) if not q(x);", 2 + 2 + 2 + 2),
            ("p(x_of_sixteen_bytes);", 1 + 2),
        ] {
            assert_eq!(parts_of(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_far_too_large_is_counted_too() {
        let ors = "(a(x) or b(x)) and ".repeat(70);
        assert_eq!(parts_of(&format!("p(x) if not ({ors} c(x));")), u64::MAX);
        assert_eq!(parts_of(&format!("p(x) if {ors} c(x);")), 0, "refused for its branches");
        let negated = "not (a(x) or not (".repeat(30) + "b(x)" + &"))".repeat(30);
        assert!(parts_of(&format!("p(x) if {negated};")) < 10_000);
    }
}
