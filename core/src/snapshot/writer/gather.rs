//! Facts → rows over provisional numbers, grouped by predicate and types.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use super::WriteError;
use crate::{
    facts::FACT_ARITY_MAX,
    limits::NAME_BYTES_MAX,
    model::{Fact, Value},
};

/// Order doesn't show in the bytes, so any seed will do; nobody can wait for an answer while a snapshot is built.
const SEED: u64 = 0x5eed;

type Map<K, V> = HashMap<K, V, FixedState>;

/// All facts, with numbers in order of first sight.
pub(super) struct Gathered {
    /// Name of each type and its ids.
    pub(super) types: Vec<(String, Vec<String>)>,
    type_numbers: Map<String, u32>,
    id_numbers: Vec<Map<String, u32>>,
    /// Rows by predicate and types.
    pub(super) groups: Vec<Group>,
    group_numbers: Map<(String, Vec<u32>), usize>,
}

/// The rows of one predicate over one combination of types.
pub(super) struct Group {
    pub(super) predicate: String,
    /// Provisional numbers of the types.
    pub(super) types: Vec<u32>,
    /// Row-major, `types.len()` ids each.
    pub(super) rows: Vec<u32>,
}

impl Default for Gathered {
    fn default() -> Self {
        let state = FixedState::with_seed(SEED);
        Gathered {
            types: Vec::new(),
            type_numbers: Map::with_hasher(state.clone()),
            id_numbers: Vec::new(),
            groups: Vec::new(),
            group_numbers: Map::with_hasher(state),
        }
    }
}

impl Gathered {
    /// Adds one fact. Facts of no or too many arguments are a caller's mistake and are refused.
    pub(super) fn add(&mut self, fact: &Fact) -> Result<(), WriteError> {
        if !(1..=FACT_ARITY_MAX).contains(&fact.args.len()) {
            let what = format!(
                "a fact of `{}` has {} arguments, 1 to {FACT_ARITY_MAX} are allowed",
                fact.predicate,
                fact.args.len()
            );
            return Err(WriteError::TooLarge { what });
        }
        let names = fact.args.iter().map(Value::type_name).chain([fact.predicate.as_str()]);
        if let Some(length) = names.map(str::len).find(|length| *length > NAME_BYTES_MAX) {
            let what = format!("the name of a type or predicate has {length} bytes, {NAME_BYTES_MAX} are allowed");
            return Err(WriteError::TooLarge { what });
        }
        let mut types = Vec::with_capacity(fact.args.len());
        let mut row = [0; FACT_ARITY_MAX];
        for (value, id) in fact.args.iter().zip(&mut row) {
            let ty = self.ty(value.type_name())?;
            types.push(ty);
            *id = self.id(ty, value.id())?;
        }
        let key = (fact.predicate.clone(), types);
        let number = match self.group_numbers.get(&key) {
            Some(number) => *number,
            None => {
                self.groups.push(Group { predicate: key.0.clone(), types: key.1.clone(), rows: Vec::new() });
                self.group_numbers.insert(key, self.groups.len() - 1);
                self.groups.len() - 1
            }
        };
        self.groups[number].rows.extend(&row[..fact.args.len()]);
        Ok(())
    }

    fn ty(&mut self, name: &str) -> Result<u32, WriteError> {
        if let Some(number) = self.type_numbers.get(name) {
            return Ok(*number);
        }
        let number = number_of(self.types.len(), "types")?;
        self.types.push((name.to_owned(), Vec::new()));
        self.id_numbers.push(Map::with_hasher(FixedState::with_seed(SEED)));
        self.type_numbers.insert(name.to_owned(), number);
        Ok(number)
    }

    fn id(&mut self, ty: u32, id: &str) -> Result<u32, WriteError> {
        let numbers = &mut self.id_numbers[ty as usize];
        if let Some(number) = numbers.get(id) {
            return Ok(*number);
        }
        let ids = &mut self.types[ty as usize].1;
        let number = number_of(ids.len(), "values of one type")?;
        ids.push(id.to_owned());
        numbers.insert(id.to_owned(), number);
        Ok(number)
    }
}

/// The next number of a list this long. The two highest are never given: sentinels and number + 1 stay apart from ids.
pub(super) fn number_of(length: usize, what: &str) -> Result<u32, WriteError> {
    const MAX: u32 = u32::MAX - 2;
    u32::try_from(length)
        .ok()
        .filter(|number| *number < MAX)
        .ok_or_else(|| WriteError::TooLarge { what: format!("more than {MAX} {what}") })
}
