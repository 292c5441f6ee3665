//! The command line: which command with which flags, and the exit code.
//!
//! Enters: arguments and environment. Leaves: 0 yes or done, 1 no or failed, 2 usage or bad input; errors on stderr.
//! Never: decides anything a command's own file should.

mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::ServeFlags;

/// Exit code of bad usage or bad input.
pub const EXIT_USAGE: u8 = 2;

/// An open authorization node that stands in for Oso Cloud when an application can't reach it.
/// Without a command it serves: the flags of `serve` can be given directly.
#[derive(Parser, Debug)]
#[command(name = "understudy", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeFlags,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Follow an upstream and answer authorization questions (the default command).
    Serve(ServeFlags),
}

/// Runs the command that the arguments name.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(flags) => serve::run(flags),
    }
}

/// Says what is wrong with the usage, in one line.
pub fn usage_error(message: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("understudy: {message}");
    ExitCode::from(EXIT_USAGE)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
