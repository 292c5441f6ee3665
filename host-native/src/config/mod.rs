//! Flags and environment variables → one checked struct.
//!
//! Enters: what clap read. Leaves: [`Config`], or one line that names variable, value and what is allowed.
//! Never: read below `main`; prints a token.

mod authzen;
mod log;
mod tls;
mod values;

use std::{fmt, net::IpAddr, path::PathBuf, time::Duration};

use clap::Args;
use understudy_calls::head;

use crate::{
    http::cors::Origins,
    keys::{environment_named, has_form},
};

pub use authzen::{Authzen, AuthzenFlags};
pub use log::{LogFormat, LogLevel};
pub use tls::TlsFiles;
pub use values::{ConfigError, Wrong, cors_origins, duration, instance_memory, port, truth_or};
use values::{name, read, required, set, truth, upstream_url};

/// Flags of `serve`, each with its variable. All text: [`Config::check`] reads it, so that every message has one form.
#[derive(Args, Clone, Debug, Default)]
pub struct ServeFlags {
    /// API key of the environment, sent to the upstream; read-only is enough.
    #[arg(long, env = "OSO_API_TOKEN", hide_env_values = true, value_name = "KEY")]
    pub api_token: Option<String>,
    /// Environment to follow, as e_0123456789.
    #[arg(long, env = "OSO_ENVIRONMENT", hide_env_values = true, value_name = "ID")]
    pub environment: Option<String>,
    /// Tenant the environment belongs to.
    #[arg(long, env = "OSO_TENANT", hide_env_values = true, value_name = "ID")]
    pub tenant: Option<String>,
    /// Name of this node in reports: letters, digits, `.` and `-` [default: a random UUID].
    #[arg(long, env = "OSO_CLIENT_ID", hide_env_values = true, value_name = "ID")]
    pub client_id: Option<String>,
    /// Refuse pages of lists smaller than 10,000, as the hosted service does; without it any size is served.
    #[arg(long)]
    pub strict_pages: bool,
    /// Port to listen on; 0 picks a free one and prints it [default: 8080].
    #[arg(long, env = "OSO_PORT", hide_env_values = true, value_name = "PORT")]
    pub port: Option<String>,
    /// Where OSO_PORT is not set, as platforms that run containers say it.
    #[arg(long, env = "PORT", hide = true, hide_env_values = true, value_name = "PORT")]
    pub platform_port: Option<String>,
    /// Folder for the last good snapshot [default: ./.oso].
    #[arg(long, env = "OSO_DIRECTORY", hide_env_values = true, value_name = "DIR")]
    pub directory: Option<String>,
    /// What to log: error, warn or info [default: error].
    #[arg(long, env = "OSO_LOG_LEVEL", hide_env_values = true, value_name = "LEVEL")]
    pub log_level: Option<String>,
    /// How to log: text or json, one object a line [default: text].
    #[arg(long, env = "OSO_LOG_FORMAT", hide_env_values = true, value_name = "FORMAT")]
    pub log_format: Option<String>,
    /// How long to serve on after SIGTERM while readiness says 503, as 5s, so that no more traffic is sent [default: 0s].
    #[arg(long, env = "OSO_DRAIN_DELAY", hide_env_values = true, value_name = "DURATION")]
    pub drain_delay: Option<String>,
    /// Send no usage reports (true or false) [default: false].
    #[arg(long, env = "OSO_DISABLE_TELEMETRY", hide_env_values = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub disable_telemetry: Option<String>,
    /// Send no error messages with the reports (true or false) [default: false].
    #[arg(long, env = "OSO_DISABLE_ERROR_LOGGING", hide_env_values = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub disable_error_logging: Option<String>,
    /// The upstream: an Understudy primary or Oso Cloud [default: `https://api.osohq.com`].
    #[arg(long, env = "OSO_URL", hide_env_values = true, value_name = "URL")]
    pub url: Option<String>,
    /// File with certificates, in PEM, of who may sign the upstream's certificate beside the public authorities.
    #[arg(long, env = "OSO_URL_CA", hide_env_values = true, value_name = "FILE")]
    pub url_ca: Option<String>,
    /// How often to ask the upstream, as 500ms, 1s, 30m [default: 60s for a feed, 30m for the public API].
    #[arg(long, env = "OSO_SYNC_INTERVAL", hide_env_values = true, value_name = "DURATION")]
    pub sync_interval: Option<String>,
    /// File of SHA-256 digests (hex, one a line) of further keys to accept where the snapshot carries none.
    #[arg(long, env = "OSO_ACCEPTED_KEYS_FILE", hide_env_values = true, value_name = "FILE")]
    pub accepted_keys_file: Option<String>,
    /// File with the key that page tokens are signed with, 64 hexadecimal digits: nodes behind one address share it
    /// [default: a key of its own, in the folder].
    #[arg(long, env = "OSO_PAGE_KEY_FILE", hide_env_values = true, value_name = "FILE")]
    pub page_key_file: Option<String>,
    /// Accept every key that has the environment's form, unverified (true or false) [default: false].
    #[arg(long, env = "OSO_ACCEPT_ENVIRONMENT_KEYS", hide_env_values = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub accept_environment_keys: Option<String>,
    /// Address to listen on [default: 0.0.0.0].
    #[arg(long, env = "OSO_HOST", hide_env_values = true, value_name = "ADDRESS")]
    pub host: Option<String>,
    /// File with the certificate chain of this node, in PEM: it then listens with TLS. Read again when it changes.
    #[arg(long, env = "OSO_TLS_CERT", hide_env_values = true, value_name = "FILE")]
    pub tls_cert: Option<String>,
    /// File with the private key of that certificate, in PEM.
    #[arg(long, env = "OSO_TLS_KEY", hide_env_values = true, value_name = "FILE")]
    pub tls_key: Option<String>,
    /// File with the certificates, in PEM, of who signs client certificates: who asks then needs one of those too.
    #[arg(long, env = "OSO_TLS_CLIENT_CA", hide_env_values = true, value_name = "FILE")]
    pub tls_client_ca: Option<String>,
    /// Origins of web pages that may ask, as `https://app.example` with commas between them, or * for any [default: none].
    #[arg(long, env = "OSO_CORS_ORIGINS", hide_env_values = true, value_name = "ORIGINS")]
    pub cors_origins: Option<String>,
    /// Memory that an instance of the engine may take for one question, from 64MiB to 3GiB [default: half of the container's,
    /// at most 1GiB].
    #[arg(long, env = "OSO_INSTANCE_MEMORY", hide_env_values = true, value_name = "BYTES")]
    pub instance_memory: Option<String>,
    /// Tell callers why, where they ask for it (true or false) [default: true].
    #[arg(long, env = "OSO_EXPLAIN", hide_env_values = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub explain: Option<String>,
    /// How AuthZEN callers are served.
    #[command(flatten)]
    pub authzen: AuthzenFlags,
    /// Write the newest snapshot, from the upstream or else from disk, to FILE and exit.
    #[arg(long, value_name = "FILE")]
    pub export: Option<String>,
    /// Start from FILE if neither upstream nor disk gives a snapshot.
    #[arg(long, value_name = "FILE")]
    pub import: Option<String>,
    /// Follow the upstream even if its data are another store's than those kept here; each store once.
    #[arg(long, env = "OSO_ACCEPT_NEW_STORE", hide_env_values = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub accept_new_store: Option<String>,
}

/// A key. Its text is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Wraps a key's text.
    pub fn new(text: impl Into<String>) -> Self {
        Token(text.into())
    }

    /// The text, for the one header that carries it and for digests.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// Everything `serve` needs to know, checked. Printing it shows no key.
#[derive(Clone, Debug)]
pub struct Config {
    /// Key for the upstream.
    pub token: Token,
    /// Environment to follow.
    pub environment: String,
    /// Tenant, sent to the upstream and kept in manifests.
    pub tenant: String,
    /// Are pages smaller than the hosted service's smallest refused?
    pub strict_pages: bool,
    /// Name of this node in reports.
    pub client_id: String,
    /// Address to listen on.
    pub host: IpAddr,
    /// Port to listen on; 0: any free one.
    pub port: u16,
    /// Folder of the last good snapshot.
    pub directory: PathBuf,
    /// What to log.
    pub log_level: LogLevel,
    /// How to log.
    pub log_format: LogFormat,
    /// How long to serve on while readiness says 503.
    pub drain_delay: Duration,
    /// Send usage reports?
    pub telemetry: bool,
    /// Send error messages with them?
    pub error_logging: bool,
    /// The upstream, without a slash at the end.
    pub url: String,
    /// Certificates of who else may sign its certificate.
    pub url_ca: Option<PathBuf>,
    /// How often to ask it; absent: by its kind.
    pub sync_interval: Option<Duration>,
    /// Digests of further keys.
    pub accepted_keys_file: Option<PathBuf>,
    /// Key of the page tokens.
    pub page_key_file: Option<PathBuf>,
    /// Accept every key of the environment's form?
    pub accept_environment_keys: bool,
    /// Listen with TLS.
    pub tls: Option<TlsFiles>,
    /// Web pages that may ask.
    pub cors_origins: Option<Origins>,
    /// Memory of an instance besides its snapshot, in bytes; absent: what the machine allows.
    pub instance_memory_bytes: Option<usize>,
    /// Tell callers why?
    pub explains: bool,
    /// How AuthZEN callers are served.
    pub authzen: Authzen,
    /// Write a snapshot here and exit.
    pub export: Option<PathBuf>,
    /// Last resort at start.
    pub import: Option<PathBuf>,
    /// Follow another store?
    pub accept_new_store: bool,
}

impl Config {
    /// Reads every value; `random` is for the client id. An empty value counts as unset. The error has a line for each that is
    /// missing or wrong.
    pub fn check(flags: ServeFlags, random: [u8; 16]) -> Result<Config, ConfigError> {
        let mut wrong = Wrong::default();
        let token = wrong.take(token(flags.api_token));
        let environment = required("OSO_ENVIRONMENT", flags.environment, "the environment's id, as e_0123456789");
        let environment = wrong.take(environment.and_then(|text| name("OSO_ENVIRONMENT", text, "._-")));
        if !token.is_empty() && !environment.is_empty() {
            wrong.take(one_environment(&token, &environment));
        }
        let tenant = required("OSO_TENANT", flags.tenant, "the id of your tenant");
        let tenant = wrong.take(tenant.and_then(|text| name("OSO_TENANT", text, "._-")));
        let client_id = match set(flags.client_id) {
            Some(text) => wrong.take(name("OSO_CLIENT_ID", text, ".-")),
            None => head::uuid(random),
        };
        let (variable, port) = match set(flags.port) {
            Some(port) => ("OSO_PORT", Some(port)),
            None => ("PORT", flags.platform_port),
        };
        let port = wrong.take(values::port(variable, port));
        let host = read("OSO_HOST", flags.host, "an IP address, as 0.0.0.0 or 127.0.0.1", |text| text.parse().ok());
        let host = wrong.take(host);
        let url = set(flags.url).unwrap_or_else(|| "https://api.osohq.com".to_owned());
        let within =
            |text: &str, from: Duration, to: Duration| duration(text).filter(|duration| (from..=to).contains(duration));
        let sync_interval = read(
            "OSO_SYNC_INTERVAL",
            flags.sync_interval,
            "a duration from 100ms to 24h, as 500ms, 1s or 30m",
            |text| within(text, Duration::from_millis(100), Duration::from_secs(24 * 3600)),
        );
        let drain_delay =
            read("OSO_DRAIN_DELAY", flags.drain_delay, "a duration from 0s to 10m, as 500ms, 5s or 1m", |text| {
                within(text, Duration::ZERO, Duration::from_secs(600))
            });
        let config = Config {
            token: Token(token),
            environment,
            tenant,
            strict_pages: flags.strict_pages,
            client_id,
            host: host.unwrap_or(IpAddr::from([0, 0, 0, 0])),
            port: port.unwrap_or(8080),
            directory: set(flags.directory).map_or_else(|| PathBuf::from("./.oso"), PathBuf::from),
            log_level: wrong.take(LogLevel::given(flags.log_level)).unwrap_or_default(),
            log_format: wrong.take(LogFormat::given(flags.log_format)),
            drain_delay: wrong.take(drain_delay).unwrap_or_default(),
            telemetry: !wrong.take(truth("OSO_DISABLE_TELEMETRY", flags.disable_telemetry)),
            error_logging: !wrong.take(truth("OSO_DISABLE_ERROR_LOGGING", flags.disable_error_logging)),
            url: wrong.take(upstream_url(&url)),
            url_ca: set(flags.url_ca).map(PathBuf::from),
            sync_interval: wrong.take(sync_interval),
            accepted_keys_file: set(flags.accepted_keys_file).map(PathBuf::from),
            page_key_file: set(flags.page_key_file).map(PathBuf::from),
            accept_environment_keys: wrong.take(truth("OSO_ACCEPT_ENVIRONMENT_KEYS", flags.accept_environment_keys)),
            tls: wrong.take(TlsFiles::check(flags.tls_cert, flags.tls_key, flags.tls_client_ca)),
            cors_origins: wrong.take(cors_origins(flags.cors_origins)),
            instance_memory_bytes: wrong.take(instance_memory(flags.instance_memory)),
            explains: wrong.take(truth_or("OSO_EXPLAIN", flags.explain, true)),
            authzen: wrong.take(Authzen::check(flags.authzen)),
            export: set(flags.export).map(PathBuf::from),
            import: set(flags.import).map(PathBuf::from),
            accept_new_store: wrong.take(truth("OSO_ACCEPT_NEW_STORE", flags.accept_new_store)),
        };
        wrong.into_result().map(|()| config)
    }
}

fn token(given: Option<String>) -> Result<String, ConfigError> {
    let token = required("OSO_API_TOKEN", given, "an API key of the environment; a read-only one is enough")?;
    if token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(token);
    }
    Err(ConfigError::new(
        "OSO_API_TOKEN has characters that no key has (value not shown): must be visible ASCII characters without spaces",
    ))
}

/// An upstream that knows nothing of environments answers with the key's: it would be served under the variable's name.
fn one_environment(token: &str, environment: &str) -> Result<(), ConfigError> {
    match environment_named(token) {
        Some(named) if !(environment.starts_with(named) && has_form(environment, token)) => {
            Err(ConfigError::new(format!(
                "OSO_ENVIRONMENT is `{environment}` and OSO_API_TOKEN is a key of `{}`: set both to one environment",
                named.escape_debug()
            )))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
