//! Facts and assertions of the policy's tests that no rule can use: a slip in a test makes it pass for nothing.

use super::Warnings;
use crate::{
    analysis::fact_uses::{Argument, FactUses, FactWarning},
    rules::rule::Program,
    syntax::{
        ast::{Literal, Name, Setup, Term},
        diagnostic::{Finding, Span},
    },
};

impl Warnings<'_> {
    /// Slips in setups, fixtures and assertions, each told where it stands.
    pub(super) fn facts_of_tests(&mut self, program: &Program) {
        let uses = FactUses::new(program);
        let policy = self.policy;
        for step in self.steps() {
            if self.is_told() {
                return;
            }
            let Setup::Fact(fact) = step else { continue };
            let args: Vec<Argument<'_>> = fact.args.iter().map(exact).collect();
            let spans: Vec<Span> = fact.args.iter().map(|arg| arg.span).collect();
            self.tell_slips(uses.of(&fact.name.text, &args), &fact.name, &spans);
        }
        for assertion in policy.tests.iter().flat_map(|test| &test.assertions) {
            if self.is_told() {
                return;
            }
            let head = &assertion.head;
            let (mut args, mut spans) = (Vec::new(), Vec::new());
            for (term, annotation) in &head.params {
                let (arg, span) = match term {
                    Term::Literal(literal) => (exact(literal), literal.span),
                    Term::Variable(name) => {
                        let type_name = annotation.as_ref().map(|annotation| annotation.text.as_str());
                        let type_name = type_name.filter(|name| !matches!(*name, "Actor" | "Resource"));
                        (Argument { type_name, id: None }, annotation.as_ref().unwrap_or(name).span)
                    }
                    Term::Now | Term::List(_) => (Argument { type_name: None, id: None }, head.name.span),
                };
                args.push(arg);
                spans.push(span);
            }
            self.tell_slips(uses.of(&head.name.text, &args), &head.name, &spans);
        }
    }

    fn tell_slips(&mut self, slips: Vec<FactWarning>, predicate: &Name, args: &[Span]) {
        for FactWarning { code, message, help, at } in slips {
            let span = at.and_then(|at| args.get(at)).copied().unwrap_or(predicate.span);
            let finding = Finding { help, ..Finding::warning(code, span, message) };
            self.tell(finding);
        }
    }
}

fn exact(literal: &Literal) -> Argument<'_> {
    Argument { type_name: Some(&literal.type_name), id: Some(&literal.id) }
}
