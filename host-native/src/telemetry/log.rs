//! The log: lines or objects on stderr, this program's own alone.

use std::io::IsTerminal;

use tracing_subscriber::{Layer, filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{
    config::{LogFormat, LogLevel},
    output,
};

/// Target of lines that are logged at every level: what a process is, and when that changes.
pub const NOTICE: &str = "notice";

/// Starts the log: stderr, coloured only on a terminal, nothing but this program's own lines.
pub fn log(level: LogLevel, format: LogFormat) {
    let level = match level {
        LogLevel::Error => tracing::Level::ERROR,
        LogLevel::Warn => tracing::Level::WARN,
        LogLevel::Info => tracing::Level::INFO,
    };
    // Libraries may log addresses and headers: only what is written here, without data, is let through.
    let own = Targets::new().with_target("understudy", level).with_target(NOTICE, tracing::Level::INFO);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    // A second start in one process (tests) keeps the first.
    let _ = match format {
        LogFormat::Text => {
            let lines = lines.with_ansi(std::io::stderr().is_terminal()).with_filter(own);
            tracing_subscriber::registry().with(lines).try_init()
        }
        // Every line one object: its fields beside level, time and message.
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true).with_current_span(false).with_span_list(false);
            tracing_subscriber::registry().with(lines.with_filter(own)).try_init()
        }
    };
}

/// Says where it listens: a line on stdout for whoever started it, or an object in the log.
pub fn listens(format: LogFormat, line: &str) {
    match format {
        LogFormat::Text => output::line(line),
        LogFormat::Json => tracing::info!(target: NOTICE, "{line}"),
    }
}
