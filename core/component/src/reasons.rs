//! Explanations and results of tests, model → WIT, exhaustive.

use understudy_core::{
    eval::policy_tests::{Failure, FailureKind, TestResult},
    model::{
        Explanation,
        explanation::{Arg, Atom, By, Condition, Outcome, Step, Way, What},
    },
};

use super::bindings::exports::understudy::engine::{policy, reasons};

pub fn to_explanation(explanation: Explanation) -> reasons::Explanation {
    let text = explanation.nearest_miss();
    let Explanation { answer: _, roots, steps, nearest, is_cut } = explanation;
    reasons::Explanation {
        roots: roots.into_iter().map(place).collect(),
        goals: steps.into_iter().map(to_goal).collect(),
        nearest: nearest.map(|(goal, way)| reasons::Miss { goal: place(goal), way: place(way), text }),
        is_cut,
    }
}

fn place(at: usize) -> u32 {
    at as u32
}

fn to_goal(Step { goal, holds, ways }: Step) -> reasons::Goal {
    reasons::Goal { atom: to_atom(goal), holds, ways: ways.into_iter().map(to_way).collect() }
}

fn to_way(Way { by, conditions }: Way) -> reasons::Way {
    let by = match by {
        By::StoredFact => reasons::By::StoredFact,
        By::LaterFact => reasons::By::LaterFact,
        By::ContextFact => reasons::By::ContextFact,
        By::Question => reasons::By::Question,
        By::Rule { number: _, file, line } => reasons::By::Rule(reasons::Place { file, line }),
    };
    reasons::Way { by, conditions: conditions.into_iter().map(to_condition).collect() }
}

fn to_condition(Condition { what, outcome, step }: Condition) -> reasons::Condition {
    let what = match what {
        What::Goal(atom) => reasons::What::Goal(to_atom(atom)),
        What::Not(atom) => reasons::What::Negated(to_atom(atom)),
        What::Compare(sign, left, right) => {
            reasons::What::Compare((sign.to_owned(), to_argument(left), to_argument(right)))
        }
        What::In(arg, elements) => {
            reasons::What::Contained((to_argument(arg), elements.into_iter().map(to_argument).collect()))
        }
        What::Never => reasons::What::Never,
    };
    let outcome = match outcome {
        Outcome::Met => reasons::Outcome::Met,
        Outcome::Failed => reasons::Outcome::Failed,
        Outcome::Open => reasons::Outcome::Skipped,
    };
    reasons::Condition { what, outcome, goal: step.map(place) }
}

fn to_atom(Atom { predicate, args }: Atom) -> reasons::Atom {
    reasons::Atom { predicate, args: args.into_iter().map(to_argument).collect() }
}

fn to_argument(arg: Arg) -> reasons::Argument {
    match arg {
        Arg::Any { number, type_name } => reasons::Argument { type_name, id: None, number },
        Arg::Exact { type_name, id } => reasons::Argument { type_name: Some(type_name), id: Some(id), number: 0 },
    }
}

pub fn to_test_result(test: TestResult) -> policy::TestResult {
    let TestResult { name, file, line, n_passed, n_total: _, failures } = test;
    let passed = n_passed as u32;
    policy::TestResult { name, file, line, passed, failures: failures.into_iter().map(to_failure).collect() }
}

fn to_failure(failure: Failure) -> policy::Failure {
    let Failure { kind, file, line, assertion, message, explanation } = failure;
    let is_error = kind == FailureKind::Error;
    policy::Failure { is_error, file, line, assertion, message, explanation: explanation.map(to_explanation) }
}
