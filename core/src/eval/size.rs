//! How large a request is: counted against limits before any work begins, then put on its account.

use std::collections::HashSet;

use foldhash::fast::FixedState;

use super::account::{Account, OutOfBudget};
use crate::{
    limits,
    model::{Ask, AskError, Fact, Pattern, Request, TooMany, Value, value},
};

/// Work units to give a number to a value: a look-up in each layer of facts.
const VALUE_UNITS: u64 = 4;
/// Bytes of a value that no layer knows yet, besides its texts: numbers, an entry of a hash table, allocations.
const VALUE_BYTES: u64 = 160;
/// Work units to enter a context fact, and its place in the index of each of its arguments.
const FACT_UNITS: u64 = 8;
/// Bytes of a context fact besides its values: where no other has its types, a relation is made for it.
const FACT_BYTES: u64 = 512;
/// Bytes of an argument of a context fact: an index has a tree of rows for each of its ids.
const FACT_ARGUMENT_BYTES: u64 = 320;
/// Bytes of text that are read and copied for one work unit.
const TEXT_BYTES_PER_UNIT: u64 = 64;

/// What a request costs before anything is looked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    units: u64,
    bytes: u64,
    text: u64,
}

impl Size {
    /// Puts it on the account.
    pub(super) fn spend(self, account: &mut Account) -> Result<(), OutOfBudget> {
        account.spend(self.units.saturating_add(self.text / TEXT_BYTES_PER_UNIT))?;
        // Each text is there twice: by its number, and by what its number is found by.
        account.hold(self.bytes.saturating_add(self.text.saturating_mul(2)))
    }

    fn text(&mut self, text: &str) {
        self.text = self.text.saturating_add(text.len() as u64);
    }

    fn value(&mut self, type_name: &str, id: &str) {
        self.units += VALUE_UNITS;
        self.bytes += VALUE_BYTES;
        self.text(type_name);
        self.text(id);
    }

    fn fact(&mut self, fact: &Fact) {
        self.units += FACT_UNITS;
        self.bytes += FACT_BYTES;
        self.text(&fact.predicate);
        for value in &fact.args {
            self.value(value.type_name(), value.id());
            self.units += VALUE_UNITS;
            self.bytes += FACT_ARGUMENT_BYTES;
        }
    }
}

/// Refuses what no request may hold (U18) and what is over a limit; gives the size of the rest. Nothing that is counted
/// here is copied or looked up before. `seed`: for hash tables.
pub(super) fn check(request: &Request, seed: u64) -> Result<Size, AskError> {
    let mut size = Size { units: 1, ..Size::default() };
    let facts = &request.context_facts;
    TooMany::check("context facts", facts.len(), limits::CONTEXT_FACTS_MAX)?;
    check_ask(&request.ask, &mut size)?;
    for fact in facts {
        check_fact(fact)?;
        size.fact(fact);
    }
    TooMany::check("types", n_types(request, seed), limits::REQUEST_TYPES_MAX)?;
    Ok(size)
}

fn check_ask(ask: &Ask, size: &mut Size) -> Result<(), AskError> {
    let mut values: [Option<&Value>; 2] = [None, None];
    match ask {
        Ask::Authorize { actor, action, resource } => {
            name("an action", action)?;
            size.value("", action);
            values = [Some(actor), Some(resource)];
        }
        Ask::List { actor, action, resource_type } => {
            check_type(resource_type)?;
            name("an action", action)?;
            size.value(resource_type, action);
            values[0] = Some(actor);
        }
        Ask::Actions { actor, resource } => values = [Some(actor), Some(resource)],
        Ask::Query { predicate, args } => {
            check_call(predicate, args.len())?;
            size.text(predicate);
            for pattern in args {
                match pattern {
                    Pattern::Any => {}
                    Pattern::Type(type_name) => {
                        check_type(type_name)?;
                        size.value(type_name, "");
                    }
                    Pattern::Exact(value) => {
                        check_value(value)?;
                        size.value(value.type_name(), value.id());
                    }
                }
            }
        }
        Ask::Evaluate { calls, constraints } => {
            TooMany::check("variables", constraints.len(), limits::VARIABLES_PER_RULE_MAX)?;
            // A list of ids is a condition too.
            let lists = || constraints.iter().filter_map(|(_, constraint)| constraint.ids.as_ref());
            let n_lists = lists().count();
            let what = if n_lists == 0 { "conditions" } else { "conditions and lists of ids together" };
            TooMany::check(what, calls.len() + n_lists, limits::CONDITIONS_PER_RULE_MAX)?;
            TooMany::check("ids", lists().map(Vec::len).sum(), limits::REQUEST_IDS_MAX)?;
            for (variable, constraint) in constraints {
                name("a variable", variable)?;
                check_type(&constraint.type_name)?;
                size.value(&constraint.type_name, variable);
                for id in constraint.ids.iter().flatten() {
                    check_id(&constraint.type_name, id)?;
                    size.value("", id);
                }
            }
            for (predicate, variables) in calls {
                check_call(predicate, variables.len())?;
                size.value(predicate, "");
                for variable in variables {
                    name("a variable", variable)?;
                    size.value("", variable);
                }
            }
        }
    }
    for value in values.into_iter().flatten() {
        check_value(value)?;
        size.value(value.type_name(), value.id());
    }
    Ok(())
}

fn invalid(message: String) -> AskError {
    AskError::Invalid { message }
}

/// `what`: with its article.
fn name(what: &str, name: &str) -> Result<(), AskError> {
    if name.len() <= limits::NAME_BYTES_MAX {
        return Ok(());
    }
    Err(invalid(format!("{what} has {} bytes; at most {} are allowed", name.len(), limits::NAME_BYTES_MAX)))
}

fn check_type(type_name: &str) -> Result<(), AskError> {
    name("a type", type_name)?;
    value::check_type(type_name).map_err(|error| invalid(error.to_string()))
}

fn check_id(type_name: &str, id: &str) -> Result<(), AskError> {
    if id.len() <= limits::ID_BYTES_MAX {
        return Ok(());
    }
    let (n_bytes, n_max) = (id.len(), limits::ID_BYTES_MAX);
    Err(invalid(format!("an id of type `{type_name}` has {n_bytes} bytes; at most {n_max} are allowed")))
}

fn check_value(value: &Value) -> Result<(), AskError> {
    name("a type", value.type_name())?;
    check_id(value.type_name(), value.id())
}

fn check_call(predicate: &str, arity: usize) -> Result<(), AskError> {
    name("a predicate", predicate)?;
    if arity <= limits::ARITY_MAX {
        return Ok(());
    }
    Err(invalid(format!("`{predicate}` has {arity} arguments; at most {} are allowed", limits::ARITY_MAX)))
}

fn check_fact(fact: &Fact) -> Result<(), AskError> {
    name("a predicate", &fact.predicate)?;
    if !(1..=limits::FACT_ARITY_MAX).contains(&fact.args.len()) {
        let (predicate, arity) = (&fact.predicate, fact.args.len());
        return Err(invalid(format!("context fact `{predicate}` has {arity} arguments: one to five are allowed")));
    }
    fact.args.iter().try_for_each(check_value)
}

/// Different types that a request names; an upper bound where that is under the limit.
fn n_types(request: &Request, seed: u64) -> usize {
    let constraints = match &request.ask {
        Ask::Evaluate { constraints, .. } => constraints.as_slice(),
        // Of the others none names more than it has arguments.
        _ => &[],
    };
    let named = constraints.iter().map(|(_, constraint)| constraint.type_name.as_str());
    let args = request.context_facts.iter().flat_map(|fact| &fact.args);
    let n_named = constraints.len() + args.clone().count() + limits::ARITY_MAX;
    if n_named <= limits::REQUEST_TYPES_MAX {
        return n_named;
    }
    let mut types = HashSet::with_hasher(FixedState::with_seed(seed));
    types.extend(named.chain(args.map(Value::type_name)));
    types.len()
}
