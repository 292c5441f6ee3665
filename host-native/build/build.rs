//! A target that is missing is added, or named, in the first seconds: what needs it comes after minutes of compiling.

use std::{env, path::Path, process::Command};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=RUSTUP_TOOLCHAIN");
    let targets = ["wasm32-unknown-unknown"].into_iter().chain(cfg!(feature = "wasip2").then_some("wasm32-wasip2"));
    for target in targets {
        if let Err(error) = require(target) {
            println!("cargo::error={error}");
        }
    }
}

/// Adds the target's libraries to the toolchain that builds this, where they are missing.
fn require(target: &str) -> Result<(), String> {
    let libraries = libraries(target)?;
    println!("cargo::rerun-if-changed={libraries}");
    if Path::new(&libraries).is_dir() {
        return Ok(());
    }
    let by_hand = format!("the target {target} is not installed; install it with `rustup target add {target}`");
    let Ok(toolchain) = env::var("RUSTUP_TOOLCHAIN") else { return Err(by_hand) };
    let mut rustup = Command::new("rustup");
    let added = rustup.args(["target", "add", "--toolchain", &toolchain, target]).output();
    let added = added.map_err(|error| format!("{by_hand} (rustup does not start: {error})"))?;
    if !added.status.success() {
        let said = String::from_utf8_lossy(&added.stderr);
        let reason = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it says nothing").trim();
        return Err(format!("{by_hand} (rustup failed: {reason})"));
    }
    println!("cargo::warning=added the target {target} to the toolchain {toolchain}: the engine is built for it");
    Ok(())
}

/// Where the compiler looks for a target's libraries, whether they are there or not.
fn libraries(target: &str) -> Result<String, String> {
    let rustc = env::var("RUSTC").map_err(|error| format!("RUSTC: {error}"))?;
    let asked = Command::new(&rustc).args(["--print", "target-libdir", "--target", target]).output();
    let asked = asked.map_err(|error| format!("{rustc}: {error}"))?;
    Ok(String::from_utf8_lossy(&asked.stdout).trim().to_owned())
}
