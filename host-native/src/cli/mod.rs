//! The command line: which command with which flags, and the exit code.
//!
//! Enters: arguments and environment. Leaves: 0 yes or done, 1 no or failed, 2 usage or bad input; errors on stderr.
//! Never: decides anything a command's own file should.

mod ask;
mod build;
mod data;
mod dev;
mod explain;
mod facts;
mod format;
pub mod health;
mod inspect;
mod keys;
mod manual;
mod policy;
mod policy_files;
mod policy_tests;
mod primary;
mod remote;
mod serve;
mod snapshots;
mod unknown;
mod wasm;
mod words;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{config::ServeFlags, output, replica::trial};

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
    Serve(Box<ServeFlags>),
    /// Take writes, answer, and hand a feed to nodes: for development, tests and small self-hosting.
    Primary(Box<primary::PrimaryArgs>),
    /// A primary and a node on this machine, with a sample environment and what to try.
    Dev(Box<dev::DevArgs>),
    /// Say what is wrong with a policy, and what seems to be. Exit code 0 without errors, 1 with, 2 for unreadable files.
    Check(policy::CheckArgs),
    /// Format policy files.
    Fmt(format::FormatArgs),
    /// Run the tests of a policy; the last line reads `N passed, N failed`.
    Test(policy_tests::TestArgs),
    /// Make a snapshot of policy and fact files.
    Build(build::BuildArgs),
    /// Say what is in a snapshot, and whether it is whole.
    Inspect(inspect::InspectArgs),
    /// May the actor do this to the resource? Exit code 0 yes, 1 no.
    Authorize(ask::AuthorizeArgs),
    /// Which resources of a type may the actor do this to?
    List(ask::ListArgs),
    /// What may the actor do to the resource?
    Actions(ask::ActionsArgs),
    /// Every solution of a predicate. Exit code 0 if there is one.
    Query(ask::QueryArgs),
    /// Who may do this to the resource? Exit code 0 if anybody may.
    Who(ask::WhoArgs),
    /// Why, or why not: what an answer rests on, or what would give it and what stands against it. Exit code 0 yes, 1 no.
    Explain(explain::ExplainArgs),
    /// Store facts in a primary.
    Tell(facts::TellArgs),
    /// Remove facts from a primary.
    Delete(facts::DeleteArgs),
    /// Print stored facts of a primary or a node. Exit code 0 if there is one.
    Get(facts::GetArgs),
    /// What differs between two snapshots. Exit code 0 nothing, 1 something.
    Diff(snapshots::DiffArgs),
    /// How many facts of which kind a snapshot has.
    Stats(snapshots::StatsArgs),
    /// Does the node on this machine serve? Exit code 0 yes, 1 no.
    Health(health::HealthArgs),
    /// Digests of API keys, for OSO_ACCEPTED_KEYS_FILE.
    Keys(keys::KeysArgs),
    /// Write the engine as WebAssembly, its interfaces and the package for Node.js: to embed it without a compiler.
    Wasm(wasm::WasmArgs),
    /// Completions for a shell: `understudy completions bash`.
    Completions(manual::CompletionsArgs),
    /// A page for `man`: `understudy man | man -l -`.
    Man(manual::ManArgs),
    /// Open a snapshot as an install does: a node does it in a process of its own where one has ended it before.
    #[command(name = trial::COMMAND, hide = true)]
    TrySnapshot {
        /// The verified file.
        file: std::path::PathBuf,
    },
}

/// Runs the command that the arguments name.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    match cli.command.unwrap_or(Command::Serve(Box::new(cli.serve))) {
        Command::Serve(flags) => serve::run(*flags),
        Command::Primary(args) => primary::run(*args),
        Command::Dev(args) => dev::run(*args),
        Command::Check(args) => policy::check(&args),
        Command::Fmt(args) => format::run(&args),
        Command::Test(args) => policy_tests::run(&args),
        Command::Authorize(args) => ask::authorize(&args),
        Command::List(args) => ask::list(&args),
        Command::Actions(args) => ask::actions(&args),
        Command::Query(args) => ask::query(&args),
        Command::Who(args) => ask::who(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Tell(args) => facts::tell(&args),
        Command::Delete(args) => facts::delete(&args),
        Command::Get(args) => facts::get(&args),
        Command::Diff(args) => snapshots::diff(&args),
        Command::Stats(args) => snapshots::stats(&args),
        Command::Build(args) => build::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Health(args) => health::run(&args),
        Command::Keys(args) => keys::run(args),
        Command::Wasm(args) => wasm::run(&args),
        Command::Completions(args) => manual::completions(&args),
        Command::Man(args) => manual::man(&args),
        Command::TrySnapshot { file } => match trial::open_here(&file) {
            Ok(()) => ExitCode::SUCCESS,
            Err(why) => failed(&why),
        },
    }
}

/// Says what is wrong with the usage, in one line.
pub fn usage_error(message: &dyn std::fmt::Display) -> ExitCode {
    output::error_line(format_args!("understudy: {message}"));
    ExitCode::from(EXIT_USAGE)
}

/// Says why it did not work, in one line.
pub fn failed(why: &dyn std::fmt::Display) -> ExitCode {
    output::error_line(format_args!("understudy: {why}"));
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
