//! What is there after a start: the folder, and the files given.

use super::*;
use crate::primary::config::Restore;

#[test]
fn after_a_restart_the_snapshot_and_the_log_serve_and_a_damaged_one_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let primary = start(&config);
    assert_eq!(primary.policy(POLICY).status, 200);
    assert_eq!(primary.post("/api/batch", &inserts(&[role("ann", "reader"), role("bob", "reader")])).status, 200);
    assert_eq!(primary.post("/api/batch", &format!(r#"[{{"deletes":[{}]}}]"#, role("bob", "reader"))).offset(), 3);
    let head = serde_json::from_slice::<Head>(&primary.get_with(&head_path(DEVELOPMENT_ENVIRONMENT), "").body).unwrap();
    assert_eq!(head.epoch, 3, "what was acknowledged before the head was asked for is in it");
    assert_eq!(primary.post("/api/batch", &inserts(&[role("cyd", "reader")])).offset(), 4);
    assert_eq!(primary.post("/api/batch", &format!(r#"[{{"deletes":[{}]}}]"#, role("cyd", "reader"))).offset(), 5);
    primary.stop();

    // Offsets 4 and 5 are in the log only.
    let primary = start(&config);
    assert_eq!(primary.ledger.newest().borrow().as_ref().unwrap().epoch, head.epoch);
    assert_eq!(primary.native.0.lock().unwrap().n_installs, 1);
    assert!(primary.may("ann", "read") && !primary.may("bob", "read") && !primary.may("cyd", "read"));
    let head = primary.head();
    assert_eq!(head.epoch, 4);
    primary.stop();

    let blob = folder.path().join("data/blobs").join(&head.snapshot.sha256);
    let mut bytes = std::fs::read(&blob).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&blob, bytes).unwrap();
    let primary = start(&config);
    assert_eq!((primary.head().epoch, primary.head().store), (5, head.store.clone()));
    assert!(primary.may("ann", "read") && !primary.may("bob", "read"));
    primary.stop();

    // Other keys: the snapshot must not go on telling nodes of the old ones.
    let mut fewer = config.clone();
    fewer.environments[0].keys.truncate(1);
    let primary = start(&fewer);
    assert_eq!(primary.head().epoch, 6);
    assert_eq!(primary.exchange("GET /api/facts", Some(READ_KEY), "", "").status, 401);
    primary.stop();

    std::fs::remove_dir_all(folder.path().join("data/blobs")).unwrap();
    let primary = start(&fewer);
    assert_eq!((primary.head().epoch, primary.head().store), (7, head.store));
    primary.stop();
}

#[test]
fn files_at_the_start_are_put_in_force_over_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let mut config = config(folder.path());
    config.policy =
        vec![file("users.polar", "actor User {}"), file("repos.polar", &POLICY.replace("actor User {}", ""))];
    config.facts = Some(file("facts.jsonl", &[role("ann", "reader"), role("bob", "writer")].join("\n")));
    let primary = start(&config);
    assert!(primary.may("ann", "read") && primary.may("bob", "write"));
    assert_eq!(primary.get("/api/policy").json()["policy"]["filename"], "users.polar");
    assert_eq!(primary.post("/api/batch", &inserts(&[role("cyd", "reader")])).status, 200);
    let head = primary.head();
    primary.stop();

    let primary = start(&config);
    assert_eq!(primary.head(), head, "the same files change nothing");
    assert!(primary.may("cyd", "read"));
    primary.stop();

    config.policy = vec![file(
        "other.polar",
        &POLICY.replace("\"reader\" if \"writer\";", "").replace("\"writer\", Repo", "\"reader\", Repo"),
    )];
    let primary = start(&config);
    assert!(primary.may("ann", "read") && !primary.may("bob", "read"));
    assert!(primary.head().epoch > head.epoch);
    primary.stop();

    let refused = |config: &PrimaryConfig| {
        start::open_main(config, &config.environments[0], Arc::new(Native::default())).err().unwrap()
    };
    config.policy = vec![file("broken.polar", "\nresource Repo {")];
    assert!(refused(&config).contains("broken.polar:2:"));
    config.policy = vec![file("failing.polar", &POLICY.replace("assert allow", "assert_not allow"))];
    assert!(refused(&config).contains("writers read"));
    config.policy = Vec::new();
    config.facts = Some(file("facts.jsonl", "{}"));
    assert!(refused(&config).contains("facts.jsonl:1:"));
    config.facts = None;
    config.environments[0].environment = "e_other".into();
    assert!(refused(&config).contains("`e_0123456789`, not `e_other`"));
}

/// Flips a bit wherever a text stands in the store.
fn damage(data: &Path, text: &str) {
    let file = data.join("store.redb");
    let mut bytes = std::fs::read(&file).unwrap();
    let places = bytes.windows(text.len()).enumerate().filter(|(_, window)| *window == text.as_bytes());
    let places: Vec<usize> = places.map(|(at, _)| at).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at] ^= 1;
    }
    std::fs::write(&file, bytes).unwrap();
}

#[test]
fn a_damaged_store_doesn_t_start_and_is_made_anew_from_the_snapshot_and_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    let data = config.data.clone();
    let refused = |config: &PrimaryConfig| {
        start::open_main(config, &config.environments[0], Arc::new(Native::default())).err().unwrap()
    };
    let primary = start(&config);
    assert_eq!(primary.policy(POLICY).status, 200);
    let facts = [role("annabel", "reader"), role("bertrand", "reader"), role("cydonia", "reader")];
    assert_eq!(primary.post("/api/batch", &inserts(&facts)).status, 200);
    let head = primary.head();
    // In the log only: the right of one is taken, another is given one.
    assert_eq!(primary.post("/api/batch", &format!(r#"[{{"deletes":[{}]}}]"#, facts[1])).status, 200);
    assert_eq!(primary.post("/api/batch", &inserts(&[role("dorothea", "writer")])).offset(), 4);
    primary.stop();

    damage(&data, "annabel");
    for _ in 0..2 {
        let message = refused(&config);
        assert!(message.contains("damaged") && message.contains("understudy primary --restore"), "{message}");
    }
    config.restores = Some(Restore { accepts_loss: false });
    let primary = start(&config);
    assert_eq!(primary.head().store, head.store);
    assert!(primary.head().epoch > head.epoch);
    let may = |primary: &Started, user: &str| primary.may(user, "read");
    assert!(may(&primary, "annabel") && !may(&primary, "bertrand") && may(&primary, "cydonia"));
    assert!(primary.may("dorothea", "write"));
    assert_eq!(primary.post("/api/batch", &inserts(&[role("ed", "reader")])).offset(), 5);
    primary.stop();
    // Whole now: `--restore` changes nothing.
    let primary = start(&config);
    assert!(may(&primary, "ed"));
    primary.stop();

    // Without its file there is no log: what it had is not left out silently.
    config.restores = None;
    let primary = start(&config);
    primary.ledger.pace().stop();
    assert_eq!(primary.post("/api/batch", &inserts(&[role("flo", "reader")])).offset(), 6);
    primary.stop();
    std::fs::remove_file(data.join("store.redb")).unwrap();
    assert!(refused(&config).contains("its file is gone"));
    config.restores = Some(Restore { accepts_loss: false });
    let message = refused(&config);
    assert!(message.contains("--accept-lost-writes"), "{message}");
    config.restores = Some(Restore { accepts_loss: true });
    let primary = start(&config);
    assert!(may(&primary, "annabel") && !may(&primary, "bertrand") && !may(&primary, "flo"));
    assert_eq!(primary.head().store, head.store);
    assert_eq!(primary.post("/api/batch", &inserts(&[role("gus", "reader")])).offset(), 7, "no offset comes twice");
    primary.stop();
}
