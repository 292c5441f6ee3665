//! Strict JSON (I-JSON, RFC 7493): no member twice, no lone surrogate, no number beyond a double, nothing too deep.

use std::{cell::Cell, collections::BTreeMap, fmt};

use serde::{
    Deserializer, Serialize,
    de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor},
};
use understudy_wire::Code;

use super::{
    limits::{JSON_VALUES_MAX, NESTING_MAX},
    unreadable,
};
use crate::{body::BYTE_ORDER_MARK, refusal::Refusal};

/// Above this, whole numbers of JSON are not exact everywhere.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// Members by name. Their order in the text says nothing.
pub type Object = BTreeMap<String, Json>;

/// A value. Written down, equal ones give equal bytes.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Json {
    /// `null`.
    Null,
    /// `true`, `false`.
    Boolean(bool),
    /// A whole number: digits that fit 64 bits, or another spelling of one up to 2^53.
    Integer(i64),
    /// Any other number.
    Number(f64),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object.
    Object(Object),
}

impl Json {
    /// What it is, in a message.
    pub fn kind(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Boolean(_) => "a boolean",
            Json::Integer(_) | Json::Number(_) => "a number",
            Json::String(_) => "a string",
            Json::Array(_) => "an array",
            Json::Object(_) => "an object",
        }
    }
}

/// Reads a body, which is an object. Errors: 400; over [`JSON_VALUES_MAX`] 413.
pub fn read(body: &[u8]) -> Result<Object, Refusal> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(unreadable("the body is empty: send a JSON object"));
    }
    if body.starts_with(BYTE_ORDER_MARK) {
        return Err(unreadable("the body begins with a byte order mark: send UTF-8 without one"));
    }
    let left = Cell::new(JSON_VALUES_MAX);
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let read = Reader { depth: 0, left: &left }.deserialize(&mut deserializer);
    match read.and_then(|json| deserializer.end().map(|()| json)) {
        Ok(Json::Object(object)) => Ok(object),
        Ok(other) => Err(unreadable(format!("the body is {}: send a JSON object", other.kind()))),
        Err(_) if left.get() == 0 => Err(Refusal::new(
            Code::TooLarge,
            format!("the body has more than {JSON_VALUES_MAX} values: send less at once"),
        )),
        Err(error) => Err(unreadable(format!("the body can't be read: {error}"))),
    }
}

/// Reads one value. `left`: how many more there may be.
#[derive(Clone, Copy)]
struct Reader<'a> {
    depth: usize,
    left: &'a Cell<usize>,
}

impl Reader<'_> {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        if self.depth == NESTING_MAX {
            return Err(E::custom(format!("more than {NESTING_MAX} objects and arrays within each other")));
        }
        Ok(Reader { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        let left = self.left.get().saturating_sub(1);
        self.left.set(left);
        if left == 0 {
            return Err(D::Error::custom("too many values"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }
    fn visit_bool<E: Error>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Boolean(value))
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Integer(value))
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<Json, E> {
        Ok(i64::try_from(value).map_or(Json::Number(value as f64), Json::Integer))
    }
    #[expect(clippy::cast_possible_truncation, reason = "a whole number that a double holds exactly")]
    fn visit_f64<E: Error>(self, value: f64) -> Result<Json, E> {
        let is_exact = value.fract() == 0.0 && value.abs() <= EXACT_MAX;
        Ok(if is_exact { Json::Integer(value as i64) } else { Json::Number(value) })
    }
    fn visit_str<E: Error>(self, value: &str) -> Result<Json, E> {
        Ok(Json::String(value.to_owned()))
    }
    fn visit_string<E: Error>(self, value: String) -> Result<Json, E> {
        Ok(Json::String(value))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Json, A::Error> {
        let reader = self.deeper()?;
        let mut values = Vec::new();
        while let Some(value) = array.next_element_seed(reader)? {
            values.push(value);
        }
        Ok(Json::Array(values))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Json, A::Error> {
        let reader = self.deeper()?;
        let mut object = Object::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(reader)?;
            if object.contains_key(&name) {
                return Err(A::Error::custom(format!("the member `{}` is there twice", name.escape_debug())));
            }
            object.insert(name, value);
        }
        Ok(Json::Object(object))
    }
}
