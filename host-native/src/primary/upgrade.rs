//! Stores of earlier versions, which had no sums: read once, and written with them.

use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition, TableError};

use super::{
    encoding::{changes_of, fact_of},
    redb_store::FORMAT,
    store::StoreError,
    tables::{NUMBERS, Writing, failed, number},
};

const FACTS_0: TableDefinition<'_, &[u8], ()> = TableDefinition::new("facts");
const LOG_0: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");

/// Version of the tables that are there; `None`: none yet.
pub fn format(database: &Database) -> Result<Option<u64>, StoreError> {
    let transaction = database.begin_read().map_err(failed)?;
    match transaction.open_table(NUMBERS) {
        Ok(numbers) => number(&numbers, "format"),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

/// Sums everything of a store of format 0, in one transaction.
pub fn from_0(database: &Database) -> Result<(), StoreError> {
    let mut transaction = database.begin_write().map_err(failed)?;
    transaction.set_durability(Durability::Immediate).map_err(failed)?;
    {
        let mut writing = Writing::open(&transaction)?;
        writing.sum_anew()?;
        for row in transaction.open_table(FACTS_0).map_err(failed)?.iter().map_err(failed)? {
            let (key, ()) = row.map(|(key, value)| (key, value.value())).map_err(failed)?;
            writing.insert(&fact_of(key.value()).ok_or(StoreError::Damaged("a fact"))?)?;
        }
        for row in transaction.open_table(LOG_0).map_err(failed)?.iter().map_err(failed)? {
            let (offset, entry) = row.map_err(failed)?;
            changes_of(entry.value()).ok_or(StoreError::Damaged("the log"))?;
            writing.push_entry(offset.value(), entry.value().to_vec())?;
        }
        writing.set_number("format", FORMAT)?;
        writing.finish()?;
    }
    transaction.delete_table(FACTS_0).map_err(failed)?;
    transaction.delete_table(LOG_0).map_err(failed)?;
    transaction.commit().map_err(failed)
}
