//! Builds the guest: core module → component → precompiled for the target. No download, no compiler in the binary.
//!
//! Leaves in the profile's folder `understudy.core.wasm` and `understudy.component.wasm` for other hosts, and in `OUT_DIR`
//! what the binary includes: the same two, for `understudy wasm`, and the precompiled one. `UNDERSTUDY_CORE_WASM` names a core module to take instead of building one.

use std::{env, fs, path::PathBuf};

#[path = "src/guest/engine_config.rs"]
mod engine_config;

use understudy_guest_build::{self as guest, Failure};

fn main() {
    if let Err(error) = run() {
        println!("cargo::error={error}");
    }
}

fn run() -> Result<(), Failure> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("..");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo::rerun-if-env-changed=UNDERSTUDY_CORE_WASM");
    for changed in ["src/guest/engine_config.rs", "build.rs"] {
        println!("cargo::rerun-if-changed={changed}");
    }

    let core = match env::var_os("UNDERSTUDY_CORE_WASM") {
        Some(given) => fs::read(&given).map_err(|error| format!("{}: {error}", given.display()))?,
        None => {
            let sources = ["core/src", "core/Cargo.toml", "core/component", "wit"];
            fs::read(guest::build(&root, "understudy-component", "wasm32-unknown-unknown", &sources)?)?
        }
    };
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
