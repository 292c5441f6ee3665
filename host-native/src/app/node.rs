//! The node: listens, follows, answers, drains.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use tokio::sync::watch;

use super::{listen, n_workers, random_seed, refresh::refresh, runtime, stop::asked_to_stop};
use crate::{
    config::Config,
    files,
    guest::{config::PoolConfig, pool::Pool},
    http::{
        authzen::settings::Settings,
        router::Node,
        server::Running,
        service::Service,
        state::{Readiness, State},
        tls::Tls,
    },
    keys::NodeKeys,
    output, page_key,
    replica::{
        Origin,
        cache::{Cache, Directory, State as Remembered},
        clock::{Clock, SystemClock},
        driver::{Driver, url_sha256},
        snapshots::{CheckOnly, Serving},
        status::Status,
        upstream::HttpUpstream,
    },
    reports::Reporter,
    telemetry::{self, Metrics, NOTICE, Readings},
};

/// How long the end waits for what can't be called off: looking up the upstream's name takes its time where no name
/// server answers.
const LET_GO: Duration = Duration::from_secs(1);

/// Serves until told to stop. `listens` is told where, before anything serves. An error is for people: why nothing can be
/// served.
pub fn serve(config: &Config, listens: impl FnOnce(SocketAddr)) -> Result<(), String> {
    telemetry::log(config.log_level, config.log_format);
    files::private_from_now_on();
    let keys = NodeKeys::new(
        &config.environment,
        &config.token,
        config.accepted_keys_file.clone(),
        config.accept_environment_keys,
    )?;
    if config.accept_environment_keys {
        let text = "OSO_ACCEPT_ENVIRONMENT_KEYS is on: where the upstream gives no key digests, every key of the \
                    environment's form may ask";
        // Not a matter of the log's level: whoever runs this has to know.
        output::error_line(format_args!("understudy: {text}"));
    }
    let keys = Arc::new(keys);
    let tls = config.tls.clone().map(Tls::open).transpose()?.map(Arc::new);
    let cache = Directory::open(&config.directory, &config.environment).map_err(|error| unusable(config, &error))?;
    let own = config.directory.join(format!("{}.page-key", config.environment));
    let pages = page_key::signer(config.page_key_file.as_deref(), &own)?;
    let n_workers = n_workers();
    let pool = Pool::start(PoolConfig::new(n_workers).with_memory(config.instance_memory_bytes))?;
    let status = Arc::new(Status::default());
    let metrics = Arc::new(metrics(&pool, &status, keys.clone(), tls.clone())?);
    let authzen = Arc::new(Settings::of(&config.environment, &config.authzen, config.explains));
    let ready = Arc::new(Readiness::default());
    let state = State {
        keys: keys.clone(),
        answers: pool.clone(),
        observe: metrics.clone(),
        authzen,
        explains: config.explains,
        ready: ready.clone(),
        strict_pages: config.strict_pages,
        pages,
    };
    let listeners =
        listen(config.host, config.port, n_workers)?.with_tls(tls.clone()).with_origins(config.cors_origins.clone());
    let (address, url) = (listeners.address(), listeners.url());
    let (drain, draining) = watch::channel(false);
    let service: Arc<dyn Service> = Arc::new(Node(state));
    let running = listeners.serve(&service, &draining).map_err(|error| format!("can't serve: {error}"))?;
    telemetry::listens(config.log_format, &format!("understudy {} listens on {url}", env!("CARGO_PKG_VERSION")));
    listens(address);

    let snapshots = Arc::new(Serving { pool, keys: keys.clone(), tenant: config.tenant.clone() });
    let mut driver = driver(config, &status, cache, snapshots, &metrics)?;
    let mut reporter = Reporter::new(config, &status, &metrics);
    let runtime = runtime()?;
    let outcome = runtime.block_on(async {
        let outcome = tokio::select! {
            why = driver.run(random_seed()) => Err(why),
            never = refresh(Some(&keys), tls.as_deref()) => never,
            never = report(&mut reporter) => never,
            asked = asked_to_leave(config.drain_delay, &ready) => asked,
        };
        driver.end();
        stop(&drain, running).await;
        if let Some(reporter) = &mut reporter {
            reporter.last().await;
        }
        outcome
    });
    runtime.shutdown_timeout(LET_GO);
    tracing::info!(target: NOTICE, "stopped");
    outcome
}

/// Writes the newest snapshot to be had to a file, and says where it is from.
pub fn export(config: &Config, file: &Path) -> Result<(), String> {
    telemetry::log(config.log_level, config.log_format);
    files::private_from_now_on();
    let status = Status::default();
    let metrics = Metrics::new(Readings::default).map_err(|error| error.to_string())?;
    let snapshots = Arc::new(CheckOnly { tenant: config.tenant.clone() });
    let cache = Directory::apart(&config.directory, &config.environment).map_err(|error| unusable(config, &error))?;
    let mut driver = driver(config, &status, cache, snapshots, &metrics)?;
    let runtime = runtime()?;
    let exported = runtime.block_on(driver.export(file));
    runtime.shutdown_timeout(LET_GO);
    let (origin, refusal) = exported?;
    if let Some(refusal) = refusal {
        output::error_line(format_args!("understudy: not from the upstream: {refusal}"));
    }
    let from = match origin {
        Origin::Upstream => "the upstream",
        Origin::Disk | Origin::Import => "OSO_DIRECTORY",
    };
    output::line(format_args!("{} written, from {from}, epoch {}", file.display(), status.epoch()));
    Ok(())
}

fn unusable(config: &Config, error: &std::io::Error) -> String {
    let folder = config.directory.display();
    if error.kind() == std::io::ErrorKind::ResourceBusy {
        return format!("OSO_DIRECTORY {folder}: another node is using it; give each node its own folder");
    }
    format!("OSO_DIRECTORY {folder} can't be used: {error}; give it a folder that this user may write")
}

fn driver<'a, S: crate::replica::Snapshots>(
    config: &'a Config,
    status: &'a Status,
    cache: Directory,
    snapshots: Arc<S>,
    metrics: &'a Metrics,
) -> Result<Driver<'a, HttpUpstream, Directory, S, SystemClock, &'a Metrics>, String> {
    let mut remembered: Remembered = cache.state();
    // What is remembered of another address says nothing about this one's kind.
    if remembered.url_sha256 != url_sha256(config) {
        remembered.kind = None;
    }
    let upstream = HttpUpstream::new(config, remembered.kind).map_err(|refusal| refusal.to_string())?;
    Ok(Driver::new(config, status, remembered, upstream, cache, snapshots, SystemClock, metrics))
}

fn metrics(
    pool: &Arc<Pool>,
    status: &Arc<Status>,
    keys: Arc<NodeKeys>,
    tls: Option<Arc<Tls>>,
) -> Result<Metrics, String> {
    let (pool, status) = (pool.clone(), status.clone());
    let read = move || {
        let counts = pool.counts();
        let now_ms = SystemClock.unix_ms();
        Readings {
            snapshot_age_ms: status.confirmed_ms().map(|at_ms| now_ms.saturating_sub(at_ms)),
            epoch: status.epoch(),
            generation: counts.generation,
            traps: counts.traps,
            stuck: counts.stuck,
            replaced: counts.replaced,
            engine_s: counts.worked_s(),
            is_keys_file_well: keys.is_file_well(),
            are_tls_files_well: tls.as_ref().is_none_or(|tls| tls.is_well()),
        }
    };
    Metrics::new(read).map_err(|error| format!("no metrics: {error}"))
}

async fn report(reporter: &mut Option<Reporter<'_>>) -> Result<(), String> {
    match reporter {
        Some(reporter) => reporter.run().await,
        None => std::future::pending::<()>().await,
    }
    Ok(())
}

/// Waits to be asked to stop; then for as long as whoever sends traffic needs to see that this node is not ready any more, or
/// until asked again. It serves and follows meanwhile.
async fn asked_to_leave(delay: Duration, ready: &Readiness) -> Result<(), String> {
    asked_to_stop().await?;
    if delay.is_zero() {
        tracing::info!(target: NOTICE, "stops: what has arrived is answered");
        return Ok(());
    }
    ready.end();
    tracing::info!(target: NOTICE, "is not ready any more, stops in {} ms", delay.as_millis());
    tokio::select! {
        () = tokio::time::sleep(delay) => Ok(()),
        asked = asked_to_stop() => asked,
    }
}

/// No new connections; what has arrived is answered.
async fn stop(drain: &watch::Sender<bool>, running: Running) {
    drain.send_replace(true);
    if let Ok(Err(error)) = tokio::task::spawn_blocking(|| running.join()).await {
        tracing::error!("a server thread ended badly: {error}");
    }
}
