//! Metrics and logs by name, units in names.
//!
//! Enters: requests answered, outcomes of the replica, readings of the guest. Leaves: Prometheus' text, counts for the
//! reports, log lines on stderr. Never: a key, an id or a fact in any of them; a lock on the path of a request.

mod news;

use std::{
    io::IsTerminal,
    sync::{Mutex, OnceLock, PoisonError},
    time::Instant,
};

use prometheus::{
    Encoder, Gauge, Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder, core::Collector,
};
use tracing_subscriber::{Layer, filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};
use understudy_wire::{Code, ErrorCount, RequestCount, paths::Endpoint};

use self::news::News;
use crate::{
    config::{LogFormat, LogLevel},
    http::{self, state::Lost},
    output,
    replica::{Origin, Refusal, status},
};

/// Bounds of the request histogram, in seconds: the client libraries' defaults, as Oso Fallback has them, and finer ones below,
/// where most answers are.
const SECONDS: [f64; 16] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Paths that are labels without being endpoints.
const OTHER_PATHS: [&str; 2] = ["/feed", "other"];
/// Statuses of replies that are no errors; those that are stand in the table of codes.
const GOOD_STATUSES: [u16; 5] = [200, 202, 204, 206, 304];
/// Kinds of errors kept between two reports: enough for every cause there is.
const ERROR_KINDS_MAX: usize = 64;
/// Longest message kept of an error, in bytes.
const ERROR_BYTES_MAX: usize = 500;

/// Target of lines that are logged at every level: what a process is, and when that changes.
pub const NOTICE: &str = "notice";

/// Starts the log: stderr, coloured only on a terminal, nothing but this program's own lines.
pub fn log(level: LogLevel, format: LogFormat) {
    let level = match level {
        LogLevel::Error => tracing::Level::ERROR,
        LogLevel::Warn => tracing::Level::WARN,
        LogLevel::Info => tracing::Level::INFO,
    };
    // Libraries may log addresses and headers: only what is written here, without data, is let through.
    let own = Targets::new().with_target("understudy", level).with_target(NOTICE, tracing::Level::INFO);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    // A second start in one process (tests) keeps the first.
    let _ = match format {
        LogFormat::Text => {
            let lines = lines.with_ansi(std::io::stderr().is_terminal()).with_filter(own);
            tracing_subscriber::registry().with(lines).try_init()
        }
        // Every line one object: its fields beside level, time and message.
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_current_span(false).with_span_list(false);
            tracing_subscriber::registry().with(lines.with_filter(own)).try_init()
        }
    };
}

/// Says where it listens: a line on stdout for whoever started it, or an object in the log.
pub fn listens(format: LogFormat, line: &str) {
    match format {
        LogFormat::Text => output::line(line),
        LogFormat::Json => tracing::info!(target: NOTICE, "{line}"),
    }
}

/// What is read at the moment someone asks for the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readings {
    /// Milliseconds since the upstream confirmed what serves; `None`: nothing serves yet.
    pub snapshot_age_ms: Option<u64>,
    /// Epoch that serves; 0: none.
    pub epoch: u64,
    /// Number of installs.
    pub generation: u64,
    /// Instances that trapped.
    pub traps: u64,
    /// Instances that were stuck.
    pub stuck: u64,
    /// Instances put in the place of those.
    pub replaced: u64,
    /// Is the accepted-keys file, where there is one, what is in force?
    pub is_keys_file_well: bool,
    /// Are the files of TLS?
    pub are_tls_files_well: bool,
}

impl Default for Readings {
    fn default() -> Self {
        Readings {
            snapshot_age_ms: None,
            epoch: 0,
            generation: 0,
            traps: 0,
            stuck: 0,
            replaced: 0,
            is_keys_file_well: true,
            are_tls_files_well: true,
        }
    }
}

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
    read: Read,
}

struct Gauges {
    age_ms: Gauge,
    epoch: IntGauge,
    generation: IntGauge,
    unusable: IntGaugeVec,
    // Counters of the guest, set at reading: the registry knows them as gauges, their type line is put right on the way out.
    traps: IntGauge,
    stuck: IntGauge,
    replaced: IntGauge,
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
        let gauge = |name, help| IntGauge::new(name, help);
        let gauges = Gauges {
            age_ms: Gauge::new(
                "oso_fallback_snapshot_age_ms",
                "Milliseconds since the upstream confirmed that what is served is its current content.",
            )?,
            epoch: gauge("understudy_snapshot_epoch", "Epoch of the snapshot that serves; 0: none.")?,
            generation: gauge("understudy_generation", "Snapshots installed since the start.")?,
            unusable: IntGaugeVec::new(
                Opts::new("understudy_file_unusable", "1 while a file that may change can't be used as it is now."),
                &["file"],
            )?,
            traps: gauge("understudy_instance_traps_total", "Instances that trapped.")?,
            stuck: gauge("understudy_instance_stuck_total", "Instances that were stuck.")?,
            replaced: gauge(
                "understudy_instance_replaced_total",
                "Instances put in the place of trapped and stuck ones.",
            )?,
        };
        for one in [&gauges.epoch, &gauges.generation, &gauges.traps, &gauges.stuck, &gauges.replaced] {
            registry.register(Box::new(one.clone()))?;
        }
        let build = Opts::new("understudy_build_info", "1: what runs, in its labels.");
        let build = IntGaugeVec::new(build, &["version", "target"])?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION"), std::env::consts::ARCH]).set(1);
        let collectors: [Box<dyn Collector>; 6] = [
            Box::new(build),
            Box::new(gauges.unusable.clone()),
            Box::new(requests.clone()),
            Box::new(syncs.clone()),
            Box::new(lost.clone()),
            Box::new(gauges.age_ms.clone()),
        ];
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

    fn connection_lost(&self, why: Lost) {
        let outcome = match why {
            Lost::MadeRoom => "made_room",
            Lost::Refused => "refused",
        };
        self.lost.with_label_values(&[outcome]).inc();
    }

    fn metrics(&self) -> String {
        let now = self.readings();
        self.gauges.age_ms.set(now.snapshot_age_ms.unwrap_or(0) as f64);
        let set = |gauge: &IntGauge, value: u64| gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        set(&self.gauges.epoch, now.epoch);
        set(&self.gauges.generation, now.generation);
        set(&self.gauges.traps, now.traps);
        set(&self.gauges.stuck, now.stuck);
        set(&self.gauges.replaced, now.replaced);
        for (file, is_well) in [("accepted_keys", now.is_keys_file_well), ("tls", now.are_tls_files_well)] {
            self.gauges.unusable.with_label_values(&[file]).set(i64::from(!is_well));
        }
        let mut families = self.registry.gather();
        // Before anything serves there is no age; a zero would read as fresh.
        families.retain(|family| now.snapshot_age_ms.is_some() || family.name() != "oso_fallback_snapshot_age_ms");
        let mut text = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&families, &mut text) {
            tracing::error!("the metrics can't be written: {error}");
        }
        let mut text = String::from_utf8(text).unwrap_or_default();
        for name in ["traps", "stuck", "replaced"] {
            let name = format!("# TYPE understudy_instance_{name}_total ");
            text = text.replace(&format!("{name}gauge"), &format!("{name}counter"));
        }
        text
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
        // Lost and regained are told at every level. An upstream that is away for a moment is what this node is for; anything else needs a person.
        if is_upstream && refusal.cause.is_retryable() {
            tracing::warn!(target: NOTICE, cause, "the upstream is lost: {refusal}");
        } else if refusal.cause.is_retryable() {
            tracing::warn!(origin, cause, "{refusal}");
        } else {
            tracing::error!(origin, cause, "{refusal}");
        }
    }
}

fn n_paths() -> usize {
    Endpoint::ALL.len() + OTHER_PATHS.len()
}

fn n_statuses() -> usize {
    Code::ALL.len() + GOOD_STATUSES.len()
}

fn path_of(index: usize) -> &'static str {
    let of_endpoint = Endpoint::ALL.get(index).map(|endpoint| endpoint.path());
    of_endpoint.or_else(|| OTHER_PATHS.get(index - Endpoint::ALL.len()).copied()).unwrap_or("other")
}

fn status_of(index: usize) -> u16 {
    let of_code = Code::ALL.get(index).map(|code| code.status());
    of_code.or_else(|| GOOD_STATUSES.get(index - Code::ALL.len()).copied()).unwrap_or(0)
}

/// Two endpoints on one path share the first one's row, two codes with one status the first one's column.
fn cell(path: &str, status: u16) -> Option<usize> {
    let row = (0..n_paths()).find(|index| path_of(*index) == path)?;
    let column = (0..n_statuses()).find(|index| status_of(*index) == status)?;
    Some(row * n_statuses() + column)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use http::state::Observe as _;
    use status::Observe as _;

    use super::*;
    use crate::replica::Cause;

    #[test]
    fn the_page_s_names_and_buckets() {
        let metrics =
            Metrics::new(|| Readings { snapshot_age_ms: Some(1_500), traps: 2, ..Readings::default() }).unwrap();
        metrics.request("/api/authorize", 200, 0.004);
        metrics.request("/api/authorize", 200, 0.3);
        metrics.request("/api/authorize", 418, 0.3);
        metrics.connection_lost(Lost::Refused);
        let text = metrics.metrics();
        for line in [
            r#"understudy_connections_lost_total{outcome="refused"} 1"#,
            "oso_fallback_snapshot_age_ms 1500",
            "# TYPE oso_fallback_http_requests histogram",
            r#"oso_fallback_http_requests_bucket{path="/api/authorize",status_code="200",le="0.005"} 1"#,
            r#"oso_fallback_http_requests_bucket{path="/api/authorize",status_code="200",le="0.5"} 2"#,
            r#"oso_fallback_http_requests_bucket{path="/api/authorize",status_code="200",le="+Inf"} 2"#,
            r#"oso_fallback_http_requests_count{path="/api/authorize",status_code="418"} 1"#,
            "# TYPE understudy_instance_traps_total counter",
            "understudy_instance_traps_total 2",
            r#"oso_fallback_http_requests_bucket{path="/api/authorize",status_code="200",le="0.0001"} 0"#,
            r#"understudy_file_unusable{file="tls"} 0"#,
            r#"understudy_build_info{target=""#,
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        let buckets = text.lines().filter(|line| line.contains("_bucket{path=") && line.contains(r#"code="200""#));
        assert_eq!(buckets.count(), SECONDS.len() + 1);
    }

    #[test]
    fn before_anything_serves_there_is_no_age() {
        let metrics = Metrics::new(Readings::default).unwrap();
        assert!(!metrics.metrics().contains("oso_fallback_snapshot_age_ms"));
        assert!(metrics.metrics().contains("understudy_snapshot_epoch 0"));
    }

    #[test]
    fn every_path_and_status_of_the_tables_has_a_cell_of_its_own_labels() {
        for path in Endpoint::ALL.iter().map(|endpoint| endpoint.path()).chain(OTHER_PATHS) {
            for status in Code::ALL.iter().map(|code| code.status()).chain(GOOD_STATUSES) {
                let cell = cell(path, status).unwrap();
                assert_eq!((path_of(cell / n_statuses()), status_of(cell % n_statuses())), (path, status));
            }
        }
    }

    #[test]
    fn outcomes_are_counted_by_cause_and_kept_for_the_report() {
        let metrics = Metrics::new(Readings::default).unwrap();
        (&metrics).done(Origin::Disk, "installed");
        for _ in 0..2 {
            (&metrics).refused(Origin::Upstream, &Refusal::new(Cause::Damaged, "a bit is wrong"));
        }
        let text = metrics.metrics();
        assert!(text.contains(r#"understudy_sync_total{origin="disk",outcome="installed"} 1"#), "{text}");
        assert!(text.contains(r#"understudy_sync_total{origin="upstream",outcome="damaged"} 2"#), "{text}");
        let errors = metrics.take_errors();
        assert_eq!((errors.len(), errors[0].count, errors[0].cause.as_str()), (1, 2, "damaged"));
        assert!(metrics.take_errors().is_empty());
    }
}
