//! `understudy fmt`: policy files in the one layout (`core/src/syntax/printer.rs` draws it).

use std::{
    io::Read,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use understudy_core::{
    compile::{Source, syntax_errors},
    syntax::printer,
};

use super::{EXIT_USAGE, policy_files::is_coloured, usage_error};
use crate::{build::excerpt, output, replica::cache::write_whole};

/// `understudy fmt`.
///
/// An item a line, indented by two spaces inside braces. What fits 100 columns stands on one line; else a rule breaks
/// after `if`, `and` and `or`, and what still doesn't fit inside its brackets. Comments stay, blank lines shrink to one.
#[derive(Args, Debug)]
pub struct FormatArgs {
    /// Polar files; `-` reads standard input and writes standard output.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Change nothing: list the files that would change, and exit with 1 if there are any.
    #[arg(long)]
    check: bool,
}

/// What became of one file.
enum Outcome {
    Same,
    Changed,
    /// It can't be read, or written: the exit code.
    Failed(u8),
}

/// Formats every file that can be read; the exit code tells of the worst one.
pub fn run(args: &FormatArgs) -> ExitCode {
    let mut code = 0;
    for file in &args.files {
        match one(file, args.check) {
            Outcome::Same => {}
            Outcome::Changed => code = code.max(u8::from(args.check)),
            Outcome::Failed(failed) => code = code.max(failed),
        }
    }
    ExitCode::from(code)
}

fn one(file: &Path, check: bool) -> Outcome {
    let is_stream = file == Path::new("-");
    let name = if is_stream { "<stdin>".to_owned() } else { file.display().to_string() };
    let mut text = String::new();
    let read = if is_stream {
        std::io::stdin().read_to_string(&mut text).map(|_| ())
    } else {
        std::fs::read_to_string(file).map(|read| text = read)
    };
    if let Err(error) = read {
        usage_error(&format!("{name}: can't be read: {error}"));
        return Outcome::Failed(EXIT_USAGE);
    }
    let Ok(formatted) = printer::format(&text) else {
        let sources = [Source { name: &name, text: &text }];
        let diagnostics = syntax_errors(&sources);
        output::error(format_args!("{}", excerpt::human(&diagnostics, &sources, is_coloured(&std::io::stderr()))));
        output::error_line(format_args!("understudy: {name}: left as it is, it can't be read"));
        return Outcome::Failed(1);
    };
    let is_same = formatted == text;
    if check {
        if !is_same {
            output::line(format_args!("{name}"));
        }
    } else if is_stream {
        output::print(format_args!("{formatted}"));
    } else if !is_same && let Err(error) = replace(file, formatted.as_bytes()) {
        output::error_line(format_args!("understudy: {name}: can't be written: {error}"));
        return Outcome::Failed(EXIT_USAGE);
    }
    if is_same { Outcome::Same } else { Outcome::Changed }
}

/// The file itself, where a link leads, with the rights it had.
fn replace(file: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let file = std::fs::canonicalize(file)?;
    let rights = std::fs::metadata(&file)?.permissions();
    write_whole(&file, bytes)?;
    std::fs::set_permissions(&file, rights)
}
