//! Builds the guest: core module → component → precompiled for the target. No download, no compiler in the binary.
//!
//! Leaves in the profile's folder `understudy.core.wasm` and `understudy.component.wasm` for other hosts, and in `OUT_DIR`
//! what the binary includes. `UNDERSTUDY_CORE_WASM` names a core module to take instead of building one.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

#[path = "src/guest/engine_config.rs"]
mod engine_config;

const GUEST_TARGET: &str = "wasm32-unknown-unknown";

type Failure = Box<dyn std::error::Error>;

fn main() {
    if let Err(error) = run() {
        println!("cargo::error={error}");
    }
}

fn run() -> Result<(), Failure> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("..");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    println!("cargo::rerun-if-env-changed=UNDERSTUDY_CORE_WASM");
    for changed in ["core/src", "core/Cargo.toml", "core/component", "wit", "Cargo.toml", "Cargo.lock"] {
        println!("cargo::rerun-if-changed={}", root.join(changed).display());
    }
    println!("cargo::rerun-if-changed=src/guest/engine_config.rs");
    println!("cargo::rerun-if-changed=build.rs");

    let core = match env::var_os("UNDERSTUDY_CORE_WASM") {
        Some(given) => fs::read(&given).map_err(|error| format!("{}: {error}", given.display()))?,
        None => fs::read(build_core(&root, &out)?)?,
    };
    let component = wit_component::ComponentEncoder::default().validate(true).module(&core)?.encode()?;
    let config = engine_config::engine_config(Some(&env::var("TARGET")?))?;
    let precompiled = wasmtime::Engine::new(&config)?.precompile_component(&component)?;
    fs::write(out.join("understudy.cwasm"), precompiled)?;

    // OUT_DIR is `<profile>/build/understudy-<hash>/out`.
    let profile = out.ancestors().nth(3).ok_or("OUT_DIR has no profile folder above it")?;
    fs::write(profile.join("understudy.core.wasm"), core)?;
    fs::write(profile.join("understudy.component.wasm"), component)?;
    Ok(())
}

fn build_core(root: &Path, out: &Path) -> Result<PathBuf, Failure> {
    let target = out.join("guest");
    let mut cargo = Command::new(env::var("CARGO")?);
    cargo.current_dir(root).args(["build", "--locked", "--package", "understudy-component", "--profile", "guest"]);
    // A target folder of its own: the outer cargo holds the lock of the other one.
    cargo.args(["--target", GUEST_TARGET, "--target-dir"]).arg(&target);
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        let is_of_outer_build = text.starts_with("CARGO_CFG_") || text.starts_with("CARGO_FEATURE_");
        let changes_code = matches!(
            &*text,
            "RUSTFLAGS"
                | "CARGO_ENCODED_RUSTFLAGS"
                | "CARGO_BUILD_TARGET"
                | "RUSTC_WRAPPER"
                | "RUSTC_WORKSPACE_WRAPPER"
                | "TARGET"
        );
        if is_of_outer_build || changes_code {
            cargo.env_remove(&name);
        }
    }
    check_target()?;
    let done = cargo.output()?;
    if !done.status.success() {
        return Err(format!("the guest doesn't build:\n{}", String::from_utf8_lossy(&done.stderr)).into());
    }
    Ok(target.join(GUEST_TARGET).join("guest").join("understudy_component.wasm"))
}

/// Says what to type where the target is not installed.
fn check_target() -> Result<(), Failure> {
    let libraries =
        Command::new(env::var("RUSTC")?).args(["--print", "target-libdir", "--target", GUEST_TARGET]).output()?;
    let libraries = String::from_utf8_lossy(&libraries.stdout);
    if Path::new(libraries.trim()).is_dir() {
        return Ok(());
    }
    Err(format!("the target {GUEST_TARGET} is not installed: type `rustup target add {GUEST_TARGET}`").into())
}
