//! Building snapshots, natively: what the command line, the primary and the node on the public API share.
//!
//! Enters: policy files, facts, what the snapshot says of itself. Leaves: a snapshot's bytes, or everything that is
//! wrong with the input. Never: answers a question; writes a file.

pub mod excerpt;
pub mod fact_warnings;
pub mod jsonl;

use std::{fmt, path::PathBuf};

use understudy_core::{
    compile::{Source, compile},
    model::Fact,
    snapshot::{self, Contents, PolicyText, WriteError},
    syntax::diagnostic::{Diagnostic, Severity},
};

/// Why nothing was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BuildError {
    /// A file can't be read, or a line of it.
    File {
        /// `file`, or `file:line`.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// Lines of a file of facts that are none: one message each, with file, line and column.
    Lines(Vec<String>),
    /// The policy has errors: one rendered diagnostic each, with file, line and column.
    Policy(Vec<String>),
    /// More than a snapshot can hold.
    TooLarge(String),
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::File { place, message } => write!(f, "{place}: {message}"),
            BuildError::Lines(lines) => f.write_str(&lines.join("\n")),
            BuildError::Policy(diagnostics) => f.write_str(&diagnostics.join("\n")),
            BuildError::TooLarge(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for BuildError {}

/// Makes a snapshot. Facts may come in any order and more than once; their types are not checked (polar.md §10).
/// Errors: [`BuildError::Policy`] and [`BuildError::TooLarge`]. Cost: holds all facts and the result in memory.
pub fn snapshot(contents: &Contents, facts: impl IntoIterator<Item = Fact>) -> Result<Vec<u8>, BuildError> {
    snapshot::write(contents, facts).map_err(|error| match error {
        WriteError::Policy(diagnostics) => BuildError::Policy(render(&diagnostics)),
        error @ WriteError::TooLarge { .. } => BuildError::TooLarge(error.to_string()),
    })
}

/// Reads policy files as one policy and checks it, so that a diagnostic names the file and line that its author knows.
/// One file keeps its name; the texts of several are joined by line ends under the first one's name. No file: `None`.
pub fn policy(files: &[PathBuf]) -> Result<Option<PolicyText>, BuildError> {
    let mut texts = Vec::with_capacity(files.len());
    for file in files {
        let place = file.display().to_string();
        match std::fs::read_to_string(file) {
            Ok(text) => texts.push((place, text)),
            Err(error) => return Err(BuildError::File { place, message: format!("can't be read: {error}") }),
        }
    }
    let sources: Vec<Source<'_>> = texts.iter().map(|(name, text)| Source { name, text }).collect();
    let compiled = compile(&sources);
    if compiled.program.is_none() {
        return Err(BuildError::Policy(render(&compiled.diagnostics)));
    }
    let file = files.first().and_then(|file| file.file_name()).map(|name| name.to_string_lossy().into_owned());
    let text = texts.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join("\n");
    Ok((!files.is_empty()).then_some(PolicyText { file, text }))
}

/// The errors among the diagnostics, as people read them.
pub fn render(diagnostics: &[Diagnostic]) -> Vec<String> {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    errors.map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn several_files_are_one_policy_and_a_mistake_is_told_by_its_own_file() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let users = write("users.polar", "actor User {}");
        let repositories = write("repositories.polar", "resource Repo { permissions = [\"read\"]; }");
        assert_eq!(policy(&[]), Ok(None));
        let joined = policy(&[users.clone(), repositories.clone()]).unwrap().unwrap();
        assert_eq!(joined.file.as_deref(), Some("users.polar"));
        assert_eq!(joined.text, "actor User {}\nresource Repo { permissions = [\"read\"]; }");

        let broken = write("broken.polar", "\nresource Repo {");
        let error = policy(&[users, broken.clone()]).unwrap_err().to_string();
        assert!(error.contains("broken.polar:2:"), "{error}");
        let missing = folder.path().join("missing.polar");
        let error = policy(&[missing]).unwrap_err().to_string();
        assert!(error.contains("missing.polar: can't be read"), "{error}");
    }
}
