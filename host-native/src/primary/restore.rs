//! `--restore`: a damaged store made anew from the newest snapshot that can be read and the log after it.
//!
//! Enters: the data folder of a primary that doesn't run. Leaves: a store with the same id, the damaged one beside it.
//! Never: lets a write be lost without being told so; touches a store that is whole.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use redb::{Builder, ReadableDatabase};
use understudy_core::{
    engine::{Engine, Options},
    model::{Change, Fact},
    snapshot::{Manifest, PolicyText, Snapshot},
};

use super::{
    blobs::Blobs,
    database::reached,
    redb_store::RedbStore,
    store::{StoreError, Written},
    tables,
    witness::{Reached, Witness},
};

/// What a store is made of.
struct Found {
    manifest: Manifest,
    policy: Option<PolicyText>,
    facts: BTreeSet<Fact>,
}

/// Makes the store of a folder anew, if it is damaged, and says what was done. `accepts_loss`: also without the writes that
/// can't be read back. Every error is for people and says what to do. Blocks.
pub fn restore(folder: &Path, environment: &str, accepts_loss: bool) -> Result<String, String> {
    let store = folder.join("store.redb");
    let place = store.display();
    let why = match RedbStore::open(&store, environment, "") {
        Ok(_) if store.exists() => return Ok(format!("{place}: the store is whole, nothing was restored")),
        Err(StoreError::Damaged(why)) => why,
        Ok(_) | Err(StoreError::TooManyMatches { .. }) => "it has no file",
        Err(error @ (StoreError::Disk(_) | StoreError::Foreign(_))) => return Err(error.to_string()),
    };
    let disk = |error: std::io::Error| format!("{place}: can't be restored: {error}");
    let Found { manifest, policy, mut facts } = newest(&folder.join("blobs"), environment).ok_or_else(|| {
        format!(
            "{place}: the store is damaged ({why}), and no snapshot beside it can be read: put a copy of the folder in \
             its place, or begin with an empty one"
        )
    })?;
    let told = Witness::open(&store).map_err(disk)?.read();
    let (log, noted) = log(&store, manifest.offset).unwrap_or_default();
    let expected = told.into_iter().chain(noted).map(|reached| reached.offset).max();
    let offset = log.last().map_or(manifest.offset, |written| written.offset);
    let is_whole = expected.is_some_and(|expected| expected <= offset);
    if !is_whole && !accepts_loss {
        let lost =
            expected.map_or("any writes".to_owned(), |expected| format!("{} writes", expected.saturating_sub(offset)));
        return Err(format!(
            "{place}: the store is damaged ({why}): it can be restored up to offset {offset}, but {lost} after it can't be \
             read, deletes among them perhaps: put a copy of the folder in its place, or go on without them by --restore \
             --accept-lost-writes"
        ));
    }
    let (n_snapshot, n_log) = (facts.len(), log.len());
    for change in log.into_iter().flat_map(|written| written.changes) {
        match change {
            Change::Insert(fact) => drop(facts.insert(fact)),
            Change::Delete(fact) => drop(facts.remove(&fact)),
        }
    }
    let epoch = told.into_iter().chain(noted).map(|reached| reached.epoch).fold(manifest.epoch, u64::max);
    // An offset that was given out is not given again, whatever was lost after it.
    let reached = Reached { offset: expected.unwrap_or(offset).max(offset), epoch };
    replace(folder, environment, &manifest.store, reached, policy.as_ref(), facts).map_err(|error| match error {
        Failed::Store(error) => error.to_string(),
        Failed::Disk(error) => disk(error),
    })?;
    let without = if is_whole { "" } else { "; what was written after that is lost" };
    Ok(format!(
        "{place}: restored from the snapshot of epoch {} ({n_snapshot} facts) and {n_log} later writes, up to offset \
         {offset}{without}; the damaged store is kept as store.redb.damaged",
        manifest.epoch
    ))
}

/// The newest snapshot of the environment that can be read.
fn newest(blobs: &Path, environment: &str) -> Option<Found> {
    let names = fs::read_dir(blobs).ok()?.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let blobs = Blobs::open(blobs.to_owned()).ok()?;
    let read = names.filter(|name| name.len() == 64).filter_map(|name| {
        let bytes = blobs.verified(&name)?;
        let snapshot = Snapshot::open(&bytes).ok()?;
        let (manifest, policy) = (snapshot.manifest().clone(), snapshot.policy().cloned());
        (manifest.environment == environment).then_some((manifest, policy, name))
    });
    let (manifest, policy, name) = read.max_by_key(|(manifest, ..)| manifest.epoch)?;
    let bytes = blobs.verified(&name)?;
    let facts = Engine::open(&bytes, Options::seeded(0)).ok()?.facts(None, &[]).into_iter().collect();
    Some(Found { manifest, policy, facts })
}

/// The log of a damaged store after an offset, as far as it goes on without a gap, and how far the store says it has come.
fn log(store: &Path, after: u64) -> Option<(Vec<Written>, Option<Reached>)> {
    // Pages that aren't verified may be anything, and redb panics at some of them; what is taken has sums of its own.
    let read = || {
        let database = Builder::new().open(store).ok()?;
        let transaction = database.begin_read().ok()?;
        let log = tables::log_while_whole(&transaction, after).ok()?;
        Some((log, reached(&database).ok()))
    };
    catch_unwind(AssertUnwindSafe(read)).ok()?
}

enum Failed {
    Store(StoreError),
    Disk(std::io::Error),
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Failed::Store(error)
    }
}

impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        Failed::Disk(error)
    }
}

/// Writes a new store beside the old one and puts it in its place in one step.
fn replace(
    folder: &Path,
    environment: &str,
    id: &str,
    reached: Reached,
    policy: Option<&PolicyText>,
    facts: BTreeSet<Fact>,
) -> Result<(), Failed> {
    let (store, beside) = (folder.join("store.redb"), folder.join("restoring"));
    match fs::remove_dir_all(&beside) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => fs::create_dir(&beside)?,
    }
    let new = beside.join("store.redb");
    let facts: Vec<Fact> = facts.into_iter().collect();
    RedbStore::open(&new, environment, id)?.begin_with(reached, policy, &facts)?;
    if store.exists() {
        let kept = folder.join("store.redb.damaged");
        let _ = fs::remove_file(&kept);
        fs::hard_link(&store, &kept)?;
    }
    fs::rename(&new, &store)?;
    fs::rename(Witness::path(&new), Witness::path(&store))?;
    fs::remove_dir_all(&beside)?;
    File::open(folder)?.sync_all()?;
    Ok(())
}
