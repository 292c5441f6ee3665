//! Runs the `test` blocks of a policy (polar.md §14): setup facts and policy facts are all the data there are.

use std::collections::BTreeMap;

use super::{answer::Evaluator, search::Search, solve::Solver};
use crate::{
    facts::plain::Plain,
    limits::WORK_UNITS_PER_REQUEST,
    model::{Answer, Ask, AskError, Fact, Pattern, Request, Row, Value},
    rules::rule::Program,
    syntax::ast::{Assertion, Expression, Policy, Setup, Term},
};

/// Result of one test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TestResult {
    /// Its name.
    pub name: String,
    /// Assertions that hold.
    pub n_passed: usize,
    /// Assertions in all.
    pub n_total: usize,
    /// One message per assertion that doesn't hold.
    pub failures: Vec<String>,
}

/// Results of all tests of a policy, in order of source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// One per test.
    pub tests: Vec<TestResult>,
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

/// Runs every test. `seed`: for hash tables.
pub fn run(program: &Program, policy: &Policy, now_s: i64, seed: u64) -> Report {
    run_by::<Search>(program, policy, now_s, seed)
}

/// The same by a given evaluator.
pub fn run_by<S: Solver>(program: &Program, policy: &Policy, now_s: i64, seed: u64) -> Report {
    let fixtures: BTreeMap<&str, Vec<Fact>> = policy
        .fixtures
        .iter()
        .map(|(name, facts)| (name.text.as_str(), facts.iter().filter_map(fact).collect()))
        .collect();
    let mut report = Report::default();
    for test in &policy.tests {
        let mut facts = Vec::new();
        for step in &test.setup {
            match step {
                Setup::Fact(written) => facts.extend(fact(written)),
                Setup::Fixture(name) => facts.extend(fixtures.get(name.text.as_str()).into_iter().flatten().cloned()),
            }
        }
        let mut evaluator = Evaluator::new(program, Plain::new(facts), seed);
        let mut result = TestResult { name: test.name.text.clone(), ..TestResult::default() };
        for assertion in &test.assertions {
            result.n_total += 1;
            match holds::<S>(program, &mut evaluator, assertion, now_s) {
                Ok(true) => result.n_passed += 1,
                Ok(false) => result.failures.push(format!("`{}` is not as asserted", assertion.head.name.text)),
                Err(error) => result.failures.push(error.to_string()),
            }
        }
        report.tests.push(result);
    }
    report
}

fn fact(written: &crate::syntax::ast::Fact) -> Option<Fact> {
    let values = written.args.iter().map(|arg| Value::new(arg.type_name.as_str(), arg.id.as_str()).ok());
    Some(Fact { predicate: written.name.text.clone(), args: values.collect::<Option<_>>()? })
}

fn holds<S: Solver>(
    program: &Program,
    evaluator: &mut Evaluator<Plain>,
    assertion: &Assertion,
    now_s: i64,
) -> Result<bool, AskError> {
    let rows = rows::<S>(program, evaluator, assertion, now_s)?;
    let Some(condition) = &assertion.condition else { return Ok(rows.is_empty() == assertion.negated) };
    let invalid = || AskError::Invalid { message: "`iff` takes `variable in [values]`".to_owned() };
    let (Expression::In(Term::Variable(variable), list, excluded), params) = (condition, &assertion.head.params) else {
        return Err(invalid());
    };
    let is_it = |term: &Term| matches!(term, Term::Variable(name) if name.text == variable.text);
    let place = params.iter().position(|(term, _)| is_it(term)).ok_or_else(invalid)?;
    let listed: Option<Vec<Row>> = list
        .iter()
        .map(|term| match term {
            Term::Literal(literal) => Value::new(literal.type_name.as_str(), literal.id.as_str()).ok().map(Row::Exact),
            _ => None,
        })
        .collect();
    let (mut listed, mut found) =
        (listed.ok_or_else(invalid)?, rows.iter().map(|row| row[place].clone()).collect::<Vec<_>>());
    listed.sort();
    listed.dedup();
    found.sort();
    found.dedup();
    let met = if *excluded {
        found.iter().all(|row| matches!(row, Row::Exact(_)) && !listed.contains(row))
    } else {
        found == listed
    };
    Ok(met != assertion.negated)
}

/// Solutions of the assertion's head, annotations and repeated variables taken into account.
fn rows<S: Solver>(
    program: &Program,
    evaluator: &mut Evaluator<Plain>,
    assertion: &Assertion,
    now_s: i64,
) -> Result<Vec<Vec<Row>>, AskError> {
    let params = &assertion.head.params;
    let mut args = Vec::with_capacity(params.len());
    for (term, _) in params {
        args.push(match term {
            Term::Literal(literal) => Value::new(literal.type_name.as_str(), literal.id.as_str())
                .map(Pattern::Exact)
                .map_err(|error| AskError::Invalid { message: error.to_string() })?,
            Term::Variable(_) => Pattern::Any,
            Term::Now => Value::new("Integer", now_s.to_string())
                .map(Pattern::Exact)
                .map_err(|error| AskError::Invalid { message: error.to_string() })?,
            Term::List(_) => return Err(AskError::Invalid { message: "a list is no argument".to_owned() }),
        });
    }
    let ask = Ask::Query { predicate: assertion.head.name.text.clone(), args };
    let request = Request { ask, context_facts: Vec::new(), now_s, budget: WORK_UNITS_PER_REQUEST };
    let Answer::Facts(mut rows) = evaluator.ask_by::<S>(&request)? else { return Ok(Vec::new()) };
    rows.retain(|row| {
        params.iter().zip(row).enumerate().all(|(place, ((term, annotation), got))| {
            let Term::Variable(name) = term else { return true };
            let typed = annotation.as_ref().is_none_or(|wanted| match got {
                Row::Any => true,
                Row::AnyOf(type_name) => is_below(program, type_name, &wanted.text),
                Row::Exact(value) => is_below(program, value.type_name(), &wanted.text),
            });
            let first = params.iter().position(|(t, _)| matches!(t, Term::Variable(n) if n.text == name.text));
            typed && (name.text == "_" || first.is_none_or(|first| first == place || row[first] == *got))
        })
    });
    Ok(rows)
}

/// Is the type at or below the annotation?
fn is_below(program: &Program, type_name: &str, wanted: &str) -> bool {
    program.below(wanted).map_or(type_name == wanted, |names| names.contains(&type_name))
}
