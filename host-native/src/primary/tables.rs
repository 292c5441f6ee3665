//! The tables of the store, and every change of a record together with its sum.
//!
//! `numbers` and `texts` hold what there is one of, `facts 1` a key per fact with its sum (see `encoding`, `sums`), `log 1`
//! the changes of every write after the last snapshot by offset, the sum of each behind it; `sums` has the sum over all.

use redb::{ReadTransaction, ReadableTable, ReadableTableMetadata, Table, TableDefinition, WriteTransaction};
use understudy_core::{
    model::{Change, Fact},
    snapshot::PolicyText,
};

use super::{
    encoding::{changes_of, fact_key, fact_of, log_entry},
    store::{StoreError, Written},
    sums::{Part, Record, Sum, record},
};

/// Numbers that there is one of, by name.
pub const NUMBERS: TableDefinition<'_, &str, u64> = TableDefinition::new("numbers");
/// Texts that there is one of, by name.
pub const TEXTS: TableDefinition<'_, &str, &str> = TableDefinition::new("texts");
/// Facts by their encoded key, each with its sum.
pub const FACTS: TableDefinition<'_, &[u8], u64> = TableDefinition::new("facts 1");
/// Changes after the last snapshot by offset, each with its sum behind it.
pub const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log 1");
const SUMS: TableDefinition<'_, &str, u128> = TableDefinition::new("sums");
const ALL: &str = "all";

/// Bytes of the sum behind an entry of the log.
const SUM_BYTES: usize = 8;

/// An error of redb as the store tells it.
pub fn failed(error: impl Into<redb::Error>) -> StoreError {
    match error.into() {
        redb::Error::Corrupted(_) | redb::Error::RepairAborted => StoreError::Damaged("the database file"),
        error => StoreError::Disk(error.to_string()),
    }
}

fn number_record(name: &str, value: u64) -> Record {
    record(Part::Number, name.as_bytes(), &value.to_le_bytes())
}

fn text_record(name: &str, value: &str) -> Record {
    record(Part::Text, name.as_bytes(), value.as_bytes())
}

fn fact_record(key: &[u8]) -> Record {
    record(Part::Fact, key, &[])
}

/// An entry without its sum, if that is its own.
fn entry_of(offset: u64, bytes: &[u8]) -> Result<(&[u8], Record), StoreError> {
    let (entry, sum) = bytes.split_last_chunk::<SUM_BYTES>().ok_or(StoreError::Damaged("the log"))?;
    let record = record(Part::Log, &offset.to_le_bytes(), entry);
    if record.own == u64::from_le_bytes(*sum) { Ok((entry, record)) } else { Err(StoreError::Damaged("the log")) }
}

/// The fact of a record, if its sum is its own.
fn fact(key: &[u8], sum: u64) -> Result<(Fact, Record), StoreError> {
    let record = fact_record(key);
    let fact = fact_of(key).filter(|_| record.own == sum).ok_or(StoreError::Damaged("a fact"))?;
    Ok((fact, record))
}

/// Everything open for a change. What is changed counts once [`Writing::finish`] was called and the transaction committed.
pub struct Writing<'t> {
    numbers: Table<'t, &'static str, u64>,
    texts: Table<'t, &'static str, &'static str>,
    facts: Table<'t, &'static [u8], u64>,
    log: Table<'t, u64, &'static [u8]>,
    sums: Table<'t, &'static str, u128>,
    sum: Sum,
}

impl<'t> Writing<'t> {
    /// Opens the tables, or makes them.
    pub fn open(transaction: &'t WriteTransaction) -> Result<Self, StoreError> {
        let sums = transaction.open_table(SUMS).map_err(failed)?;
        let sum = Sum(sums.get(ALL).map_err(failed)?.map_or(0, |sum| sum.value()));
        Ok(Writing {
            numbers: transaction.open_table(NUMBERS).map_err(failed)?,
            texts: transaction.open_table(TEXTS).map_err(failed)?,
            facts: transaction.open_table(FACTS).map_err(failed)?,
            log: transaction.open_table(LOG).map_err(failed)?,
            sums,
            sum,
        })
    }

    /// Writes the sum over all.
    pub fn finish(mut self) -> Result<(), StoreError> {
        self.sums.insert(ALL, self.sum.0).map(drop).map_err(failed)
    }

    /// Begins to sum what was written without sums.
    pub fn sum_anew(&mut self) -> Result<(), StoreError> {
        self.sum = sum(&self.numbers, &self.texts, &self.facts, &self.log, |_| ())?;
        Ok(())
    }

    /// The number of this name.
    pub fn number(&self, name: &str) -> Result<Option<u64>, StoreError> {
        number(&self.numbers, name)
    }

    /// The text of this name.
    pub fn text(&self, name: &str) -> Result<Option<String>, StoreError> {
        text(&self.texts, name)
    }

    /// Sets the number of this name.
    pub fn set_number(&mut self, name: &str, value: u64) -> Result<(), StoreError> {
        if let Some(old) = self.numbers.insert(name, value).map_err(failed)? {
            self.sum.remove(number_record(name, old.value()));
        }
        self.sum.add(number_record(name, value));
        Ok(())
    }

    /// Sets the text of this name; `None` takes it away.
    pub fn set_text(&mut self, name: &str, value: Option<&str>) -> Result<(), StoreError> {
        let old = match value {
            Some(value) => self.texts.insert(name, value),
            None => self.texts.remove(name),
        };
        if let Some(old) = old.map_err(failed)? {
            self.sum.remove(text_record(name, old.value()));
        }
        if let Some(value) = value {
            self.sum.add(text_record(name, value));
        }
        Ok(())
    }

    /// The next offset, which is then the last one.
    pub fn advance(&mut self) -> Result<u64, StoreError> {
        let next = self.offset()?.checked_add(1).ok_or(StoreError::Damaged("the offset"))?;
        self.set_number("offset", next)?;
        Ok(next)
    }

    /// Offset of the last write.
    pub fn offset(&self) -> Result<u64, StoreError> {
        offset(&self.numbers)
    }

    /// Was it new?
    pub fn insert(&mut self, fact: &Fact) -> Result<bool, StoreError> {
        let key = fact_key(fact);
        let record = fact_record(&key);
        match self.facts.insert(key.as_slice(), record.own).map_err(failed)?.map(|old| old.value()) {
            None => self.sum.add(record),
            Some(old) if old != record.own => return Err(StoreError::Damaged("a fact")),
            Some(_) => return Ok(false),
        }
        Ok(true)
    }

    /// Removes what fits, of the keys from the first to before the second, and gives it.
    pub fn remove(
        &mut self,
        (from, to): (&[u8], &[u8]),
        fits: impl Fn(&Fact) -> bool,
    ) -> Result<Vec<Fact>, StoreError> {
        let (mut removed, mut is_damaged, sum) = (Vec::new(), false, &mut self.sum);
        let retained = self.facts.retain_in::<&[u8], _>(from..to, |key, own| match fact(key, own) {
            Ok((fact, record)) if fits(&fact) => {
                sum.remove(record);
                removed.push(fact);
                false
            }
            found => {
                is_damaged |= found.is_err();
                true
            }
        });
        retained.map_err(failed)?;
        if is_damaged { Err(StoreError::Damaged("a fact")) } else { Ok(removed) }
    }

    /// Removes every fact and gives them.
    pub fn clear(&mut self) -> Result<Vec<Fact>, StoreError> {
        // No key is as long as this, or begins with such bytes: they are no UTF-8.
        self.remove((&[], &[0xff; 2]), |_| true)
    }

    /// Adds an entry to the log.
    pub fn push_log(&mut self, offset: u64, changes: &[Change]) -> Result<(), StoreError> {
        self.push_entry(offset, log_entry(changes))
    }

    /// The same of bytes that are an entry already.
    pub fn push_entry(&mut self, offset: u64, mut entry: Vec<u8>) -> Result<(), StoreError> {
        let record = record(Part::Log, &offset.to_le_bytes(), &entry);
        entry.extend(record.own.to_le_bytes());
        self.log.insert(offset, entry.as_slice()).map_err(failed)?;
        self.sum.add(record);
        Ok(())
    }

    /// Drops the log's entries up to this offset.
    pub fn forget_log(&mut self, up_to: u64) -> Result<(), StoreError> {
        let (mut is_damaged, sum) = (false, &mut self.sum);
        let retained = self.log.retain_in(..=up_to, |offset, bytes| {
            match entry_of(offset, bytes) {
                Ok((_, record)) => sum.remove(record),
                Err(_) => is_damaged = true,
            }
            false
        });
        retained.map_err(failed)?;
        if is_damaged { Err(StoreError::Damaged("the log")) } else { Ok(()) }
    }
}

/// Reads everything, gives every fact to `each`, and says whether all of it is what was written.
pub fn check(transaction: &ReadTransaction, each: impl FnMut(Fact)) -> Result<(), StoreError> {
    let numbers = transaction.open_table(NUMBERS).map_err(failed)?;
    let texts = transaction.open_table(TEXTS).map_err(failed)?;
    let facts = transaction.open_table(FACTS).map_err(failed)?;
    let log = transaction.open_table(LOG).map_err(failed)?;
    let sums = transaction.open_table(SUMS).map_err(failed)?;
    let written = sums.get(ALL).map_err(failed)?.map(|sum| Sum(sum.value()));
    let found = sum(&numbers, &texts, &facts, &log, each)?;
    if written == Some(found) { Ok(()) } else { Err(StoreError::Damaged("the sum over everything")) }
}

fn sum(
    numbers: &impl ReadableTable<&'static str, u64>,
    texts: &impl ReadableTable<&'static str, &'static str>,
    facts: &impl ReadableTable<&'static [u8], u64>,
    log: &impl ReadableTable<u64, &'static [u8]>,
    mut each: impl FnMut(Fact),
) -> Result<Sum, StoreError> {
    let mut sum = Sum::default();
    for row in numbers.iter().map_err(failed)? {
        let (name, value) = row.map_err(failed)?;
        sum.add(number_record(name.value(), value.value()));
    }
    for row in texts.iter().map_err(failed)? {
        let (name, value) = row.map_err(failed)?;
        sum.add(text_record(name.value(), value.value()));
    }
    for row in facts.iter().map_err(failed)? {
        let (key, own) = row.map_err(failed)?;
        let (fact, record) = fact(key.value(), own.value())?;
        sum.add(record);
        each(fact);
    }
    for row in log.iter().map_err(failed)? {
        let (offset, bytes) = row.map_err(failed)?;
        sum.add(entry_of(offset.value(), bytes.value())?.1);
    }
    Ok(sum)
}

/// The log's entries after an offset.
pub fn log_after(transaction: &ReadTransaction, after: u64) -> Result<Vec<Written>, StoreError> {
    let mut entries = Vec::new();
    for row in transaction.open_table(LOG).map_err(failed)?.range(after.saturating_add(1)..).map_err(failed)? {
        let (offset, bytes) = row.map_err(failed)?;
        let (entry, _) = entry_of(offset.value(), bytes.value())?;
        let changes = changes_of(entry).ok_or(StoreError::Damaged("the log"))?;
        entries.push(Written { offset: offset.value(), changes });
    }
    Ok(entries)
}

/// The log's entries after an offset, up to the first that is missing or not what was written.
pub fn log_while_whole(transaction: &ReadTransaction, after: u64) -> Result<Vec<Written>, StoreError> {
    let log = transaction.open_table(LOG).map_err(failed)?;
    let mut entries = Vec::new();
    for offset in after.saturating_add(1).. {
        let Some(bytes) = log.get(offset).map_err(failed)? else { break };
        let Some(changes) = entry_of(offset, bytes.value()).ok().and_then(|(entry, _)| changes_of(entry)) else {
            break;
        };
        entries.push(Written { offset, changes });
    }
    Ok(entries)
}

/// How many facts there are.
pub fn n_facts(facts: &impl ReadableTableMetadata) -> Result<u64, StoreError> {
    facts.len().map_err(failed)
}

/// Offset of the last write.
pub fn offset(numbers: &impl ReadableTable<&'static str, u64>) -> Result<u64, StoreError> {
    number(numbers, "offset")?.ok_or(StoreError::Damaged("the offset"))
}

/// The policy in force.
pub fn policy(texts: &impl ReadableTable<&'static str, &'static str>) -> Result<Option<PolicyText>, StoreError> {
    let file = text(texts, "policy file")?;
    Ok(text(texts, "policy")?.map(|text| PolicyText { file, text }))
}

/// The number of this name.
pub fn number(table: &impl ReadableTable<&'static str, u64>, name: &str) -> Result<Option<u64>, StoreError> {
    Ok(table.get(name).map_err(failed)?.map(|found| found.value()))
}

/// The text of this name.
pub fn text(table: &impl ReadableTable<&'static str, &'static str>, name: &str) -> Result<Option<String>, StoreError> {
    Ok(table.get(name).map_err(failed)?.map(|found| found.value().to_owned()))
}
