//! `understudy dev`: flags → the dev room.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use super::failed;
use crate::dev::{self, DevConfig};

/// `understudy dev`.
#[derive(Args, Clone, Debug)]
pub struct DevArgs {
    /// Port of the node; 0 picks a free one and prints it.
    #[arg(long, default_value_t = 8080, value_name = "PORT")]
    port: u16,
    /// Port of the primary; 0 picks a free one and prints it.
    #[arg(long, default_value_t = 8081, value_name = "PORT")]
    primary_port: u16,
    /// Folder for the data of both.
    #[arg(long, default_value = ".understudy-dev", value_name = "DIR")]
    data: PathBuf,
    /// Policy to put in force instead of the sample's, or of the one that is in the folder; several files are one policy.
    #[arg(long, num_args = 1.., value_name = "FILE")]
    policy: Vec<PathBuf>,
    /// Facts to insert instead of the sample's, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    facts: Option<PathBuf>,
}

/// Runs both servers until told to stop.
pub fn run(args: DevArgs) -> ExitCode {
    let DevArgs { port, primary_port, data, policy, facts } = args;
    match dev::run(&DevConfig { port, primary_port, data, policy, facts }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => failed(&why),
    }
}
