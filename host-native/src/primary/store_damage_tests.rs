//! Damaged stores, full disks, stores of earlier versions.
#![allow(clippy::unwrap_used)]
use std::{
    io,
    os::unix::fs::FileExt,
    path::PathBuf,
    time::{Duration, Instant},
};

use redb::{Builder, StorageBackend, TableDefinition};
use understudy_core::model::Value;

use super::*;
use crate::primary::{
    encoding::{fact_key, log_entry},
    restore::restore,
};

const ENVIRONMENT: &str = "e_0123456789";

fn role(user: &str) -> Fact {
    let value = |type_name: &str, id: &str| Value::new(type_name, id).unwrap();
    Fact {
        predicate: "has_role".into(),
        args: vec![value("User", user), value("String", "reader"), value("Repo", "web")],
    }
}

fn insert(user: &str) -> Edit {
    Edit::Insert(role(user))
}

fn delete(user: &str) -> Edit {
    let args = role(user).args.into_iter().map(Pattern::Exact).collect();
    Edit::Delete { predicate: "has_role".into(), args }
}

fn open(folder: &Path) -> Result<RedbStore, StoreError> {
    RedbStore::open(&folder.join("store.redb"), ENVIRONMENT, "s1")
}

/// A folder with a store of a few writes, closed, and what is in it.
fn closed() -> (tempfile::TempDir, Moment) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let policy = PolicyText { file: None, text: "actor User {}".into() };
    store.set_policy(Some(&policy)).unwrap();
    for user in ["annabel", "bertrand", "cydonia"] {
        store.write(&[insert(user)], None).unwrap();
    }
    store.write(&[delete("bertrand")], None).unwrap();
    let moment = store.moment().unwrap();
    (folder, moment)
}

/// Every place where `text` stands in a file, and some of all the others.
fn places(bytes: &[u8], text: &[u8]) -> Vec<usize> {
    let named = bytes.windows(text.len()).enumerate().filter(|(_, window)| *window == text).map(|(at, _)| at);
    let used = bytes.iter().enumerate().filter(|(_, byte)| **byte != 0).map(|(at, _)| at);
    named.chain(used.step_by(61)).collect()
}

#[test]
fn a_flipped_bit_is_never_served() {
    let (folder, moment) = closed();
    let file = folder.path().join("store.redb");
    let whole = std::fs::read(&file).unwrap();
    let reached = std::fs::read(Witness::path(&file)).unwrap();
    let mut n_refused = 0;
    for at in places(&whole, b"annabel") {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        std::fs::write(&file, &bytes).unwrap();
        std::fs::write(Witness::path(&file), &reached).unwrap();
        match open(folder.path()) {
            Ok(store) => assert_eq!(store.moment(), Ok(moment.clone()), "byte {at}"),
            Err(error) => {
                n_refused += 1;
                assert!(error.to_string().contains("--restore"), "byte {at}: {error}");
            }
        }
    }
    assert!(n_refused > 3, "{n_refused}");
    std::fs::write(&file, &whole).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert_eq!(open(folder.path()).err(), Some(StoreError::Damaged("its file is gone")));
}

#[test]
fn a_record_changed_behind_the_pages_sums_shows_by_its_own() {
    let (folder, _) = closed();
    let file = folder.path().join("store.redb");
    let change = |work: &dyn Fn(&WriteTransaction)| {
        let database = Builder::new().create(&file).unwrap();
        let transaction = database.begin_write().unwrap();
        work(&transaction);
        transaction.commit().unwrap();
    };
    let key = fact_key(&role("annabel"));
    let sum = std::cell::Cell::new(0);
    change(&|transaction| {
        let mut facts = transaction.open_table(FACTS).unwrap();
        sum.set(facts.remove(key.as_slice()).unwrap().unwrap().value());
    });
    assert_eq!(open(folder.path()).err(), Some(StoreError::Damaged("the sum over everything")), "a fact is missing");
    change(&|transaction| {
        let mut facts = transaction.open_table(FACTS).unwrap();
        facts.insert(fact_key(&role("mallory")).as_slice(), sum.get()).unwrap();
    });
    assert_eq!(open(folder.path()).err(), Some(StoreError::Damaged("a fact")), "another one has its sum");
    change(&|transaction| {
        let mut facts = transaction.open_table(FACTS).unwrap();
        facts.remove(fact_key(&role("mallory")).as_slice()).unwrap();
        facts.insert(key.as_slice(), sum.get()).unwrap();
    });
    assert!(open(folder.path()).is_ok());
    change(&|transaction| drop(transaction.open_table(TEXTS).unwrap().insert("policy", "actor Usr {}").unwrap()));
    assert_eq!(open(folder.path()).err(), Some(StoreError::Damaged("the sum over everything")), "another policy");
}

#[test]
fn what_was_acknowledged_is_not_silently_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.redb");
    drop(open(folder.path()).unwrap());
    let before = std::fs::read(&file).unwrap();
    open(folder.path()).unwrap().write(&[insert("ann")], None).unwrap();
    std::fs::write(&file, before).unwrap();
    let lacking = StoreError::Damaged("it lacks writes that were acknowledged");
    assert_eq!(open(folder.path()).err(), Some(lacking));
}

#[test]
fn a_store_without_sums_is_read_and_given_them() {
    const NUMBERS_0: TableDefinition<'_, &str, u64> = TableDefinition::new("numbers");
    const FACTS_0: TableDefinition<'_, &[u8], ()> = TableDefinition::new("facts");
    const LOG_0: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
    let folder = tempfile::tempdir().unwrap();
    let database = Builder::new().create(folder.path().join("store.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    {
        let mut numbers = transaction.open_table(NUMBERS_0).unwrap();
        for (name, value) in [("format", 0), ("offset", 1)] {
            numbers.insert(name, value).unwrap();
        }
        let mut texts = transaction.open_table(TEXTS).unwrap();
        for (name, value) in [("environment", ENVIRONMENT), ("store", "s0"), ("policy", "actor User {}")] {
            texts.insert(name, value).unwrap();
        }
        transaction.open_table(FACTS_0).unwrap().insert(fact_key(&role("ann")).as_slice(), ()).unwrap();
        let entry = log_entry(&[Change::Insert(role("ann"))]);
        transaction.open_table(LOG_0).unwrap().insert(1, entry.as_slice()).unwrap();
    }
    transaction.commit().unwrap();
    drop(database);
    for _ in 0..2 {
        let store = open(folder.path()).unwrap();
        assert_eq!(store.id(), "s0");
        let policy = Some(PolicyText { file: None, text: "actor User {}".into() });
        assert_eq!(store.moment(), Ok(Moment { offset: 1, policy, facts: vec![role("ann")] }));
        assert_eq!(store.log(0).unwrap().map(|log| log.len()), Some(1));
    }
}

/// A file on a disk that may be full.
#[derive(Debug)]
struct Full {
    file: File,
    is_full: Arc<AtomicBool>,
}

impl Full {
    fn check(&self) -> io::Result<()> {
        if self.is_full.load(Ordering::Relaxed) { Err(io::Error::from(io::ErrorKind::StorageFull)) } else { Ok(()) }
    }
}

impl StorageBackend for Full {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(out, offset)
    }
    fn set_len(&self, length: u64) -> io::Result<()> {
        self.check()?;
        self.file.set_len(length)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.check()?;
        self.file.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.check()?;
        self.file.write_all_at(data, offset)
    }
}

/// A store in a file of `folder`, on a disk that is full whenever it is said so.
pub(in crate::primary) fn on_a_disk(folder: PathBuf, is_full: Arc<AtomicBool>) -> RedbStore {
    let open: Open = Box::new(move || {
        let mut options = File::options();
        let file = options.read(true).write(true).create(true).truncate(false).open(folder.join("full.redb")).unwrap();
        let backend = Full { file, is_full: is_full.clone() };
        Builder::new().set_check_integrity_on_open(true).create_with_backend(backend).map_err(failed)
    });
    RedbStore::of(open, None, "a disk", ENVIRONMENT, "s1").unwrap()
}

#[test]
fn writes_go_on_by_themselves_once_the_disk_has_room() {
    let folder = tempfile::tempdir().unwrap();
    let is_full = Arc::new(AtomicBool::new(false));
    let store = on_a_disk(folder.path().to_owned(), is_full.clone());
    store.write(&[insert("ann")], None).unwrap();
    is_full.store(true, Ordering::Relaxed);
    for _ in 0..3 {
        assert!(matches!(store.write(&[insert("bob")], None), Err(StoreError::Disk(_))));
    }
    is_full.store(false, Ordering::Relaxed);
    let begun = Instant::now();
    while let Err(error) = store.write(&[insert("cyd")], None) {
        assert!(begun.elapsed() < Duration::from_secs(60), "{error}");
        std::thread::sleep(Duration::from_millis(50));
    }
    let facts = store.moment().unwrap().facts;
    assert!(facts.contains(&role("ann")) && facts.contains(&role("cyd")), "{facts:?}");
}

#[test]
fn a_store_is_not_restored_from_nothing_nor_where_it_is_whole() {
    let (folder, _) = closed();
    assert!(restore(folder.path(), ENVIRONMENT, false).unwrap().contains("whole"));
    let file = folder.path().join("store.redb");
    let mut bytes = std::fs::read(&file).unwrap();
    for at in places(&bytes.clone(), b"annabel") {
        bytes[at] ^= 1;
    }
    std::fs::write(&file, bytes).unwrap();
    let message = restore(folder.path(), ENVIRONMENT, true).unwrap_err();
    assert!(message.contains("no snapshot beside it"), "{message}");
}
