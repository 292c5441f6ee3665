#![allow(clippy::unwrap_used)]
use std::collections::BTreeSet;

use understudy_core::model::Value;

use super::*;

const ENVIRONMENT: &str = "e_0123456789";

struct Opened {
    folder: tempfile::TempDir,
    store: Option<RedbStore>,
}

impl Opened {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Some(RedbStore::open(&folder.path().join("store.redb"), ENVIRONMENT, "s1").unwrap());
        Opened { folder, store }
    }
    fn store(&self) -> &RedbStore {
        self.store.as_ref().unwrap()
    }
    fn reopen(&mut self) {
        self.store = None;
        self.store = Some(self.open(ENVIRONMENT).unwrap());
    }
    fn open(&self, environment: &str) -> Result<RedbStore, StoreError> {
        RedbStore::open(&self.folder.path().join("store.redb"), environment, "s2")
    }
    fn facts(&self) -> Vec<Fact> {
        self.store().moment().unwrap().facts
    }
}

fn value(type_name: &str, id: &str) -> Value {
    Value::new(type_name, id).unwrap()
}

fn role(user: &str, role: &str, resource: (&str, &str)) -> Fact {
    let args = vec![value("User", user), value("String", role), value(resource.0, resource.1)];
    Fact { predicate: "has_role".into(), args }
}

fn insert(fact: &Fact) -> Edit {
    Edit::Insert(fact.clone())
}

fn delete(args: Vec<Pattern>) -> Edit {
    Edit::Delete { predicate: "has_role".into(), args }
}

fn any_of(type_name: &str) -> Pattern {
    Pattern::Type(type_name.into())
}

#[test]
fn offsets_rise_by_one_with_every_write_that_changes_something() {
    let opened = Opened::new();
    let fact = role("ann", "reader", ("Repo", "web"));
    let written = opened.store().write(&[insert(&fact)], None).unwrap();
    assert_eq!(written, Written { offset: 1, changes: vec![Change::Insert(fact.clone())] });
    for nothing in [vec![], vec![insert(&fact)], vec![delete(vec![Pattern::Any])]] {
        assert_eq!(opened.store().write(&nothing, None).unwrap(), Written { offset: 1, changes: vec![] });
    }
    assert_eq!(opened.store().offset(), Ok(1));
    let written = opened.store().write(&[Edit::Clear], None).unwrap();
    assert_eq!(written, Written { offset: 2, changes: vec![Change::Delete(fact)] });
    assert!(opened.facts().is_empty());
}

#[test]
fn edits_are_done_in_order() {
    let opened = Opened::new();
    let (a, b) = (role("ann", "reader", ("Repo", "web")), role("bob", "reader", ("Repo", "web")));
    let all = || delete(vec![Pattern::Any, Pattern::Any, Pattern::Any]);
    let written = opened.store().write(&[insert(&a), all(), insert(&b), insert(&b)], None).unwrap();
    assert_eq!(written.changes, [Change::Insert(a.clone()), Change::Delete(a), Change::Insert(b.clone())]);
    assert_eq!(opened.facts(), [b]);
}

#[test]
fn a_pattern_removes_what_fits_it_in_full_and_of_its_number_of_arguments_only() {
    let facts: BTreeSet<Fact> = ["ann", "ann\0", "an", "bob"]
        .into_iter()
        .flat_map(|user| {
            let resources = [("Repo", "web"), ("Repo", "api"), ("Organization", "web")];
            resources.map(|resource| role(user, "reader", resource))
        })
        .chain([
            Fact { predicate: "has_role".into(), args: vec![value("User", "ann"), value("String", "admin")] },
            Fact { predicate: "has_rol".into(), args: role("ann", "reader", ("Repo", "web")).args },
            Fact { predicate: "has_role_".into(), args: role("ann", "reader", ("Repo", "web")).args },
        ])
        .collect();
    let exact = |type_name, id| Pattern::Exact(value(type_name, id));
    for pattern in [
        vec![Pattern::Any, Pattern::Any, Pattern::Any],
        vec![exact("User", "ann"), Pattern::Any, Pattern::Any],
        vec![exact("User", "ann"), Pattern::Any],
        vec![any_of("User"), Pattern::Any, exact("Repo", "web")],
        vec![Pattern::Any, exact("String", "reader"), any_of("Organization")],
        vec![exact("User", "bob"), exact("String", "reader"), exact("Repo", "api")],
        vec![any_of("Nobody"), Pattern::Any, Pattern::Any],
    ] {
        let opened = Opened::new();
        opened.store().load(&facts.iter().cloned().collect::<Vec<_>>()).unwrap();
        let fits = |fact: &Fact| {
            fact.predicate == "has_role"
                && fact.args.len() == pattern.len()
                && pattern.iter().zip(&fact.args).all(|(pattern, value)| pattern.fits(value))
        };
        let written = opened.store().write(&[delete(pattern.clone())], None).unwrap();
        let removed: BTreeSet<Fact> = written
            .changes
            .into_iter()
            .map(|change| match change {
                Change::Delete(fact) => fact,
                Change::Insert(fact) => panic!("{fact:?} inserted by a delete"),
            })
            .collect();
        assert_eq!(removed, facts.iter().filter(|fact| fits(fact)).cloned().collect(), "{pattern:?}");
        let left: BTreeSet<Fact> = opened.facts().into_iter().collect();
        assert_eq!(left, facts.difference(&removed).cloned().collect(), "{pattern:?}");
    }
}

#[test]
fn a_delete_over_its_limit_changes_nothing_of_the_whole_write() {
    let opened = Opened::new();
    let facts: Vec<Fact> = (0..5).map(|n| role(&format!("u{n}"), "reader", ("Repo", "web"))).collect();
    opened.store().load(&facts).unwrap();
    let all = || delete(vec![any_of("User"), Pattern::Any, Pattern::Any]);
    let more = insert(&role("new", "reader", ("Repo", "web")));
    assert_eq!(opened.store().write(&[more, all()], Some(5)), Err(StoreError::TooManyMatches { max: 5 }));
    assert_eq!(opened.facts(), facts);
    assert_eq!(opened.store().offset(), Ok(1));
    assert_eq!(opened.store().write(&[all()], Some(5)).unwrap().changes.len(), 5);
}

#[test]
fn everything_is_there_after_a_restart() {
    let mut opened = Opened::new();
    let policy = PolicyText { file: Some(String::new()), text: "actor User {}".into() };
    assert_eq!(opened.store().policy(), Ok(None));
    assert_eq!(opened.store().published(), Ok(None));
    opened.store().set_policy(Some(&policy)).unwrap();
    let fact = role("ann", "reader", ("Repo", "web"));
    opened.store().write(&[insert(&fact)], None).unwrap();
    let published = Published { epoch: 7, created_ms: 1, offset: 1, sha256: "ab".into(), bytes: 3, previous: None };
    opened.store().publish(&published).unwrap();
    opened.reopen();
    assert_eq!((opened.store().id(), opened.store().environment()), ("s1", ENVIRONMENT), "the id stays");
    assert_eq!(opened.store().moment(), Ok(Moment { offset: 2, policy: Some(policy), facts: vec![fact.clone()] }));
    assert_eq!(opened.store().published(), Ok(Some(published)));
    let log = vec![Written { offset: 2, changes: vec![Change::Insert(fact)] }];
    assert_eq!(opened.store().log(1), Ok(Some(log)));
    opened.store().set_policy(None).unwrap();
    opened.reopen();
    assert_eq!(opened.store().policy(), Ok(None));
}

#[test]
fn the_log_is_whole_or_not_given() {
    let opened = Opened::new();
    let store = opened.store();
    let offsets = |after| {
        let log = store.log(after).unwrap();
        log.map(|log| log.into_iter().map(|written| written.offset).collect::<Vec<_>>())
    };
    for user in ["a", "b", "c"] {
        store.write(&[insert(&role(user, "reader", ("Repo", "web")))], None).unwrap();
    }
    assert_eq!(offsets(0), Some(vec![1, 2, 3]));
    assert_eq!(offsets(2), Some(vec![3]));
    assert_eq!(offsets(3), Some(vec![]));
    assert_eq!(offsets(4), None, "an offset of another store's future");
    let published = |offset| Published {
        epoch: 1,
        created_ms: 0,
        offset,
        sha256: "ab".into(),
        bytes: 0,
        previous: Some("cd".into()),
    };
    store.publish(&published(2)).unwrap();
    assert_eq!(offsets(2), Some(vec![3]));
    assert_eq!(offsets(1), None, "forgotten");
    store.set_policy(None).unwrap();
    assert_eq!(offsets(2), None, "a policy is not in the log");
    store.publish(&published(4)).unwrap();
    assert_eq!(offsets(4), Some(vec![]));
    assert_eq!(store.load(&[role("d", "reader", ("Repo", "web"))]), Ok(1));
    assert_eq!(offsets(4), None, "nor is what was loaded");
}

#[test]
fn another_environments_folder_or_a_second_process_is_refused() {
    let mut opened = Opened::new();
    let message = |found: Result<RedbStore, StoreError>| found.err().map(|error| error.to_string()).unwrap();
    let second = message(opened.open(ENVIRONMENT));
    assert!(second.contains("another process has it open"), "{second}");
    opened.store = None;
    let foreign = message(opened.open("e_other"));
    assert!(foreign.contains("is of the environment `e_0123456789`, not `e_other`"), "{foreign}");
    std::fs::write(opened.folder.path().join("store.redb"), "no database").unwrap();
    assert!(message(opened.open(ENVIRONMENT)).contains("--restore"));
}
