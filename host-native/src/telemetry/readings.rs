//! What is read at the moment someone asks, and the metrics that show it.

use prometheus::{Gauge, GaugeVec, IntGauge, IntGaugeVec, Opts, Registry, core::Collector};

/// What is read at the moment someone asks for the metrics.
#[derive(Clone, Copy, Debug, PartialEq)]
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
    /// Seconds that engines worked for requests, in the quick lanes and in the slow ones.
    pub engine_s: [f64; 2],
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
            engine_s: [0.0; 2],
            is_keys_file_well: true,
            are_tls_files_well: true,
        }
    }
}

/// The metrics of the readings. What only rises is a counter of somebody else's: the registry knows it as a gauge, its type
/// line is put right on the way out.
pub struct Gauges {
    age_ms: Gauge,
    epoch: IntGauge,
    generation: IntGauge,
    unusable: IntGaugeVec,
    traps: IntGauge,
    stuck: IntGauge,
    replaced: IntGauge,
    engine_s: GaugeVec,
}

/// Those that are counters.
const COUNTERS: [&str; 4] = [
    "understudy_instance_traps_total",
    "understudy_instance_stuck_total",
    "understudy_instance_replaced_total",
    "understudy_engine_seconds_total",
];

impl Gauges {
    /// Registers all of them.
    pub fn new(registry: &Registry) -> prometheus::Result<Self> {
        let gauge = |name, help| IntGauge::new(name, help);
        let [traps, stuck, replaced, engine_s] = COUNTERS;
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
            traps: gauge(traps, "Instances that trapped.")?,
            stuck: gauge(stuck, "Instances that were stuck.")?,
            replaced: gauge(replaced, "Instances put in the place of trapped and stuck ones.")?,
            engine_s: GaugeVec::new(
                Opts::new(engine_s, "Seconds that engines worked for requests, by lane."),
                &["lane"],
            )?,
        };
        let all: [Box<dyn Collector>; 8] = [
            Box::new(gauges.age_ms.clone()),
            Box::new(gauges.epoch.clone()),
            Box::new(gauges.generation.clone()),
            Box::new(gauges.unusable.clone()),
            Box::new(gauges.traps.clone()),
            Box::new(gauges.stuck.clone()),
            Box::new(gauges.replaced.clone()),
            Box::new(gauges.engine_s.clone()),
        ];
        for one in all {
            registry.register(one)?;
        }
        Ok(gauges)
    }

    /// Shows these readings.
    pub fn set(&self, now: &Readings) {
        self.age_ms.set(now.snapshot_age_ms.unwrap_or(0) as f64);
        let set = |gauge: &IntGauge, value: u64| gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
        set(&self.epoch, now.epoch);
        set(&self.generation, now.generation);
        set(&self.traps, now.traps);
        set(&self.stuck, now.stuck);
        set(&self.replaced, now.replaced);
        for (lane, seconds) in ["quick", "slow"].into_iter().zip(now.engine_s) {
            self.engine_s.with_label_values(&[lane]).set(seconds);
        }
        for (file, is_well) in [("accepted_keys", now.is_keys_file_well), ("tls", now.are_tls_files_well)] {
            self.unusable.with_label_values(&[file]).set(i64::from(!is_well));
        }
    }
}

/// The text with the type lines of counters as they are.
pub fn as_counters(mut text: String) -> String {
    for name in COUNTERS {
        let line = format!("# TYPE {name} ");
        text = text.replace(&format!("{line}gauge"), &format!("{line}counter"));
    }
    text
}
