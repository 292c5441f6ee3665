//! Checks explanations against program and facts, and nothing else: a step that holds is an instance of its rule, what it
//! needs holds by steps that don't rest on it, leaves are facts that were given.

use std::collections::BTreeMap;

use understudy_core::{
    eval::{answer::Evaluator, naive::Naive},
    facts::plain::Plain,
    model::{
        Answer, Ask, Explanation, Fact, Pattern, Request, Value,
        explanation::{Arg, Atom, By, Condition, Outcome, Step, Way, What},
    },
    rules::rule::{Comparison, Literal, Program, RuleId, Term, Variable},
};

/// Facts come with whether they are context facts. `Err`: what is wrong.
pub fn check(
    program: &Program,
    facts: &[(Fact, bool)],
    evaluator: &mut Evaluator<Plain>,
    request: &Request,
    explanation: &Explanation,
) -> Result<(), String> {
    let Explanation { roots, steps, .. } = explanation;
    let n_rows = match &explanation.answer {
        Answer::Decision(allowed) => usize::from(*allowed),
        Answer::Ids(ids) => ids.len(),
        Answer::Facts(rows) => rows.len(),
        Answer::Bindings { rows, .. } => rows.len(),
    };
    if !explanation.is_cut && roots.len() != n_rows.max(1) {
        return Err(format!("{} roots for {n_rows} rows", roots.len()));
    }
    if roots.iter().any(|root| steps[*root].holds != (n_rows > 0)) {
        return Err("a root says otherwise than the answer".to_owned());
    }
    for (at, step) in steps.iter().enumerate() {
        let n_same = steps.iter().filter(|other| other.goal == step.goal && other.holds == step.holds).count();
        if n_same != 1 && !is_ambiguous(&step.goal) {
            return Err(format!("step {at}: `{}` stands {n_same} times", step.goal));
        }
        if step.holds {
            held(program, facts, explanation, step).map_err(|why| format!("step {at}, `{}`: {why}", step.goal))?;
        } else {
            failed(explanation, step).map_err(|why| format!("step {at}, `{}`: {why}", step.goal))?;
        }
    }
    well_founded(steps)?;
    negations(evaluator, request, steps)
}

/// Two wildcards of different sets of types are written alike where neither is one type.
fn is_ambiguous(goal: &Atom) -> bool {
    goal.args.iter().any(|arg| matches!(arg, Arg::Any { .. }))
}

fn held(program: &Program, facts: &[(Fact, bool)], whole: &Explanation, step: &Step) -> Result<(), String> {
    let [way] = step.ways.as_slice() else { return Err(format!("{} ways", step.ways.len())) };
    match &way.by {
        By::StoredFact | By::ContextFact | By::LaterFact => {
            let values: Result<Vec<Value>, String> = step.goal.args.iter().map(value).collect();
            let fact = Fact { predicate: step.goal.predicate.clone(), args: values? };
            let is_stored = facts.contains(&(fact.clone(), false));
            let is_right = match way.by {
                By::StoredFact => is_stored,
                By::ContextFact => !is_stored && facts.contains(&(fact, true)),
                _ => false,
            };
            if is_right { Ok(()) } else { Err("no such fact".to_owned()) }
        }
        By::Question => conditions(whole, way),
        By::Rule { number, line, .. } => {
            let rule = &program.rules[*number as usize];
            if *line != rule.line {
                return Err("another line".to_owned());
            }
            let mut bound = BTreeMap::new();
            let name = &program.predicates[rule.head.index()].name;
            if *name != step.goal.predicate || program.place(RuleId(*number)).is_some() != (*line > 0) {
                return Err("another predicate's rule".to_owned());
            }
            let instance = Instance { program, variables: &rule.variables };
            instance.all(&rule.args, &step.goal.args, &mut bound)?;
            if rule.body.len() != way.conditions.len() {
                return Err("conditions are missing".to_owned());
            }
            for (literal, condition) in rule.body.iter().zip(&way.conditions) {
                instance.literal(literal, condition, &mut bound)?;
            }
            conditions(whole, way)
        }
    }
}

fn value(arg: &Arg) -> Result<Value, String> {
    match arg {
        Arg::Exact { type_name, id } => Value::new(type_name.as_str(), id.as_str()).map_err(|error| error.to_string()),
        Arg::Any { .. } => Err("a fact has a wildcard".to_owned()),
    }
}

/// Every goal is met by a step that holds of it, or of more.
fn conditions(whole: &Explanation, way: &Way) -> Result<(), String> {
    for Condition { what, outcome, step } in &way.conditions {
        if *outcome != Outcome::Met {
            return Err(format!("`{what}` isn't met"));
        }
        let What::Goal(atom) = what else { continue };
        let Some(step) = step.and_then(|step| whole.steps.get(step)) else {
            if whole.is_cut {
                continue;
            }
            return Err(format!("`{what}` has no step"));
        };
        if !step.holds || !is_instance(atom, &step.goal) {
            return Err(format!("`{what}` isn't an instance of `{}`", step.goal));
        }
    }
    Ok(())
}

fn is_instance(narrow: &Atom, wide: &Atom) -> bool {
    let mut met: BTreeMap<u32, &Arg> = BTreeMap::new();
    narrow.predicate == wide.predicate
        && narrow.args.len() == wide.args.len()
        && narrow.args.iter().zip(&wide.args).all(|(narrow, wide)| match (narrow, wide) {
            (_, Arg::Any { number, type_name }) => {
                let same = *number == 0 || **met.entry(*number).or_insert(narrow) == *narrow;
                let typed = match (narrow, type_name) {
                    (_, None) => true,
                    (Arg::Exact { type_name: own, .. }, Some(wanted)) => own == wanted,
                    (Arg::Any { type_name: own, .. }, Some(wanted)) => own.as_ref() == Some(wanted),
                };
                same && typed
            }
            (narrow, wide) => narrow == wide,
        })
}

/// A failed goal's ways fail at one condition each; a goal among those fails by its own step.
fn failed(whole: &Explanation, step: &Step) -> Result<(), String> {
    for way in &step.ways {
        let failed: Vec<&Condition> = way.conditions.iter().filter(|c| c.outcome == Outcome::Failed).collect();
        let [condition] = failed.as_slice() else { return Err(format!("{} conditions failed", failed.len())) };
        if let Some(below) = condition.step {
            let holds = whole.steps[below].holds;
            let is_right = match &condition.what {
                What::Goal(_) => !holds,
                What::Not(_) => holds,
                _ => false,
            };
            if !is_right {
                return Err(format!("`{}` failed by a step that says otherwise", condition.what));
            }
        }
    }
    Ok(())
}

/// No goal that holds rests on itself.
fn well_founded(steps: &[Step]) -> Result<(), String> {
    let needs = |at: usize| steps[at].ways.iter().flat_map(|way| way.conditions.iter().filter_map(|c| c.step));
    let mut is_sound = vec![false; steps.len()];
    loop {
        let mut has_grown = false;
        for at in (0..steps.len()).filter(|at| steps[*at].holds) {
            if !is_sound[at] && needs(at).all(|below| is_sound[below]) {
                (is_sound[at], has_grown) = (true, true);
            }
        }
        if !has_grown {
            break;
        }
    }
    match (0..steps.len()).find(|at| steps[*at].holds && !is_sound[*at]) {
        Some(at) => Err(format!("step {at} rests on itself")),
        None => Ok(()),
    }
}

/// What stands under a `not` that is met has no answer, says the oracle. Insides of a `not` can't be asked by name.
fn negations(evaluator: &mut Evaluator<Plain>, request: &Request, steps: &[Step]) -> Result<(), String> {
    let all = steps.iter().filter(|step| step.holds).flat_map(|step| step.ways.iter().flat_map(|way| &way.conditions));
    for condition in all {
        let What::Not(atom) = &condition.what else { continue };
        if atom.predicate.starts_with("not@") || is_ambiguous(atom) {
            continue;
        }
        let args: Result<Vec<Pattern>, String> = atom.args.iter().map(|arg| value(arg).map(Pattern::Exact)).collect();
        let ask = Ask::Query { predicate: atom.predicate.clone(), args: args? };
        let request = Request { ask, ..request.clone() };
        match evaluator.ask_by::<Naive>(&request) {
            Ok(Answer::Facts(rows)) if rows.is_empty() => {}
            other => return Err(format!("`{}` is said to be met: {other:?}", condition.what)),
        }
    }
    Ok(())
}

struct Instance<'p> {
    program: &'p Program,
    variables: &'p [Variable],
}

/// What each variable of a rule stands for. A wildcard's number counts within one atom: how two atoms tie their wildcards
/// together can't be seen from outside, so only values are held against each other.
type Bound = BTreeMap<u16, Arg>;

impl Instance<'_> {
    fn all(&self, terms: &[Term], args: &[Arg], bound: &mut Bound) -> Result<(), String> {
        if terms.len() != args.len() {
            return Err("another arity".to_owned());
        }
        terms.iter().zip(args).try_for_each(|(term, arg)| self.one(*term, arg, bound))
    }

    fn one(&self, term: Term, arg: &Arg, bound: &mut Bound) -> Result<(), String> {
        match term {
            Term::Now => match arg {
                Arg::Exact { type_name, .. } if type_name == "Integer" => Ok(()),
                _ => Err(format!("the time is `{arg}`")),
            },
            Term::Const(id) => {
                let constant = &self.program.constants[id.index()];
                let own = &self.program.types[constant.ty.index()].name;
                match arg {
                    Arg::Exact { type_name, id } if type_name == own && *id == constant.id => Ok(()),
                    _ => Err(format!("`{arg}` isn't the rule's constant")),
                }
            }
            Term::Var(at) => {
                let variable = &self.variables[usize::from(at)];
                let types = &self.program.bounds[variable.bound.index()];
                if let Arg::Exact { type_name, .. } | Arg::Any { type_name: Some(type_name), .. } = arg {
                    let admits = match self.program.find_type(type_name) {
                        Some(ty) => types.types.contains(&ty) || variable.bound.0 == 0,
                        None => types.other || variable.bound.0 == 0,
                    };
                    if !admits {
                        return Err(format!("`{}` can't be `{arg}`", variable.name));
                    }
                }
                let known = bound.entry(at).or_insert_with(|| arg.clone());
                match (&*known, arg) {
                    (Arg::Exact { .. }, _) | (_, Arg::Exact { .. }) if known != arg => {
                        Err(format!("`{}` is both `{known}` and `{arg}`", variable.name))
                    }
                    _ => Ok(()),
                }
            }
        }
    }

    fn literal(&self, literal: &Literal, condition: &Condition, bound: &mut Bound) -> Result<(), String> {
        let wrong = || Err(format!("`{}` is another condition", condition.what));
        match (literal, &condition.what) {
            (Literal::Call { predicate, args }, What::Goal(atom))
            | (Literal::Not { predicate, args }, What::Not(atom)) => {
                if self.program.predicates[predicate.index()].name != atom.predicate {
                    return wrong();
                }
                self.all(args, &atom.args, bound)
            }
            (Literal::Unify { left, right }, What::Compare("=", a, b)) => {
                self.all(&[*left, *right], &[a.clone(), b.clone()], bound)?;
                if a == b { Ok(()) } else { wrong() }
            }
            (Literal::In { term, list }, What::In(arg, elements)) => {
                self.one(*term, arg, bound)?;
                self.all(list, elements, bound)?;
                if elements.contains(arg) { Ok(()) } else { wrong() }
            }
            (Literal::Compare { op, left, right }, What::Compare(_, a, b)) => {
                self.all(&[*left, *right], &[a.clone(), b.clone()], bound)?;
                let integer = |arg: &Arg| match arg {
                    Arg::Exact { type_name, id } if type_name == "Integer" => id.parse::<i64>().ok(),
                    _ => None,
                };
                let holds = match (op, integer(a), integer(b)) {
                    (Comparison::NotEqual, ..) => a != b && value(a).is_ok() && value(b).is_ok(),
                    (Comparison::Less, Some(a), Some(b)) => a < b,
                    (Comparison::LessEqual, Some(a), Some(b)) => a <= b,
                    (Comparison::Greater, Some(a), Some(b)) => a > b,
                    (Comparison::GreaterEqual, Some(a), Some(b)) => a >= b,
                    _ => false,
                };
                if holds { Ok(()) } else { wrong() }
            }
            _ => wrong(),
        }
    }
}
