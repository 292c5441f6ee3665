//! One environment: its ledger, what answers from it, its keys and limits, the thread that makes its snapshots.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use understudy_calls::signer::Signer;
use understudy_wire::Code;

use super::{
    bounded::Bounded, config::DEVELOPMENT_KEY, expectations::Expectations, feed::Reports, ledger::Ledger,
    limits::Limits, publisher, rate::Rate,
};
use crate::{
    config::Authzen,
    http::{
        authzen::settings::Settings,
        reply::Reply,
        state::{Observe, State},
    },
    keys::{AcceptedKey, KeyCheck, KeyRefusal, Right, look_up},
};

/// The keys given at start: no others are accepted.
struct FixedKeys(Vec<AcceptedKey>);

impl KeyCheck for FixedKeys {
    fn check(&self, bearer: Option<&str>) -> Result<Right, KeyRefusal> {
        let bearer = bearer.filter(|text| !text.is_empty()).ok_or(KeyRefusal::Missing)?;
        look_up(&self.0, bearer).ok_or(KeyRefusal::NotOfThePrimary)
    }
}

/// What all environments of one primary have in common.
#[derive(Clone)]
pub struct Common {
    /// Of a plan, for each.
    pub limits: Limits,
    /// Are callers told why, where they ask for it?
    pub explains: bool,
    /// How AuthZEN callers are served.
    pub authzen: Authzen,
    /// Are pages smaller than the hosted service's smallest refused?
    pub strict_pages: bool,
    /// Who counts.
    pub observe: Arc<dyn Observe>,
    /// Signs page tokens.
    pub pages: Signer,
}

/// One environment that serves.
pub struct Environment {
    /// What changes.
    pub ledger: Arc<Ledger>,
    /// What answers questions.
    pub state: State,
    /// Limits of writes.
    pub limits: Limits,
    /// What callers expected.
    pub expectations: Expectations,
    /// What nodes told.
    pub reports: Reports,
    entries: Option<Rate>,
    asks: Option<Rate>,
    n_asking: Arc<AtomicUsize>,
    publisher: Mutex<Option<JoinHandle<()>>>,
}

impl Environment {
    /// Begins to publish what the ledger has; its instances serve already.
    pub fn start(ledger: Arc<Ledger>, keys: Vec<AcceptedKey>, common: &Common) -> Result<Self, String> {
        let Common { limits, authzen, explains, strict_pages, observe, pages } = common.clone();
        let publisher = {
            let ledger = ledger.clone();
            std::thread::Builder::new().name("publisher".into()).spawn(move || publisher::run(&ledger))
        };
        let publisher = publisher.map_err(|error| format!("no thread for snapshots: {error}"))?;
        let answers = Arc::new(Bounded { answers: ledger.answers(), limits });
        let rate = |max: Option<usize>, seconds| max.map(|max| Rate::new(max, Duration::from_secs(seconds)));
        Ok(Environment {
            state: State {
                keys: Arc::new(FixedKeys(keys)),
                answers,
                observe,
                authzen: Arc::new(Settings::of(ledger.environment(), &authzen, explains)),
                explains,
                ready: Arc::default(),
                strict_pages,
                pages,
            },
            ledger,
            limits,
            expectations: Expectations::default(),
            reports: Reports::default(),
            entries: rate(limits.entries_per_minute_max, 60),
            asks: rate(limits.asks_per_second_max, 1),
            n_asking: Arc::default(),
            publisher: Mutex::new(Some(publisher)),
        })
    }

    /// Its name: the first two parts of its keys.
    pub fn id(&self) -> &str {
        self.ledger.environment()
    }

    /// May everybody write to it, by the key that everybody knows?
    pub fn is_public(&self) -> bool {
        self.state.keys.check(Some(DEVELOPMENT_KEY)) == Ok(Right::Write)
    }

    /// Counts one question, until what this gives is dropped; 429 where there are as many as may be at once, or this second
    /// has had its share.
    pub fn count_ask(&self) -> Result<Asking, Reply> {
        let asking = Asking(self.n_asking.clone());
        let n_before = asking.0.fetch_add(1, Ordering::Relaxed);
        if self.limits.asks_at_once_max.is_some_and(|max| n_before >= max) {
            return Err(too_many("questions at once"));
        }
        take(self.asks.as_ref(), 1, "questions in a second")?;
        Ok(asking)
    }

    /// Counts facts and patterns of a write; 429 where this minute has had its share.
    pub fn count_entries(&self, n: usize) -> Result<(), Reply> {
        take(self.entries.as_ref(), n, "facts and patterns written in a minute")
    }

    /// Ends its thread. What is not in a snapshot yet is in the store. Blocks for a build that goes on.
    pub fn close(&self) {
        self.ledger.pace().stop();
        if let Some(publisher) = self.publisher.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = publisher.join();
        }
    }
}

fn take(rate: Option<&Rate>, n: usize, what: &str) -> Result<(), Reply> {
    match rate {
        Some(rate) if !rate.take(n, Instant::now()) => Err(too_many(what)),
        _ => Ok(()),
    }
}

fn too_many(what: &str) -> Reply {
    Reply::error(Code::TooMany, format!("more {what} than this primary allows: wait and repeat"))
}

/// A question that is counted.
pub struct Asking(Arc<AtomicUsize>);

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
