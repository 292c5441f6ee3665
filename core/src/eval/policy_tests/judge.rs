//! Does an assertion hold, and if not, what was found instead?

use super::{Given, condition, coverage::Exercised, question::Question, report::FailureKind};
use crate::{
    eval::{answer::Evaluator, search::links::Links, solve::Solver},
    facts::plain::Plain,
    model::{Answer, Ask, AskError, Explanation, Pattern, Request, Row, Value},
    rules::rule::Program,
    syntax::ast::{Assertion, Expression},
};

/// Kind, message, reasons.
pub(super) type Failed = (FailureKind, String, Option<Explanation>);

/// One test under way.
pub(super) struct Run<'r> {
    pub(super) evaluator: Evaluator<Plain>,
    pub(super) program: &'r Program,
    pub(super) given: &'r Given,
    pub(super) exercised: &'r mut Exercised,
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
        let missed = explanation.as_ref().and_then(Explanation::nearest_miss);
        let message = match (assertion.negated, missed) {
            (true, _) => "it holds".to_owned(),
            (false, Some(missed)) => format!("it doesn't hold: {missed}"),
            (false, None) => "it doesn't hold".to_owned(),
        };
        Ok(Some((FailureKind::Assertion, message, explanation)))
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
            let Answer::Facts(met) = self.evaluator.ask_by::<S>(&self.request(ask))? else { continue };
            if holds == met.is_empty() {
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
        let request = self.request(Ask::Query { predicate: question.assert_name(), args });
        if !self.given.with_reasons {
            let answer = self.evaluator.ask_by::<S>(&request)?;
            return Ok((if let Answer::Facts(rows) = answer { rows } else { Vec::new() }, None));
        }
        let looks_for_misses = !is_negated && question.variables.is_empty();
        let (mut explanation, links): (Explanation, Links) =
            self.evaluator.explain_with(self.program, &request, looks_for_misses)?;
        self.exercised.take(&links, is_negated);
        let Answer::Facts(rows) = explanation.answer.clone() else { return Ok((Vec::new(), None)) };
        explanation.leave_out_first(&question.assert_name());
        Ok((rows, Some(explanation)))
    }

    fn request(&self, ask: Ask) -> Request {
        let Given { now_s, budget, .. } = *self.given;
        Request { ask, context_facts: Vec::new(), now_s, budget }
    }
}
