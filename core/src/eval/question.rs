//! A request becomes one clause whose head are the free positions (polar.md §13).

use std::collections::{HashMap, HashSet};

use foldhash::fast::FixedState;

use super::{
    bounds::{ANYTHING, Bound},
    linked::{Clause, Linked, Literal},
    term::RuleTerm,
};
use crate::{
    facts::Facts,
    model::{Ask, AskError, Constraint, Pattern, Sym, Value},
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
        let number = u16::try_from(self.bounds.len()).expect("`size` has counted variables and arguments");
        self.bounds.push(bound);
        RuleTerm::Var(number)
    }
}

/// Adds the request's clause to the program, the request's layer of facts being entered. Gives the predicate it is for.
/// `seed`: for hash tables.
pub(super) fn add<F: Facts>(linked: &mut Linked, facts: &mut F, ask: &Ask, seed: u64) -> Result<usize, AskError> {
    let seed = FixedState::with_seed(seed);
    let Question { head, body, bounds } = Asking { linked: &mut *linked, facts, seed }.question(ask)?;
    Ok(linked.ask(Clause { head, body, bounds, line: 0 }))
}

struct Asking<'a, F: Facts> {
    linked: &'a mut Linked,
    facts: &'a mut F,
    seed: FixedState,
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
            Ask::Evaluate { calls, constraints } => self.evaluate(calls, constraints, &mut question)?,
        }
        Ok(question)
    }

    fn evaluate(
        &mut self,
        calls: &[(String, Vec<String>)],
        constraints: &[(String, Constraint)],
        question: &mut Question,
    ) -> Result<(), AskError> {
        let mut variables = HashMap::with_capacity_and_hasher(constraints.len(), self.seed.clone());
        for (name, constraint) in constraints {
            let bound = self.exact(&constraint.type_name);
            let term = question.variable(bound);
            if variables.insert(name.as_str(), term).is_some() {
                let message = format!("variable `{name}` has two entries in `constraints`: give it one");
                return Err(AskError::Invalid { message });
            }
            question.head.push(term);
            if let Some(ids) = &constraint.ids {
                let list = self.listed(constraint, ids)?;
                question.body.push(Literal::In(term, list));
            }
        }
        for (predicate, names) in calls {
            let mut args = Vec::with_capacity(names.len());
            for name in names {
                args.push(*variables.get(name.as_str()).ok_or_else(|| AskError::Invalid {
                    message: format!("variable `{name}` has no entry in `constraints`"),
                })?);
            }
            let predicate = self.linked.predicate(predicate, args.len());
            question.body.push(Literal::Call(predicate, args));
        }
        Ok(())
    }

    /// Each id once, in the order given.
    fn listed(&mut self, constraint: &Constraint, ids: &[String]) -> Result<Vec<RuleTerm>, AskError> {
        let mut list = Vec::with_capacity(ids.len());
        let mut known = HashSet::with_capacity_and_hasher(ids.len(), self.seed.clone());
        for id in ids {
            let value = Value::new(constraint.type_name.as_str(), id.as_str())
                .map_err(|error| AskError::Invalid { message: error.to_string() })?;
            let symbol = self.symbol(&value);
            if known.insert(symbol) {
                list.push(RuleTerm::Const(symbol));
            }
        }
        Ok(list)
    }
}
