//! A query is refused whole over a stated limit, never cut to a width: one condition that is left out may be the one that
//! denies.

use understudy_core::{
    compile::{Source, compile},
    eval::answer::Evaluator,
    facts::plain::Plain,
    limits::{ARITY_MAX, CONDITIONS_PER_RULE_MAX, VARIABLES_PER_RULE_MAX},
    model::{Answer, Ask, AskError, Constraint, Pattern, Request},
};

fn ask(ask: Ask) -> Result<Answer, AskError> {
    let program = compile(&[Source { name: "policy.polar", text: "actor User {}" }]).program.expect("a policy");
    let mut evaluator = Evaluator::new(&program, Plain::new([]), 7);
    evaluator.ask(&Request { ask, context_facts: Vec::new(), now_s: 0, budget: u64::MAX })
}

/// The call `granted(x, ..)`, of a predicate without facts, so many times over, `x` being the one user.
fn calls(n_calls: usize, arity: usize) -> Ask {
    let call = ("granted".to_owned(), vec!["x".to_owned(); arity]);
    let one = Constraint { type_name: "User".into(), ids: Some(vec!["u".into()]) };
    Ask::Evaluate { calls: vec![call; n_calls], constraints: vec![("x".to_owned(), one)] }
}

fn variables(n_variables: usize) -> Ask {
    let any = Constraint { type_name: "User".into(), ids: None };
    let constraints = (0..n_variables).map(|n| (format!("v{n:06}"), any.clone()));
    Ask::Evaluate {
        calls: vec![("granted".to_owned(), vec!["v000000".to_owned()])],
        constraints: constraints.collect(),
    }
}

fn pattern(arity: usize) -> Ask {
    Ask::Query { predicate: "granted".into(), args: vec![Pattern::Any; arity] }
}

/// Is there an answer, and nothing in it?
fn is_empty(outcome: &Result<Answer, AskError>) -> bool {
    match outcome {
        Ok(Answer::Facts(rows)) => rows.is_empty(),
        Ok(Answer::Bindings { rows, .. }) => rows.is_empty(),
        _ => false,
    }
}

fn is_refused(outcome: &Result<Answer, AskError>, what: &str, n_max: usize) -> bool {
    let sentence = format!("{what}; at most {n_max} are allowed");
    matches!(outcome, Err(AskError::Invalid { message }) if message.ends_with(&sentence))
}

/// Sizes around the width and around its double; the list of ids is one condition of its own.
fn around(n_max: usize, width: usize) -> impl Iterator<Item = usize> {
    [n_max + 1, width - 1, width, width + 1, width + 2, 2 * width - 1, 2 * width, 2 * width + 1].into_iter()
}

#[test]
fn a_query_of_too_many_conditions_is_refused_at_every_width() {
    for n_conditions in around(CONDITIONS_PER_RULE_MAX, 1 << 16) {
        let outcome = ask(calls(n_conditions - 1, 1));
        assert!(
            is_refused(&outcome, "conditions and lists of ids together", CONDITIONS_PER_RULE_MAX),
            "{n_conditions}: {outcome:?}"
        );
    }
    assert!(is_empty(&ask(calls(CONDITIONS_PER_RULE_MAX - 1, 1))));
}

#[test]
fn a_query_of_too_many_variables_is_refused_at_every_width() {
    for n_variables in around(VARIABLES_PER_RULE_MAX, 1 << 16) {
        let outcome = ask(variables(n_variables));
        assert!(is_refused(&outcome, "variables", VARIABLES_PER_RULE_MAX), "{n_variables}: {outcome:?}");
    }
    assert!(is_empty(&ask(variables(VARIABLES_PER_RULE_MAX))));
}

#[test]
fn a_predicate_of_too_many_arguments_is_refused_at_every_width() {
    for arity in around(ARITY_MAX, 1 << 8).chain(around(ARITY_MAX, 1 << 16)) {
        for question in [pattern(arity), calls(1, arity)] {
            let outcome = ask(question);
            assert!(is_refused(&outcome, "arguments", ARITY_MAX), "{arity}: {outcome:?}");
        }
    }
    for question in [pattern(ARITY_MAX), calls(1, ARITY_MAX)] {
        assert!(is_empty(&ask(question)));
    }
}
