//! Usage reports: every minute, to the feed that this node follows and nowhere else.
//!
//! Enters: counts and readings of `telemetry`. Leaves: one small JSON text a minute. Never: data of the environment;
//! anything to an upstream that is not known to be a feed; anything at all with `OSO_DISABLE_TELEMETRY`.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use understudy_wire::{Report, RequestCount, feed::reports_path};

use crate::{
    config::Config,
    replica::{fetch::Fetcher, status::Status},
    telemetry::Metrics,
};

/// Between two reports.
pub const EVERY: Duration = Duration::from_secs(60);
/// Longest wait for a report to be taken.
const WAIT: Duration = Duration::from_secs(5);
/// Longest wait for the last one, at the stop.
const LAST_WAIT: Duration = Duration::from_secs(1);

/// Who reports.
pub struct Reporter<'a> {
    config: &'a Config,
    status: &'a Status,
    metrics: &'a Metrics,
    fetcher: Fetcher,
    /// As of the last report that arrived.
    sent: HashMap<(String, u16), u64>,
    since: Instant,
    is_wanted: bool,
}

impl<'a> Reporter<'a> {
    /// `None`: reports are disabled, or there is no client for them.
    pub fn new(config: &'a Config, status: &'a Status, metrics: &'a Metrics) -> Option<Self> {
        if !config.telemetry {
            return None;
        }
        let fetcher = Fetcher::new(config).ok()?;
        let (sent, since) = (HashMap::new(), Instant::now());
        Some(Reporter { config, status, metrics, fetcher, sent, since, is_wanted: true })
    }

    /// Reports for ever.
    pub async fn run(&mut self) {
        loop {
            tokio::time::sleep(EVERY).await;
            self.send(WAIT).await;
        }
    }

    /// The last report, at the stop.
    pub async fn last(&mut self) {
        self.send(LAST_WAIT).await;
    }

    async fn send(&mut self, wait: Duration) {
        if !self.is_wanted || !self.status.follows_feed() {
            return;
        }
        let counts = self.metrics.requests();
        let report = self.report(&counts);
        let Ok(text) = serde_json::to_string(&report) else { return };
        match self.fetcher.post(&reports_path(&self.config.environment), text, wait).await {
            Ok(status) if status.is_success() => {
                self.since = Instant::now();
                self.sent = counts.into_iter().map(|one| ((one.path, one.status), one.count)).collect();
            }
            // A feed of files takes no reports: it isn't asked again.
            Ok(status) if matches!(status.as_u16(), 404 | 405 | 501) => self.is_wanted = false,
            outcome => {
                for error in report.errors.into_iter().flatten() {
                    for _ in 0..error.count {
                        self.metrics.error(&error.origin, &error.cause, &error.message);
                    }
                }
                match outcome {
                    Ok(status) => {
                        tracing::info!("the upstream did not take a report ({status}): the next one has it all");
                    }
                    Err(refusal) => tracing::info!("a report was not sent ({refusal}): the next one has it all"),
                }
            }
        }
    }

    fn report(&self, counts: &[RequestCount]) -> Report {
        let now = self.metrics.readings();
        let before = |one: &RequestCount| self.sent.get(&(one.path.clone(), one.status)).copied().unwrap_or(0);
        let requests = counts.iter().map(|one| RequestCount { count: one.count - before(one), ..one.clone() });
        let errors = self.metrics.take_errors();
        Report {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            client_id: self.config.client_id.clone(),
            period_ms: u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX),
            snapshot_age_ms: now.snapshot_age_ms,
            snapshot_epoch: now.epoch,
            requests: requests.filter(|one| one.count > 0).collect(),
            errors: self.config.error_logging.then_some(errors),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{
        config::ServeFlags,
        http::state::Observe as _,
        replica::{Cause, Origin, Refusal, status::Observe as _},
        telemetry::Readings,
    };

    fn config(change: impl FnOnce(&mut ServeFlags)) -> Config {
        let mut flags = ServeFlags {
            api_token: Some("e_1_k_secret".into()),
            environment: Some("e_1".into()),
            tenant: Some("acme".into()),
            client_id: Some("node-1".into()),
            url: Some("http://127.0.0.1:1".into()),
            ..ServeFlags::default()
        };
        change(&mut flags);
        Config::check(flags, [0; 16]).unwrap()
    }

    #[test]
    fn a_report_counts_what_came_since_the_last_one() {
        let metrics = Metrics::new(|| Readings { snapshot_age_ms: Some(7), epoch: 3, ..Readings::default() }).unwrap();
        let (config, status) = (config(|_| {}), Status::default());
        let mut reporter = Reporter::new(&config, &status, &metrics).unwrap();
        metrics.request("/api/list", 200, 0.1);
        (&metrics).refused(Origin::Upstream, &Refusal::new(Cause::Network, "no route"));
        let counts = metrics.requests();
        let report = reporter.report(&counts);
        assert_eq!(report.requests, [RequestCount { path: "/api/list".into(), status: 200, count: 1 }]);
        assert_eq!((report.client_id.as_str(), report.snapshot_epoch, report.snapshot_age_ms), ("node-1", 3, Some(7)));
        assert_eq!(report.errors.as_ref().map(|errors| errors[0].message.as_str()), Some("no route"));
        assert!(!serde_json::to_string(&report).unwrap().contains("secret"));

        reporter.sent = counts.into_iter().map(|one| ((one.path, one.status), one.count)).collect();
        metrics.request("/api/list", 200, 0.1);
        metrics.request("/api/list", 400, 0.1);
        let report = reporter.report(&metrics.requests());
        assert_eq!(report.requests.iter().map(|one| (one.status, one.count)).collect::<Vec<_>>(), [(400, 1), (200, 1)]);
    }

    #[test]
    fn two_variables_turn_it_off() {
        let metrics = Metrics::new(Readings::default).unwrap();
        let status = Status::default();
        assert!(Reporter::new(&config(|f| f.disable_telemetry = Some("true".into())), &status, &metrics).is_none());
        let quiet = config(|f| f.disable_error_logging = Some("true".into()));
        let reporter = Reporter::new(&quiet, &status, &metrics).unwrap();
        metrics.error("disk", "damaged", "a bit is wrong");
        let text = serde_json::to_string(&reporter.report(&[])).unwrap();
        assert!(!text.contains("errors") && !text.contains("a bit is wrong"), "{text}");
    }
}
