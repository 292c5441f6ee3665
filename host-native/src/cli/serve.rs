//! `understudy serve`: flags → config → the app.

use std::process::ExitCode;

use super::{EXIT_USAGE, failed, unknown, usage_error};
use crate::{
    app::node,
    config::{Config, LogFormat, ServeFlags},
    output,
};

/// Checks the flags, then serves until told to stop, or writes a snapshot.
pub fn run(flags: ServeFlags) -> ExitCode {
    let mut random = [0; 16];
    if let Err(error) = getrandom::fill(&mut random) {
        return usage_error(&format!("the system gives no random numbers: {error}"));
    }
    unknown::tell();
    let config = match Config::check(flags, random) {
        Ok(config) => config,
        Err(error) => {
            for line in error.lines() {
                output::error_line(format_args!("understudy: {line}"));
            }
            return ExitCode::from(EXIT_USAGE);
        }
    };
    let done = match &config.export {
        Some(file) => node::export(&config, file),
        None => node::serve(&config, |_| ()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads the log as objects finds the end in it too.
        Err(why) if config.log_format == LogFormat::Json => {
            tracing::error!("{why}");
            ExitCode::FAILURE
        }
        Err(why) => failed(&why),
    }
}
