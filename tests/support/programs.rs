//! Programs in other languages: Node, and the official SDKs as `.ci/sdks` installs them.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// Oldest Node that the tests' programs run on.
const NODE_MAJOR_MIN: u32 = 20;

/// `Err`: what is missing.
pub fn node() -> Result<(), String> {
    let version = Command::new("node").arg("--version").output().map(|output| text(&output.stdout));
    let version = version.map_err(|error| format!("Node.js {NODE_MAJOR_MIN} or newer ({error})"))?;
    let major = version.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse().ok());
    match major {
        Some(major) if NODE_MAJOR_MIN <= major => Ok(()),
        _ => Err(format!("Node.js {NODE_MAJOR_MIN} or newer (this is {})", version.trim())),
    }
}

/// The folder with the official SDK for `language` (`node`, `python`), installed below `target` unless it is there.
/// `Err`: what is missing.
pub fn official_sdk(target: &Path, language: &str) -> Result<PathBuf, String> {
    let folder = target.join("sdk");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.ci/sdks");
    let installed = Command::new("sh").arg(script).arg(&folder).arg(language).output();
    match installed {
        Ok(Output { status, .. }) if status.success() => Ok(folder.join(language)),
        Ok(Output { stderr, .. }) => Err(format!("the official SDK for {language} ({})", text(&stderr).trim())),
        Err(error) => Err(format!("a shell for .ci/sdks ({error})")),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
