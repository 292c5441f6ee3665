//! `understudy primary`: flags → config → the app.

use std::{net::IpAddr, path::PathBuf, process::ExitCode};

use clap::Args;

use super::{EXIT_USAGE, failed, unknown};
use crate::{
    app,
    config::{self, Authzen, AuthzenFlags, ConfigError, LogFormat, LogLevel, TlsFiles, Wrong, truth_or},
    output,
    primary::{
        PrimaryConfig,
        config::{Restore, access},
        limits::Limits,
    },
};

/// `understudy primary`.
#[derive(Args, Clone, Debug)]
pub struct PrimaryArgs {
    /// Policy to put in force at start, as by --policy.
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Port to listen on; 0 picks a free one and prints it [default: 8081].
    #[arg(long, env = "OSO_PORT", hide_env_values = true, value_name = "PORT")]
    port: Option<String>,
    /// Address to listen on.
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    host: IpAddr,
    /// File with the certificate chain of this primary, in PEM: it then listens with TLS. Read again when it changes.
    #[arg(long, env = "OSO_TLS_CERT", hide_env_values = true, value_name = "FILE")]
    tls_cert: Option<String>,
    /// File with the private key of that certificate, in PEM.
    #[arg(long, env = "OSO_TLS_KEY", hide_env_values = true, value_name = "FILE")]
    tls_key: Option<String>,
    /// File with the key that page tokens are signed with, 64 hexadecimal digits [default: one of its own, in --data].
    #[arg(long, env = "OSO_PAGE_KEY_FILE", hide_env_values = true, value_name = "FILE")]
    page_key_file: Option<PathBuf>,
    /// Folder of the store and the snapshots.
    #[arg(long, env = "OSO_DIRECTORY", hide_env_values = true, default_value = ".understudy", value_name = "DIR")]
    data: PathBuf,
    /// Policy to put in force at start; several files are one policy.
    #[arg(long, num_args = 1.., value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// Put the policy files in force again whenever one of them changes, these and those given otherwise; a broken one
    /// leaves the policy before in force.
    #[arg(long, num_args = 0.., value_name = "FILE")]
    watch_for_changes: Option<Vec<PathBuf>>,
    /// Facts to insert at start, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    facts: Option<PathBuf>,
    /// Refuse pages of lists smaller than 10,000, as the hosted service does; without it any size is served.
    #[arg(long)]
    strict_pages: bool,
    /// Refuse facts that no rule of the policy can use, instead of warning of them.
    #[arg(long)]
    strict_facts: bool,
    /// Make a damaged store anew from the last snapshot and the log of later writes, then serve.
    #[arg(long)]
    restore: bool,
    /// With --restore: go on without the later writes that can't be read back; deletes may be among them.
    #[arg(long, requires = "restore")]
    accept_lost_writes: bool,
    /// The only environment, where the first two parts of its keys are not its name.
    #[arg(long, value_name = "ID")]
    environment: Option<String>,
    /// API key to accept, `KEY:read` for one that may not write; may be given often, also keys of several environments:
    /// each has its own data, files are for the first [default: the development key].
    #[arg(long = "key", env = "UNDERSTUDY_KEYS", hide_env_values = true, value_delimiter = ',', value_name = "KEY")]
    keys: Vec<String>,
    /// Accept the development key, which everybody knows, even where other machines reach it.
    #[arg(long)]
    allow_development_key: bool,
    /// Origins of web pages that may ask, as `https://app.example` with commas between them, or * for any [default: none].
    #[arg(long, env = "OSO_CORS_ORIGINS", hide_env_values = true, value_name = "ORIGINS")]
    cors_origins: Option<String>,
    /// Memory that an instance of the engine may take for one question, from 64MiB to 3GiB [default: half of the container's,
    /// at most 1GiB].
    #[arg(long, env = "OSO_INSTANCE_MEMORY", hide_env_values = true, value_name = "BYTES")]
    instance_memory: Option<String>,
    /// What to log: error, warn or info [default: warn].
    #[arg(long, env = "OSO_LOG_LEVEL", hide_env_values = true, value_name = "LEVEL")]
    log_level: Option<String>,
    /// Tell callers why, where they ask for it (true or false) [default: true].
    #[arg(long, env = "OSO_EXPLAIN", hide_env_values = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    explain: Option<String>,
    /// How to log: text or json, one object a line [default: text].
    #[arg(long, env = "OSO_LOG_FORMAT", hide_env_values = true, value_name = "FORMAT")]
    log_format: Option<String>,
    #[command(flatten)]
    authzen: AuthzenFlags,
    #[command(flatten)]
    limits: LimitArgs,
}

/// A plan's limits, all off unless given.
#[derive(Args, Clone, Copy, Debug)]
#[command(next_help_heading = "Limits, each off unless given")]
struct LimitArgs {
    /// Most facts and patterns of one write.
    #[arg(long, value_name = "N")]
    write_entries_max: Option<usize>,
    /// Most bytes of a write's body.
    #[arg(long, value_name = "N")]
    write_bytes_max: Option<usize>,
    /// Most facts and patterns written in a minute.
    #[arg(long, value_name = "N")]
    writes_per_minute_max: Option<usize>,
    /// Most facts that one delete may remove.
    #[arg(long, value_name = "N")]
    delete_matches_max: Option<usize>,
    /// Most context facts of one request.
    #[arg(long, value_name = "N")]
    context_facts_max: Option<usize>,
    /// Most ids, rows or facts of one answer; a longer one is refused.
    #[arg(long, value_name = "N")]
    results_max: Option<usize>,
    /// Most questions in a second.
    #[arg(long, value_name = "N")]
    asks_per_second_max: Option<usize>,
    /// Most questions that are being answered at a time.
    #[arg(long, value_name = "N")]
    asks_at_once_max: Option<usize>,
}

/// Checks the flags and serves until told to stop.
pub fn run(args: PrimaryArgs) -> ExitCode {
    unknown::tell();
    let config = match checked(args) {
        Ok(config) => config,
        Err(error) => {
            error.lines().iter().for_each(|line| output::error_line(format_args!("understudy: {line}")));
            return ExitCode::from(EXIT_USAGE);
        }
    };
    match app::primary::serve(&config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => failed(&why),
    }
}

/// Every value read; the error has a line for each that is wrong.
fn checked(args: PrimaryArgs) -> Result<PrimaryConfig, ConfigError> {
    let mut wrong = Wrong::default();
    let environments = access(args.environment.as_deref(), &args.keys, args.host, args.allow_development_key);
    let environments = wrong.take(environments.map_err(ConfigError::from));
    let watches_policy = args.watch_for_changes.is_some();
    let mut policy = args.files;
    policy.extend(args.policy);
    policy.extend(args.watch_for_changes.into_iter().flatten());
    if watches_policy && policy.is_empty() {
        let line = "--watch-for-changes has no file to watch: name the policy's files";
        wrong.take::<()>(Err(ConfigError::from(line.to_owned())));
    }
    let config = PrimaryConfig {
        host: args.host,
        port: wrong.take(config::port("OSO_PORT", args.port)).unwrap_or(8081),
        tls: wrong.take(TlsFiles::check(args.tls_cert, args.tls_key, None)),
        data: args.data,
        policy,
        watches_policy,
        facts: args.facts,
        environments,
        explains: wrong.take(truth_or("OSO_EXPLAIN", args.explain, true)),
        restores: args.restore.then_some(Restore { accepts_loss: args.accept_lost_writes }),
        authzen: wrong.take(Authzen::check(args.authzen)),
        strict_pages: args.strict_pages,
        limits: Limits { strict_facts: args.strict_facts, ..limits(args.limits) },
        cors_origins: wrong.take(config::cors_origins(args.cors_origins)),
        instance_memory_bytes: wrong.take(config::instance_memory(args.instance_memory)),
        log_format: wrong.take(LogFormat::given(args.log_format)),
        page_key_file: args.page_key_file.filter(|file| !file.as_os_str().is_empty()),
        log_level: wrong.take(LogLevel::given(args.log_level)).unwrap_or(LogLevel::Warn),
    };
    wrong.into_result().map(|()| config)
}

fn limits(args: LimitArgs) -> Limits {
    Limits {
        entries_max: args.write_entries_max,
        matches_max: args.delete_matches_max,
        body_bytes_max: args.write_bytes_max,
        entries_per_minute_max: args.writes_per_minute_max,
        context_facts_max: args.context_facts_max,
        results_max: args.results_max,
        asks_per_second_max: args.asks_per_second_max,
        asks_at_once_max: args.asks_at_once_max,
        strict_facts: false,
    }
}
