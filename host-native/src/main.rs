//! The binary: reads the command line, does what it says, exits with its code.

use std::process::ExitCode;

fn main() -> ExitCode {
    understudy::cli::run()
}
