//! The store in one redb file.
//!
//! Tables: `numbers` and `texts` hold what there is one of, `facts` has a key per fact (see `encoding`), `log` the changes
//! of every write after the last snapshot by offset. One write is one transaction, on disk before it is acknowledged.

use std::{fs::File, path::Path};

use redb::{
    Builder, Database, DatabaseError, Durability, ReadableDatabase, ReadableTable, ReadableTableMetadata, Table,
    TableDefinition, WriteTransaction, backends::InMemoryBackend,
};
use understudy_core::{
    model::{Change, Fact, Pattern},
    snapshot::PolicyText,
};

use super::{
    encoding::{changes_of, fact_key, fact_of, key_range, log_entry, predicate_range},
    store::{Edit, FactCounts, Moment, Published, Store, StoreError, Written},
};

const NUMBERS: TableDefinition<'_, &str, u64> = TableDefinition::new("numbers");
const TEXTS: TableDefinition<'_, &str, &str> = TableDefinition::new("texts");
const FACTS: TableDefinition<'_, &[u8], ()> = TableDefinition::new("facts");
const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");

/// Version of these tables.
const FORMAT: u64 = 0;
/// Bytes of the file kept in memory: the facts that count are in the guests already.
const CACHE_BYTES: usize = 32 << 20;
/// The same of a store that is in memory anyway.
const MEMORY_CACHE_BYTES: usize = 1 << 20;

/// A store in a file.
pub struct RedbStore {
    database: Database,
    environment: String,
    id: String,
}

fn failed(error: impl Into<redb::Error>) -> StoreError {
    StoreError::Disk(error.into().to_string())
}

impl RedbStore {
    /// Opens the file, or makes it for this environment with `new_id` as its id.
    /// Errors: another process has it, another environment's, a later format, the disk.
    pub fn open(path: &Path, environment: &str, new_id: &str) -> Result<Self, StoreError> {
        let place = path.display();
        let is_new = !path.exists();
        let database = Builder::new().set_cache_size(CACHE_BYTES).create(path).map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => StoreError::Foreign(format!(
                "{place}: another process has it open: stop that one, or give another --data"
            )),
            error => StoreError::Disk(format!("{place}: {error}")),
        })?;
        if is_new && let Some(folder) = path.parent() {
            let folder = File::open(folder).and_then(|folder| folder.sync_all());
            folder.map_err(|error| StoreError::Disk(format!("{place}: {error}")))?;
        }
        Self::of(database, &place.to_string(), environment, new_id)
    }

    /// A store without a file, gone when it is dropped.
    pub fn in_memory(environment: &str, new_id: &str) -> Result<Self, StoreError> {
        let database = Builder::new().set_cache_size(MEMORY_CACHE_BYTES).create_with_backend(InMemoryBackend::new());
        Self::of(database.map_err(failed)?, "memory", environment, new_id)
    }

    /// Makes the tables of a new database; checks those of an old one.
    fn of(database: Database, place: &str, environment: &str, new_id: &str) -> Result<Self, StoreError> {
        let mut store = RedbStore { database, environment: environment.to_owned(), id: new_id.to_owned() };
        let (format, found, id) = store.change(|transaction| {
            let mut numbers = transaction.open_table(NUMBERS).map_err(failed)?;
            let mut texts = transaction.open_table(TEXTS).map_err(failed)?;
            transaction.open_table(FACTS).map_err(failed)?;
            transaction.open_table(LOG).map_err(failed)?;
            let format = number(&numbers, "format")?;
            if format.is_none() {
                numbers.insert("format", FORMAT).map_err(failed)?;
                numbers.insert("offset", 0).map_err(failed)?;
                texts.insert("environment", environment).map_err(failed)?;
                texts.insert("store", new_id).map_err(failed)?;
            }
            let required = |name| text(&texts, name)?.ok_or(StoreError::Damaged("identity"));
            Ok((format.unwrap_or(FORMAT), required("environment")?, required("store")?))
        })?;
        if format != FORMAT {
            return Err(StoreError::Foreign(format!(
                "{place}: has format {format}, this version reads {FORMAT}: use the version that made it"
            )));
        }
        if found != environment {
            return Err(StoreError::Foreign(format!(
                "{place}: is of the environment `{found}`, not `{environment}`: give a key of {found} first, or another --data"
            )));
        }
        store.id = id;
        Ok(store)
    }

    /// One transaction: on disk if `Ok`, without a trace otherwise.
    fn change<T>(&self, work: impl FnOnce(&WriteTransaction) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut transaction = self.database.begin_write().map_err(failed)?;
        transaction.set_durability(Durability::Immediate).map_err(failed)?;
        let done = work(&transaction)?;
        transaction.commit().map_err(failed)?;
        Ok(done)
    }
}

impl Store for RedbStore {
    fn environment(&self) -> &str {
        &self.environment
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn offset(&self) -> Result<u64, StoreError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        offset(&transaction.open_table(NUMBERS).map_err(failed)?)
    }

    fn policy(&self) -> Result<Option<PolicyText>, StoreError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        policy(&transaction.open_table(TEXTS).map_err(failed)?)
    }

    fn counts(&self) -> Result<FactCounts, StoreError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let facts = transaction.open_table(FACTS).map_err(failed)?;
        let count = |predicate| {
            let (from, to) = predicate_range(predicate);
            let rows = facts.range::<&[u8]>(from.as_slice()..to.as_slice()).map_err(failed)?;
            rows.map(|row| row.map(|_| 1).map_err(failed)).sum::<Result<u64, _>>()
        };
        let (n_roles, n_relations) = (count("has_role")?, count("has_relation")?);
        Ok(FactCounts { n_roles, n_relations, n_facts: facts.len().map_err(failed)? })
    }

    fn moment(&self) -> Result<Moment, StoreError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let table = transaction.open_table(FACTS).map_err(failed)?;
        let mut facts = Vec::with_capacity(table.len().map_err(failed)? as usize);
        for row in table.iter().map_err(failed)? {
            let (key, ()) = row.map(|(key, value)| (key, value.value())).map_err(failed)?;
            facts.push(fact_of(key.value()).ok_or(StoreError::Damaged("a fact"))?);
        }
        Ok(Moment {
            offset: offset(&transaction.open_table(NUMBERS).map_err(failed)?)?,
            policy: policy(&transaction.open_table(TEXTS).map_err(failed)?)?,
            facts,
        })
    }

    fn write(&self, edits: &[Edit], matches_max: Option<usize>) -> Result<Written, StoreError> {
        let mut transaction = self.database.begin_write().map_err(failed)?;
        transaction.set_durability(Durability::Immediate).map_err(failed)?;
        let mut changes = Vec::new();
        {
            let mut facts = transaction.open_table(FACTS).map_err(failed)?;
            for edit in edits {
                apply(&mut facts, edit, matches_max, &mut changes)?;
            }
        }
        if changes.is_empty() {
            let offset = offset(&transaction.open_table(NUMBERS).map_err(failed)?)?;
            transaction.abort().map_err(failed)?;
            return Ok(Written { offset, changes });
        }
        let offset = advance(&transaction)?;
        let entry = log_entry(&changes);
        transaction.open_table(LOG).map_err(failed)?.insert(offset, entry.as_slice()).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(Written { offset, changes })
    }

    fn load(&self, facts: &[Fact]) -> Result<usize, StoreError> {
        self.change(|transaction| {
            let mut n_new = 0;
            {
                let mut table = transaction.open_table(FACTS).map_err(failed)?;
                for fact in facts {
                    n_new += usize::from(insert(&mut table, fact)?);
                }
            }
            if n_new > 0 {
                advance(transaction)?;
            }
            Ok(n_new)
        })
    }

    fn set_policy(&self, policy: Option<&PolicyText>) -> Result<u64, StoreError> {
        self.change(|transaction| {
            let mut texts = transaction.open_table(TEXTS).map_err(failed)?;
            let file = policy.and_then(|policy| policy.file.as_deref());
            set_text(&mut texts, "policy", policy.map(|policy| policy.text.as_str()))?;
            set_text(&mut texts, "policy file", file)?;
            advance(transaction)
        })
    }

    fn published(&self) -> Result<Option<Published>, StoreError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let numbers = transaction.open_table(NUMBERS).map_err(failed)?;
        let texts = transaction.open_table(TEXTS).map_err(failed)?;
        let Some(sha256) = text(&texts, "snapshot")? else { return Ok(None) };
        let required = |name| number(&numbers, name)?.ok_or(StoreError::Damaged("the newest snapshot's numbers"));
        Ok(Some(Published {
            epoch: required("epoch")?,
            created_ms: required("snapshot created")?,
            offset: required("snapshot offset")?,
            bytes: required("snapshot bytes")?,
            sha256,
            previous: text(&texts, "previous snapshot")?,
        }))
    }

    fn publish(&self, published: &Published) -> Result<(), StoreError> {
        self.change(|transaction| {
            let mut numbers = transaction.open_table(NUMBERS).map_err(failed)?;
            for (name, value) in [
                ("epoch", published.epoch),
                ("snapshot created", published.created_ms),
                ("snapshot offset", published.offset),
                ("snapshot bytes", published.bytes),
            ] {
                numbers.insert(name, value).map_err(failed)?;
            }
            let mut texts = transaction.open_table(TEXTS).map_err(failed)?;
            set_text(&mut texts, "snapshot", Some(&published.sha256))?;
            set_text(&mut texts, "previous snapshot", published.previous.as_deref())?;
            let mut log = transaction.open_table(LOG).map_err(failed)?;
            log.retain_in(..=published.offset, |_, _| false).map_err(failed)
        })
    }

    fn log(&self, after: u64) -> Result<Option<Vec<Written>>, StoreError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let newest = offset(&transaction.open_table(NUMBERS).map_err(failed)?)?;
        let mut entries = Vec::new();
        for row in transaction.open_table(LOG).map_err(failed)?.range(after.saturating_add(1)..).map_err(failed)? {
            let (offset, bytes) = row.map_err(failed)?;
            let changes = changes_of(bytes.value()).ok_or(StoreError::Damaged("the log"))?;
            entries.push(Written { offset: offset.value(), changes });
        }
        // Offsets rise by one, and what the log isn't told of leaves a hole.
        let is_whole = newest.checked_sub(after) == Some(entries.len() as u64);
        Ok(is_whole.then_some(entries))
    }
}

type Facts<'t> = Table<'t, &'static [u8], ()>;

fn apply(
    facts: &mut Facts<'_>,
    edit: &Edit,
    matches_max: Option<usize>,
    changes: &mut Vec<Change>,
) -> Result<(), StoreError> {
    match edit {
        Edit::Insert(fact) => {
            if insert(facts, fact)? {
                changes.push(Change::Insert(fact.clone()));
            }
            Ok(())
        }
        Edit::Delete { predicate, args } => {
            let (from, to) = key_range(predicate, args);
            let fits =
                |fact: &Fact| args.iter().zip(&fact.args).all(|(pattern, value): (&Pattern, _)| pattern.fits(value));
            let n_before = changes.len();
            let mut is_damaged = false;
            let retained = facts.retain_in::<&[u8], _>(from.as_slice()..to.as_slice(), |key, ()| match fact_of(key) {
                Some(fact) if fits(&fact) => {
                    changes.push(Change::Delete(fact));
                    false
                }
                fact => {
                    is_damaged |= fact.is_none();
                    true
                }
            });
            retained.map_err(failed)?;
            match matches_max {
                _ if is_damaged => Err(StoreError::Damaged("a fact")),
                Some(max) if changes.len() - n_before > max => Err(StoreError::TooManyMatches { max }),
                _ => Ok(()),
            }
        }
        Edit::Clear => {
            let mut is_damaged = false;
            let retained = facts.retain(|key, ()| {
                match fact_of(key) {
                    Some(fact) => changes.push(Change::Delete(fact)),
                    None => is_damaged = true,
                }
                false
            });
            retained.map_err(failed)?;
            if is_damaged { Err(StoreError::Damaged("a fact")) } else { Ok(()) }
        }
    }
}

/// Was it new?
fn insert(facts: &mut Facts<'_>, fact: &Fact) -> Result<bool, StoreError> {
    Ok(facts.insert(fact_key(fact).as_slice(), ()).map_err(failed)?.is_none())
}

/// The next offset, which is then the last one.
fn advance(transaction: &WriteTransaction) -> Result<u64, StoreError> {
    let mut numbers = transaction.open_table(NUMBERS).map_err(failed)?;
    let next = offset(&numbers)? + 1;
    numbers.insert("offset", next).map_err(failed)?;
    Ok(next)
}

fn offset(numbers: &impl ReadableTable<&'static str, u64>) -> Result<u64, StoreError> {
    number(numbers, "offset")?.ok_or(StoreError::Damaged("the offset"))
}

fn policy(texts: &impl ReadableTable<&'static str, &'static str>) -> Result<Option<PolicyText>, StoreError> {
    let file = text(texts, "policy file")?;
    Ok(text(texts, "policy")?.map(|text| PolicyText { file, text }))
}

fn number(table: &impl ReadableTable<&'static str, u64>, name: &str) -> Result<Option<u64>, StoreError> {
    Ok(table.get(name).map_err(failed)?.map(|found| found.value()))
}

fn text(table: &impl ReadableTable<&'static str, &'static str>, name: &str) -> Result<Option<String>, StoreError> {
    Ok(table.get(name).map_err(failed)?.map(|found| found.value().to_owned()))
}

fn set_text(
    table: &mut Table<'_, &'static str, &'static str>,
    name: &str,
    value: Option<&str>,
) -> Result<(), StoreError> {
    match value {
        Some(value) => table.insert(name, value).map(drop),
        None => table.remove(name).map(drop),
    }
    .map_err(failed)
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
