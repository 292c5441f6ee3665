//! Longhand rules → clauses: `or` multiplied out, `not` given a predicate of its own, `matches` made a bound.

use std::collections::HashMap;

use super::{
    items::{Item, ItemKind, Items},
    rule::{
        ANYTHING, BoundId, Comparison, ConstId, Constant, Literal, Predicate, PredicateId, Rule, RuleId, Term, Variable,
    },
};
use crate::{
    analysis::{
        types::Types,
        ways::{Branch, branches},
    },
    limits::{ARITY_MAX, BRANCHES_PER_RULE_MAX, CONDITIONS_PER_RULE_MAX, VARIABLES_PER_RULE_MAX},
    syntax::{
        ast::{self, Expression, Head, Name},
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

/// What an auxiliary predicate stands for: an expression over outer variables with these bounds.
struct Auxiliary<'a> {
    predicate: PredicateId,
    outer: Vec<(String, BoundId)>,
    body: &'a Expression,
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
        let id = PredicateId(self.predicates.len() as u32);
        self.by_name.entry(name.to_owned()).or_default().push(id);
        let (name, arity, rules) = (name.to_owned(), arity as u8, Vec::new());
        self.predicates.push(Predicate { name, arity, rules, auxiliary: false });
        id
    }

    /// The default `allow` of an arity (polar.md §11): untyped, from no line.
    pub fn default_allow(&mut self, arity: usize) {
        let (head, granted) = (self.predicate("allow", arity), self.predicate("has_permission", arity));
        let args: Vec<_> = (0..arity as u16).map(Term::Var).collect();
        let variables = (0..arity).map(|_| Variable { name: "_".to_owned(), bound: ANYTHING }).collect();
        let body = vec![Literal::Call { predicate: granted, args: args.clone() }];
        self.add(Rule { head, args, body, variables, line: 0, file: 0 }, Vec::new());
    }

    fn add(&mut self, rule: Rule, items: Vec<u32>) {
        self.items.of_rules.push(items);
        let id = RuleId(self.rules.len() as u32);
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
        let Some(branches) = branches(body) else { return self.too_many(span) };
        if branches.iter().any(|branch| branch.conditions.len() > CONDITIONS_PER_RULE_MAX) {
            return self.too_many_conditions(span);
        }
        self.branch_items.clear();
        let item = kind.map(|kind| self.items.add(Item { kind, span, label: label(&rule.head, kind) }));
        for branch in branches {
            let mut scope = Scope::default();
            let args = self.head(&rule.head, &mut scope);
            self.branch(head, args, scope, &branch, span, item);
        }
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

    fn branch(
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
        for (place, inside) in negated {
            // Outer: what the head or any other condition of the branch names too.
            let mut elsewhere: Vec<&str> = Vec::new();
            for (_, other) in branch.iter().enumerate().filter(|(other, _)| *other != place) {
                variables_of(other, &mut elsewhere);
            }
            let mut named: Vec<&str> = Vec::new();
            variables_of(inside, &mut named);
            let in_head = |name: &str| {
                let number = scope.numbers.get(name);
                number.is_some_and(|at| args.contains(&Term::Var(*at)))
            };
            let mut outer: Vec<String> = Vec::new();
            for name in &named {
                let is_outer = *name != "_" && (in_head(name) || elsewhere.contains(name));
                if is_outer && !outer.iter().any(|o| o == name) {
                    outer.push((*name).to_owned());
                }
            }
            if let Expression::Call(call) = inside {
                let whole = named.iter().all(|name| outer.iter().any(|o| o == name));
                if whole && !call.args.iter().any(|arg| matches!(arg, ast::Term::List(_))) {
                    let predicate = self.predicate(&call.name.text, call.args.len());
                    let args = self.terms(&call.args, &mut scope, call.name.span);
                    body.push(Literal::Not { predicate, args });
                    continue;
                }
            }
            let args: Vec<Term> = outer.iter().map(|name| Term::Var(Self::variable(name, &mut scope))).collect();
            self.n_auxiliary += 1;
            let predicate = PredicateId(self.predicates.len() as u32);
            let name = format!("not@{}.{}", (self.line)(span), self.n_auxiliary);
            self.predicates.push(Predicate { name, arity: args.len() as u8, rules: Vec::new(), auxiliary: true });
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
        let Some(branches) = branches(auxiliary.body) else { return self.too_many(span) };
        if branches.iter().any(|branch| branch.conditions.len() > CONDITIONS_PER_RULE_MAX) {
            return self.too_many_conditions(span);
        }
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

    fn condition(&mut self, condition: &Expression, scope: &mut Scope, body: &mut Vec<Literal>, span: Span) {
        match condition {
            Expression::Constant(true) => {}
            Expression::Constant(false) => body.push(Literal::Fail),
            Expression::Call(call) => {
                if call.args.len() > ARITY_MAX {
                    return self.too_long(call.name.span, &call.name.text, call.args.len());
                }
                let predicate = self.predicate(&call.name.text, call.args.len());
                let args = self.terms(&call.args, scope, call.name.span);
                body.push(Literal::Call { predicate, args });
            }
            Expression::Matches(variable, type_name, exact) => {
                let at = Self::variable(&variable.text, scope);
                let bound =
                    if *exact { self.types.exact(&type_name.text) } else { self.types.annotation(&type_name.text) };
                self.narrow(scope, at, bound);
            }
            Expression::Equal(left, right) => self.equal(left, right, scope, body, span),
            Expression::In(term, list, _) => {
                let (term, mut list) = (self.term(term, scope, span), self.terms(list, scope, span));
                let mut seen = Vec::with_capacity(list.len());
                list.retain(|element| {
                    let is_new = !seen.contains(element);
                    seen.push(*element);
                    is_new
                });
                body.push(Literal::In { term, list });
            }
            Expression::Compare(op, left, right) => {
                let op = match *op {
                    "!=" => Comparison::NotEqual,
                    "<" => Comparison::Less,
                    "<=" => Comparison::LessEqual,
                    ">" => Comparison::Greater,
                    _ => Comparison::GreaterEqual,
                };
                let (left, right) = (self.term(left, scope, span), self.term(right, scope, span));
                body.push(Literal::Compare { op, left, right });
            }
            // Taken apart by `branches`, or set aside by `branch`.
            Expression::And(_) | Expression::Or(_) | Expression::Not(_) => {}
        }
    }

    fn equal(&mut self, left: &ast::Term, right: &ast::Term, scope: &mut Scope, body: &mut Vec<Literal>, span: Span) {
        match (left, right) {
            (ast::Term::List(a), ast::Term::List(b)) if a.len() == b.len() => {
                for (a, b) in a.iter().zip(b) {
                    self.equal(a, b, scope, body, span);
                }
            }
            (ast::Term::List(_), ast::Term::List(_)) => body.push(Literal::Fail),
            _ => {
                let (left, right) = (self.term(left, scope, span), self.term(right, scope, span));
                body.push(Literal::Unify { left, right });
            }
        }
    }

    fn terms(&mut self, terms: &[ast::Term], scope: &mut Scope, span: Span) -> Vec<Term> {
        terms.iter().map(|term| self.term(term, scope, span)).collect()
    }

    fn term(&mut self, term: &ast::Term, scope: &mut Scope, span: Span) -> Term {
        match term {
            ast::Term::Now => Term::Now,
            ast::Term::Variable(Name { text, .. }) => Term::Var(Self::variable(text, scope)),
            ast::Term::Literal(literal) => Term::Const(self.constant(&literal.type_name, &literal.id)),
            ast::Term::List(elements) => {
                let first = elements.first().and_then(span_of).unwrap_or(span);
                let finding = Finding::error("list", first, "a list is no value");
                self.findings.push(finding.help("lists stand beside a list in `=`, and after `in`"));
                Term::Now
            }
        }
    }

    fn constant(&mut self, type_name: &str, id: &str) -> ConstId {
        let constant = Constant { ty: self.types.number(type_name), id: id.to_owned() };
        *self.by_constant.entry(constant).or_insert_with_key(|constant| {
            self.constants.push(constant.clone());
            ConstId(self.constants.len() as u32 - 1)
        })
    }

    fn variable(name: &str, scope: &mut Scope) -> u16 {
        if let Some(at) = scope.numbers.get(name).filter(|_| name != "_") {
            return *at;
        }
        let at = u16::try_from(scope.variables.len()).unwrap_or(u16::MAX);
        scope.variables.push(Variable { name: name.to_owned(), bound: ANYTHING });
        scope.numbers.insert(name.to_owned(), at);
        at
    }
}

/// What a rule is called in lists of rules.
fn label(head: &Head, kind: ItemKind) -> String {
    let granted = head.params.get(1).map(|(term, _)| term);
    match (kind, granted) {
        (ItemKind::Shorthand, Some(ast::Term::Literal(literal))) => format!("\"{}\" if ..", literal.id),
        (ItemKind::Shorthand, Some(ast::Term::Variable(name))) => format!("{} if ..", name.text),
        _ => format!("{}/{}", head.name.text, head.params.len()),
    }
}

/// Where an expression begins, by the first name in it; constants have no place of their own.
fn begin_of(expression: &Expression) -> Option<Span> {
    fn term(t: &ast::Term) -> Option<Span> {
        match t {
            ast::Term::Variable(name) => Some(name.span),
            ast::Term::List(elements) => elements.iter().find_map(term),
            ast::Term::Literal(_) | ast::Term::Now => None,
        }
    }
    match expression {
        Expression::And(parts) | Expression::Or(parts) => parts.iter().find_map(begin_of),
        Expression::Not(inside) => begin_of(inside),
        Expression::Equal(a, b) | Expression::Compare(_, a, b) => term(a).or_else(|| term(b)),
        Expression::In(a, list, _) => term(a).or_else(|| list.iter().find_map(term)),
        Expression::Matches(name, _, _) => Some(name.span),
        Expression::Call(call) => Some(call.name.span),
        Expression::Constant(_) => None,
    }
}

/// Where a term stands, if it says so.
fn span_of(term: &ast::Term) -> Option<Span> {
    match term {
        ast::Term::Literal(literal) => Some(literal.span),
        ast::Term::Variable(name) => Some(name.span),
        ast::Term::List(elements) => elements.first().and_then(span_of),
        ast::Term::Now => None,
    }
}

/// Names of all variables of an expression.
fn variables_of<'a>(expression: &'a Expression, found: &mut Vec<&'a str>) {
    fn term<'a>(t: &'a ast::Term, found: &mut Vec<&'a str>) {
        match t {
            ast::Term::Variable(name) => found.push(&name.text),
            ast::Term::List(elements) => elements.iter().for_each(|element| term(element, found)),
            ast::Term::Literal(_) | ast::Term::Now => {}
        }
    }
    match expression {
        Expression::And(parts) | Expression::Or(parts) => parts.iter().for_each(|part| variables_of(part, found)),
        Expression::Not(inside) => variables_of(inside, found),
        Expression::Equal(a, b) | Expression::Compare(_, a, b) => {
            term(a, found);
            term(b, found);
        }
        Expression::In(a, list, _) => {
            term(a, found);
            list.iter().for_each(|element| term(element, found));
        }
        Expression::Matches(name, _, _) => found.push(&name.text),
        Expression::Call(call) => call.args.iter().for_each(|arg| term(arg, found)),
        Expression::Constant(_) => {}
    }
}
