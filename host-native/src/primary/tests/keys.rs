//! Keys and their rights.

use super::*;

#[test]
fn keys_have_rights() {
    let folder = tempfile::tempdir().unwrap();
    let primary = start(&config(folder.path()));
    let read = |line: &str, body: &str| primary.exchange(line, Some(READ_KEY), "", body).status;
    for write in [
        "POST /api/policy",
        "POST /api/batch",
        "POST /api/clear_data",
        "POST /api/facts",
        "DELETE /api/facts",
        "POST /api/bulk",
        "POST /api/bulk_load",
        "POST /api/bulk_delete",
    ] {
        assert_eq!(read(write, "[]"), 403, "{write}");
        assert_eq!(primary.exchange(write, None, "", "[]").status, 401, "{write}");
        assert_eq!(primary.exchange(write, Some("e_0123456789_9_other"), "", "[]").status, 401, "{write}");
    }
    // A large body is refused before it is taken in, for the same reasons.
    let large = format!("[{}]", " ".repeat(8 << 10));
    for (line, key, status) in [
        ("POST /api/bulk_load", Some(READ_KEY), 403),
        ("POST /api/bulk_load", None, 401),
        ("POST /api/bulk_load", Some(DEVELOPMENT_KEY), 200),
        ("POST /api/authorize", Some("e_0123456789_9_other"), 401),
        ("POST /api/authorize", Some(READ_KEY), 400),
        ("GET /healthcheck", None, 200),
        ("POST /test_environment", None, 200),
        ("POST /feed/v0/e_0123456789/reports", None, 401),
        ("POST /api/nowhere", None, 404),
    ] {
        assert_eq!(primary.exchange(line, key, "", &large).status, status, "{line}");
    }
    let head = head_path(DEVELOPMENT_ENVIRONMENT);
    let blob = blob_path(DEVELOPMENT_ENVIRONMENT, &primary.head().snapshot.sha256);
    for path in ["/api/facts", "/api/policy", &head, &blob] {
        assert_eq!(read(&format!("GET {path}"), ""), 200, "{path}");
        assert_eq!(primary.exchange(&format!("GET {path}"), None, "", "").status, 401, "{path}");
    }
    assert_eq!(read("POST /api/list", "{}"), 400);
    assert_eq!(primary.get("/api/batch").status, 405);
    assert_eq!(primary.get("/api/nowhere").status, 404);
    // The snapshot carries the digests, so that a node knows who may ask.
    let blob = primary.blob(&primary.head().snapshot.sha256);
    let snapshot = snapshot::Snapshot::open(&blob.body).unwrap();
    let mut keys: Vec<_> = snapshot.keys().unwrap().iter().map(|key| (key.digest, key.write)).collect();
    keys.sort_by_key(|(_, write)| *write);
    assert_eq!(keys, [(digest(READ_KEY), false), (digest(DEVELOPMENT_KEY), true)]);
    primary.stop();
}
