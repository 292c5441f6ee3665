//! `iff`: the listed values of `in` and `not in`, and the candidates by which any other condition is tried (polar.md U22).

use std::collections::BTreeSet;

use crate::{
    model::{AskError, Row, Value},
    syntax::ast::{Expression, Name, Term},
};

/// Values that a message names.
const SHOWN_MAX: usize = 20;
/// Candidates that one condition is tried with: the values of each variable multiply.
const CANDIDATES_MAX: usize = 10_000;

/// `v in [..]`, `v not in [..]` with values in the list alone.
pub(super) fn is_list(condition: &Expression) -> bool {
    matches!(condition, Expression::In(Term::Variable(_), list, _)
        if list.iter().all(|term| matches!(term, Term::Literal(_))))
}

/// The values of such a condition, and whether they are excluded; `None` where it is another one.
pub(super) fn listed(condition: &Expression, variables: &[(Name, Option<Name>)]) -> Option<(BTreeSet<Row>, bool)> {
    let Expression::In(_, list, is_excluded) = condition else { return None };
    if !is_list(condition) || variables.len() != 1 {
        return None;
    }
    let values = list.iter().map(|term| value(term).map(Row::Exact));
    Some((values.collect::<Option<_>>()?, *is_excluded))
}

fn value(term: &Term) -> Option<Value> {
    match term {
        Term::Literal(literal) => Value::new(literal.type_name.as_str(), literal.id.as_str()).ok(),
        _ => None,
    }
}

/// What the found values and the listed ones disagree in; `None`: nothing. A wildcard agrees with no list.
pub(super) fn difference(rows: &[Vec<Row>], listed: &BTreeSet<Row>, is_excluded: bool) -> Option<String> {
    let found: BTreeSet<Row> = rows.iter().filter_map(|row| row.first().cloned()).collect();
    if found.iter().any(|row| !matches!(row, Row::Exact(_))) {
        return Some("every value is an answer, which no list says".to_owned());
    }
    let told = |rows: Vec<&Row>| {
        let n_more = rows.len().saturating_sub(SHOWN_MAX);
        let shown = rows.into_iter().take(SHOWN_MAX).map(written_row).collect::<Vec<_>>().join(", ");
        if n_more == 0 { shown } else { format!("{shown} and {n_more} more") }
    };
    if is_excluded {
        let both: Vec<&Row> = found.intersection(listed).collect();
        return (!both.is_empty()).then(|| format!("excluded, and yet an answer: {}", told(both)));
    }
    let (missing, unexpected): (Vec<&Row>, Vec<&Row>) =
        (listed.difference(&found).collect(), found.difference(listed).collect());
    match (missing.is_empty(), unexpected.is_empty()) {
        (true, true) => None,
        (false, true) => Some(format!("listed, but no answer: {}", told(missing))),
        (true, false) => Some(format!("an answer, but not listed: {}", told(unexpected))),
        (false, false) => {
            Some(format!("listed, but no answer: {}; an answer, but not listed: {}", told(missing), told(unexpected)))
        }
    }
}

/// A value as a policy writes it.
pub(super) fn written(type_name: &str, id: &str) -> String {
    match type_name {
        "String" => format!("{id:?}"),
        "Integer" | "Boolean" => id.to_owned(),
        _ => format!("{type_name}{{{id:?}}}"),
    }
}

fn written_row(row: &Row) -> String {
    match row {
        Row::Any => "_".to_owned(),
        Row::AnyOf(type_name) => format!("_: {type_name}"),
        Row::Exact(value) => written(value.type_name(), value.id()),
    }
}

pub(super) fn term(term: &Term) -> String {
    match term {
        Term::Literal(literal) => written(&literal.type_name, &literal.id),
        Term::Variable(name) => name.text.clone(),
        Term::Now => "@current_unix_time".to_owned(),
        Term::List(elements) => format!("[{}]", elements.iter().map(self::term).collect::<Vec<_>>().join(", ")),
    }
}

/// Names of the variables of a condition.
pub(super) fn variables(condition: &Expression) -> Vec<&str> {
    terms(condition)
        .into_iter()
        .filter_map(|term| match term {
            Found::Variable(name) => Some(name),
            Found::Term(_) => None,
        })
        .collect()
}

enum Found<'e> {
    Variable(&'e str),
    Term(&'e Term),
}

fn terms(condition: &Expression) -> Vec<Found<'_>> {
    fn of<'e>(term: &'e Term, found: &mut Vec<Found<'e>>) {
        match term {
            Term::Variable(name) => found.push(Found::Variable(&name.text)),
            Term::List(elements) => elements.iter().for_each(|element| of(element, found)),
            Term::Literal(_) | Term::Now => found.push(Found::Term(term)),
        }
    }
    fn walk<'e>(condition: &'e Expression, found: &mut Vec<Found<'e>>) {
        match condition {
            Expression::And(parts) | Expression::Or(parts) => parts.iter().for_each(|part| walk(part, found)),
            Expression::Not(inside) => walk(inside, found),
            Expression::Equal(a, b) | Expression::Compare(_, a, b) => [a, b].into_iter().for_each(|t| of(t, found)),
            Expression::In(a, list, _) => std::iter::once(a).chain(list).for_each(|t| of(t, found)),
            Expression::Matches(name, _, _) => found.push(Found::Variable(&name.text)),
            Expression::Call(call) => call.args.iter().for_each(|t| of(t, found)),
            Expression::Constant(_) => {}
        }
    }
    let mut found = Vec::new();
    walk(condition, &mut found);
    found
}

/// Values to try a condition with, one for each variable: every value that the answers or the condition name, neighbours
/// of Integers, and where an answer is a wildcard a value that nothing names.
pub(super) fn candidates(
    condition: &Expression,
    rows: &[Vec<Row>],
    variables: &[(Name, Option<Name>)],
) -> Result<Vec<Vec<Value>>, AskError> {
    let invalid = |message: String| AskError::Invalid { message };
    let mut named: BTreeSet<Value> = BTreeSet::new();
    for found in terms(condition) {
        if let Found::Term(term) = found {
            named.extend(value(term));
        }
    }
    for neighbour in named.clone().iter().filter(|value| value.type_name() == "Integer") {
        let number: i64 = neighbour.id().parse().unwrap_or_default();
        let near = [number.saturating_sub(1), number.saturating_add(1)];
        named.extend(near.iter().filter_map(|n| Value::new("Integer", n.to_string()).ok()));
    }
    let mut all: Vec<Vec<Value>> = vec![Vec::new()];
    for (place, (name, annotation)) in variables.iter().enumerate() {
        let mut own = named.clone();
        if let Some(annotation) = annotation.as_ref().filter(|a| !matches!(a.text.as_str(), "Actor" | "Resource")) {
            let is_primitive = matches!(annotation.text.as_str(), "String" | "Integer" | "Boolean");
            own.retain(|value| !is_primitive || value.type_name() == annotation.text);
        }
        for row in rows {
            match &row[place] {
                Row::Exact(value) => drop(own.insert(value.clone())),
                Row::AnyOf(type_name) if type_name != "Boolean" => {
                    let id = if type_name == "Integer" {
                        i64::MAX.to_string()
                    } else {
                        "a value that nothing names".to_owned()
                    };
                    own.extend(Value::new(type_name.as_str(), id).ok());
                }
                Row::AnyOf(_) => own.extend(["true", "false"].iter().filter_map(|id| Value::new("Boolean", *id).ok())),
                Row::Any => {
                    let message = "is any value of any type: give it a type in the assertion";
                    return Err(invalid(format!("`{}` {message}", name.text)));
                }
            }
        }
        if all.len() * own.len() > CANDIDATES_MAX {
            return Err(invalid(format!("its `iff` would have to be tried with more than {CANDIDATES_MAX} values")));
        }
        all = all
            .iter()
            .flat_map(|values| own.iter().map(|value| [&**values, std::slice::from_ref(value)].concat()))
            .collect();
    }
    Ok(all)
}

/// Are the values an answer's, or ones that its wildcards stand for?
pub(super) fn fits(row: &[Row], values: &[Value]) -> bool {
    row.iter().zip(values).all(|(row, value)| match row {
        Row::Any => true,
        Row::AnyOf(type_name) => value.type_name() == type_name,
        Row::Exact(exact) => exact == value,
    })
}
