//! `understudy dev`: a primary as a process of its own, a node in this one that follows it, and a sample environment.
//!
//! Enters: ports and a folder, perhaps one's own policy and facts. Leaves: two servers, and on the screen what to try.
//! Never: answers by another way than `serve` and `primary` do.

mod child;
mod screen;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::ExitStatus,
    sync::Arc,
};

use self::{child::Child, screen::Screen};
use crate::{
    app::node,
    config::{Config, ServeFlags},
    primary::config::{DEVELOPMENT_ENVIRONMENT, DEVELOPMENT_KEY},
    replica::cache::write_whole,
};

/// Who owns what in a small code hosting service.
const SAMPLE_POLICY: &str = include_str!("sample/policy.polar");
const SAMPLE_FACTS: &str = include_str!("sample/facts.jsonl");

/// What `dev` is told.
#[derive(Clone, Debug)]
pub struct DevConfig {
    /// Port of the node; 0: any free one.
    pub port: u16,
    /// Port of the primary; 0: any free one.
    pub primary_port: u16,
    /// Folder for both.
    pub data: PathBuf,
    /// Policy to begin with instead of the sample's.
    pub policy: Vec<PathBuf>,
    /// Facts to begin with instead of the sample's.
    pub facts: Option<PathBuf>,
}

/// Runs both until told to stop. The node outlives the primary: that is what it is for.
pub fn run(config: &DevConfig) -> Result<(), String> {
    let screen = Screen::new();
    let primary = Arc::new(start_primary(config, &screen)?);
    let node_config = node_config(config, primary.address())?;
    let started = {
        let (primary, screen) = (primary.clone(), screen);
        let is_sample = config.policy.is_empty();
        move |node: SocketAddr| {
            // The screen is filled while the node goes on starting; nobody waits for this thread.
            std::thread::spawn(move || {
                if node_serves(node) {
                    screen.ready(node, &primary, is_sample);
                }
                primary.watch(|status: ExitStatus, again: &str| screen.primary_ended(status, node, again));
            });
        }
    };
    let outcome = node::serve(&node_config, started);
    primary.stop();
    screen.stopped(&config.data);
    outcome
}

fn start_primary(config: &DevConfig, screen: &Screen) -> Result<Child, String> {
    let data = config.data.join("primary");
    let failed = |error: std::io::Error| format!("{}: can't be written: {error}", config.data.display());
    let mut args = vec!["primary".to_owned(), "--data".into(), text(&data)?];
    args.extend(["--port".into(), config.primary_port.to_string()]);
    // What the command line names is in force, whatever was there before; what was written since stays otherwise, so that
    // the sample is only what an empty folder begins with.
    let (mut policy, mut facts) = (config.policy.clone(), config.facts.clone());
    if policy.is_empty() && facts.is_none() && !data.exists() {
        std::fs::create_dir_all(&config.data).map_err(failed)?;
        let (sample, sample_facts) = (config.data.join("policy.polar"), config.data.join("facts.jsonl"));
        write_whole(&sample, SAMPLE_POLICY.as_bytes()).map_err(failed)?;
        write_whole(&sample_facts, SAMPLE_FACTS.as_bytes()).map_err(failed)?;
        (policy, facts) = (vec![sample], Some(sample_facts));
    }
    for file in &policy {
        args.extend(["--policy".into(), text(file)?]);
    }
    if let Some(facts) = &facts {
        args.extend(["--facts".into(), text(facts)?]);
    }
    screen.step("starting a primary");
    Child::start(&args)
}

fn text(path: &Path) -> Result<String, String> {
    path.to_str().map(ToOwned::to_owned).ok_or_else(|| format!("{}: the path is not UTF-8", path.display()))
}

fn node_config(config: &DevConfig, primary: SocketAddr) -> Result<Config, String> {
    let directory = config.data.join("node");
    let flags = ServeFlags {
        api_token: Some(DEVELOPMENT_KEY.to_owned()),
        environment: Some(DEVELOPMENT_ENVIRONMENT.to_owned()),
        tenant: Some("dev".to_owned()),
        port: Some(config.port.to_string()),
        host: Some(IpAddr::V4(Ipv4Addr::LOCALHOST).to_string()),
        directory: Some(text(&directory)?),
        url: Some(format!("http://{primary}")),
        sync_interval: Some("1s".to_owned()),
        // The primary's folder may be thrown away between two runs, the node's may not.
        accept_new_store: Some("true".to_owned()),
        ..ServeFlags::default()
    };
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|error| format!("the system gives no random numbers: {error}"))?;
    Config::check(flags, random).map_err(|error| error.to_string())
}

/// Waits until the node answers its health check; `false`: it doesn't within a minute.
fn node_serves(node: SocketAddr) -> bool {
    (0..600).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        crate::cli::health::serves(&node.to_string())
    })
}
