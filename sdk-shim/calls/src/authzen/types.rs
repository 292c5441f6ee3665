//! Types as callers name them and as the policy does: `user=User,record=Repository`.

use std::{collections::BTreeMap, str::FromStr};

use understudy_core::model::{Value, value::check_type};

use super::{limits::TEXT_BYTES_MAX, unreadable};
use crate::{convert, refusal::Refusal};

/// The policy's type for a caller's; no two of them share one. Types that it doesn't name are the same on both sides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TypeMap(BTreeMap<String, String>);

impl FromStr for TypeMap {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut map = BTreeMap::new();
        for pair in text.split(',') {
            let (caller, policy) = pair.split_once('=').ok_or(())?;
            let (caller, policy) = (caller.trim(), policy.trim());
            let is_type = |name: &str| check_type(name).is_ok() && name.len() <= TEXT_BYTES_MAX;
            if !is_type(caller) || !is_type(policy) || map.values().any(|known| known == policy) {
                return Err(());
            }
            if map.insert(caller.to_owned(), policy.to_owned()).is_some() {
                return Err(());
            }
        }
        Ok(TypeMap(map))
    }
}

impl TypeMap {
    /// The policy's name of a caller's type, unchecked.
    pub fn policy<'a>(&'a self, caller: &'a str) -> &'a str {
        self.0.get(caller).map_or(caller, String::as_str)
    }

    /// The policy's name of a caller's type that is asked for. `place`: how messages name it.
    pub fn type_name(&self, caller: &str, place: &str) -> Result<String, Refusal> {
        let length = caller.len();
        if length > TEXT_BYTES_MAX {
            return Err(unreadable(format!("`{place}.type` has {length} bytes: at most {TEXT_BYTES_MAX}")));
        }
        let checked = convert::type_name(self.policy(caller).to_owned());
        checked.map_err(|error| unreadable(format!("in `{place}`: {}", error.0)))
    }

    /// A caller's entity as the engine has it.
    pub fn value(&self, caller: &str, id: &str, place: &str) -> Result<Value, Refusal> {
        let type_name = self.type_name(caller, place)?;
        convert::value(&type_name, id).map_err(|error| unreadable(format!("in `{place}`: {}", error.0)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_map_is_injective_and_names_types() {
        let map: TypeMap = "user=User, team = Group".parse().unwrap();
        assert_eq!((map.policy("user"), map.policy("team"), map.policy("record")), ("User", "Group", "record"));
        for bad in ["", "user", "user=", "=User", "user=Actor", "a=X,a=Y", "a=X,b=X", "a=X,"] {
            assert!(bad.parse::<TypeMap>().is_err(), "{bad}");
        }
        assert_eq!(map.value("user", "7", "subject").unwrap(), Value::new("User", "7").unwrap());
        for (ty, id) in [("", "7"), ("Actor", "7"), ("user", ""), ("user", "*"), ("Resource", "7")] {
            assert!(map.value(ty, id, "subject").unwrap_err().message.starts_with("in `subject`: "), "{ty} {id}");
        }
        assert!(map.value(&"t".repeat(513), "7", "subject").is_err());
        assert!(map.value("user", &"i".repeat(513), "subject").is_err());
        assert!(map.value(&"t".repeat(512), &"i".repeat(512), "subject").is_ok());
    }
}
