//! Values as the outside names them: a type and an id, both text.

use std::fmt;

/// A concrete value, checked: `type_name` and `id` are not empty, the id is not `*`, the type is not the abstract
/// `Actor` or `Resource`, Integers are canonical base-10 `i64`, Booleans `true` or `false`.
/// Two values are equal only if type and id bytes are (polar.md §4.1, U18, U26).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Value {
    type_name: String,
    id: String,
}

/// Why a type and an id make no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueError {
    /// The type is the empty string.
    EmptyType,
    /// The id is the empty string.
    EmptyId {
        /// Type the value was given.
        type_name: String,
    },
    /// The id is `*`, which in answers means everything.
    ReservedId {
        /// Type the value was given.
        type_name: String,
    },
    /// No value has `Actor` or `Resource` as its own type.
    AbstractType {
        /// The type named.
        type_name: String,
    },
    /// An Integer that is not a signed 64-bit number, or a Boolean that is neither `true` nor `false`.
    Unreadable {
        /// `Integer` or `Boolean`.
        type_name: &'static str,
    },
}

impl fmt::Display for ValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ValueError::EmptyType => write!(f, "a type is empty: name the type of every value"),
            ValueError::EmptyId { type_name } => {
                write!(f, "a `{type_name}` has an empty id: ids have at least one character")
            }
            ValueError::ReservedId { type_name } => {
                write!(f, "a `{type_name}` has the id `*`, which answers use for everything: choose another id")
            }
            ValueError::AbstractType { type_name } => {
                write!(f, "`{type_name}` is abstract: name a concrete type, as `User` or `Repository`")
            }
            ValueError::Unreadable { type_name: "Boolean" } => {
                write!(f, "a Boolean is neither `true` nor `false`")
            }
            ValueError::Unreadable { type_name } => {
                write!(f, "an {type_name} is not a whole number that fits 64 bits")
            }
        }
    }
}

impl std::error::Error for ValueError {}

impl Value {
    /// Checks and canonicalises: Integer `+5` and `007` become `5` and `7`.
    pub fn new(type_name: impl Into<String>, id: impl Into<String>) -> Result<Self, ValueError> {
        let (type_name, id) = (type_name.into(), id.into());
        check_type(&type_name)?;
        if id.is_empty() {
            return Err(ValueError::EmptyId { type_name });
        }
        if id == "*" {
            return Err(ValueError::ReservedId { type_name });
        }
        let id = canonical_id(&type_name, id)?;
        Ok(Value { type_name, id })
    }

    /// Name of the type, never empty.
    pub fn type_name(&self) -> &str {
        &self.type_name
    }

    /// The id, never empty.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Gives both parts away: type, id.
    pub fn into_parts(self) -> (String, String) {
        (self.type_name, self.id)
    }
}

/// Refuses types that no value and no query variable may have: the empty one, `Actor`, `Resource`.
pub fn check_type(type_name: &str) -> Result<(), ValueError> {
    match type_name {
        "" => Err(ValueError::EmptyType),
        "Actor" | "Resource" => Err(ValueError::AbstractType { type_name: type_name.to_owned() }),
        _ => Ok(()),
    }
}

/// The canonical spelling of an id of this type: of an Integer base 10 without `+` and leading zeros.
pub fn canonical_id(type_name: &str, id: String) -> Result<String, ValueError> {
    match type_name {
        "Integer" => {
            // `str::parse` takes `+5`, `-0` and `007`; what it gives back prints canonically.
            let number: i64 = id.parse().map_err(|_| ValueError::Unreadable { type_name: "Integer" })?;
            Ok(number.to_string())
        }
        "Boolean" if id != "true" && id != "false" => Err(ValueError::Unreadable { type_name: "Boolean" }),
        _ => Ok(id),
    }
}

/// One argument of a question over facts: both parts, the type alone, or anything.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// Any value of any type.
    Any,
    /// Any value of exactly this type.
    Type(String),
    /// This value.
    Exact(Value),
}

impl Pattern {
    /// Does this value fit?
    pub fn fits(&self, value: &Value) -> bool {
        match self {
            Pattern::Any => true,
            Pattern::Type(type_name) => value.type_name() == type_name,
            Pattern::Exact(exact) => value == exact,
        }
    }
}
