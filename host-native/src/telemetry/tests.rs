//! Names, labels and counts.

#![allow(clippy::unwrap_used)]
use http::state::Observe as _;
use status::Observe as _;

use understudy_wire::paths::Endpoint;

use super::{
    labels::{GOOD_STATUSES, OTHER_PATHS},
    *,
};
use crate::{http::tally::Shed, replica::Cause};

#[test]
fn the_page_s_names_and_buckets() {
    let metrics = Metrics::new(|| Readings { snapshot_age_ms: Some(1_500), traps: 2, ..Readings::default() }).unwrap();
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

#[test]
fn decisions_and_what_is_turned_away_are_counted_by_outcome_and_cause() {
    let metrics = Metrics::new(|| Readings { engine_s: [1.5, 20.0], ..Readings::default() }).unwrap();
    let text = metrics.metrics();
    for line in [
        r#"understudy_decisions_total{outcome="allowed"} 0"#,
        r#"understudy_decisions_total{outcome="budget"} 0"#,
        r#"understudy_shed_total{cause="questions"} 0"#,
    ] {
        assert!(text.contains(line), "from the start: {line}\n{text}");
    }
    let refused = |code| Tally { code: Some(code), ..Tally::default() };
    metrics.tally("/api/authorize", &Tally::decision(true));
    metrics.tally("/api/authorize", &Tally::decision(false));
    metrics.tally("/api/authorize_resources", &Tally::decisions(3, 4));
    metrics.tally("/api/authorize", &refused(Code::Budget));
    metrics.tally("/api/list", &refused(Code::Budget));
    let evaluations = Tally { refused: vec![Code::Unanswerable; 2], ..Tally::decisions(1, 0) };
    metrics.tally("/access/v1/evaluations", &evaluations);
    metrics.tally("/api/list", &Tally { shed: Some(Shed::Bytes), ..refused(Code::Unavailable) });
    let text = metrics.metrics();
    for line in [
        r#"understudy_decisions_total{outcome="allowed"} 5"#,
        r#"understudy_decisions_total{outcome="denied"} 5"#,
        r#"understudy_decisions_total{outcome="budget"} 1"#,
        r#"understudy_decisions_total{outcome="unanswerable"} 2"#,
        r#"understudy_decisions_total{outcome="unavailable"} 0"#,
        r#"understudy_shed_total{cause="bytes"} 1"#,
        r#"understudy_engine_seconds_total{lane="quick"} 1.5"#,
        r#"understudy_engine_seconds_total{lane="slow"} 20"#,
        "# TYPE understudy_engine_seconds_total counter",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}
