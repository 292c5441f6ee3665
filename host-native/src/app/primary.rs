//! The primary: opens its folder, listens, publishes, drains.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;
use understudy_calls::authzen::Terms;

use super::{listen, n_workers, runtime, stop::asked_to_stop};
use crate::{
    guest::pool::{Pool, PoolConfig},
    http::{authzen::Settings, server::Service, state::State},
    primary::{
        PrimaryConfig,
        feed::Reports,
        publisher,
        service::{Primary, PrimaryKeys},
        start,
    },
    telemetry::{self, Metrics, Readings},
};

/// Serves until told to stop. An error is for people: why nothing can be served.
pub fn serve(config: &PrimaryConfig) -> Result<(), String> {
    telemetry::log(config.log_level);
    let n_workers = n_workers();
    let pool = Pool::start(PoolConfig::new(n_workers))?;
    let ledger = Arc::new(start::open(config, pool.clone())?);
    let read = {
        let (pool, ledger) = (pool.clone(), ledger.clone());
        move || {
            let counts = pool.counts();
            let epoch = ledger.newest().borrow().as_ref().map_or(0, |published| published.epoch);
            Readings {
                // A primary's answers contain every write: it is the source.
                snapshot_age_ms: Some(0),
                epoch,
                generation: counts.generation,
                traps: counts.traps,
                stuck: counts.stuck,
                replaced: counts.replaced,
            }
        }
    };
    let metrics = Metrics::new(read).map_err(|error| format!("no metrics: {error}"))?;
    let state = State {
        keys: Arc::new(PrimaryKeys(config.keys.clone())),
        answers: pool,
        observe: Arc::new(metrics),
        authzen: Arc::new(Settings::new(Terms { environment: config.environment.clone(), ..Terms::default() }, None)),
    };
    let reports = Reports::default();
    let service: Arc<dyn Service> = Arc::new(Primary { ledger: ledger.clone(), state, limits: config.limits, reports });
    let listeners = listen(config.host, config.port, n_workers)?;
    let address = listeners.address();
    let (drain, draining) = watch::channel(false);
    let running = listeners.serve(&service, &draining).map_err(|error| format!("can't serve: {error}"))?;
    let publisher = {
        let ledger = ledger.clone();
        std::thread::Builder::new().name("publisher".into()).spawn(move || publisher::run(&ledger))
    };
    let publisher = publisher.map_err(|error| format!("no thread for snapshots: {error}"))?;
    println!("understudy primary {} listens on http://{address}", env!("CARGO_PKG_VERSION"));

    let runtime = runtime()?;
    let outcome = runtime.block_on(asked_to_stop());
    drain.send_replace(true);
    if let Err(error) = running.join() {
        tracing::error!("a server thread ended badly: {error}");
    }
    // What is not in a snapshot yet is in the store: the next start goes on from there.
    ledger.pace().stop();
    let _ = publisher.join();
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}
