//! Builds the engine's core module. A package of its own, since it needs no compiler of WebAssembly: cargo runs it while
//! that is still being compiled.
//!
//! `UNDERSTUDY_CORE_WASM` names a core module to take instead of building one.

use std::{env, path::PathBuf};

use understudy_guest_build::{self as guest, Failure};

fn main() {
    match module() {
        Ok(module) => println!("cargo::rustc-env=UNDERSTUDY_CORE_MODULE={}", module.display()),
        Err(error) => println!("cargo::error={error}"),
    }
}

fn module() -> Result<PathBuf, Failure> {
    println!("cargo::rerun-if-env-changed=UNDERSTUDY_CORE_WASM");
    println!("cargo::rerun-if-changed=build.rs");
    if let Some(given) = env::var_os("UNDERSTUDY_CORE_WASM") {
        println!("cargo::rerun-if-changed={}", given.display());
        return Ok(PathBuf::from(given));
    }
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../..");
    let sources = ["core/src", "core/Cargo.toml", "core/component", "wit"];
    guest::build(&root, "understudy-component", "wasm32-unknown-unknown", &sources)
}
