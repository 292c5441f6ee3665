//! `understudy primary`: flags → config → the app.

use std::{net::IpAddr, path::PathBuf, process::ExitCode};

use clap::Args;

use super::{failed, usage_error};
use crate::{
    app,
    config::LogLevel,
    primary::{PrimaryConfig, config::access, writes::Limits},
};

/// `understudy primary`.
#[derive(Args, Clone, Debug)]
pub struct PrimaryArgs {
    /// Port to listen on; 0 picks a free one and prints it.
    #[arg(long, default_value_t = 8081, value_name = "PORT")]
    port: u16,
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    host: IpAddr,
    /// Folder of the store and the snapshots.
    #[arg(long, default_value = ".understudy", value_name = "DIR")]
    data: PathBuf,
    /// Policy to put in force at start; several files are one policy.
    #[arg(long, num_args = 1.., value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// Facts to insert at start, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    facts: Option<PathBuf>,
    /// Environment [default: that of the first key].
    #[arg(long, value_name = "ID")]
    environment: Option<String>,
    /// API key to accept, `KEY:read` for one that may not write; may be given often [default: the development key].
    #[arg(long = "key", env = "UNDERSTUDY_KEYS", hide_env_values = true, value_delimiter = ',', value_name = "KEY")]
    keys: Vec<String>,
    /// Accept the development key, which everybody knows, even where other machines reach it.
    #[arg(long)]
    allow_development_key: bool,
    /// What to log.
    #[arg(long, value_enum, default_value = "warn", value_name = "LEVEL")]
    log_level: Level,
    /// Most facts and patterns of one write [default: no limit].
    #[arg(long, value_name = "N")]
    write_entries_max: Option<usize>,
    /// Most facts that one delete may remove [default: no limit].
    #[arg(long, value_name = "N")]
    delete_matches_max: Option<usize>,
    /// Most bytes of a write's body [default: that of any request].
    #[arg(long, value_name = "N")]
    write_bytes_max: Option<usize>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Level {
    Error,
    Warn,
    Info,
}

/// Checks the flags and serves until told to stop.
pub fn run(args: PrimaryArgs) -> ExitCode {
    let access = access(args.environment, &args.keys, args.host, args.allow_development_key);
    let (environment, keys) = match access {
        Ok(access) => access,
        Err(message) => return usage_error(&message),
    };
    let config = PrimaryConfig {
        host: args.host,
        port: args.port,
        data: args.data,
        policy: args.policy,
        facts: args.facts,
        environment,
        keys,
        limits: Limits {
            entries_max: args.write_entries_max,
            matches_max: args.delete_matches_max,
            body_bytes_max: args.write_bytes_max,
        },
        log_level: match args.log_level {
            Level::Error => LogLevel::Error,
            Level::Warn => LogLevel::Warn,
            Level::Info => LogLevel::Info,
        },
    };
    match app::primary::serve(&config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => failed(&why),
    }
}
