//! `understudy serve`: flags → config → the app.

use std::process::ExitCode;

use super::usage_error;
use crate::config::{Config, ServeFlags};

/// Checks the flags and serves until told to stop.
pub fn run(flags: ServeFlags) -> ExitCode {
    let mut random = [0; 16];
    if let Err(error) = getrandom::fill(&mut random) {
        return usage_error(&format!("the system gives no random numbers: {error}"));
    }
    match Config::check(flags, random) {
        // The app's wiring waits for the guest and http rooms; success would be a lie until then.
        Ok(_config) => {
            eprintln!("understudy: the configuration is right, but this build can't serve yet");
            ExitCode::FAILURE
        }
        Err(error) => usage_error(&error),
    }
}
