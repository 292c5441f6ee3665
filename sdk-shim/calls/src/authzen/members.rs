//! Members of objects, each of the kind it has to be. `null` is read as if the member weren't there.

use super::{
    json::{Json, Object},
    unreadable,
};
use crate::refusal::Refusal;

/// A member's value.
pub fn member<'a>(object: &'a Object, name: &str) -> Option<&'a Json> {
    object.get(name).filter(|value| **value != Json::Null)
}

/// A member that is an object; `place`: how messages name it.
pub fn object<'a>(of: &'a Object, name: &str, place: &str) -> Result<Option<&'a Object>, Refusal> {
    match member(of, name) {
        None => Ok(None),
        Some(Json::Object(object)) => Ok(Some(object)),
        Some(other) => Err(other_kind(place, other, "an object")),
    }
}

/// A member that is an array.
pub fn array<'a>(of: &'a Object, name: &str, place: &str) -> Result<Option<&'a [Json]>, Refusal> {
    match member(of, name) {
        None => Ok(None),
        Some(Json::Array(array)) => Ok(Some(array)),
        Some(other) => Err(other_kind(place, other, "an array")),
    }
}

/// A member that is a string.
pub fn string<'a>(of: &'a Object, name: &str, place: &str) -> Result<Option<&'a str>, Refusal> {
    match member(of, name) {
        None => Ok(None),
        Some(Json::String(text)) => Ok(Some(text)),
        Some(other) => Err(other_kind(place, other, "a string")),
    }
}

/// The refusal of a member that has to be there.
pub fn missing(place: &str, what: &str) -> Refusal {
    unreadable(format!("`{place}` is missing: give {what}"))
}

/// The refusal of a member of another kind.
pub fn other_kind(place: &str, found: &Json, what: &str) -> Refusal {
    unreadable(format!("`{place}` is {}: give {what}", found.kind()))
}
