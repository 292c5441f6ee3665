//! A primary and a node that has everything it has.

use std::path::Path;

use serde_json::Value as Json;

use crate::{
    http::{Exchange, request},
    process::{KEY, Process},
};

/// Both.
pub struct Pair {
    /// Takes writes.
    pub primary: Process,
    /// Follows it.
    pub node: Process,
}

impl Pair {
    /// With this policy and these facts, in the short form of [`Process::write`]; their data are in `folder`.
    pub fn start(binary: &Path, folder: &Path, policy: &str, facts: &[Json]) -> Pair {
        let primary = Process::primary(binary, folder, &[]);
        primary.post_policy(policy);
        primary.write(facts, &[]);
        let node = following(binary, folder, "node", &primary);
        node.await_that("it has everything", || node.get("/api/facts").body == primary.get("/api/facts").body);
        Pair { primary, node }
    }
}

/// A node that follows the primary, with its data in `folder` under this name; it serves.
pub fn following(binary: &Path, folder: &Path, name: &str, primary: &Process) -> Process {
    let directory = folder.join(name);
    let node = Process::node(binary, folder, &directory, &primary.url(), &["--sync-interval", "100ms"]);
    node.await_serving();
    node
}

/// One request with these headers alone, and nothing added.
pub fn send(server: &Process, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Exchange {
    request(server.address(), method, path, headers, body)
        .unwrap_or_else(|error| panic!("{method} {path}: {error}\n{}", server.printed()))
}

/// One text, with the key.
pub fn post(server: &Process, path: &str, body: &str) -> Exchange {
    send(server, "POST", path, &[("Authorization", &format!("Bearer {KEY}"))], body.as_bytes())
}
