//! What a rule is called, where its parts stand, which variables they name.

use crate::{
    rules::items::ItemKind,
    syntax::{
        ast::{self, Expression, Head},
        diagnostic::Span,
    },
};

/// What a rule is called in lists of rules.
pub(super) fn label(head: &Head, kind: ItemKind) -> String {
    let granted = head.params.get(1).map(|(term, _)| term);
    match (kind, granted) {
        (ItemKind::Shorthand, Some(ast::Term::Literal(literal))) => format!("\"{}\" if ..", literal.id),
        (ItemKind::Shorthand, Some(ast::Term::Variable(name))) => format!("{} if ..", name.text),
        _ => format!("{}/{}", head.name.text, head.params.len()),
    }
}

/// Where an expression begins, by the first name in it; constants have no place of their own.
pub(super) fn begin_of(expression: &Expression) -> Option<Span> {
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
pub(super) fn span_of(term: &ast::Term) -> Option<Span> {
    match term {
        ast::Term::Literal(literal) => Some(literal.span),
        ast::Term::Variable(name) => Some(name.span),
        ast::Term::List(elements) => elements.first().and_then(span_of),
        ast::Term::Now => None,
    }
}

/// Names of all variables of an expression.
pub(super) fn variables_of<'a>(expression: &'a Expression, found: &mut Vec<&'a str>) {
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
