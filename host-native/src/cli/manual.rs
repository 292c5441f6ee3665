//! `understudy completions|man`: what a shell and `man` want to know of the command line.

use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, usage_error};
use crate::output;

/// `understudy completions`.
#[derive(Args, Debug)]
pub struct CompletionsArgs {
    /// For which shell.
    shell: Shell,
}

/// `understudy man`.
#[derive(Args, Debug)]
pub struct ManArgs {
    /// Of this command: `explain`; without it, of all of them together.
    command: Option<String>,
}

/// Prints a script that the shell reads.
pub fn completions(args: &CompletionsArgs) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "understudy", &mut script);
    output::print(String::from_utf8_lossy(&script));
    ExitCode::SUCCESS
}

/// Prints a page for `man`.
pub fn man(args: &ManArgs) -> ExitCode {
    let mut all = Cli::command();
    all.build();
    let command = match &args.command {
        None => all,
        Some(name) => match all.find_subcommand(name) {
            Some(command) => command.clone(),
            None => return usage_error(&format!("there is no command `{name}`: `understudy --help` lists them")),
        },
    };
    let mut page = Vec::new();
    if let Err(error) = clap_mangen::Man::new(command).render(&mut page) {
        return usage_error(&format!("the page can't be written: {error}"));
    }
    output::print(String::from_utf8_lossy(&page));
    ExitCode::SUCCESS
}
