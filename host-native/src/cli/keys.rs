//! `understudy keys digest`: the line that goes into `OSO_ACCEPTED_KEYS_FILE`.

use std::{io::Read, process::ExitCode};

use clap::{Args, Subcommand};

use super::usage_error;
use crate::{
    keys::{digest, hex},
    output,
};

/// Longest input that can hold a key, in bytes.
const KEY_BYTES_MAX: u64 = 4 << 10;

/// `understudy keys`.
#[derive(Args, Debug)]
pub struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Subcommand, Debug)]
enum KeysCommand {
    /// Print the SHA-256 of an API key as a line for OSO_ACCEPTED_KEYS_FILE.
    Digest {
        /// The key; without it, the key is read from standard input, which keeps it out of the shell's history.
        key: Option<String>,
    },
}

/// Prints the digest.
pub fn run(args: KeysArgs) -> ExitCode {
    let KeysCommand::Digest { key } = args.command;
    let key = match key.map_or_else(from_stdin, Ok) {
        Ok(key) => key,
        Err(error) => return usage_error(&format!("the key can't be read from standard input: {error}")),
    };
    let key = key.trim();
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return usage_error(&"this isn't an API key: give one line of visible ASCII characters without spaces");
    }
    output::line(format_args!("{}", hex(&digest(key))));
    ExitCode::SUCCESS
}

fn from_stdin() -> std::io::Result<String> {
    let mut text = String::new();
    std::io::stdin().take(KEY_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}
