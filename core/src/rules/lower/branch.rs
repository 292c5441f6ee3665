//! One branch of a rule → one clause; what its negations stand for → predicates of their own.

use std::collections::{HashMap, HashSet};

use super::{
    Lowering, Scope,
    places::{begin_of, variables_of},
};
use crate::{
    analysis::ways::Branch,
    limits::{ARITY_MAX, CONDITIONS_PER_RULE_MAX, VARIABLES_PER_RULE_MAX},
    rules::{
        items::{Item, ItemKind},
        rule::{ANYTHING, BoundId, Comparison, Literal, Predicate, PredicateId, Rule, Term},
    },
    syntax::{
        ast::{self, Expression},
        diagnostic::{Finding, Span},
    },
};

/// What an auxiliary predicate stands for: an expression over outer variables with these bounds.
struct Auxiliary<'a> {
    predicate: PredicateId,
    outer: Vec<(String, BoundId)>,
    body: &'a Expression,
}

/// By variable: the first condition that names it, and whether another one does too.
fn conditions_of<'a>(branch: &[&'a Expression]) -> HashMap<&'a str, (usize, bool)> {
    let mut found = HashMap::new();
    let mut named: Vec<&str> = Vec::new();
    for (place, condition) in branch.iter().enumerate() {
        named.clear();
        variables_of(condition, &mut named);
        for name in &named {
            let (first, is_shared) = found.entry(*name).or_insert((place, false));
            *is_shared |= *first != place;
        }
    }
    found
}

impl Lowering<'_> {
    /// The items of a clause: its rule, unless it stands under a `not`, and the branches of `or` it takes.
    fn items_of(&mut self, item: Option<u32>, branch: &Branch<'_>, span: Span) -> Vec<u32> {
        let mut of_clause: Vec<u32> = item.into_iter().collect();
        for (place, part) in &branch.taken {
            let address = std::ptr::from_ref::<Expression>(part) as usize;
            let items = &mut self.items;
            of_clause.push(*self.branch_items.entry(address).or_insert_with(|| {
                let (kind, label) = (ItemKind::Branch, format!("branch {} of `or`", place + 1));
                items.add(Item { kind, span: begin_of(part).unwrap_or(span), label })
            }));
        }
        of_clause
    }

    pub(super) fn branch(
        &mut self,
        head: PredicateId,
        args: Vec<Term>,
        mut scope: Scope,
        branch: &Branch<'_>,
        span: Span,
        item: Option<u32>,
    ) {
        let items = self.items_of(item, branch, span);
        let branch = &branch.conditions;
        let mut body = Vec::with_capacity(branch.len());
        let mut negated = Vec::new();
        for (place, condition) in branch.iter().enumerate() {
            match condition {
                Expression::Not(inside) => negated.push((place, &**inside)),
                Expression::In(term, list, true) => {
                    // `x not in [..]` is the negation of `x in [..]`; an element is a term, so nothing is inside alone.
                    let (term, list) = (self.term(term, &mut scope, span), self.terms(list, &mut scope, span));
                    body.extend(list.into_iter().map(|right| Literal::Compare {
                        op: Comparison::NotEqual,
                        left: term,
                        right,
                    }));
                }
                condition => self.condition(condition, &mut scope, &mut body, span),
            }
        }
        let mut auxiliaries = Vec::new();
        let in_conditions = if negated.is_empty() { HashMap::new() } else { conditions_of(branch) };
        for (place, inside) in negated {
            let mut named: Vec<&str> = Vec::new();
            variables_of(inside, &mut named);
            // Outer: what the head or any other condition of the branch names too.
            let is_outer = |name: &str| {
                let in_head = scope.numbers.get(name).is_some_and(|at| args.contains(&Term::Var(*at)));
                let (first, is_shared) = in_conditions.get(name).copied().unwrap_or((place, false));
                name != "_" && (in_head || is_shared || first != place)
            };
            let mut seen = HashSet::new();
            let outer: Vec<String> = named
                .iter()
                .filter(|name| is_outer(name) && seen.insert(**name))
                .map(|name| (*name).to_owned())
                .collect();
            if let Expression::Call(call) = inside {
                if call.args.len() > ARITY_MAX {
                    return self.too_long(call.name.span, &call.name.text, call.args.len());
                }
                let whole = named.iter().all(|name| seen.contains(name));
                if whole && !call.args.iter().any(|arg| matches!(arg, ast::Term::List(_))) {
                    let predicate = self.predicate(&call.name.text, call.args.len());
                    let args = self.terms(&call.args, &mut scope, call.name.span);
                    body.push(Literal::Not { predicate, args });
                    continue;
                }
            }
            let args: Vec<Term> = outer.iter().map(|name| Term::Var(Self::variable(name, &mut scope))).collect();
            let Ok(arity) = u8::try_from(args.len()) else {
                let message =
                    format!("a `not` shares {} variables with what stands around it: the limit is 255", args.len());
                let finding = Finding::error("variables", begin_of(inside).unwrap_or(span), message);
                return self.findings.push(finding.help("give a part of it a rule of its own"));
            };
            self.n_auxiliary += 1;
            let predicate = PredicateId(crate::model::number(self.predicates.len()));
            let name = format!("not@{}.{}", (self.line)(span), self.n_auxiliary);
            self.predicates.push(Predicate { name, arity, rules: Vec::new(), auxiliary: true });
            body.push(Literal::Not { predicate, args });
            auxiliaries.push((predicate, outer, inside));
        }
        if scope.variables.iter().any(|v| self.types.is_empty(v.bound)) {
            body.push(Literal::Fail);
        }
        if scope.variables.len() > VARIABLES_PER_RULE_MAX {
            let message = format!("the rule has more than {VARIABLES_PER_RULE_MAX} variables");
            let finding = Finding::error("variables", span, message);
            return self.findings.push(finding.help("give a part of it a rule of its own"));
        }
        // An `=` of lists and a `not in` are as many as their elements.
        if body.len() > CONDITIONS_PER_RULE_MAX {
            return self.too_many_conditions(span);
        }
        for (predicate, outer, body) in auxiliaries {
            let bound =
                |name: &String| scope.numbers.get(name).map_or(ANYTHING, |at| scope.variables[usize::from(*at)].bound);
            let outer = outer.iter().map(|name| (name.clone(), bound(name))).collect();
            self.auxiliary(&Auxiliary { predicate, outer, body }, span);
        }
        let line = (self.line)(span);
        self.add(Rule { head, args, body, variables: scope.variables, line, file: span.file }, items);
    }

    fn auxiliary(&mut self, auxiliary: &Auxiliary<'_>, span: Span) {
        let Some(branches) = self.branches(auxiliary.body, span) else { return };
        for branch in branches {
            let mut scope = Scope::default();
            let mut args = Vec::with_capacity(auxiliary.outer.len());
            for (name, bound) in &auxiliary.outer {
                let at = Self::variable(name, &mut scope);
                self.narrow(&mut scope, at, *bound);
                args.push(Term::Var(at));
            }
            self.branch(auxiliary.predicate, args, scope, &branch, span, None);
        }
    }
}
