//! Longhand rules → clauses: `or` multiplied out, `not` given a predicate of its own, `matches` made a bound.

mod branch;
mod condition;
mod places;

use std::collections::HashMap;

use self::places::label;
use super::{
    items::{Item, ItemKind, Items},
    rule::{ANYTHING, BoundId, ConstId, Constant, Literal, Predicate, PredicateId, Rule, RuleId, Term, Variable},
};
use crate::{
    analysis::{
        size::size,
        types::Types,
        ways::{Branch, branches},
    },
    limits::{ARITY_MAX, BRANCHES_PER_RULE_MAX, CONDITIONS_PER_RULE_MAX},
    syntax::{
        ast::{self, Expression, Head},
        diagnostic::{Finding, Span},
    },
};

/// Program parts under construction.
pub struct Lowering<'l> {
    /// Types and sets.
    pub types: &'l mut Types,
    /// What is wrong.
    pub findings: &'l mut Vec<Finding>,
    /// Line of a span.
    pub line: &'l dyn Fn(Span) -> u32,
    /// Constants so far.
    pub constants: Vec<Constant>,
    /// Predicates so far.
    pub predicates: Vec<Predicate>,
    /// Rules so far.
    pub rules: Vec<Rule>,
    by_name: HashMap<String, Vec<PredicateId>>,
    by_constant: HashMap<Constant, ConstId>,
    /// What the rules were written as, for coverage.
    pub items: Items,
    n_auxiliary: usize,
    /// Items of the rule's `or` branches, by the address of the branch: the tree doesn't move while its rule is lowered.
    branch_items: HashMap<usize, u32>,
}

/// One rule's variables by name.
#[derive(Default)]
struct Scope {
    variables: Vec<Variable>,
    numbers: HashMap<String, u16>,
}

impl<'l> Lowering<'l> {
    /// An empty program.
    pub fn new(types: &'l mut Types, findings: &'l mut Vec<Finding>, line: &'l dyn Fn(Span) -> u32) -> Self {
        let (constants, predicates, rules) = (Vec::new(), Vec::new(), Vec::new());
        let (by_name, by_constant) = (HashMap::new(), HashMap::new());
        let (items, branch_items) = (Items::default(), HashMap::new());
        Lowering {
            types,
            findings,
            line,
            constants,
            predicates,
            rules,
            by_name,
            by_constant,
            items,
            n_auxiliary: 0,
            branch_items,
        }
    }

    /// The predicate of this name and arity.
    pub fn predicate(&mut self, name: &str, arity: usize) -> PredicateId {
        let of_name = self.by_name.get(name).map_or(&[][..], Vec::as_slice);
        let has_arity = |id: &&PredicateId| usize::from(self.predicates[id.index()].arity) == arity;
        if let Some(known) = of_name.iter().find(has_arity) {
            return *known;
        }
        let id = PredicateId(crate::model::number(self.predicates.len()));
        self.by_name.entry(name.to_owned()).or_default().push(id);
        let arity = u8::try_from(arity).expect("arguments are counted against `ARITY_MAX` before");
        let (name, rules) = (name.to_owned(), Vec::new());
        self.predicates.push(Predicate { name, arity, rules, auxiliary: false });
        id
    }

    /// The default `allow` of an arity (polar.md §11): untyped, from no line.
    pub fn default_allow(&mut self, arity: usize) {
        let (head, granted) = (self.predicate("allow", arity), self.predicate("has_permission", arity));
        let args: Vec<_> = (0u16..).take(arity).map(Term::Var).collect();
        let variables = (0..arity).map(|_| Variable { name: "_".to_owned(), bound: ANYTHING }).collect();
        let body = vec![Literal::Call { predicate: granted, args: args.clone() }];
        self.add(Rule { head, args, body, variables, line: 0, file: 0 }, Vec::new());
    }

    fn add(&mut self, rule: Rule, items: Vec<u32>) {
        self.items.of_rules.push(items);
        let id = RuleId(crate::model::number(self.rules.len()));
        self.predicates[rule.head.index()].rules.push(id);
        self.rules.push(rule);
    }

    fn too_long(&mut self, span: Span, name: &str, arity: usize) {
        let message = format!("`{name}` has {arity} arguments: {ARITY_MAX} are allowed");
        self.findings.push(Finding::error("arity", span, message).help("split the predicate into several"));
    }

    /// One rule as written becomes one clause a branch, and those of its negations.
    /// `kind`: what it counts as; `None` for rules that the policy's text doesn't have.
    pub fn rule(&mut self, rule: &ast::Rule, kind: Option<ItemKind>) {
        let span = rule.head.name.span;
        if rule.head.params.len() > ARITY_MAX {
            return self.too_long(span, &rule.head.name.text, rule.head.params.len());
        }
        let head = self.predicate(&rule.head.name.text, rule.head.params.len());
        let truth = Expression::Constant(true);
        let body = rule.body.as_ref().unwrap_or(&truth);
        let Some(branches) = self.branches(body, span) else { return };
        self.branch_items.clear();
        let item = kind.map(|kind| self.items.add(Item { kind, span, label: label(&rule.head, kind) }));
        for branch in branches {
            let mut scope = Scope::default();
            let args = self.head(&rule.head, &mut scope);
            self.branch(head, args, scope, &branch, span, item);
        }
    }

    /// The ways to satisfy a body, counted before they are made; `None` where they are too many or too long.
    fn branches<'b>(&mut self, body: &'b Expression, span: Span) -> Option<Vec<Branch<'b>>> {
        let size = size(body);
        if size.has_too_many_branches() {
            self.too_many(span);
            return None;
        }
        if size.has_too_many_conditions() {
            self.too_many_conditions(span);
            return None;
        }
        branches(body)
    }

    fn too_many(&mut self, span: Span) {
        let message = format!("the rule's `or`s make more than {BRANCHES_PER_RULE_MAX} ways to satisfy it");
        let finding = Finding::error("branches", span, message);
        self.findings.push(finding.help("give a part of it a rule of its own"));
    }

    fn too_many_conditions(&mut self, span: Span) {
        let message = format!("more than {CONDITIONS_PER_RULE_MAX} conditions in one rule");
        let finding = Finding::error("conditions", span, message);
        self.findings.push(finding.help("give a part of it a rule of its own"));
    }

    fn head(&mut self, head: &Head, scope: &mut Scope) -> Vec<Term> {
        let mut args = Vec::with_capacity(head.params.len());
        for (term, annotation) in &head.params {
            let term = self.term(term, scope, head.name.span);
            if let (Term::Var(at), Some(annotation)) = (term, annotation) {
                let bound = self.types.annotation(&annotation.text);
                self.narrow(scope, at, bound);
            }
            args.push(term);
        }
        args
    }

    fn narrow(&mut self, scope: &mut Scope, at: u16, bound: BoundId) {
        let own = &mut scope.variables[usize::from(at)].bound;
        *own = self.types.meet(*own, bound);
    }
}
