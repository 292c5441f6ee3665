//! Core module → component → precompiled for the target. No download, no compiler in the binary.
//!
//! Leaves in the profile's folder `understudy.core.wasm` and `understudy.component.wasm` for other hosts, and in `OUT_DIR`
//! what the binary includes: the same two, for `understudy wasm`, and the precompiled one.

use std::{env, fs, path::PathBuf};

#[path = "src/guest/engine_config.rs"]
mod engine_config;

use understudy_guest_module::CORE_MODULE;

type Failure = Box<dyn std::error::Error>;

fn main() {
    if let Err(error) = run() {
        println!("cargo::error={error}");
    }
}

fn run() -> Result<(), Failure> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for changed in ["src/guest/engine_config.rs", "build.rs", CORE_MODULE] {
        println!("cargo::rerun-if-changed={changed}");
    }

    let core = fs::read(CORE_MODULE).map_err(|error| format!("{CORE_MODULE}: {error}"))?;
    let component = wit_component::ComponentEncoder::default().validate(true).module(&core)?.encode()?;
    let config = engine_config::engine_config(Some(&env::var("TARGET")?))?;
    let precompiled = wasmtime::Engine::new(&config)?.precompile_component(&component)?;
    fs::write(out.join("understudy.cwasm"), precompiled)?;

    // OUT_DIR is `<profile>/build/understudy-<hash>/out`.
    let profile = out.ancestors().nth(3).ok_or("OUT_DIR has no profile folder above it")?;
    for folder in [&*out, profile] {
        fs::write(folder.join("understudy.core.wasm"), &core)?;
        fs::write(folder.join("understudy.component.wasm"), &component)?;
    }
    Ok(())
}
