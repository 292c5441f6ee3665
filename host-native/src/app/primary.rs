//! The primary: opens its folder, listens, publishes, drains.

use std::{io::Write, sync::Arc, time::Duration};

use tokio::sync::watch::channel;

use super::{listen, n_workers, refresh::refresh, runtime, stop::asked_to_stop};
use crate::{
    config::LogFormat,
    files,
    guest::{config::PoolConfig, pool::Pool},
    http::{service::Service, state::Observe, tls::Tls},
    page_key,
    primary::{
        PrimaryConfig,
        config::{Accepted, DEVELOPMENT_KEY},
        environment::{Common, Environment},
        environments::Environments,
        instances::Instances,
        ledger::Ledger,
        service::Primary,
        start,
        test_environments::{Make, TestEnvironments},
        watch::{self, Watch},
    },
    telemetry::{self, Metrics, Readings},
};

/// What a primary keeps in its folder, which may be one that has other things too.
const OWN_FILES: [&str; 5] = ["store.redb", "blobs", "environments", "test-environments", "page-key"];
/// Threads that serve share one instance of a test environment: nobody measures those.
const TEST_WORKERS: usize = 1;

/// Serves until told to stop. An error is for people: why nothing can be served.
pub fn serve(config: &PrimaryConfig) -> Result<(), String> {
    telemetry::log(config.log_level, config.log_format);
    files::private_from_now_on();
    files::private_folder(&config.data)
        .map_err(|error| format!("--data {}: can't be made: {error}", config.data.display()))?;
    files::tighten_all(&config.data, &|name| OWN_FILES.contains(&name));
    let tls = config.tls.clone().map(Tls::open).transpose()?.map(Arc::new);
    let n_workers = n_workers();
    let policy_files = watch::look(&config.policy);
    let environments = Arc::new(environments(config, n_workers)?);
    let listeners =
        listen(config.host, config.port, n_workers)?.with_tls(tls.clone()).with_origins(config.cors_origins.clone());
    let url = listeners.url();
    let (drain, draining) = channel(false);
    let service: Arc<dyn Service> = Arc::new(Primary { environments: environments.clone() });
    let running = listeners.serve(&service, &draining).map_err(|error| format!("can't serve: {error}"))?;
    let watch = if config.watches_policy {
        Some(Watch::start(environments.main().ledger.clone(), config.policy.clone(), policy_files)?)
    } else {
        None
    };
    tell(config.log_format, &url, environments.main().is_public());

    let runtime = runtime()?;
    let outcome = runtime.block_on(async {
        tokio::select! {
            never = refresh(None, tls.as_deref()) => never,
            asked = asked_to_stop() => asked,
        }
    });
    if let Some(watch) = watch {
        watch.stop();
    }
    drain.send_replace(true);
    if let Err(error) = running.join() {
        tracing::error!("a server thread ended badly: {error}");
    }
    // What is not in a snapshot yet is in the store: the next start goes on from there.
    environments.close();
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

/// What a user needs to begin. A screen that is gone is no reason to stop serving.
fn tell(format: LogFormat, url: &str, is_public: bool) {
    if format == LogFormat::Json {
        return telemetry::listens(
            format,
            &format!("understudy primary {} listens on {url}", env!("CARGO_PKG_VERSION")),
        );
    }
    let mut text = format!("understudy primary {} listens on {url}\n", env!("CARGO_PKG_VERSION"));
    if is_public {
        text.push_str(&format!(
            "API key: {DEVELOPMENT_KEY} (everybody knows it)\n\
             from an application: const oso = new Oso('{url}', '{DEVELOPMENT_KEY}');\n"
        ));
    }
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Every environment, serving.
fn environments(config: &PrimaryConfig, n_workers: usize) -> Result<Environments, String> {
    let mut accepted = config.environments.iter();
    let main = accepted.next().ok_or("no environment: give a key")?;
    let pools = PoolConfig::new(n_workers).with_memory(config.instance_memory_bytes);
    let (pool, ledger) = open(pools, |pool| start::open_main(config, main, pool))?;
    let others = accepted.map(|other| {
        let pools = PoolConfig::new(n_workers).with_memory(config.instance_memory_bytes);
        let (pool, ledger) = open(pools, |pool| start::open_other(config, other, pool))?;
        Ok((other, pool, ledger))
    });
    let others: Vec<(&Accepted, Arc<Pool>, Arc<Ledger>)> = others.collect::<Result<_, String>>()?;
    let pools = std::iter::once(pool).chain(others.iter().map(|(_, pool, _)| pool.clone()));
    let observe: Arc<dyn Observe> = Arc::new(metrics(pools.collect(), ledger.clone())?);
    let pages = page_key::signer(config.page_key_file.as_deref(), &config.data.join("page-key"))?;
    let common = Common {
        limits: config.limits,
        authzen: config.authzen.clone(),
        explains: config.explains,
        strict_pages: config.strict_pages,
        observe,
        pages,
    };
    let start = |accepted: &Accepted, ledger| Environment::start(ledger, accepted.keys.clone(), &common);
    let main = start(main, ledger)?;
    let others = others.into_iter().map(|(accepted, _, ledger)| start(accepted, ledger)).collect::<Result<_, _>>()?;
    let of_tests = PoolConfig::new(TEST_WORKERS).with_memory(config.instance_memory_bytes);
    let make: Box<Make> = Box::new(move || Ok(Pool::start(of_tests)?));
    let tests = TestEnvironments::new(make, start::tests_folder(config), common.clone());
    Ok(Environments::new(main, others, tests))
}

fn open(
    pools: PoolConfig,
    open: impl FnOnce(Arc<dyn Instances>) -> Result<Ledger, String>,
) -> Result<(Arc<Pool>, Arc<Ledger>), String> {
    let pool = Pool::start(pools)?;
    let ledger = open(pool.clone())?;
    Ok((pool, Arc::new(ledger)))
}

/// Of the lasting environments together; `main`: the first one's ledger.
fn metrics(pools: Vec<Arc<Pool>>, main: Arc<Ledger>) -> Result<Metrics, String> {
    let read = move || {
        let mut readings = Readings {
            // A primary's answers contain every write: it is the source.
            snapshot_age_ms: Some(0),
            epoch: main.newest().borrow().as_ref().map_or(0, |published| published.epoch),
            ..Readings::default()
        };
        for counts in pools.iter().map(|pool| pool.counts()) {
            readings.generation += counts.generation;
            readings.traps += counts.traps;
            readings.stuck += counts.stuck;
            readings.replaced += counts.replaced;
            let [quick, slow] = counts.worked_s();
            readings.engine_s[0] += quick;
            readings.engine_s[1] += slow;
        }
        readings
    };
    Metrics::new(read).map_err(|error| format!("no metrics: {error}"))
}
