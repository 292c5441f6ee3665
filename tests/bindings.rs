//! The component in languages that others generate bindings for: names that can be written, truth that is none by accident.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use understudy_tests::{process::skip, programs};

const BINARY: &str = env!("CARGO_BIN_EXE_understudy");
const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/bindings");

/// Beside the binary, as the build leaves it.
fn component() -> PathBuf {
    Path::new(BINARY).with_file_name("understudy.component.wasm")
}

/// The profile's folder is in `target`.
fn target() -> PathBuf {
    Path::new(BINARY).ancestors().nth(2).expect("the binary lies in a profile's folder").to_owned()
}

fn said(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}", text(&output.stdout), text(&output.stderr))
}

fn is_ok(output: &Output) {
    assert!(output.status.success() && output.stdout.ends_with(b"ok\n"), "{}", said(output));
}

#[test]
fn python_takes_no_answer_but_an_allow_for_true() {
    const NAME: &str = "python_takes_no_answer_but_an_allow_for_true";
    let folder = match programs::bindings(&target(), "python") {
        Ok(folder) => folder,
        Err(missing) => return skip(NAME, &missing),
    };
    let mut python = Command::new(folder.join("bin/python"));
    is_ok(&python.arg(format!("{SCRIPTS}/answers.py")).arg(component()).output().expect("Python starts"));
}

#[test]
fn javascript_can_be_made_of_the_component_and_answers() {
    const NAME: &str = "javascript_can_be_made_of_the_component_and_answers";
    let folder = match programs::node().and_then(|()| programs::bindings(&target(), "javascript")) {
        Ok(folder) => folder,
        Err(missing) => return skip(NAME, &missing),
    };
    let made = tempfile::tempdir().expect("a folder");
    let mut jco = Command::new(folder.join("node_modules/.bin/jco"));
    jco.arg("transpile").arg(component());
    let transpiled =
        jco.arg("--out-dir").arg(made.path()).args(["--name", "understudy"]).output().expect("node starts");
    assert!(transpiled.status.success(), "{}", said(&transpiled));
    // Else Node reads it as CommonJS.
    std::fs::write(made.path().join("package.json"), r#"{"type":"module"}"#).expect("a folder of ours");
    let mut node = Command::new("node");
    node.arg(format!("{SCRIPTS}/answers.mjs")).arg(made.path().join("understudy.js"));
    is_ok(&node.output().expect("node starts"));
}
