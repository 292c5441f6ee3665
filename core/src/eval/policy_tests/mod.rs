//! Runs the `test` blocks of a policy (polar.md §14): setup facts and policy facts are all the data there are.
//!
//! An assertion becomes a rule `assert@N(variables) if p(args)`, its variables those that its `iff` mentions, and the
//! condition a rule `iff@N(variables) if condition`, so that both mean what they mean in rules. No policy can write such
//! names.

mod condition;
pub mod coverage;
mod judge;
mod question;
mod report;
mod setup;

pub use self::report::{Failure, FailureKind, Report, TestResult};
use self::{
    coverage::{Coverage, Exercised},
    judge::Run,
    question::{Question, questions, text},
    setup::Fixtures,
};
use super::{answer::Evaluator, search::Search, solve::Solver};
use crate::{
    compile::{Compiled, Places, with_rules},
    facts::plain::Plain,
    limits::{TEST_EXPLANATIONS_MAX, TEST_FACTS_MAX, TEST_UNITS_MAX, TEST_UNITS_PER_QUESTION, WORK_UNITS_PER_REQUEST},
    syntax::ast::{Assertion, Policy, Rule},
};

/// Runs every test of a policy that compiles; of another one, none. `seed`: for hash tables.
pub fn run(compiled: &Compiled, now_s: i64, seed: u64) -> Report {
    run_some(compiled, now_s, seed, |_| true)
}

/// Runs the tests whose name is wanted.
pub fn run_some(compiled: &Compiled, now_s: i64, seed: u64, is_wanted: impl Fn(&str) -> bool) -> Report {
    let given = Given { now_s, seed, budget: TEST_UNITS_PER_QUESTION, with_reasons: true };
    run_by::<Search>(compiled, &given, is_wanted)
}

/// Runs every test with a bound of the caller's, up to [`TEST_UNITS_PER_QUESTION`]. `budget`: work units of each question; an
/// assertion asks one, an `iff` that is no list another one per candidate.
pub fn run_within(compiled: &Compiled, now_s: i64, seed: u64, budget: u64) -> Report {
    let budget = budget.min(TEST_UNITS_PER_QUESTION);
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

/// What the tests of a policy may still take together.
struct Left {
    /// Work units.
    units: u64,
    /// Facts laid down.
    n_facts: usize,
    /// Failures that are explained.
    n_explained: usize,
}

fn run_by<S: Solver>(compiled: &Compiled, given: &Given, is_wanted: impl Fn(&str) -> bool) -> Report {
    let Compiled { program, policy, places, .. } = compiled;
    if program.is_none() {
        return Report::default();
    }
    let questions: Vec<Vec<Question<'_>>> = questions(policy);
    let rules: Vec<Rule> = questions.iter().flatten().flat_map(Question::rules).collect();
    // The policy compiles, so what doesn't is an assertion, or all of them are too many.
    let (program, items) = match with_rules(policy, places, &rules) {
        Ok(compiled) => compiled,
        Err(why) => return unreadable(policy, places, &why),
    };
    let n_linked = program.n_terms() as u64;
    let fixtures = Fixtures::new(policy);
    let mut left = Left { units: TEST_UNITS_MAX, n_facts: TEST_FACTS_MAX, n_explained: TEST_EXPLANATIONS_MAX };
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
        let setup = fixtures.facts(test, left.n_facts);
        left.n_facts -= setup.as_ref().map_or(0, Vec::len);
        left.units = left.units.saturating_sub(n_linked);
        let mut run = setup.map(|facts| Run {
            evaluator: Evaluator::new(&program, Plain::new(facts), given.seed),
            program: &program,
            given,
            left: &mut left,
            exercised: &mut exercised,
        });
        for (assertion, question) in test.assertions.iter().zip(questions) {
            result.n_total += 1;
            let failed = match &mut run {
                Ok(run) => run.failure::<S>(assertion, question),
                Err(wrong) => Some((FailureKind::Error, wrong.clone(), None)),
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

/// Some assertion can't be asked: says which, and runs nothing. `why`: of all together.
fn unreadable(policy: &Policy, places: &Places, why: &str) -> Report {
    // Alone and without the policy's own rules, so that trying all costs no more than reading them.
    let alone = Policy::default();
    let all = policy.tests.iter().zip(questions(policy)).map(|(test, questions)| {
        let pairs = test.assertions.iter().zip(&questions).map(|(assertion, question)| {
            let message = match with_rules(&alone, places, &question.rules()) {
                Ok(_) => format!("not run: {why}"),
                Err(message) => format!("the assertion can't be asked: {message}"),
            };
            failure(places, assertion, FailureKind::Error, message)
        });
        let (file, line) = (places.file(test.name.span).to_owned(), places.line(test.name.span));
        let (name, n_total) = (test.name.text.clone(), test.assertions.len());
        TestResult { name, file, line, n_passed: 0, n_total, failures: pairs.collect() }
    });
    Report { tests: all.collect(), coverage: Coverage::default() }
}
