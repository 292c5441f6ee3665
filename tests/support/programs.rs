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
    installed("sdks", &target.join("sdk"), language).map_err(|why| format!("the official SDK for {language} ({why})"))
}

/// The folder with the vendor's own test suite for `language` (`node`, `python`, `rust`), or with what tests by our API
/// description (`api`), as [`official_sdk`].
pub fn vendor_suite(target: &Path, language: &str) -> Result<PathBuf, String> {
    installed("suites", &target.join("sdk/suites"), language)
        .map_err(|why| format!("the suite of others for {language} ({why})"))
}

/// The folder with what makes bindings of the component for `language` (`javascript`, `python`), as [`official_sdk`].
pub fn bindings(target: &Path, language: &str) -> Result<PathBuf, String> {
    installed("bindings", &target.join("sdk/bindings"), language)
        .map_err(|why| format!("what makes bindings for {language} ({why})"))
}

fn installed(script: &str, folder: &Path, language: &str) -> Result<PathBuf, String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.ci").join(script);
    match Command::new("sh").arg(path).arg(folder).arg(language).output() {
        Ok(Output { status, .. }) if status.success() => Ok(folder.join(language)),
        Ok(Output { stderr, .. }) => Err(text(&stderr).trim().to_owned()),
        Err(error) => Err(format!("no shell for .ci/{script}: {error}")),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
