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

pub use self::report::{Failure, FailureKind, Report, TestResult};
use self::{
    coverage::{Coverage, Exercised},
    judge::Run,
    question::{Question, questions, text},
};
use super::{answer::Evaluator, search::Search, solve::Solver};
use crate::{
    compile::{Compiled, Places, with_rules},
    facts::plain::Plain,
    limits::WORK_UNITS_PER_REQUEST,
    model::{Fact, Value},
    syntax::ast::{self, Assertion, Policy, Rule, Setup},
};

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
