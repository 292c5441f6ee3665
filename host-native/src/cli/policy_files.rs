//! Policy files, as every command that takes them reads them.

use std::{
    io::IsTerminal,
    path::PathBuf,
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use clap::Args;
use understudy_core::compile::{Compiled, Source, compile_and_warn};

use super::usage_error;
use crate::{build::excerpt, output};

/// Policy files: several are one policy.
#[derive(Args, Debug)]
pub struct PolicyFiles {
    /// Polar files; several make one policy.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}

/// Names and texts of files. `Err`: the exit code to end with.
pub fn read(files: &[PathBuf]) -> Result<Vec<(String, String)>, ExitCode> {
    let read = |file: &PathBuf| match std::fs::read_to_string(file) {
        // Places count from what stands after a byte order mark.
        Ok(text) => Ok((file.display().to_string(), text.trim_start_matches('\u{feff}').to_owned())),
        Err(error) => Err(usage_error(&format!("{}: can't be read: {error}", file.display()))),
    };
    files.iter().map(read).collect()
}

/// The texts as one policy.
pub fn sources(texts: &[(String, String)]) -> Vec<Source<'_>> {
    texts.iter().map(|(name, text)| Source { name, text }).collect()
}

/// May the stream be written to in colour? Not into a file or a pipe, and not where `NO_COLOR` says so.
pub fn is_coloured(stream: &impl IsTerminal) -> bool {
    stream.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Reads and compiles; errors and warnings go to stderr. `Err`: the exit code to end with.
pub fn load(files: &[PathBuf]) -> Result<Compiled, ExitCode> {
    load_with_texts(files).map(|(compiled, _)| compiled)
}

/// The same, with names and texts of the files.
pub fn load_with_texts(files: &[PathBuf]) -> Result<(Compiled, Vec<(String, String)>), ExitCode> {
    let texts = read(files)?;
    let sources = sources(&texts);
    let compiled = compile_and_warn(&sources);
    output::error(excerpt::human(&compiled.diagnostics, &sources, is_coloured(&std::io::stderr())));
    if compiled.program.is_some() { Ok((compiled, texts)) } else { Err(ExitCode::from(super::EXIT_USAGE)) }
}

/// Seconds since 1970, UTC.
pub fn now_s() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}
