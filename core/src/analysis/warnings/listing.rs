//! Rules that can be checked and not listed: only a `not` or a comparison names the resource, so a list is "all of them but
//! some", which is an error as soon as there is one to leave out (polar.md §12.4).

use std::collections::{BTreeSet, HashMap};

use super::Warnings;
use crate::{
    rules::rule::{Literal, PredicateId, Program, Rule, Term},
    syntax::diagnostic::{Finding, Span},
};

/// The position of the resource in `allow`, `has_permission`, `has_role`.
const RESOURCE: usize = 2;

/// A position of a predicate.
type Position = (PredicateId, usize);

/// How a rule leaves a position open: by a condition of its own, or by a call of what does.
enum Need {
    Own(&'static str),
    Call(Position),
}

/// What needs the variable to be bound, and whether something in the body binds it.
fn need(rule: &Rule, variable: u16, needed: &BTreeSet<Position>) -> Option<Need> {
    let is = |term: &Term| *term == Term::Var(variable);
    let mut found = None;
    for literal in &rule.body {
        match literal {
            Literal::Call { predicate, args } => {
                for (at, _) in args.iter().enumerate().filter(|(_, term)| is(term)) {
                    if !needed.contains(&(*predicate, at)) {
                        return None;
                    }
                    found = found.or(Some(Need::Call((*predicate, at))));
                }
            }
            Literal::Unify { left, right } if is(left) || is(right) => return None,
            Literal::In { term, .. } if is(term) => return None,
            Literal::Not { args, .. } if args.iter().any(is) => found = Some(Need::Own("a `not`")),
            Literal::Compare { left, right, .. } if is(left) || is(right) => {
                found = found.or(Some(Need::Own("a comparison")));
            }
            _ => {}
        }
    }
    found
}

impl Warnings<'_> {
    /// One finding a rule: where a list of resources will fail.
    pub(super) fn rules_that_cannot_be_listed(&mut self, program: &Program, line: &dyn Fn(Span) -> u32) {
        let needed = needed(program);
        let roots = ["allow", "has_permission", "has_role"];
        let roots = roots.iter().filter_map(|name| program.find_predicate(name, RESOURCE + 1));
        let mut open: Vec<Position> = roots.map(|predicate| (predicate, RESOURCE)).collect();
        let (mut seen, mut told) = (BTreeSet::new(), BTreeSet::new());
        while let Some(position) = open.pop() {
            if !needed.contains(&position) || !seen.insert(position) {
                continue;
            }
            for rule in &program.predicates[position.0.index()].rules {
                let rule = &program.rules[rule.index()];
                let Some(Term::Var(variable)) = rule.args.get(position.1) else { continue };
                match need(rule, *variable, &needed) {
                    Some(Need::Own(what)) => {
                        let name = rule.variables[usize::from(*variable)].name.clone();
                        told.insert((rule.file, rule.line, name, what));
                    }
                    Some(Need::Call(below)) => open.push(below),
                    None => {}
                }
            }
        }
        let heads: HashMap<(u32, u32), Span> =
            self.rules().map(|rule| rule.head.name.span).map(|span| ((span.file, line(span)), span)).collect();
        for (file, at, name, what) in told {
            let Some(span) = heads.get(&(file, at)) else { continue };
            let message = format!("this can be checked, and not listed: only {what} names `{name}`");
            let help = format!(
                "say where `{name}` comes from, as by a relation or a fact that each has; a list fails otherwise"
            );
            self.tell(Finding::warning("unlistable", *span, message).help(help));
        }
    }
}

/// Positions that must be bound by the caller in every way to meet them: a least fixpoint, callers looked at again when
/// what they call changes.
fn needed(program: &Program) -> BTreeSet<Position> {
    let mut callers: HashMap<PredicateId, BTreeSet<PredicateId>> = HashMap::new();
    for rule in &program.rules {
        for literal in &rule.body {
            if let Literal::Call { predicate, .. } = literal {
                callers.entry(*predicate).or_default().insert(rule.head);
            }
        }
    }
    let mut needed = BTreeSet::new();
    let mut open: BTreeSet<PredicateId> = (0..).map(PredicateId).take(program.predicates.len()).collect();
    while let Some(predicate) = open.pop_first() {
        let mut has_changed = false;
        for rule in &program.predicates[predicate.index()].rules {
            let rule = &program.rules[rule.index()];
            for (at, term) in rule.args.iter().enumerate() {
                if let Term::Var(variable) = term
                    && !needed.contains(&(predicate, at))
                    && need(rule, *variable, &needed).is_some()
                {
                    has_changed |= needed.insert((predicate, at));
                }
            }
        }
        if has_changed {
            open.extend(callers.get(&predicate).into_iter().flatten());
        }
    }
    needed
}
