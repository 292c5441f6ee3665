//! Does an assertion hold, and if not, what was found instead?

use super::{Given, Left, condition, coverage::Exercised, question::Question, report::FailureKind};
use crate::{
    eval::{answer::Evaluator, search::links::Links, solve::Solver},
    facts::plain::Plain,
    limits::TEST_UNITS_MAX,
    model::{Answer, Ask, AskError, Explanation, Pattern, Request, Row, Value},
    rules::rule::Program,
    syntax::ast::{Assertion, Expression, Term},
};

/// Kind, message, reasons.
pub(super) type Failed = (FailureKind, String, Option<Explanation>);

/// One test under way.
pub(super) struct Run<'r> {
    pub(super) evaluator: Evaluator<Plain>,
    pub(super) program: &'r Program,
    pub(super) given: &'r Given,
    pub(super) left: &'r mut Left,
    pub(super) exercised: &'r mut Exercised,
}

/// What was expected and what was found instead, with what the nearest way to it lacks.
fn difference(assertion: &Assertion, explanation: Option<&Explanation>) -> String {
    let head = &assertion.head;
    let grants = matches!(head.name.text.as_str(), "allow" | "has_permission");
    if assertion.negated {
        return if grants { "expected deny, got allow" } else { "expected no answer, got one" }.to_owned();
    }
    let expected = if grants { "expected allow, got deny" } else { "expected an answer, got none" };
    let found = explanation.and_then(|found| Some((found, found.steps.get(found.nearest?.0)?)));
    match (found, head.params.as_slice()) {
        (None, _) => expected.to_owned(),
        // The permission itself has no rule that could give it.
        (Some((_, step)), [_, (Term::Literal(action), _), (Term::Literal(resource), _)])
            if grants && step.ways.is_empty() && step.goal.predicate == "has_permission" =>
        {
            format!("{expected}: nothing grants {:?} on {}", action.id, resource.type_name)
        }
        (Some((found, _)), _) => {
            let missed = found.nearest_miss().map(|missed| format!(": {missed}"));
            expected.to_owned() + missed.as_deref().unwrap_or_default()
        }
    }
}

impl Run<'_> {
    /// `None`: the assertion holds.
    pub(super) fn failure<S: Solver>(&mut self, assertion: &Assertion, question: &Question<'_>) -> Option<Failed> {
        let failed = match &assertion.condition {
            None => self.plain::<S>(assertion, question),
            Some(condition) => self.with_condition::<S>(assertion, question, condition),
        };
        failed.unwrap_or_else(|error| Some((FailureKind::Error, error.to_string(), None)))
    }

    fn plain<S: Solver>(&mut self, assertion: &Assertion, question: &Question<'_>) -> Result<Option<Failed>, AskError> {
        let (rows, explanation) = self.ask::<S>(question, assertion.negated)?;
        if rows.is_empty() == assertion.negated {
            return Ok(None);
        }
        let message = difference(assertion, explanation.as_ref());
        // A tree for each of many failures is more than anybody reads.
        let is_shown = self.left.n_explained > 0;
        self.left.n_explained = self.left.n_explained.saturating_sub(1);
        Ok(Some((FailureKind::Assertion, message, explanation.filter(|_| is_shown))))
    }

    fn with_condition<S: Solver>(
        &mut self,
        assertion: &Assertion,
        question: &Question<'_>,
        condition: &Expression,
    ) -> Result<Option<Failed>, AskError> {
        if question.variables.is_empty() {
            let message = "its `iff` mentions no variable of the assertion: name one in both".to_owned();
            return Err(AskError::Invalid { message });
        }
        let (rows, _) = self.ask::<S>(question, assertion.negated)?;
        let difference = match condition::listed(condition, &question.variables) {
            Some((listed, is_excluded)) => condition::difference(&rows, &listed, is_excluded),
            None => {
                let candidates = condition::candidates(condition, &rows, &question.variables)?;
                self.counterexample::<S>(question, &rows, candidates)?
            }
        };
        Ok(match (difference, assertion.negated) {
            (Some(_), true) | (None, false) => None,
            (Some(difference), false) => Some((FailureKind::Assertion, difference, None)),
            (None, true) => Some((FailureKind::Assertion, "the `iff` holds".to_owned(), None)),
        })
    }

    /// The first candidate for which the assertion and its condition differ.
    fn counterexample<S: Solver>(
        &mut self,
        question: &Question<'_>,
        rows: &[Vec<Row>],
        candidates: Vec<Vec<Value>>,
    ) -> Result<Option<String>, AskError> {
        for values in candidates {
            let holds = rows.iter().any(|row| condition::fits(row, &values));
            let args = values.iter().cloned().map(Pattern::Exact).collect();
            let ask = Ask::Query { predicate: question.iff_name(), args };
            let is_met = if self.given.with_reasons {
                self.explained(ask, false)?.0.answer != Answer::Facts(Vec::new())
            } else {
                self.evaluator.ask_by::<S>(&self.request(ask))? != Answer::Facts(Vec::new())
            };
            if holds != is_met {
                let told = question.variables.iter().zip(&values).map(|((name, _), value)| {
                    format!("{} = {}", name.text, condition::written(value.type_name(), value.id()))
                });
                let told = told.collect::<Vec<_>>().join(", ");
                let (yes, no) =
                    if holds { ("holds", "the condition doesn't") } else { ("doesn't hold", "the condition does") };
                return Ok(Some(format!("for {told} it {yes} and {no}")));
            }
        }
        Ok(None)
    }

    /// Rows of the assertion, over its variables.
    fn ask<S: Solver>(
        &mut self,
        question: &Question<'_>,
        is_negated: bool,
    ) -> Result<(Vec<Vec<Row>>, Option<Explanation>), AskError> {
        let args = vec![Pattern::Any; question.variables.len()];
        let ask = Ask::Query { predicate: question.assert_name(), args };
        if !self.given.with_reasons {
            let answer = self.evaluator.ask_by::<S>(&self.request(ask))?;
            return Ok((if let Answer::Facts(rows) = answer { rows } else { Vec::new() }, None));
        }
        let looks_for_misses = !is_negated && question.variables.is_empty() && self.left.n_explained > 0;
        let (mut explanation, links) = self.explained(ask, looks_for_misses)?;
        self.exercised.take(&links, is_negated);
        let Answer::Facts(rows) = explanation.answer.clone() else { return Ok((Vec::new(), None)) };
        explanation.leave_out_first(&question.assert_name());
        Ok((rows, Some(explanation)))
    }

    /// Asks with reasons, which say what it cost.
    fn explained(&mut self, ask: Ask, looks_for_misses: bool) -> Result<(Explanation, Links), AskError> {
        let mut request = self.request(ask);
        request.budget = request.budget.min(self.left.units);
        if request.budget == 0 {
            let message =
                format!("not asked: the policy's tests have used their {TEST_UNITS_MAX} work units; split the policy");
            return Err(AskError::Invalid { message });
        }
        let explained = self.evaluator.explain_with(self.program, &request, looks_for_misses);
        // Looking for misses may take all that is left of the request's units.
        let n_spent = match &explained {
            Ok((found, _)) if looks_for_misses && found.answer == Answer::Facts(Vec::new()) => request.budget,
            Ok(_) | Err(_) => self.evaluator.n_spent(),
        };
        self.left.units = self.left.units.saturating_sub(n_spent);
        explained
    }

    fn request(&self, ask: Ask) -> Request {
        let Given { now_s, budget, .. } = *self.given;
        Request { ask, context_facts: Vec::new(), now_s, budget }
    }
}
