//! Keys and their rights.

use super::*;
use crate::keys::salted;

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
    let store = &snapshot.manifest().store;
    let told = |key: &str| salted(store, &digest(key));
    assert_eq!(keys, [(told(READ_KEY), false), (told(DEVELOPMENT_KEY), true)]);
    // A digest that stands for the key elsewhere is nowhere in it.
    assert!(!blob.body.windows(32).any(|bytes| bytes == digest(DEVELOPMENT_KEY)));
    primary.stop();
}

#[test]
fn a_web_page_makes_no_test_environment() {
    let folder = tempfile::tempdir().unwrap();
    let primary = start(&config(folder.path()));
    let made = |key, headers: &str| primary.exchange("POST /test_environment?copy=true", key, headers, "").status;
    for headers in ["Origin: https://evil.example\r\n", "Origin: null\r\n", "Origin: http://127.0.0.1:8081\r\n"] {
        assert_eq!(made(None, headers), 403, "{headers}");
        assert_eq!(made(Some(READ_KEY), headers), 403, "{headers}");
        assert_eq!(made(Some("e_0123456789_9_other"), headers), 401, "{headers}");
        assert_eq!(made(Some(DEVELOPMENT_KEY), headers), 200, "{headers}");
    }
    for (host, status) in [
        ("evil.example:8081", 403),
        ("127.0.0.1.evil.example", 403),
        ("", 403),
        ("[::1]:8081", 200),
        ("LocalHost", 200),
    ] {
        let mut stream = TcpStream::connect(primary.address).unwrap();
        write!(
            stream,
            "POST /test_environment HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        )
        .unwrap();
        assert_eq!(receive(stream).status, status, "{host}");
    }
    primary.stop();
}
