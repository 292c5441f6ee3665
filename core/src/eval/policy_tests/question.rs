//! Assertions as rules.

use super::condition;
use crate::syntax::ast::{Assertion, Call, Expression, Head, Name, Policy, Rule, Term};

/// An assertion as rules.
pub(super) struct Question<'p> {
    pub(super) assertion: &'p Assertion,
    number: usize,
    /// Variables of the head that the condition mentions, with their annotations, in order of the head.
    pub(super) variables: Vec<(Name, Option<Name>)>,
}

/// Every assertion, by test.
pub(super) fn questions(policy: &Policy) -> Vec<Vec<Question<'_>>> {
    let mut number = 0;
    let tests = policy.tests.iter().map(|test| {
        let questions = test.assertions.iter().map(|assertion| {
            number += 1;
            Question { assertion, number, variables: variables(assertion) }
        });
        questions.collect()
    });
    tests.collect()
}

fn variables(assertion: &Assertion) -> Vec<(Name, Option<Name>)> {
    let mentioned = assertion.condition.as_ref().map(condition::variables).unwrap_or_default();
    let mut found: Vec<(Name, Option<Name>)> = Vec::new();
    for (term, annotation) in &assertion.head.params {
        let Term::Variable(name) = term else { continue };
        match found.iter_mut().find(|(known, _)| known.text == name.text) {
            Some((_, known)) => *known = known.take().or_else(|| annotation.clone()),
            None if mentioned.contains(&name.text.as_str()) => found.push((name.clone(), annotation.clone())),
            None => {}
        }
    }
    found
}

impl Question<'_> {
    /// The predicate that its rows are asked of.
    pub(super) fn assert_name(&self) -> String {
        format!("assert@{}", self.number)
    }

    /// The predicate of its condition.
    pub(super) fn iff_name(&self) -> String {
        format!("iff@{}", self.number)
    }

    /// Rules for both.
    pub(super) fn rules(&self) -> Vec<Rule> {
        let span = self.assertion.head.name.span;
        let params: Vec<_> = self.variables.iter().map(|(name, _)| (Term::Variable(name.clone()), None)).collect();
        let head = |name: String| Head { name: Name { text: name, span }, params: params.clone() };
        let mut args = Vec::new();
        let mut body = Vec::new();
        for (place, (term, annotation)) in self.assertion.head.params.iter().enumerate() {
            let mut term = term.clone();
            if let (Term::Variable(name), Some(annotation)) = (&mut term, annotation) {
                if name.text == "_" {
                    name.text = format!("_@{place}");
                }
                body.push(Expression::Matches(name.clone(), annotation.clone(), false));
            }
            args.push(term);
        }
        body.push(Expression::Call(Call { name: self.assertion.head.name.clone(), args }));
        let mut rules = vec![Rule { head: head(self.assert_name()), body: Some(Expression::And(body)) }];
        if let Some(condition) = self.assertion.condition.as_ref().filter(|c| !condition::is_list(c)) {
            rules.push(Rule { head: head(self.iff_name()), body: Some(condition.clone()) });
        }
        rules
    }
}

/// The assertion as written, in one canonical line.
pub(super) fn text(assertion: &Assertion) -> String {
    let params = assertion.head.params.iter().map(|(term, annotation)| {
        let term = condition::term(term);
        annotation.as_ref().map_or(term.clone(), |annotation| format!("{term}: {}", annotation.text))
    });
    let verb = if assertion.negated { "assert_not" } else { "assert" };
    format!("{verb} {}({})", assertion.head.name.text, params.collect::<Vec<_>>().join(", "))
}
