//! AuthZEN from outside: decision points that have lost their upstream, one call at a time, and what the standard publishes.

pub mod fixture;
pub mod published;

use std::path::Path;

use serde_json::Value as Json;

use crate::{
    authzen::fixture::Fixture, connection::Connection, feed::Feed, http::Exchange, process::Process, recipe::Recipe,
};

/// A node that serves a fixture and follows nobody any more.
pub struct DecisionPoint {
    /// The node.
    pub node: Process,
    connection: Connection,
}

impl DecisionPoint {
    /// Starts one. `more`: flags.
    pub fn start(binary: &Path, folder: &Path, fixture: &Fixture, more: &[&str]) -> Self {
        let feed = Feed::start();
        let recipe = Recipe::new(fixture.policy, 1, fixture.facts.clone());
        feed.offer(&recipe.said(), &recipe.bytes());
        let node = Process::node(binary, folder, &folder.join("node"), &feed.url(), more);
        node.await_serving();
        drop(feed);
        let connection = Connection::open(node.address()).expect("a connection");
        DecisionPoint { node, connection }
    }

    /// A POST to `/access/v1/<path>`.
    pub fn post(&mut self, path: &str, body: &Json) -> Exchange {
        let path = format!("/access/v1/{path}");
        self.connection.send("POST", &path, body).unwrap_or_else(|error| panic!("{path} {body}: {error}"))
    }

    /// The same; panics on anything but 200.
    pub fn ask(&mut self, path: &str, body: &Json) -> Json {
        let answer = self.post(path, body);
        assert_eq!(answer.status, 200, "{path} {body}: {}", answer.text());
        answer.json()
    }

    /// The decision of an evaluation.
    pub fn decision(&mut self, body: &Json) -> bool {
        let answer = self.ask("evaluation", body);
        answer["decision"].as_bool().unwrap_or_else(|| panic!("{body}: {answer}"))
    }
}
