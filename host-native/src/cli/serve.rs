//! `understudy serve`: flags → config → the app.

use std::process::ExitCode;

use super::{failed, usage_error};
use crate::{
    app::node,
    config::{Config, ServeFlags},
};

/// Checks the flags, then serves until told to stop, or writes a snapshot.
pub fn run(flags: ServeFlags) -> ExitCode {
    let mut random = [0; 16];
    if let Err(error) = getrandom::fill(&mut random) {
        return usage_error(&format!("the system gives no random numbers: {error}"));
    }
    let config = match Config::check(flags, random) {
        Ok(config) => config,
        Err(error) => return usage_error(&error),
    };
    let done = match &config.export {
        Some(file) => node::export(&config, file),
        None => node::serve(&config, |_| ()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => failed(&why),
    }
}
