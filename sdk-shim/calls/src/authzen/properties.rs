//! A JSON object as keys and values that facts can have.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use understudy_core::model::{
    Fact, Value,
    value::{canonical_id, check_type},
};

use super::{
    json::Json,
    limits::{PROPERTY_LEVELS_MAX, TEXT_BYTES_MAX},
    number,
    source::Source,
    types::TypeMap,
    unreadable,
};
use crate::refusal::Refusal;

/// Values by key: type and id of each, a set. What no fact can hold is left out by its shape alone: `null`, `""` and `"*"`,
/// what is empty, arrays and objects within arrays, objects too deep.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Properties {
    values: BTreeMap<String, BTreeSet<(String, String)>>,
    /// Is there a key over [`TEXT_BYTES_MAX`]? It is not kept: keys within keys repeat it.
    has_long_key: bool,
}

impl Properties {
    /// Those of an object's members.
    pub fn read<'a>(members: impl IntoIterator<Item = (&'a String, &'a Json)>, types: &TypeMap) -> Self {
        let mut properties = Properties::default();
        for (name, json) in members {
            properties.add(name.clone(), json, types, 0);
        }
        properties
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && !self.has_long_key
    }

    /// Adds those that rules can see to `facts`, and stops once these are more than `max`. `keys`: those that rules
    /// can tell apart; `None`: any. Errors: 400 for one of these whose key or value no fact can hold.
    pub fn add_facts(
        &self,
        source: Source,
        owner: Option<&Value>,
        keys: Option<&[String]>,
        max: usize,
        facts: &mut BTreeSet<Fact>,
    ) -> Result<(), Refusal> {
        let is_long = |key: &String| key.len() > TEXT_BYTES_MAX;
        if self.has_long_key && keys.is_none_or(|keys| keys.iter().any(is_long)) {
            return Err(unreadable(format!(
                "a property of the {} has a key over {TEXT_BYTES_MAX} bytes: rules of this policy see every key",
                source.name()
            )));
        }
        let mut add = |key: &str, values: &BTreeSet<(String, String)>| {
            for (type_name, id) in values {
                if facts.len() > max {
                    break;
                }
                let place =
                    |error: String| unreadable(format!("the property `{key}` of the {}: {error}", source.name()));
                let name = Value::new("String", key).map_err(|error| place(error.to_string()))?;
                let value = value(type_name, id).map_err(place)?;
                facts.insert(source.fact(owner, name, value));
            }
            Ok(())
        };
        match keys {
            Some(keys) => {
                keys.iter().try_for_each(|key| self.values.get(key).map_or(Ok(()), |values| add(key, values)))
            }
            None => {
                for (key, values) in &self.values {
                    add(key, values)?;
                }
                Ok(())
            }
        }
    }

    /// `level`: how many objects it is within.
    fn add(&mut self, key: String, json: &Json, types: &TypeMap, level: usize) {
        if is_unnamable(&key) || is_nothing(json) {
            return;
        }
        if key.len() > TEXT_BYTES_MAX {
            self.has_long_key = true;
            return;
        }
        let values: BTreeSet<_> = match json {
            Json::Array(elements) => elements.iter().filter_map(|element| value_of(element, types)).collect(),
            json => value_of(json, types).into_iter().collect(),
        };
        if !values.is_empty() {
            self.values.entry(key).or_default().extend(values);
        } else if let Json::Object(members) = json
            && level < PROPERTY_LEVELS_MAX
        {
            for (name, json) in members {
                self.add(format!("{key}.{name}"), json, types, level + 1);
            }
        }
    }
}

/// No String has it as its id.
fn is_unnamable(text: &str) -> bool {
    text.is_empty() || text == "*"
}

/// Nothing that a fact could hold, whatever is in it.
fn is_nothing(json: &Json) -> bool {
    match json {
        Json::Null => true,
        Json::String(text) => is_unnamable(text),
        Json::Array(elements) => elements.is_empty(),
        Json::Object(members) => members.is_empty(),
        Json::Boolean(_) | Json::Integer(_) | Json::Number(_) => false,
    }
}

/// Type and id of one value, as written; `None`: no fact can hold it.
fn value_of(json: &Json, types: &TypeMap) -> Option<(String, String)> {
    match json {
        Json::Boolean(value) => Some(("Boolean".to_owned(), value.to_string())),
        Json::Integer(value) => Some(("Integer".to_owned(), value.to_string())),
        Json::Number(value) => Some(("String".to_owned(), number::text(*value))),
        Json::String(text) if !is_unnamable(text) => Some(("String".to_owned(), text.clone())),
        Json::Object(members) => {
            let text = |name| match members.get(name) {
                Some(Json::String(text)) if !text.is_empty() && members.len() == 2 => Some(text),
                _ => None,
            };
            let (type_name, id) = (text("type")?, text("id")?);
            Some((types.policy(type_name).to_owned(), id.clone()))
        }
        Json::Null | Json::String(_) | Json::Array(_) => None,
    }
}

/// The value, if it is one: primitives in their canonical spelling alone.
fn value(type_name: &str, id: &str) -> Result<Value, String> {
    if type_name.len().max(id.len()) > TEXT_BYTES_MAX {
        return Err(format!("its value has more than {TEXT_BYTES_MAX} bytes: rules of this policy see it"));
    }
    check_type(type_name).map_err(|error| error.to_string())?;
    let canonical = canonical_id(type_name, id.to_owned()).map_err(|error| error.to_string())?;
    if canonical != id {
        return Err(format!("an {type_name} is `{id}`: write `{canonical}`"));
    }
    Value::new(type_name, id).map_err(|error| error.to_string())
}
