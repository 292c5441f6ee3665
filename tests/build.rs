//! Builds the `wasi:http` component and precompiles it, so that its test needs no compiler when it runs. The switches are
//! those of the native host: one configuration, whatever cargo unifies.

use std::{env, fs, path::PathBuf};

#[path = "../host-native/src/guest/engine_config.rs"]
mod engine_config;

use understudy_guest_build::{self as guest, Failure};

fn main() {
    if let Err(error) = run() {
        println!("cargo::error={error}");
    }
}

fn run() -> Result<(), Failure> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("..");
    for changed in ["../host-native/src/guest/engine_config.rs", "build.rs"] {
        println!("cargo::rerun-if-changed={changed}");
    }
    let sources = ["core/src", "core/Cargo.toml", "sdk-shim/calls", "sdk-shim/wire", "host-wasi"];
    let component = fs::read(guest::build(&root, "understudy-wasi", "wasm32-wasip2", &sources)?)?;
    let config = engine_config::engine_config(Some(&env::var("TARGET")?))?;
    let precompiled = wasmtime::Engine::new(&config)?.precompile_component(&component)?;
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("understudy-wasi.cwasm"), precompiled)?;
    Ok(())
}
