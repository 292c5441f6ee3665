//! One condition → literals; its terms → variables and constants of the program.

use std::collections::HashSet;

use super::{Lowering, Scope, places::span_of};
use crate::{
    limits::ARITY_MAX,
    rules::rule::{ANYTHING, Comparison, ConstId, Constant, Literal, Term, Variable},
    syntax::{
        ast::{self, Expression, Name},
        diagnostic::{Finding, Span},
    },
};

impl Lowering<'_> {
    pub(super) fn condition(&mut self, condition: &Expression, scope: &mut Scope, body: &mut Vec<Literal>, span: Span) {
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
                let mut seen = HashSet::with_capacity(list.len());
                list.retain(|element| seen.insert(*element));
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

    pub(super) fn terms(&mut self, terms: &[ast::Term], scope: &mut Scope, span: Span) -> Vec<Term> {
        terms.iter().map(|term| self.term(term, scope, span)).collect()
    }

    pub(super) fn term(&mut self, term: &ast::Term, scope: &mut Scope, span: Span) -> Term {
        match term {
            ast::Term::Now => Term::Now,
            ast::Term::Variable(Name { text, .. }) => Term::Var(Self::variable(text, scope)),
            ast::Term::Literal(literal) => Term::Const(self.constant(&literal.type_name, &literal.id)),
            ast::Term::List(elements) => {
                let first = elements.first().and_then(span_of).unwrap_or(span);
                let finding = Finding::error("list", first, "a list isn't a value");
                self.findings.push(finding.help("lists stand beside a list in `=`, and after `in`"));
                Term::Now
            }
        }
    }

    fn constant(&mut self, type_name: &str, id: &str) -> ConstId {
        let constant = Constant { ty: self.types.number(type_name), id: id.to_owned() };
        *self.by_constant.entry(constant).or_insert_with_key(|constant| {
            self.constants.push(constant.clone());
            ConstId(crate::model::number(self.constants.len() - 1))
        })
    }

    pub(super) fn variable(name: &str, scope: &mut Scope) -> u16 {
        if let Some(at) = scope.numbers.get(name).filter(|_| name != "_") {
            return *at;
        }
        let at = u16::try_from(scope.variables.len()).unwrap_or(u16::MAX);
        scope.variables.push(Variable { name: name.to_owned(), bound: ANYTHING });
        scope.numbers.insert(name.to_owned(), at);
        at
    }
}
