//! Runs the `test` blocks of a policy (polar.md §14): setup facts and policy facts are all the data there are.
//!
//! An assertion becomes a rule `assert@N(variables) if p(args)`, its variables those that its `iff` mentions, and the
//! condition a rule `iff@N(variables) if condition`, so that both mean what they mean in rules. No policy can write such
//! names.

mod condition;
pub mod coverage;

use std::fmt;

use self::coverage::{Coverage, Exercised};
use super::{
    answer::Evaluator,
    search::{Search, links::Links},
    solve::Solver,
};
use crate::{
    compile::{Compiled, Places, with_rules},
    facts::plain::Plain,
    limits::WORK_UNITS_PER_REQUEST,
    model::{Answer, Ask, AskError, Explanation, Fact, Pattern, Request, Row, Value},
    rules::rule::Program,
    syntax::ast::{self, Assertion, Call, Expression, Head, Name, Policy, Rule, Setup, Term},
};

/// Result of one test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestResult {
    /// Its name.
    pub name: String,
    /// Source of its block.
    pub file: String,
    /// Line of its block, from 1.
    pub line: u32,
    /// Assertions that hold.
    pub n_passed: usize,
    /// Assertions in all.
    pub n_total: usize,
    /// One per assertion that doesn't hold.
    pub failures: Vec<Failure>,
}

/// Why an assertion doesn't hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// It is not as asserted.
    Assertion,
    /// The question has no answer: it can't be read, or evaluation ends in an error.
    Error,
}

/// An assertion that doesn't hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What kind.
    pub kind: FailureKind,
    /// Source of the assertion.
    pub file: String,
    /// Line of the assertion, from 1.
    pub line: u32,
    /// The assertion in one line, without its `iff`.
    pub assertion: String,
    /// What was found instead: lower case, no full stop.
    pub message: String,
    /// Of `assert`: what is missing; of `assert_not`: why it holds. None for an `iff` and for errors.
    pub explanation: Option<Explanation>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { file, line, assertion, message, .. } = self;
        write!(f, "{file}:{line}: `{assertion}`: {message}")
    }
}

/// Results of the tests of a policy, in order of source, and what they exercised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// One per test.
    pub tests: Vec<TestResult>,
    /// Of the tests that ran.
    pub coverage: Coverage,
}

impl Report {
    /// Assertions that hold.
    pub fn passed(&self) -> usize {
        self.tests.iter().map(|test| test.n_passed).sum()
    }

    /// Assertions in all.
    pub fn total(&self) -> usize {
        self.tests.iter().map(|test| test.n_total).sum()
    }
}

/// Runs every test of a policy that compiles; of another one, none. `seed`: for hash tables.
pub fn run(compiled: &Compiled, now_s: i64, seed: u64) -> Report {
    run_some(compiled, now_s, seed, |_| true)
}

/// Runs the tests whose name is wanted.
pub fn run_some(compiled: &Compiled, now_s: i64, seed: u64, is_wanted: impl Fn(&str) -> bool) -> Report {
    let given = Given { now_s, seed, budget: WORK_UNITS_PER_REQUEST, with_reasons: true };
    run_by::<Search>(compiled, &given, is_wanted)
}

/// Runs every test with a bound of the caller's. `budget`: work units of each question; an assertion asks one, an `iff` that
/// is no list another one per candidate.
pub fn run_within(compiled: &Compiled, now_s: i64, seed: u64, budget: u64) -> Report {
    run_by::<Search>(compiled, &Given { now_s, seed, budget, with_reasons: true }, |_| true)
}

/// Runs every test by a given evaluator, without reasons and coverage.
pub fn run_plainly<S: Solver>(compiled: &Compiled, now_s: i64, seed: u64) -> Report {
    let given = Given { now_s, seed, budget: WORK_UNITS_PER_REQUEST, with_reasons: false };
    run_by::<S>(compiled, &given, |_| true)
}

/// What results depend on besides the policy.
struct Given {
    now_s: i64,
    seed: u64,
    budget: u64,
    with_reasons: bool,
}

fn run_by<S: Solver>(compiled: &Compiled, given: &Given, is_wanted: impl Fn(&str) -> bool) -> Report {
    let Compiled { program, policy, places, .. } = compiled;
    if program.is_none() {
        return Report::default();
    }
    let questions: Vec<Vec<Question<'_>>> = questions(policy);
    let rules: Vec<Rule> = questions.iter().flatten().flat_map(Question::rules).collect();
    // The policy compiles, so what doesn't is an assertion; each is tried alone then, to say which.
    let Some((program, items)) = with_rules(policy, places, &rules) else { return unreadable(policy, places) };
    let mut exercised = Exercised::default();
    let mut tests = Vec::new();
    for (test, questions) in policy.tests.iter().zip(&questions) {
        if !is_wanted(&test.name.text) {
            continue;
        }
        let mut result = TestResult {
            name: test.name.text.clone(),
            file: places.file(test.name.span).to_owned(),
            line: places.line(test.name.span),
            ..TestResult::default()
        };
        let setup = setup(policy, test);
        let mut run = Run {
            evaluator: Evaluator::new(&program, Plain::new(setup.clone().unwrap_or_default()), given.seed),
            program: &program,
            given,
            exercised: &mut exercised,
        };
        for (assertion, question) in test.assertions.iter().zip(questions) {
            result.n_total += 1;
            let failed = match &setup {
                Ok(_) => run.failure::<S>(assertion, question),
                Err(unknown) => Some((FailureKind::Error, format!("no fixture is called `{unknown}`"), None)),
            };
            match failed {
                None => result.n_passed += 1,
                Some((kind, message, explanation)) => {
                    let failure = failure(places, assertion, kind, message);
                    result.failures.push(Failure { explanation, ..failure });
                }
            }
        }
        tests.push(result);
    }
    let coverage = if given.with_reasons { Coverage::new(&items, places, &exercised) } else { Coverage::default() };
    Report { tests, coverage }
}

fn failure(places: &Places, assertion: &Assertion, kind: FailureKind, message: String) -> Failure {
    let span = assertion.head.name.span;
    let (file, line) = (places.file(span).to_owned(), places.line(span));
    Failure { kind, file, line, assertion: text(assertion), message, explanation: None }
}

/// Some assertion can't be asked: says which, and runs nothing.
fn unreadable(policy: &Policy, places: &Places) -> Report {
    let is_readable = |question: &Question<'_>| with_rules(policy, places, &question.rules()).is_some();
    let all = policy.tests.iter().zip(questions(policy)).map(|(test, questions)| {
        let pairs = test.assertions.iter().zip(&questions).map(|(assertion, question)| {
            let message = if is_readable(question) {
                "not run, as another assertion can't be read".to_owned()
            } else {
                "can't be read: a list stands only beside a list in `=`, or after `in`".to_owned()
            };
            failure(places, assertion, FailureKind::Error, message)
        });
        let (file, line) = (places.file(test.name.span).to_owned(), places.line(test.name.span));
        let (name, n_total) = (test.name.text.clone(), test.assertions.len());
        TestResult { name, file, line, n_passed: 0, n_total, failures: pairs.collect() }
    });
    Report { tests: all.collect(), coverage: Coverage::default() }
}

/// Facts of a test. `Err`: a fixture that isn't there.
fn setup(policy: &Policy, test: &ast::Test) -> Result<Vec<Fact>, String> {
    let mut facts = Vec::new();
    for step in &test.setup {
        match step {
            Setup::Fact(written) => facts.extend(fact(written)),
            Setup::Fixture(name) => {
                let mut fixtures = policy.fixtures.iter().filter(|(n, _)| n.text == name.text).peekable();
                if fixtures.peek().is_none() {
                    return Err(name.text.clone());
                }
                facts.extend(fixtures.flat_map(|(_, facts)| facts.iter().filter_map(fact)));
            }
        }
    }
    Ok(facts)
}

fn fact(written: &ast::Fact) -> Option<Fact> {
    let values = written.args.iter().map(|arg| Value::new(arg.type_name.as_str(), arg.id.as_str()).ok());
    Some(Fact { predicate: written.name.text.clone(), args: values.collect::<Option<_>>()? })
}

/// An assertion as rules.
struct Question<'p> {
    assertion: &'p Assertion,
    number: usize,
    /// Variables of the head that the condition mentions, with their annotations, in order of the head.
    variables: Vec<(Name, Option<Name>)>,
}

fn questions(policy: &Policy) -> Vec<Vec<Question<'_>>> {
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
    fn assert_name(&self) -> String {
        format!("assert@{}", self.number)
    }

    fn iff_name(&self) -> String {
        format!("iff@{}", self.number)
    }

    fn rules(&self) -> Vec<Rule> {
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

/// Kind, message, reasons.
type Failed = (FailureKind, String, Option<Explanation>);

/// One test under way.
struct Run<'r> {
    evaluator: Evaluator<Plain>,
    program: &'r Program,
    given: &'r Given,
    exercised: &'r mut Exercised,
}

impl Run<'_> {
    /// `None`: the assertion holds.
    fn failure<S: Solver>(&mut self, assertion: &Assertion, question: &Question<'_>) -> Option<Failed> {
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

/// The assertion as written, in one canonical line.
fn text(assertion: &Assertion) -> String {
    let params = assertion.head.params.iter().map(|(term, annotation)| {
        let term = condition::term(term);
        annotation.as_ref().map_or(term.clone(), |annotation| format!("{term}: {}", annotation.text))
    });
    let verb = if assertion.negated { "assert_not" } else { "assert" };
    format!("{verb} {}({})", assertion.head.name.text, params.collect::<Vec<_>>().join(", "))
}
