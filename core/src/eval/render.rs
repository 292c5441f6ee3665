//! The rows found become the answer, in the order the wire promises (polar.md §13).

use std::collections::BTreeSet;

use super::{linked::Linked, term::Term};
use crate::{
    facts::Facts,
    model::{Answer, Ask, AskError, Constraint, Pattern, Row, Sym, Value},
};

/// Writes rows down.
pub(super) struct Render<'r, F: Facts> {
    pub(super) linked: &'r Linked,
    pub(super) facts: &'r F,
}

impl<F: Facts> Render<'_, F> {
    /// Errors: a row that can't be written as values and wildcards.
    pub(super) fn render(&self, ask: &Ask, rows: &[Box<[Term]>]) -> Result<Answer, AskError> {
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
