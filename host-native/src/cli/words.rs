//! Words of a command line as values, patterns and facts, and back.

use understudy_core::model::{Ask, Fact, Pattern, Row, Value};

/// `User:ann read Repository:web`.
pub fn authorize(actor: &str, action: &str, resource: &str) -> Result<Ask, String> {
    Ok(Ask::Authorize { actor: one_actor(actor)?, action: self::action(action)?, resource: one_resource(resource)? })
}

/// `User:ann read Repository`.
pub fn list(actor: &str, action: &str, resource_type: &str) -> Result<Ask, String> {
    let resource_type = resource_type.strip_suffix(":_").unwrap_or(resource_type).to_owned();
    Ok(Ask::List { actor: one_actor(actor)?, action: self::action(action)?, resource_type })
}

/// `User:ann Repository:web`.
pub fn actions(actor: &str, resource: &str) -> Result<Ask, String> {
    Ok(Ask::Actions { actor: one_actor(actor)?, resource: one_resource(resource)? })
}

/// A predicate and its patterns.
pub fn query(predicate: &str, patterns: &[String]) -> Result<Ask, String> {
    Ok(Ask::Query { predicate: predicate.to_owned(), args: self::patterns(patterns)? })
}

/// Who may do this: `read Repository:web`, perhaps of one type.
pub fn who(action: &str, resource: &str, actor_type: Option<&str>) -> Result<Ask, String> {
    let actor = actor_type.map_or(Pattern::Any, |type_name| Pattern::Type(type_name.to_owned()));
    let action = Value::new("String", self::action(action)?).map_err(|error| format!("the action: {error}"))?;
    let args = vec![actor, Pattern::Exact(action), Pattern::Exact(one_resource(resource)?)];
    Ok(Ask::Query { predicate: "allow".to_owned(), args })
}

/// An action is a String: `read`, or `String:read` as any other argument is written.
fn action(word: &str) -> Result<String, String> {
    let action = word.strip_prefix("String:").unwrap_or(word);
    one(word, action == "_", "action, as `read`; `understudy actions` lists those that are allowed")?;
    Ok(action.to_owned())
}

fn one_actor(word: &str) -> Result<Value, String> {
    one(word, is_any(word), "actor, as `User:ann`; `understudy who` lists who may")?;
    value(word)
}

fn one_resource(word: &str) -> Result<Value, String> {
    one(word, is_any(word), "resource, as `Repository:web`; `understudy list` lists those that are allowed")?;
    value(word)
}

/// Is it `_` or `Type:_`?
fn is_any(word: &str) -> bool {
    word.split_once(':').map_or(word, |(_, id)| id) == "_"
}

/// Refuses what stands for any value where one is asked about. The id `_` itself can be asked about over HTTP alone.
fn one(word: &str, is_any: bool, what: &str) -> Result<(), String> {
    if is_any { Err(format!("`{word}` stands for any value: name one {what}")) } else { Ok(()) }
}

/// `[Type:]id`; a String without the type.
pub fn value(word: &str) -> Result<Value, String> {
    let (type_name, id) = word.split_once(':').unwrap_or(("String", word));
    Value::new(type_name, id).map_err(|error| format!("`{word}`: {error}"))
}

/// `Type:id`, `text`, `Type:_`, `_`.
pub fn patterns(words: &[String]) -> Result<Vec<Pattern>, String> {
    words.iter().map(|word| pattern(word)).collect()
}

fn pattern(word: &str) -> Result<Pattern, String> {
    match word.split_once(':') {
        None if word == "_" => Ok(Pattern::Any),
        Some((type_name, "_")) => Ok(Pattern::Type(type_name.to_owned())),
        _ => value(word).map(Pattern::Exact),
    }
}

/// `has_role User:ann reader Repository:web`.
pub fn fact(words: &[String]) -> Result<Fact, String> {
    let Some((predicate, args)) = words.split_first() else { return Err("name a predicate and its arguments".into()) };
    let args = args.iter().map(|word| match word.split_once(':') {
        None if word == "_" => Err("`_` stands for any value: a fact needs every value".to_owned()),
        Some((_, "_")) => Err(format!("`{word}` stands for any value: a fact needs every value")),
        _ => value(word),
    });
    Ok(Fact { predicate: predicate.clone(), args: args.collect::<Result<_, _>>()? })
}

/// An argument of an answer, as it would be written.
pub fn of_row(row: &Row) -> String {
    match row {
        Row::Any => "_".to_owned(),
        Row::AnyOf(type_name) => format!("{type_name}:_"),
        Row::Exact(value) => of_value(value),
    }
}

/// A value, as it would be written.
pub fn of_value(value: &Value) -> String {
    format!("{}:{}", value.type_name(), value.id())
}

/// A fact, as it would be written.
pub fn of_fact(fact: &Fact) -> String {
    let args: Vec<String> = fact.args.iter().map(of_value).collect();
    format!("{} {}", fact.predicate, args.join(" "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_action_is_a_bare_word_or_a_string() {
        let asked = |action: &str| match authorize("Human:l", action, "Flag:1").unwrap() {
            Ask::Authorize { action, .. } => action,
            other => panic!("{other:?}"),
        };
        assert_eq!(asked("read"), "read");
        assert_eq!(asked("String:read"), "read");
        assert_eq!(asked("doc:read"), "doc:read", "a colon of its own");
    }

    #[test]
    fn what_stands_for_any_value_is_no_actor_action_or_resource() {
        for (asked, told) in [
            (
                authorize("User:_", "read", "Repo:x"),
                "`User:_` stands for any value: name one actor, as `User:ann`; `understudy who`",
            ),
            (authorize("User:ann", "_", "Repo:x"), "`_` stands for any value: name one action"),
            (authorize("User:ann", "read", "Repo:_"), "`Repo:_` stands for any value: name one resource"),
            (list("_", "read", "Repo"), "`_` stands for any value: name one actor"),
            (actions("User:ann", "Repo:_"), "`Repo:_` stands for any value: name one resource"),
            (who("read", "Repo:_", None), "`Repo:_` stands for any value: name one resource"),
        ] {
            let error = asked.unwrap_err();
            assert!(error.starts_with(told), "{error}");
        }
        for well in [authorize("User:__", "read", "Repo:a_"), list("User:ann", "read", "Repo:_")] {
            assert!(well.is_ok(), "{well:?}");
        }
        assert!(query("has_role", &["User:_".to_owned(), "_".to_owned()]).is_ok());
    }

    #[test]
    fn a_fact_has_values_alone() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let told = fact(&words("has_role User:ann reader Repository:web")).unwrap();
        assert_eq!(of_fact(&told), "has_role User:ann String:reader Repository:web");
        for bad in ["has_role _", "has_role User:_", "p :x"] {
            assert!(fact(&words(bad)).is_err(), "{bad}");
        }
    }
}
