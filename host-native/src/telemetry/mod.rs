//! Metrics and logs by name, units in names.
//!
//! Enters: requests answered, outcomes of the replica, readings of the guest. Leaves: Prometheus' text, counts for the
//! reports, log lines on stderr. Never: a key, an id or a fact in any of them; a lock on the path of a request.

mod labels;
mod log;
mod news;
mod readings;
mod tallies;

use std::{
    sync::{Mutex, OnceLock, PoisonError},
    time::Instant,
};

use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder,
    core::Collector,
};
use understudy_wire::{Code, ErrorCount, RequestCount};

pub use log::{NOTICE, listens, log};
pub use readings::Readings;

use self::{
    labels::{cell, n_paths, n_statuses, path_of, status_of},
    news::News,
    readings::{Gauges, as_counters},
    tallies::Tallies,
};
use crate::{
    http::{self, state::Lost, tally::Tally},
    replica::{Origin, Refusal, status},
};

/// Bounds of the request histogram, in seconds: the client libraries' defaults, as Oso Fallback has them, and finer ones below,
/// where most answers are.
const SECONDS: [f64; 16] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Kinds of errors kept between two reports: enough for every cause there is.
const ERROR_KINDS_MAX: usize = 64;
/// Longest message kept of an error, in bytes.
const ERROR_BYTES_MAX: usize = 500;

type Read = Box<dyn Fn() -> Readings + Send + Sync>;

/// Everything counted.
pub struct Metrics {
    registry: Registry,
    requests: HistogramVec,
    /// One place per path and status of the fixed sets, so that a request takes no lock.
    cells: Vec<OnceLock<Histogram>>,
    syncs: IntCounterVec,
    lost: IntCounterVec,
    errors: Mutex<Vec<ErrorCount>>,
    news: News,
    gauges: Gauges,
    tallies: Tallies,
    read: Read,
}

impl Metrics {
    /// `read`: called whenever someone asks.
    pub fn new(read: impl Fn() -> Readings + Send + Sync + 'static) -> prometheus::Result<Self> {
        let registry = Registry::new();
        let requests = HistogramOpts::new("oso_fallback_http_requests", "Requests by path and status, in seconds.");
        let requests = HistogramVec::new(requests.buckets(SECONDS.to_vec()), &["path", "status_code"])?;
        let syncs = Opts::new("understudy_sync_total", "What became of each snapshot offered, by where it came from.");
        let syncs = IntCounterVec::new(syncs, &["origin", "outcome"])?;
        let lost = Opts::new(
            "understudy_connections_lost_total",
            "Connections that there was no room for, by what became of them.",
        );
        let lost = IntCounterVec::new(lost, &["outcome"])?;
        let gauges = Gauges::new(&registry)?;
        let tallies = Tallies::new(&registry)?;
        let build = Opts::new("understudy_build_info", "1: what runs, in its labels.");
        let build = IntGaugeVec::new(build, &["version", "target"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION"), std::env::consts::ARCH]).set(1);
        let collectors: [Box<dyn Collector>; 4] =
            [Box::new(build), Box::new(requests.clone()), Box::new(syncs.clone()), Box::new(lost.clone())];
        for one in collectors {
            registry.register(one)?;
        }
        #[cfg(target_os = "linux")]
        registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        let n_cells = n_paths() * n_statuses();
        let cells = std::iter::repeat_with(OnceLock::new).take(n_cells).collect();
        Ok(Metrics {
            registry,
            requests,
            cells,
            syncs,
            lost,
            errors: Mutex::default(),
            news: News::default(),
            gauges,
            tallies,
            read: Box::new(read),
        })
    }

    /// As of now.
    pub fn readings(&self) -> Readings {
        (self.read)()
    }

    /// Requests answered since the start, by path and status.
    pub fn requests(&self) -> Vec<RequestCount> {
        let counted = self.cells.iter().enumerate().filter_map(|(cell, histogram)| Some((cell, histogram.get()?)));
        counted
            .map(|(cell, histogram)| RequestCount {
                path: path_of(cell / n_statuses()).to_owned(),
                status: status_of(cell % n_statuses()),
                count: histogram.get_sample_count(),
            })
            .filter(|requests| requests.count > 0)
            .collect()
    }

    /// What went wrong since the last call.
    pub fn take_errors(&self) -> Vec<ErrorCount> {
        std::mem::take(&mut *self.errors.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Remembers one error for the reports. The message has no data in it.
    pub fn error(&self, origin: &str, cause: &str, message: &str) {
        let mut end = message.len().min(ERROR_BYTES_MAX);
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        let message = &message[..end];
        let mut errors = self.errors.lock().unwrap_or_else(PoisonError::into_inner);
        let has_room = errors.len() < ERROR_KINDS_MAX;
        match errors.iter_mut().find(|e| e.origin == origin && e.cause == cause && e.message == message) {
            Some(known) => known.count += 1,
            None if has_room => errors.push(ErrorCount {
                origin: origin.to_owned(),
                cause: cause.to_owned(),
                message: message.to_owned(),
                count: 1,
            }),
            None => {}
        }
    }
}

impl http::state::Observe for Metrics {
    fn request(&self, path: &'static str, status: u16, seconds: f64) {
        let histogram = || self.requests.with_label_values(&[path, status.to_string().as_str()]);
        match cell(path, status).and_then(|cell| self.cells.get(cell)) {
            Some(cell) => cell.get_or_init(histogram).observe(seconds),
            None => histogram().observe(seconds),
        }
        if status == Code::Internal.status() {
            tracing::error!(path, "a request failed inside the node; it was answered with status 500");
            self.error("http", "500", &format!("a request to {path} failed inside the node"));
        }
    }

    fn tally(&self, path: &'static str, tally: &Tally) {
        self.tallies.count(path, tally);
    }

    fn connection_lost(&self, why: Lost) {
        let outcome = match why {
            Lost::MadeRoom => "made_room",
            Lost::Refused => "refused",
        };
        self.lost.with_label_values(&[outcome]).inc();
    }

    fn metrics(&self) -> String {
        let now = self.readings();
        self.gauges.set(&now);
        let mut families = self.registry.gather();
        // Before anything serves there is no age; a zero would read as fresh.
        families.retain(|family| now.snapshot_age_ms.is_some() || family.name() != "oso_fallback_snapshot_age_ms");
        let mut text = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&families, &mut text) {
            tracing::error!("the metrics can't be written: {error}");
        }
        as_counters(String::from_utf8(text).unwrap_or_default())
    }
}

impl status::Observe for &Metrics {
    fn notice(&self, line: &str) {
        tracing::info!(target: NOTICE, "{line}");
    }

    fn done(&self, origin: Origin, outcome: &'static str) {
        self.syncs.with_label_values(&[origin.as_str(), outcome]).inc();
        if let Some(n_times) = self.news.is_well(origin) {
            if origin == Origin::Upstream {
                tracing::info!(target: NOTICE, "the upstream is back, after {n_times} refusals");
            } else {
                tracing::warn!(origin = origin.as_str(), "it goes well again, after {n_times} refusals");
            }
        }
        if outcome == "installed" {
            tracing::info!(origin = origin.as_str(), epoch = self.readings().epoch, "a snapshot was installed");
        }
    }

    fn refused(&self, origin: Origin, refusal: &Refusal) {
        let is_upstream = origin == Origin::Upstream;
        let is_new = self.news.is_new(origin, &refusal.message, Instant::now());
        let (origin, cause) = (origin.as_str(), refusal.cause.as_str());
        self.syncs.with_label_values(&[origin, cause]).inc();
        self.error(origin, cause, &refusal.message);
        if !is_new {
            return;
        }
        // Lost and regained are told at every level. An upstream that is away for a moment is what this node is for; anything
        // else needs a person.
        if is_upstream && refusal.cause.is_retryable() {
            tracing::warn!(target: NOTICE, cause, "the upstream is lost: {refusal}");
        } else if refusal.cause.is_retryable() {
            tracing::warn!(origin, cause, "{refusal}");
        } else {
            tracing::error!(origin, cause, "{refusal}");
        }
    }
}

#[cfg(test)]
mod tests;
