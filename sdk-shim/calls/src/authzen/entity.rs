//! Subjects, resources and actions.

use understudy_core::model::Value;

use super::{
    json::Object,
    members::{missing, object, string},
    properties::Properties,
    types::TypeMap,
    unreadable,
};
use crate::{convert, refusal::Refusal};

/// A subject or a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// Which.
    pub value: Value,
    /// What the caller says of it.
    pub properties: Properties,
}

impl Entity {
    /// Reads one. `place`: `subject` or `resource`; `default_type`: taken where it names none.
    pub fn read(of: &Object, place: &str, default_type: Option<&str>, types: &TypeMap) -> Result<Self, Refusal> {
        let type_name = string(of, "type", &format!("{place}.type"))?.or(default_type);
        let type_name = type_name.ok_or_else(|| missing(&format!("{place}.type"), "a string"))?;
        let at = format!("{place}.id");
        let id = string(of, "id", &at)?.ok_or_else(|| missing(&at, "a string"))?;
        let properties = read_properties(of, place, types)?;
        Ok(Entity { value: types.value(type_name, id, place)?, properties })
    }
}

/// What is searched: entities of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// As the caller names the type.
    pub caller_type: String,
    /// As the policy does.
    pub policy_type: String,
}

impl Kind {
    /// Reads one; an id and properties that are sent with it say nothing.
    pub fn read(of: &Object, place: &str, types: &TypeMap) -> Result<Self, Refusal> {
        let at = format!("{place}.type");
        let caller_type = string(of, "type", &at)?.ok_or_else(|| missing(&at, "a string"))?;
        Ok(Kind { caller_type: caller_type.to_owned(), policy_type: types.type_name(caller_type, place)? })
    }
}

/// An action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// Its name, a String.
    pub name: Value,
    /// What the caller says of it.
    pub properties: Properties,
}

impl Action {
    /// Reads one.
    pub fn read(of: &Object, types: &TypeMap) -> Result<Self, Refusal> {
        let name = string(of, "name", "action.name")?.ok_or_else(|| missing("action.name", "a string"))?;
        let name = convert::value("String", name).map_err(|error| unreadable(format!("in `action`: {}", error.0)))?;
        Ok(Action { name, properties: read_properties(of, "action", types)? })
    }
}

/// The object of this name, which has to be there.
pub fn required<'a>(body: &'a Object, name: &str) -> Result<&'a Object, Refusal> {
    object(body, name, name)?.ok_or_else(|| missing(name, "an object"))
}

fn read_properties(of: &Object, place: &str, types: &TypeMap) -> Result<Properties, Refusal> {
    let properties = object(of, "properties", &format!("{place}.properties"))?;
    Ok(properties.map(|object| Properties::read(object, types)).unwrap_or_default())
}
