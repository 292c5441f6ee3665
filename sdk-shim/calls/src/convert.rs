//! Wire ↔ model, both ways. What the wire gives is checked here; nothing unreadable goes further.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use understudy_core::{
    limits::FACT_ARITY_MAX,
    model::{Ask, Constraint, Fact, Pattern, Row, Value, value::check_type},
    rules::rule::BlockMetadata,
};
use understudy_wire as wire;

pub use crate::body::{read as body, read_question as question};
use crate::{
    limits::{CONDITIONS_MAX, CONTEXT_FACTS_MAX, ID_BYTES_MAX, QUESTIONS_MAX, REQUEST_IDS_MAX},
    refusal::Unreadable,
};

/// A concrete value whose type and id stand in the fields `{at}type` and `{at}id`, of which the error names the wrong one.
pub fn value_at(at: impl fmt::Display, type_name: &str, id: &str) -> Result<Value, Unreadable> {
    value(type_name, id).map_err(|error| {
        let field = if check_type(type_name).is_err() { "type" } else { "id" };
        error.at(&format!("{at}{field}"))
    })
}

/// A concrete value.
pub fn value(type_name: &str, id: &str) -> Result<Value, Unreadable> {
    if id.len() > ID_BYTES_MAX {
        return Err(Unreadable(format!("a `{type_name}` has an id of {} bytes: at most {ID_BYTES_MAX}", id.len())));
    }
    Value::new(type_name, id).map_err(|error| Unreadable(error.to_string()))
}

/// An action: a String.
pub fn action(name: &str) -> Result<String, Unreadable> {
    value("String", name).map(|value| value.into_parts().1).map_err(|error| error.at("action"))
}

/// A type to ask for.
pub fn type_name(name: String) -> Result<String, Unreadable> {
    check_type(&name).map_err(|error| Unreadable(error.to_string()))?;
    Ok(name)
}

/// A fact to store, or a context fact.
pub fn fact(fact: &wire::Fact) -> Result<Fact, Unreadable> {
    check_shape(&fact.predicate, fact.args.len())?;
    let args = fact.args.iter().enumerate();
    let args = args.map(|(n, arg)| value_at(format_args!("args[{n}]."), &arg.type_name, &arg.id));
    let args = args.collect::<Result<_, _>>();
    Ok(Fact { predicate: fact.predicate.clone(), args: args.map_err(|error| within(&fact.predicate, &error))? })
}

/// Is a request within a limit of what it may hold? `what`: its name.
pub fn count(n: usize, what: &str, max: usize) -> Result<(), Unreadable> {
    if n <= max {
        return Ok(());
    }
    Err(Unreadable(format!("{n} {what} in one request: at most {max}; ask for less at once")))
}

/// Questions of a request.
pub fn questions(n: usize) -> Result<(), Unreadable> {
    count(n, "questions", QUESTIONS_MAX)
}

/// Every context fact of a request.
pub fn facts(facts: &[wire::Fact]) -> Result<Vec<Fact>, Unreadable> {
    count(facts.len(), "context facts", CONTEXT_FACTS_MAX)?;
    let facts = facts.iter().enumerate();
    facts.map(|(n, one)| fact(one).map_err(|error| error.at(&format!("context_facts[{n}]")))).collect()
}

/// One argument of a pattern.
pub fn pattern(value_pattern: &wire::Value) -> Result<Pattern, Unreadable> {
    match (&value_pattern.type_name, &value_pattern.id) {
        (None, None) => Ok(Pattern::Any),
        (Some(name), None) => type_name(name.clone()).map(Pattern::Type),
        (Some(name), Some(id)) => value(name, id).map(Pattern::Exact),
        (None, Some(_)) => Err(Unreadable("an argument has an id without a type: give both, or the type alone".into())),
    }
}

/// Every argument of a pattern.
pub fn patterns(values: &[wire::Value]) -> Result<Vec<Pattern>, Unreadable> {
    let values = values.iter().enumerate();
    values.map(|(n, value)| pattern(value).map_err(|error| error.at(&format!("args[{n}]")))).collect()
}

/// A pattern of facts to delete: predicate and arity are known.
pub fn delete(deleted: &wire::FactPattern) -> Result<(String, Vec<Pattern>), Unreadable> {
    check_shape(&deleted.predicate, deleted.args.len())?;
    let args = patterns(&deleted.args).map_err(|error| within(&deleted.predicate, &error))?;
    Ok((deleted.predicate.clone(), args))
}

/// The question of `/evaluate_query`.
pub fn evaluate(request: wire::EvaluateRequest) -> Result<Ask, Unreadable> {
    // The engine makes a condition of every list, so that one limit is of both.
    let n_lists = request.constraints.values().filter(|constraint| constraint.ids.is_some()).count();
    let what = "conditions (`predicate`, each of `calls`, each list of `ids`)";
    count(request.calls.len() + 1 + n_lists, what, CONDITIONS_MAX)?;
    let n_ids = request.constraints.values().filter_map(|constraint| constraint.ids.as_ref()).map(Vec::len);
    count(n_ids.sum(), "ids in constraints", REQUEST_IDS_MAX)?;
    let calls: Vec<wire::Call> = std::iter::once(request.predicate).chain(request.calls).collect();
    let used: BTreeSet<&String> = calls.iter().flat_map(|(_, variables)| variables).collect();
    if let Some(missing) = used.into_iter().find(|variable| !request.constraints.contains_key(*variable)) {
        return Err(Unreadable(format!("the variable `{missing}` has no entry in `constraints`: give its type")));
    }
    let constraints = request.constraints.into_iter().map(|(variable, constraint)| {
        let within = |error: Unreadable| error.at(&format!("constraints.{variable}"));
        let type_name = type_name(constraint.type_name).map_err(within)?;
        let canonical = |id: &String| value(&type_name, id).map(|value| value.into_parts().1);
        let ids = constraint.ids.map(|ids| ids.iter().map(canonical).collect::<Result<_, _>>());
        let ids = ids.transpose().map_err(within)?;
        Ok((variable, Constraint { type_name, ids }))
    });
    Ok(Ask::Evaluate { constraints: constraints.collect::<Result<_, Unreadable>>()?, calls })
}

/// A stored fact as the wire has it.
pub fn wire_fact(fact: Fact) -> wire::Fact {
    wire::Fact { predicate: fact.predicate, args: fact.args.into_iter().map(wire_value).collect() }
}

/// A value as the wire has it.
pub fn wire_value(value: Value) -> wire::TypedId {
    let (type_name, id) = value.into_parts();
    wire::TypedId { type_name, id }
}

/// A solution of `/query`.
pub fn wire_solution(predicate: &str, row: Vec<Row>) -> wire::FactPattern {
    let args = row.into_iter().map(|argument| match argument {
        Row::Any => wire::Value::default(),
        Row::AnyOf(type_name) => wire::Value { type_name: Some(type_name), id: None },
        Row::Exact(value) => {
            let (type_name, id) = value.into_parts();
            wire::Value { type_name: Some(type_name), id: Some(id) }
        }
    });
    wire::FactPattern { predicate: predicate.to_owned(), args: args.collect() }
}

/// The metadata of a policy; `global` is always there.
pub fn wire_metadata(blocks: Vec<(String, BlockMetadata)>) -> wire::PolicyMetadataResult {
    let mut resources: BTreeMap<String, wire::ResourceMetadata> = BTreeMap::new();
    resources.insert("global".into(), wire::ResourceMetadata::default());
    for (name, block) in blocks {
        let relations = block.relations.into_iter().collect();
        let block = wire::ResourceMetadata { roles: block.roles, permissions: block.permissions, relations };
        resources.insert(name, block);
    }
    wire::PolicyMetadataResult { metadata: wire::PolicyMetadata { resources } }
}

fn check_shape(predicate: &str, arity: usize) -> Result<(), Unreadable> {
    if predicate.is_empty() {
        return Err(Unreadable("a fact has an empty predicate: name it".into()));
    }
    if predicate.len() > ID_BYTES_MAX {
        return Err(Unreadable(format!("a fact's predicate has {} bytes: at most {ID_BYTES_MAX}", predicate.len())));
    }
    if !(1..=FACT_ARITY_MAX).contains(&arity) {
        return Err(Unreadable(format!("`{predicate}` has {arity} arguments: a fact has 1 to {FACT_ARITY_MAX}")));
    }
    Ok(())
}

fn within(predicate: &str, error: &Unreadable) -> Unreadable {
    Unreadable(format!("in a fact of `{predicate}`: {}", error.0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_list_of_ids_counts_as_a_condition_and_the_message_says_so() {
        let asked = |n_calls: usize, ids: &str| {
            let calls = vec![r#"["p",["u"]]"#; n_calls].join(",");
            let constraints = format!(r#"{{"u":{{"type":"User","ids":{ids}}}}}"#);
            let body = format!(
                r#"{{"predicate":["p",["u"]],"calls":[{calls}],"constraints":{constraints},"context_facts":[]}}"#
            );
            evaluate(serde_json::from_str(&body).unwrap())
        };
        assert!(asked(CONDITIONS_MAX - 1, "null").is_ok());
        assert!(asked(CONDITIONS_MAX - 2, r#"["ann"]"#).is_ok());
        let Unreadable(told) = asked(CONDITIONS_MAX - 1, r#"["ann"]"#).unwrap_err();
        assert!(told.contains("4097") && told.contains("each of `calls`, each list of `ids`"), "{told}");
    }
}
