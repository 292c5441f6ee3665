//! Clients that hold a server to one direction of time. What any of them saw is the least that all of them may see from
//! then on, whatever connection they ask on.
//!
//! The data: generation `n` has the one fact `at(Gen:n)`; `ann` sees `Gen:1` to `Gen:n`; `bo` sees `Gen:n` alone, so that
//! each step takes a right back.

use std::{
    net::SocketAddr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::json;

use crate::connection::Connection;

/// The policy of the data.
pub const POLICY: &str =
    "actor User {}\nresource Gen { permissions = [\"see\"]; roles = [\"seer\"]; \"see\" if \"seer\"; }\n";

/// What all clients of one server know.
#[derive(Debug, Default)]
pub struct Watch {
    seen: AtomicU64,
    is_over: AtomicBool,
    n_answers: AtomicU64,
    wrong: Mutex<Vec<String>>,
}

impl Watch {
    /// The newest generation that anyone saw.
    pub fn seen(&self) -> u64 {
        self.seen.load(Ordering::SeqCst)
    }

    /// Someone knows that this generation is there: a write of it was acknowledged.
    pub fn saw(&self, generation: u64) {
        self.seen.fetch_max(generation, Ordering::SeqCst);
    }

    /// Ends [`Watch::hammer`].
    pub fn end(&self) {
        self.is_over.store(true, Ordering::SeqCst);
    }

    /// Something that must not be.
    pub fn report(&self, what: String) {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).push(what);
    }

    /// Answers taken, and everything that was wrong.
    pub fn outcome(&self) -> (u64, Vec<String>) {
        let wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner).clone();
        (self.n_answers.load(Ordering::SeqCst), wrong)
    }

    /// Asks on one connection until the end, a short pause between two rounds.
    pub fn hammer(&self, address: SocketAddr) {
        let mut connection = match Connection::open(address) {
            Ok(connection) => connection,
            Err(error) => return self.report(format!("no connection: {error}")),
        };
        while !self.is_over.load(Ordering::SeqCst) {
            if let Err(error) = self.round(&mut connection) {
                return self.report(format!("a request failed: {error}"));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Every kind of question once, each held against what was seen before it was asked.
    pub fn round(&self, connection: &mut Connection) -> std::io::Result<()> {
        let floor = self.seen();
        let answer = connection.send("GET", "/api/facts?predicate=at", &serde_json::Value::Null)?;
        let facts = answer.json();
        let generations: Vec<u64> = facts.as_array().into_iter().flatten().filter_map(generation).collect();
        match generations[..] {
            [generation] if answer.status == 200 => self.hold("facts", floor, generation),
            _ => self.report(format!("facts after {floor}: {} {}", answer.status, answer.text())),
        }

        let floor = self.seen();
        let body = json!({
            "actor_type": "User", "actor_id": "ann", "action": "see", "resource_type": "Gen", "context_facts": []
        });
        let answer = connection.send("POST", "/api/list", &body)?;
        let list = answer.json();
        let ids = list["results"].as_array().into_iter().flatten();
        let ids: Vec<u64> = ids.filter_map(|id| id.as_str()?.parse().ok()).collect();
        let highest = ids.iter().max().copied().unwrap_or(0);
        if answer.status != 200 || ids.len() as u64 != highest {
            self.report(format!("a list after {floor}: {} {}", answer.status, answer.text()));
        }
        self.hold("list", floor, highest);

        let floor = self.seen();
        for (user, generation, expected) in [("ann", floor, true), ("bo", floor.saturating_sub(1), false)] {
            if generation > 0 {
                let allowed = connection.authorize(("User", user), "see", ("Gen", &generation.to_string()))?;
                self.n_answers.fetch_add(1, Ordering::Relaxed);
                if allowed != expected {
                    self.report(format!("after {floor}: {user} on {generation} is {allowed}"));
                }
            }
        }
        Ok(())
    }

    fn hold(&self, what: &str, floor: u64, generation: u64) {
        self.n_answers.fetch_add(1, Ordering::Relaxed);
        if generation < floor {
            self.report(format!("{what}: {generation} after {floor} was seen"));
        }
        self.saw(generation);
    }
}

fn generation(fact: &serde_json::Value) -> Option<u64> {
    fact["args"][0]["id"].as_str()?.parse().ok()
}
