//! The rows found become the answer, in the order the wire promises (polar.md §13).

use std::collections::{BTreeMap, BTreeSet};

use super::{account::Account, linked::Linked, term::Term};
use crate::{
    facts::Facts,
    model::{Answer, Ask, AskError, Constraint, Pattern, Row, Sym, Value},
};

/// Bytes of one value of an answer besides its texts, in memory and as a reply's bytes.
const VALUE_BYTES: u64 = 112;
/// Bytes of one row of an answer: its allocation, its place among those sorted.
const ROW_BYTES: u64 = 48;
/// Work units to write a value down: to sort it in, to put it among a reply's bytes, and for the host to read it there and
/// write it anew. A list of 20,000 ids takes about 35 ms in all, a third of them for finding its rows.
const VALUE_UNITS: u64 = 16;

/// Writes rows down.
pub(super) struct Render<'r, F: Facts> {
    pub(super) linked: &'r Linked,
    pub(super) facts: &'r F,
}

impl<F: Facts> Render<'_, F> {
    /// Errors: a row that can't be written as values and wildcards.
    pub(super) fn render(&self, ask: &Ask, rows: &[Box<[Term]>]) -> Result<Answer, AskError> {
        let mut account = Account::new(u64::MAX, u64::MAX);
        self.render_within(ask, rows, &mut account)
    }

    /// The same, with the answer and its reply on the request's account, before any of it is made.
    pub(super) fn render_within(
        &self,
        ask: &Ask,
        rows: &[Box<[Term]>],
        account: &mut Account,
    ) -> Result<Answer, AskError> {
        let mut text = String::new();
        for row in rows {
            let n_bytes = self.check_row(ask, row, &mut text)?;
            let spent = account.spend(VALUE_UNITS * row.len() as u64).and_then(|()| account.hold(n_bytes));
            spent.map_err(|spent| account.error(spent))?;
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
                bindings.sort_unstable_by(|a, b| order.iter().map(|at| &a[*at]).cmp(order.iter().map(|at| &b[*at])));
                bindings.dedup();
                Answer::Bindings {
                    variables: constraints.iter().map(|(name, _)| name.clone()).collect(),
                    rows: bindings,
                }
            }
        })
    }

    /// One free variable in two positions, or a concrete `*`, can't be written down (U12). Gives the bytes that the row
    /// needs. `text`: used again.
    fn check_row(&self, ask: &Ask, row: &[Term], text: &mut String) -> Result<u64, AskError> {
        let mut n_bytes = ROW_BYTES;
        // INVARIANT: a row's variables are numbered in order of first occurrence.
        let mut n_seen = 0;
        for term in row {
            n_bytes += VALUE_BYTES;
            let unwritable = match *term {
                Term::Var(number, _) => {
                    let repeated = number < n_seen;
                    n_seen = n_seen.max(number.saturating_add(1));
                    repeated
                }
                Term::Const(value) => {
                    text.clear();
                    self.facts.write_id(value, text);
                    // Once as the answer, once as the reply's bytes.
                    n_bytes += 2 * (text.len() + self.facts.type_name(value.ty).len()) as u64;
                    text == "*"
                }
            };
            if unwritable {
                let place = match ask {
                    Ask::Query { predicate, .. } => format!("`{predicate}`"),
                    _ => "`allow`".to_owned(),
                };
                return Err(AskError::Unrenderable { place });
            }
        }
        Ok(n_bytes)
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
    let places: BTreeMap<&str, usize> = constraints.iter().enumerate().map(|(at, (name, _))| (&**name, at)).collect();
    let mut is_ordered = vec![false; constraints.len()];
    let mut order = Vec::with_capacity(constraints.len());
    let used = calls.iter().flat_map(|(_, variables)| variables);
    for place in used.filter_map(|name| places.get(&**name).copied()).chain(0..constraints.len()) {
        if !std::mem::replace(&mut is_ordered[place], true) {
            order.push(place);
        }
    }
    order
}
