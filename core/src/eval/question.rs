//! A request becomes one clause whose head are the free positions (polar.md §13).

use super::{
    bounds::{ANYTHING, Bound},
    linked::{Clause, Linked, Literal},
    term::RuleTerm,
};
use crate::{
    facts::Facts,
    limits,
    model::{Ask, AskError, Constraint, Fact, Pattern, Request, Sym, Value, value},
};

/// A question under construction.
#[derive(Default)]
struct Question {
    head: Vec<RuleTerm>,
    body: Vec<Literal>,
    bounds: Vec<Bound>,
}

impl Question {
    fn variable(&mut self, bound: Bound) -> RuleTerm {
        let number = u16::try_from(self.bounds.len()).expect("`check` has counted variables and arguments");
        self.bounds.push(bound);
        RuleTerm::Var(number)
    }
}

/// Adds the request's clause to the program, the request's layer of facts being entered. Gives the predicate it is for.
pub(super) fn add<F: Facts>(linked: &mut Linked, facts: &mut F, ask: &Ask) -> Result<usize, AskError> {
    let Question { head, body, bounds } = Asking { linked: &mut *linked, facts }.question(ask)?;
    Ok(linked.ask(Clause { head, body, bounds, line: 0 }))
}

struct Asking<'a, F: Facts> {
    linked: &'a mut Linked,
    facts: &'a mut F,
}

impl<F: Facts> Asking<'_, F> {
    fn symbol(&mut self, value: &Value) -> Sym {
        let ty = self.facts.intern_type(value.type_name());
        self.facts.intern(ty, value.id())
    }

    fn constant(&mut self, value: &Value) -> RuleTerm {
        RuleTerm::Const(self.symbol(value))
    }

    fn string(&mut self, text: &str) -> RuleTerm {
        RuleTerm::Const(self.facts.intern(self.linked.string, text))
    }

    fn exact(&mut self, type_name: &str) -> Bound {
        let ty = self.facts.intern_type(type_name);
        self.linked.bounds.exact(ty)
    }

    fn question(&mut self, ask: &Ask) -> Result<Question, AskError> {
        let mut question = Question::default();
        match ask {
            Ask::Authorize { actor, action, resource } => {
                let args = vec![self.constant(actor), self.string(action), self.constant(resource)];
                question.body.push(Literal::Call(self.linked.predicate("allow", 3), args));
            }
            Ask::List { actor, action, resource_type } => {
                let free = question.variable(self.exact(resource_type));
                let args = vec![self.constant(actor), self.string(action), free];
                question.head = vec![free];
                question.body.push(Literal::Call(self.linked.predicate("allow", 3), args));
            }
            Ask::Actions { actor, resource } => {
                let free = question.variable(self.exact("String"));
                let args = vec![self.constant(actor), free, self.constant(resource)];
                question.head = vec![free];
                question.body.push(Literal::Call(self.linked.predicate("allow", 3), args));
            }
            Ask::Query { predicate, args } => {
                for pattern in args {
                    let term = match pattern {
                        Pattern::Any => question.variable(ANYTHING),
                        Pattern::Type(type_name) => {
                            let bound = self.exact(type_name);
                            question.variable(bound)
                        }
                        Pattern::Exact(value) => self.constant(value),
                    };
                    question.head.push(term);
                }
                let args = question.head.clone();
                question.body.push(Literal::Call(self.linked.predicate(predicate, args.len()), args));
            }
            Ask::Evaluate { calls, constraints } => {
                for (_, constraint) in constraints {
                    let bound = self.exact(&constraint.type_name);
                    let term = question.variable(bound);
                    question.head.push(term);
                    if let Some(ids) = &constraint.ids {
                        let list = self.listed(constraint, ids)?;
                        question.body.push(Literal::In(term, list));
                    }
                }
                for (predicate, variables) in calls {
                    let mut args = Vec::with_capacity(variables.len());
                    for variable in variables {
                        let place = constraints.iter().position(|(name, _)| name == variable).ok_or_else(|| {
                            AskError::Invalid {
                                message: format!("variable `{variable}` has no entry in `constraints`"),
                            }
                        })?;
                        args.push(question.head[place]);
                    }
                    let predicate = self.linked.predicate(predicate, args.len());
                    question.body.push(Literal::Call(predicate, args));
                }
            }
        }
        Ok(question)
    }

    fn listed(&mut self, constraint: &Constraint, ids: &[String]) -> Result<Vec<RuleTerm>, AskError> {
        let mut list = Vec::with_capacity(ids.len());
        for id in ids {
            let value = Value::new(constraint.type_name.as_str(), id.as_str())
                .map_err(|error| AskError::Invalid { message: error.to_string() })?;
            let term = self.constant(&value);
            if !list.contains(&term) {
                list.push(term);
            }
        }
        Ok(list)
    }
}

/// Refuses what no part of a request may hold (U18).
pub(super) fn check(request: &Request) -> Result<(), AskError> {
    let invalid = |error: value::ValueError| AskError::Invalid { message: error.to_string() };
    match &request.ask {
        Ask::List { resource_type, .. } => value::check_type(resource_type).map_err(invalid)?,
        Ask::Query { predicate, args } => {
            check_arity(predicate, args.len())?;
            for pattern in args {
                if let Pattern::Type(type_name) = pattern {
                    value::check_type(type_name).map_err(invalid)?;
                }
            }
        }
        Ask::Evaluate { calls, constraints } => {
            at_most("variables", constraints.len(), limits::VARIABLES_PER_RULE_MAX)?;
            // A list of ids is a condition too.
            let n_lists = constraints.iter().filter(|(_, constraint)| constraint.ids.is_some()).count();
            at_most("conditions", calls.len() + n_lists, limits::CONDITIONS_PER_RULE_MAX)?;
            calls.iter().try_for_each(|(predicate, variables)| check_arity(predicate, variables.len()))?;
            for (_, constraint) in constraints {
                value::check_type(&constraint.type_name).map_err(invalid)?;
            }
        }
        Ask::Authorize { .. } | Ask::Actions { .. } => {}
    }
    request.context_facts.iter().try_for_each(check_fact)
}

/// Refuses a query that has more of something than a rule may have: it becomes a rule.
fn at_most(what: &str, n_found: usize, n_max: usize) -> Result<(), AskError> {
    if n_found <= n_max {
        return Ok(());
    }
    Err(AskError::Invalid { message: format!("the query has {n_found} {what}; at most {n_max} are allowed") })
}

fn check_arity(predicate: &str, arity: usize) -> Result<(), AskError> {
    if arity <= limits::ARITY_MAX {
        return Ok(());
    }
    let message = format!("`{predicate}` has {arity} arguments; at most {} are allowed", limits::ARITY_MAX);
    Err(AskError::Invalid { message })
}

fn check_fact(fact: &Fact) -> Result<(), AskError> {
    if (1..=limits::FACT_ARITY_MAX).contains(&fact.args.len()) {
        return Ok(());
    }
    let message =
        format!("context fact `{}` has {} arguments: one to five are allowed", fact.predicate, fact.args.len());
    Err(AskError::Invalid { message })
}
