//! Values, facts and conditions as parts of a sentence.

use crate::model::explanation::{Arg, Atom, By, QUERY, What};

/// Items that one line lists; the rest is counted.
pub(super) const LISTED_MAX: usize = 6;

pub(super) fn type_of(arg: &Arg) -> Option<&str> {
    match arg {
        Arg::Any { type_name, .. } => type_name.as_deref(),
        Arg::Exact { type_name, .. } => Some(type_name),
    }
}

/// `User:bob`, `any Organization`, `"text"`, `3`; what stands in several places of the sentence is `x`, or `the same User`.
pub(super) fn value(arg: &Arg) -> String {
    match arg {
        Arg::Any { number: number @ 1.., type_name } => match type_name.as_deref() {
            None | Some("String" | "Integer" | "Boolean") => letter(*number),
            Some(type_name) => format!("the same {type_name}"),
        },
        Arg::Any { type_name: Some(type_name), .. } => format!("any {type_name}"),
        Arg::Any { type_name: None, .. } => "anything".to_owned(),
        Arg::Exact { type_name, id } => match type_name.as_str() {
            "String" => format!("{id:?}"),
            "Integer" | "Boolean" => id.clone(),
            _ if id.chars().any(|c| c.is_whitespace() || c.is_control()) => format!("{type_name}:{id:?}"),
            _ => format!("{type_name}:{id}"),
        },
    }
}

/// `x`, `y`, `z`, `x4`.
fn letter(number: u32) -> String {
    match number {
        1 => "x".to_owned(),
        2 => "y".to_owned(),
        3 => "z".to_owned(),
        more => format!("x{more}"),
    }
}

/// What a comparison is of: a value that nothing names is some value, for it isn't met by any.
fn compared(arg: &Arg) -> String {
    match arg {
        Arg::Any { number: 0, type_name: Some(type_name) } => format!("some {type_name}"),
        Arg::Any { number: 0, type_name: None } => "some value".to_owned(),
        arg => value(arg),
    }
}

/// A String as a word of the sentence.
pub(super) fn word(arg: &Arg) -> String {
    match arg {
        Arg::Exact { type_name, id }
            if type_name == "String" && id.chars().all(|c| c.is_alphanumeric() || "_-.:".contains(c)) =>
        {
            id.clone()
        }
        Arg::Any { .. } => "anything".to_owned(),
        _ => value(arg),
    }
}

/// `is_public(File:plan)`.
pub(super) fn fact(atom: &Atom) -> String {
    let name = match atom.predicate.strip_prefix("not@").and_then(|place| place.split_once('.')) {
        Some((line, _)) => format!("what line {line} negates"),
        None if atom.predicate == QUERY => "the query for ".to_owned(),
        None => atom.predicate.clone(),
    };
    format!("{name}({})", atom.args.iter().map(value).collect::<Vec<_>>().join(", "))
}

/// Role and place of a role.
pub(super) fn role(atom: &Atom) -> Option<(&Arg, &Arg, Option<&Arg>)> {
    match (atom.predicate.as_str(), atom.args.as_slice()) {
        ("has_role", [whose, role]) => Some((whose, role, None)),
        ("has_role", [whose, role, place]) => Some((whose, role, Some(place))),
        _ => None,
    }
}

/// A fact of the asker, who is not named again.
pub(super) fn held(atom: &Atom, asker: &Arg) -> String {
    match role(atom) {
        Some((whose, role, Some(place))) if whose == asker => format!("{} of {}", word(role), value(place)),
        Some((whose, role, None)) if whose == asker => format!("the global role {}", word(role)),
        _ => relation(atom).unwrap_or_else(|| fact(atom)),
    }
}

/// `folder of File:plan is Folder:q3`.
fn relation(atom: &Atom) -> Option<String> {
    match (atom.predicate.as_str(), atom.args.as_slice()) {
        ("has_relation", [of, name @ Arg::Exact { .. }, to]) => {
            Some(format!("{} of {} is {}", word(name), value(of), value(to)))
        }
        _ => None,
    }
}

/// Facts any one of which will do: of one relation of one thing, what it may be.
pub(super) fn any_of(facts: &[Atom], is_cut: bool) -> String {
    let to = |atom: &Atom| match (atom.predicate.as_str(), atom.args.as_slice()) {
        ("has_relation", [of, name @ Arg::Exact { .. }, to]) => Some((of.clone(), name.clone(), value(to))),
        _ => None,
    };
    let relations: Option<Vec<_>> = facts.iter().map(to).collect();
    if let Some(relations) = &relations
        && let Some((of, name, _)) = relations.first()
        && relations.iter().all(|(other, relation, _)| other == of && relation == name)
    {
        let to = list(relations.iter().map(|(.., to)| to.clone()), "or", is_cut);
        return format!("{} of {} is {to}", word(name), value(of));
    }
    list(facts.iter().map(fact), "or", is_cut)
}

/// The same within a sentence that names nobody yet.
pub(super) fn condition(what: &What) -> String {
    let goal = |atom: &Atom| match role(atom) {
        Some((whose, role, Some(place))) => format!("{} is {} of {}", value(whose), word(role), value(place)),
        Some((whose, role, None)) => format!("{} has the global role {}", value(whose), word(role)),
        None => relation(atom).unwrap_or_else(|| fact(atom)),
    };
    match what {
        What::Goal(atom) => goal(atom),
        What::Not(atom) => format!("not {}", fact(atom)),
        What::Compare(sign, left, right) => format!("{} {sign} {}", compared(left), compared(right)),
        What::In(arg, elements) => {
            format!("{} in [{}]", compared(arg), elements.iter().map(value).collect::<Vec<_>>().join(", "))
        }
        What::Never => "false".to_owned(),
    }
}

/// `policy.polar:7`.
pub(super) fn place(by: &By) -> String {
    match by {
        By::Rule { line: 0, .. } => "the built-in rule".to_owned(),
        By::Rule { file, line, .. } if file.is_empty() => format!("line {line}"),
        By::Rule { file, line, .. } => format!("{file}:{line}"),
        other => other.to_string(),
    }
}

/// The first items, the last of them joined by `last`; what is left out is counted. `is_cut`: there may be more than these.
pub(super) fn list(items: impl Iterator<Item = String>, last: &str, is_cut: bool) -> String {
    let mut items: Vec<String> = items.collect();
    let n_more = items.len().saturating_sub(LISTED_MAX);
    if n_more > 0 {
        items.truncate(LISTED_MAX);
        items.push(more(n_more, is_cut));
    }
    list_all(items, last)
}

/// `7 more`, `at least 7 more`.
pub(super) fn more(n_more: usize, is_cut: bool) -> String {
    format!("{}{n_more} more", if is_cut { "at least " } else { "" })
}

pub(super) fn list_all(mut items: Vec<String>, last: &str) -> String {
    let Some(final_item) = items.pop() else { return String::new() };
    if items.is_empty() { final_item } else { format!("{} {last} {final_item}", items.join(", ")) }
}
