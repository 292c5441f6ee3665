//! A request becomes a question, the rows found become its answer (polar.md §13).

use std::collections::BTreeSet;

use super::{
    bounds::{ANYTHING, Bound},
    linked::{Clause, Linked, Literal},
    search::{Search, Worth},
    term::{RuleTerm, Term},
};
use crate::{
    facts::Facts,
    limits,
    model::{Answer, Ask, AskError, Constraint, Fact, Pattern, Request, Row, Sym, Value, value},
    rules::rule::Program,
};

/// A program and a store, linked: answers requests one after the other.
pub struct Evaluator<F: Facts> {
    facts: F,
    linked: Linked,
    seed: u64,
}

/// A question under construction: one clause whose head are the free positions.
#[derive(Default)]
struct Question {
    head: Vec<RuleTerm>,
    body: Vec<Literal>,
    bounds: Vec<Bound>,
}

impl Question {
    fn variable(&mut self, bound: Bound) -> RuleTerm {
        self.bounds.push(bound);
        RuleTerm::Var(self.bounds.len() as u16 - 1)
    }
}

impl<F: Facts> Evaluator<F> {
    /// Links the program to the store. `seed`: for hash tables, from the host.
    pub fn new(program: &Program, mut facts: F, seed: u64) -> Self {
        let linked = Linked::new(program, &mut facts, seed);
        Evaluator { facts, linked, seed }
    }

    /// The store.
    pub fn facts(&self) -> &F {
        &self.facts
    }

    /// The store, for later writes: never while a request is under way.
    pub fn facts_mut(&mut self) -> &mut F {
        &mut self.facts
    }

    /// Answers one request. Errors: as [`AskError`] says; an answer with an error in it is that error, never a part.
    pub fn ask(&mut self, request: &Request) -> Result<Answer, AskError> {
        check(request)?;
        self.facts.begin(&request.context_facts);
        let n_clauses = self.linked.clauses.len();
        let n_predicates = self.linked.predicates.len();
        let answer = self.answer(request);
        self.linked.clauses.truncate(n_clauses);
        self.linked.forget_predicates(n_predicates);
        self.facts.end();
        answer
    }

    fn answer(&mut self, request: &Request) -> Result<Answer, AskError> {
        let now = self.facts.intern(self.linked.integer, &request.now_s.to_string());
        self.linked.set_now(now);
        let question = self.question(&request.ask)?;
        let head = question.head.clone();
        let Question { head: args, body, bounds } = question;
        self.linked.clauses.push(Clause { head: args, body, bounds, line: 0 });
        let clause = self.linked.clauses.len() - 1;
        let mut search = Search::new(&mut self.linked, &self.facts, self.seed, request.budget);
        let rows = search.ask(clause).map_err(|_| AskError::Budget { units: request.budget })?;
        if head.is_empty() {
            return match rows.first() {
                Some((_, Worth::Error)) => Err(reason(&search)),
                Some((_, Worth::True)) => Ok(Answer::Decision(true)),
                // Mismatch reads as false at the root: a String where an Integer was expected grants nothing.
                Some((_, Worth::Mismatch)) | None => Ok(Answer::Decision(false)),
            };
        }
        if rows.iter().any(|(_, worth)| *worth == Worth::Error) {
            return Err(reason(&search));
        }
        let rows: Vec<_> = rows.into_iter().filter(|(_, worth)| *worth == Worth::True).map(|(row, _)| row).collect();
        self.render(&request.ask, &rows)
    }

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

    fn render(&self, ask: &Ask, rows: &[Box<[Term]>]) -> Result<Answer, AskError> {
        for row in rows {
            self.check_row(ask, row)?;
        }
        Ok(match ask {
            Ask::Authorize { .. } => Answer::Decision(!rows.is_empty()),
            Ask::List { .. } | Ask::Actions { .. } => {
                let mut everything = false;
                let mut ids = BTreeSet::new();
                for row in rows {
                    match row[0] {
                        Term::Const(value) => {
                            ids.insert(self.id(value));
                        }
                        Term::Var(..) => everything = true,
                    }
                }
                Answer::Ids(everything.then(|| "*".to_owned()).into_iter().chain(ids).collect())
            }
            Ask::Query { args, .. } => {
                let facts: BTreeSet<Vec<Row>> = rows
                    .iter()
                    .map(|row| row.iter().zip(args).map(|(term, asked)| self.row(*term, asked)).collect())
                    .collect();
                Answer::Facts(facts.into_iter().collect())
            }
            Ask::Evaluate { calls, constraints } => {
                let order = order_of_use(calls, constraints);
                let mut bindings: Vec<Vec<Option<String>>> =
                    rows.iter().map(|row| row.iter().map(|term| self.binding(*term)).collect()).collect();
                let key = |row: &Vec<Option<String>>| order.iter().map(|at| row[*at].clone()).collect::<Vec<_>>();
                bindings.sort_by_cached_key(key);
                bindings.dedup();
                Answer::Bindings {
                    variables: constraints.iter().map(|(name, _)| name.clone()).collect(),
                    rows: bindings,
                }
            }
        })
    }

    /// One free variable in two positions, or a concrete `*`, can't be written down (U12).
    fn check_row(&self, ask: &Ask, row: &[Term]) -> Result<(), AskError> {
        let mut seen = Vec::new();
        for term in row {
            let unwritable = match *term {
                Term::Var(number, _) => {
                    let repeated = seen.contains(&number);
                    seen.push(number);
                    repeated
                }
                Term::Const(value) => self.id(value) == "*",
            };
            if unwritable {
                let place = match ask {
                    Ask::Query { predicate, .. } => format!("`{predicate}`"),
                    _ => "`allow`".to_owned(),
                };
                return Err(AskError::Unrenderable { place });
            }
        }
        Ok(())
    }

    fn id(&self, value: Sym) -> String {
        let mut text = String::new();
        self.facts.write_id(value, &mut text);
        text
    }

    fn binding(&self, term: Term) -> Option<String> {
        match term {
            Term::Const(value) => Some(self.id(value)),
            Term::Var(..) => None,
        }
    }

    fn row(&self, term: Term, asked: &Pattern) -> Row {
        match (term, asked) {
            (Term::Const(value), _) => {
                Value::new(self.facts.type_name(value.ty), self.id(value)).map_or(Row::Any, Row::Exact)
            }
            (Term::Var(..), Pattern::Type(type_name)) => Row::AnyOf(type_name.clone()),
            (Term::Var(_, bound), _) => match self.linked.bounds.only_type(bound) {
                Some(ty) => Row::AnyOf(self.facts.type_name(ty).to_owned()),
                None => Row::Any,
            },
        }
    }
}

fn reason<F: Facts>(search: &Search<'_, F>) -> AskError {
    search.reason().cloned().unwrap_or_else(|| AskError::Invalid { message: "the query has no answer".to_owned() })
}

/// Variables by first use in the calls (http-api.md §9.6), as places in `constraints`.
fn order_of_use(calls: &[(String, Vec<String>)], constraints: &[(String, Constraint)]) -> Vec<usize> {
    let mut order = Vec::new();
    let used = calls.iter().flat_map(|(_, variables)| variables);
    for place in used.filter_map(|name| constraints.iter().position(|(n, _)| n == name)).chain(0..constraints.len()) {
        if !order.contains(&place) {
            order.push(place);
        }
    }
    order
}

/// Refuses what no part of a request may hold (U18).
fn check(request: &Request) -> Result<(), AskError> {
    let invalid = |error: value::ValueError| AskError::Invalid { message: error.to_string() };
    match &request.ask {
        Ask::List { resource_type, .. } => value::check_type(resource_type).map_err(invalid)?,
        Ask::Query { args, .. } => {
            for pattern in args {
                if let Pattern::Type(type_name) = pattern {
                    value::check_type(type_name).map_err(invalid)?;
                }
            }
        }
        Ask::Evaluate { constraints, .. } => {
            if constraints.len() > limits::VARIABLES_PER_RULE_MAX {
                let message = format!("more than {} variables in one query", limits::VARIABLES_PER_RULE_MAX);
                return Err(AskError::Invalid { message });
            }
            for (_, constraint) in constraints {
                value::check_type(&constraint.type_name).map_err(invalid)?;
            }
        }
        Ask::Authorize { .. } | Ask::Actions { .. } => {}
    }
    request.context_facts.iter().try_for_each(check_fact)
}

fn check_fact(fact: &Fact) -> Result<(), AskError> {
    if (1..=limits::FACT_ARITY_MAX).contains(&fact.args.len()) {
        return Ok(());
    }
    let message =
        format!("context fact `{}` has {} arguments: one to five are allowed", fact.predicate, fact.args.len());
    Err(AskError::Invalid { message })
}
