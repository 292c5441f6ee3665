//! What a primary counts besides what every server does. Of the lasting environments together.

use std::fmt::Write;

use super::{environments::Environments, health::Sound};

/// Prometheus' text.
pub fn text(environments: &Environments) -> String {
    let health = || environments.lasting().map(|environment| environment.ledger.health());
    let (writes, snapshots) = (
        health().map(|health| &health.writes).collect::<Vec<_>>(),
        health().map(|health| &health.snapshots).collect::<Vec<_>>(),
    );
    let mut text = String::new();
    put(&mut text, "writes_failing", "gauge", "1 while the store refuses writes.", is_failing(&writes));
    put(&mut text, "write_failures_total", "counter", "Writes that the store failed.", n_failures(&writes));
    put(&mut text, "snapshots_failing", "gauge", "1 while no new snapshot can be made.", is_failing(&snapshots));
    put(&mut text, "snapshot_failures_total", "counter", "Snapshots that could not be made.", n_failures(&snapshots));
    let counts = || environments.lasting().map(|environment| environment.expectations.counts());
    let name = "understudy_primary_expectations_total";
    let _ = writeln!(text, "# HELP {name} Expectations of answers, by what came of them.\n# TYPE {name} counter");
    for (outcome, n) in [
        ("met", counts().map(|counts| counts.n_met).sum::<u64>()),
        ("mismatched", counts().map(|counts| counts.n_mismatched).sum()),
        ("unknown", counts().map(|counts| counts.n_unknown).sum()),
    ] {
        let _ = writeln!(text, "{name}{{outcome=\"{outcome}\"}} {n}");
    }
    text
}

fn is_failing(sounds: &[&Sound]) -> u64 {
    u64::from(sounds.iter().any(|sound| sound.trouble().is_some()))
}

fn n_failures(sounds: &[&Sound]) -> u64 {
    sounds.iter().map(|sound| sound.n_failures()).sum()
}

fn put(text: &mut String, name: &str, kind: &str, help: &str, value: u64) {
    // Writing to a string doesn't fail.
    let _ = writeln!(
        text,
        "# HELP understudy_primary_{name} {help}\n# TYPE understudy_primary_{name} {kind}\nunderstudy_primary_{name} {value}"
    );
}
