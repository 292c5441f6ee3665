//! A disk that is full for a moment.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use super::*;
use crate::primary::{blobs::Blobs, limits::Limits, redb_store::damage_tests::on_a_disk, store::Edit};

fn fact(user: &str) -> Fact {
    let value = |type_name: &str, id: &str| understudy_core::model::Value::new(type_name, id).unwrap();
    let args = vec![value("User", user), value("String", "reader"), value("Repo", "web")];
    Fact { predicate: "has_role".into(), args }
}

#[test]
fn writes_and_snapshots_go_on_by_themselves_and_until_then_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let is_full = Arc::new(AtomicBool::new(false));
    let store = on_a_disk(folder.path().to_owned(), is_full.clone());
    let (blobs, native) = (Blobs::open(folder.path().join("blobs")).unwrap(), Arc::new(Native::default()));
    let ledger = Ledger::open(Box::new(store), blobs, native.clone(), Vec::new()).unwrap();
    let write = |user: &str| ledger.write(&[Edit::Insert(fact(user))], &Limits::default());
    let n_blobs = || std::fs::read_dir(folder.path().join("blobs")).unwrap().count();
    write("ann").unwrap();
    assert_eq!(ledger.health().trouble(), None);

    is_full.store(true, Ordering::Relaxed);
    assert!(write("bob").is_err());
    assert!(ledger.health().trouble().unwrap().starts_with("writes fail: "));
    for _ in 0..5 {
        assert!(ledger.publish().is_err());
        assert!(n_blobs() <= 2, "no file is left by a snapshot that came to nothing");
        std::thread::sleep(Duration::from_millis(300));
    }
    assert_eq!(native.with(|engine| engine.facts(None, &[])).unwrap(), [fact("ann")], "answers go on");

    is_full.store(false, Ordering::Relaxed);
    let begun = Instant::now();
    while let Err(error) = ledger.publish() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{error}");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(ledger.health().trouble(), None);
    assert!(ledger.health().writes.n_failures() > 0 && ledger.health().snapshots.n_failures() > 0);
    write("cyd").unwrap();
    assert!(ledger.publish().is_ok() && n_blobs() == 2);
    let facts = native.with(|engine| engine.facts(None, &[])).unwrap();
    assert!(facts.contains(&fact("ann")) && facts.contains(&fact("cyd")), "{facts:?}");
}

#[test]
fn health_and_metrics_tell_of_a_store_that_fails() {
    let folder = tempfile::tempdir().unwrap();
    let primary = start(&config(folder.path()));
    assert_eq!(primary.get("/healthcheck").status, 200);
    assert!(primary.get("/metrics").text().contains("\nunderstudy_primary_writes_failing 0\n"));
    primary.ledger.health().writes.fails("no space left on device".into());
    for path in ["/healthcheck", "/api/healthcheck"] {
        let told = primary.get(path);
        assert_eq!((told.status, told.message().contains("no space left")), (503, true), "{path}");
    }
    assert!(primary.get("/metrics").text().contains("\nunderstudy_primary_writes_failing 1\n"));
    assert_eq!(primary.post("/api/batch", &inserts(&[role("ann", "reader")])).status, 200);
    assert_eq!(primary.get("/healthcheck").status, 200, "a write that succeeds ends it");
    primary.stop();
}
