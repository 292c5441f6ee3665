//! The database behind the store: opened with every page verified, opened again after the disk failed it.
//!
//! redb refuses everything once a write has failed, as a disk does that is full for a moment: such a database is closed,
//! and the next call opens it again.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{PoisonError, RwLock},
    time::{Duration, Instant},
};

use redb::{Builder, Database, DatabaseError, ReadableDatabase, StorageError, TableError, backends::InMemoryBackend};

use super::{
    store::StoreError,
    tables::{NUMBERS, failed, number},
    witness::{Reached, Witness},
};

/// Bytes of the file kept in memory: the facts that count are in the guests already.
const CACHE_BYTES: usize = 32 << 20;
/// The same of a store that is in memory anyway.
const MEMORY_CACHE_BYTES: usize = 1 << 20;
/// Between two attempts to open a database again: each one reads the whole file.
const REOPEN: Duration = Duration::from_secs(1);

/// Opens the database; called again after a failure.
pub type Open = Box<dyn Fn() -> Result<Database, StoreError> + Send + Sync>;

/// A database that comes back.
pub struct Connection {
    open: Open,
    state: RwLock<State>,
}

enum State {
    Open(Database),
    Lost { why: StoreError, at: Instant },
}

impl Connection {
    /// Opens it. What stands in the way then is an error, not a failure to come back from.
    pub fn new(open: Open) -> Result<Self, StoreError> {
        let database = open()?;
        Ok(Connection { open, state: RwLock::new(State::Open(database)) })
    }

    /// Does something with it. If the disk fails it, it is closed, and opened again by a later call.
    pub fn with<T>(&self, work: impl FnOnce(&Database) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.reopen();
        let outcome = match &*self.state.read().unwrap_or_else(PoisonError::into_inner) {
            State::Open(database) => work(database),
            State::Lost { why, .. } => return Err(why.clone()),
        };
        if let Err(why @ StoreError::Disk(_)) = &outcome {
            // Waits for those that read: they must be done before the file can be opened again.
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            *state = State::Lost { why: why.clone(), at: Instant::now() };
        }
        outcome
    }

    fn reopen(&self) {
        let is_due = |state: &State| matches!(state, State::Lost { at, .. } if at.elapsed() >= REOPEN);
        if !is_due(&self.state.read().unwrap_or_else(PoisonError::into_inner)) {
            return;
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if is_due(&state) {
            *state = match (self.open)() {
                Ok(database) => State::Open(database),
                Err(why) => State::Lost { why, at: Instant::now() },
            };
        }
    }
}

/// Opens a file with every page verified; one that isn't there is made if `may_create`.
pub fn open_file(path: &Path, may_create: bool) -> Result<Database, StoreError> {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
    let open = || if may_create { builder.create(path) } else { builder.open(path) };
    // What is verified doesn't panic; a header that is none may.
    let opened = catch_unwind(AssertUnwindSafe(open)).map_err(|_| StoreError::Damaged("the database file"))?;
    opened.map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::Foreign(format!(
            "{}: another process has it open: stop that one, or give another --data",
            path.display()
        )),
        DatabaseError::Storage(StorageError::Io(error)) if error.kind() == std::io::ErrorKind::InvalidData => {
            StoreError::Damaged("the database file")
        }
        error => failed(error),
    })
}

/// A database without a file.
pub fn in_memory() -> Result<Database, StoreError> {
    let mut builder = Builder::new();
    builder.set_cache_size(MEMORY_CACHE_BYTES).create_with_backend(InMemoryBackend::new()).map_err(failed)
}

/// How far it has come.
pub fn reached(database: &Database) -> Result<Reached, StoreError> {
    let transaction = database.begin_read().map_err(failed)?;
    match transaction.open_table(NUMBERS) {
        Ok(numbers) => Ok(Reached {
            offset: number(&numbers, "offset")?.unwrap_or(0),
            epoch: number(&numbers, "epoch")?.unwrap_or(0),
        }),
        Err(TableError::TableDoesNotExist(_)) => Ok(Reached::default()),
        Err(error) => Err(failed(error)),
    }
}

/// Refuses a database that lacks what was acknowledged.
pub fn compare(database: &Database, witness: &Witness) -> Result<(), StoreError> {
    let (found, told) = (reached(database)?, witness.read().unwrap_or_default());
    if found.offset < told.offset || found.epoch < told.epoch {
        return Err(StoreError::Damaged("it lacks writes that were acknowledged"));
    }
    Ok(())
}
