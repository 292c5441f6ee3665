//! The store in one redb file: one write is one transaction, on disk before it is acknowledged.

use std::{
    fs::File,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use redb::{Database, Durability, ReadTransaction, ReadableDatabase, WriteTransaction};
use understudy_core::{
    model::{Change, Fact, Pattern},
    snapshot::PolicyText,
};

use super::{
    database::{self, Connection, Open},
    encoding::{key_range, predicate_range},
    store::{Edit, FactCounts, Moment, Published, Store, StoreError, Written},
    tables::{self, FACTS, NUMBERS, TEXTS, Writing, failed, number, offset, policy, text},
    upgrade,
    witness::{Reached, Witness},
};

/// Version of the tables.
pub const FORMAT: u64 = 1;

/// A store in a file, or in memory.
pub struct RedbStore {
    connection: Connection,
    /// Of a store in a file.
    witness: Option<Arc<Witness>>,
    environment: String,
    id: String,
}

impl RedbStore {
    /// Opens the file, or makes it for this environment with `new_id` as its id; all of it is verified.
    /// Errors: another process has it, another environment's, a later format, damaged, the disk.
    pub fn open(path: &Path, environment: &str, new_id: &str) -> Result<Self, StoreError> {
        let place = path.display();
        let disk = |error: std::io::Error| StoreError::Disk(format!("{place}: {error}"));
        let witness = Arc::new(Witness::open(path).map_err(disk)?);
        let length = path.metadata().map(|metadata| metadata.len()).ok();
        if length.is_none() && witness.read().is_some() {
            return Err(StoreError::Damaged("its file is gone"));
        }
        // A file that was made and never written has nothing to lose.
        let is_new = length.is_none_or(|length| length == 0 && witness.read().is_none());
        let may_create = AtomicBool::new(is_new);
        let open: Open = {
            let (path, witness) = (path.to_owned(), witness.clone());
            Box::new(move || {
                let database = database::open_file(&path, may_create.swap(false, Ordering::Relaxed))?;
                database::compare(&database, &witness)?;
                Ok(database)
            })
        };
        let store = Self::of(open, Some(witness), &place.to_string(), environment, new_id)?;
        if is_new && let Some(folder) = path.parent() {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(disk)?;
        }
        Ok(store)
    }

    /// A store without a file, gone when it is dropped.
    pub fn in_memory(environment: &str, new_id: &str) -> Result<Self, StoreError> {
        let is_first = AtomicBool::new(true);
        let open: Open = Box::new(move || match is_first.swap(false, Ordering::Relaxed) {
            true => database::in_memory(),
            false => Err(StoreError::Disk("a store in memory is gone once it fails".into())),
        });
        Self::of(open, None, "memory", environment, new_id)
    }

    /// Makes the tables of a new database; verifies those of an old one.
    fn of(
        open: Open,
        witness: Option<Arc<Witness>>,
        place: &str,
        environment: &str,
        new_id: &str,
    ) -> Result<Self, StoreError> {
        let connection = Connection::new(open)?;
        let mut store = RedbStore { connection, witness, environment: environment.to_owned(), id: new_id.to_owned() };
        match store.connection.with(upgrade::format)? {
            Some(FORMAT) => store.read(|transaction| tables::check(transaction, drop))?,
            Some(0) => store.connection.with(upgrade::from_0)?,
            Some(format) => {
                return Err(StoreError::Foreign(format!(
                    "{place}: has format {format}, this version reads {FORMAT}: use the version that made it"
                )));
            }
            None => store.change(|writing| {
                writing.set_number("format", FORMAT)?;
                writing.set_number("offset", 0)?;
                writing.set_text("environment", Some(environment))?;
                writing.set_text("store", Some(new_id))
            })?,
        }
        let (found, id) = store.read(|transaction| {
            let texts = transaction.open_table(TEXTS).map_err(failed)?;
            let required = |name| text(&texts, name)?.ok_or(StoreError::Damaged("identity"));
            Ok((required("environment")?, required("store")?))
        })?;
        if found != environment {
            return Err(StoreError::Foreign(format!(
                "{place}: is of the environment `{found}`, not `{environment}`: give a key of {found} first, or another --data"
            )));
        }
        store.id = id;
        store.note()?;
        Ok(store)
    }

    fn read<T>(&self, work: impl FnOnce(&ReadTransaction) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.connection.with(|database| work(&database.begin_read().map_err(failed)?))
    }

    /// One transaction: on disk if `Ok`. After an error of the disk it may be there all the same.
    fn change<T>(&self, work: impl FnOnce(&mut Writing<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.connection.with(|database| {
            let transaction = begin(database)?;
            let mut writing = Writing::open(&transaction)?;
            let done = work(&mut writing)?;
            writing.finish()?;
            transaction.commit().map_err(failed)?;
            Ok(done)
        })
    }

    /// Notes how far the store has come. Of two at once the lesser may stay: that is less strict, never wrong.
    fn note(&self) -> Result<(), StoreError> {
        if let Some(witness) = &self.witness {
            witness.note(self.connection.with(database::reached)?);
        }
        Ok(())
    }

    /// What a store made from elsewhere begins with.
    pub fn begin_with(&self, reached: Reached, policy: Option<&PolicyText>, facts: &[Fact]) -> Result<(), StoreError> {
        self.change(|writing| {
            writing.set_number("offset", reached.offset)?;
            writing.set_number("last epoch", reached.epoch)?;
            writing.set_text("policy", policy.map(|policy| policy.text.as_str()))?;
            writing.set_text("policy file", policy.and_then(|policy| policy.file.as_deref()))?;
            facts.iter().try_for_each(|fact| writing.insert(fact).map(drop))
        })?;
        self.note()
    }
}

fn begin(database: &Database) -> Result<WriteTransaction, StoreError> {
    let mut transaction = database.begin_write().map_err(failed)?;
    transaction.set_durability(Durability::Immediate).map_err(failed)?;
    Ok(transaction)
}

impl Store for RedbStore {
    fn environment(&self) -> &str {
        &self.environment
    }

    fn id(&self) -> &str {
        &self.id
    }

    fn offset(&self) -> Result<u64, StoreError> {
        self.read(|transaction| offset(&transaction.open_table(NUMBERS).map_err(failed)?))
    }

    fn policy(&self) -> Result<Option<PolicyText>, StoreError> {
        self.read(|transaction| policy(&transaction.open_table(TEXTS).map_err(failed)?))
    }

    fn counts(&self) -> Result<FactCounts, StoreError> {
        self.read(|transaction| {
            let facts = transaction.open_table(FACTS).map_err(failed)?;
            let count = |predicate| {
                let (from, to) = predicate_range(predicate);
                let rows = facts.range::<&[u8]>(from.as_slice()..to.as_slice()).map_err(failed)?;
                rows.map(|row| row.map(|_| 1).map_err(failed)).sum::<Result<u64, _>>()
            };
            let (n_roles, n_relations) = (count("has_role")?, count("has_relation")?);
            Ok(FactCounts { n_roles, n_relations, n_facts: tables::n_facts(&facts)? })
        })
    }

    fn moment(&self) -> Result<Moment, StoreError> {
        self.read(|transaction| {
            let mut facts = Vec::new();
            tables::check(transaction, |fact| facts.push(fact))?;
            Ok(Moment {
                offset: offset(&transaction.open_table(NUMBERS).map_err(failed)?)?,
                policy: policy(&transaction.open_table(TEXTS).map_err(failed)?)?,
                facts,
            })
        })
    }

    fn write(&self, edits: &[Edit], matches_max: Option<usize>) -> Result<Written, StoreError> {
        let written = self.connection.with(|database| {
            let transaction = begin(database)?;
            let mut writing = Writing::open(&transaction)?;
            let mut changes = Vec::new();
            for edit in edits {
                apply(&mut writing, edit, matches_max, &mut changes)?;
            }
            if changes.is_empty() {
                let offset = writing.offset()?;
                drop(writing);
                transaction.abort().map_err(failed)?;
                return Ok(Written { offset, changes });
            }
            let offset = writing.advance()?;
            writing.push_log(offset, &changes)?;
            writing.finish()?;
            transaction.commit().map_err(failed)?;
            Ok(Written { offset, changes })
        })?;
        if !written.changes.is_empty() {
            self.note()?;
        }
        Ok(written)
    }

    fn load(&self, facts: &[Fact]) -> Result<usize, StoreError> {
        let n_new = self.change(|writing| {
            let mut n_new = 0;
            for fact in facts {
                n_new += usize::from(writing.insert(fact)?);
            }
            if n_new > 0 {
                writing.advance()?;
            }
            Ok(n_new)
        })?;
        self.note()?;
        Ok(n_new)
    }

    fn set_policy(&self, policy: Option<&PolicyText>) -> Result<u64, StoreError> {
        let offset = self.change(|writing| {
            writing.set_text("policy", policy.map(|policy| policy.text.as_str()))?;
            writing.set_text("policy file", policy.and_then(|policy| policy.file.as_deref()))?;
            writing.advance()
        })?;
        self.note()?;
        Ok(offset)
    }

    fn last_epoch(&self) -> Result<u64, StoreError> {
        self.read(|transaction| {
            let numbers = transaction.open_table(NUMBERS).map_err(failed)?;
            let of = |name| Ok(number(&numbers, name)?.unwrap_or(0));
            Ok(of("epoch")?.max(of("last epoch")?))
        })
    }

    fn published(&self) -> Result<Option<Published>, StoreError> {
        self.read(|transaction| {
            let numbers = transaction.open_table(NUMBERS).map_err(failed)?;
            let texts = transaction.open_table(TEXTS).map_err(failed)?;
            let Some(sha256) = text(&texts, "snapshot")? else { return Ok(None) };
            let damaged = StoreError::Damaged("the newest snapshot's numbers");
            let required = |name| number(&numbers, name)?.ok_or(damaged.clone());
            Ok(Some(Published {
                epoch: required("epoch")?,
                created_ms: required("snapshot created")?,
                offset: required("snapshot offset")?,
                bytes: required("snapshot bytes")?,
                sha256,
                previous: text(&texts, "previous snapshot")?,
            }))
        })
    }

    fn publish(&self, published: &Published) -> Result<(), StoreError> {
        self.change(|writing| {
            for (name, value) in [
                ("epoch", published.epoch),
                ("snapshot created", published.created_ms),
                ("snapshot offset", published.offset),
                ("snapshot bytes", published.bytes),
            ] {
                writing.set_number(name, value)?;
            }
            writing.set_text("snapshot", Some(&published.sha256))?;
            writing.set_text("previous snapshot", published.previous.as_deref())?;
            writing.forget_log(published.offset)
        })?;
        self.note()
    }

    fn log(&self, after: u64) -> Result<Option<Vec<Written>>, StoreError> {
        self.read(|transaction| {
            let newest = offset(&transaction.open_table(NUMBERS).map_err(failed)?)?;
            let entries = tables::log_after(transaction, after)?;
            // Offsets rise by one, and what the log isn't told of leaves a hole.
            let is_whole = newest.checked_sub(after) == u64::try_from(entries.len()).ok();
            Ok(is_whole.then_some(entries))
        })
    }
}

fn apply(
    writing: &mut Writing<'_>,
    edit: &Edit,
    matches_max: Option<usize>,
    changes: &mut Vec<Change>,
) -> Result<(), StoreError> {
    match edit {
        Edit::Insert(fact) => {
            if writing.insert(fact)? {
                changes.push(Change::Insert(fact.clone()));
            }
        }
        Edit::Delete { predicate, args } => {
            let (from, to) = key_range(predicate, args);
            let fits =
                |fact: &Fact| args.iter().zip(&fact.args).all(|(pattern, value): (&Pattern, _)| pattern.fits(value));
            let removed = writing.remove((&from, &to), fits)?;
            if let Some(max) = matches_max.filter(|max| removed.len() > *max) {
                return Err(StoreError::TooManyMatches { max });
            }
            changes.extend(removed.into_iter().map(Change::Delete));
        }
        Edit::Clear => changes.extend(writing.clear()?.into_iter().map(Change::Delete)),
    }
    Ok(())
}

#[cfg(test)]
#[path = "store_damage_tests.rs"]
pub(super) mod damage_tests;
#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
