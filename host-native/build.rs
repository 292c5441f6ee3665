//! Core module → component → precompiled for the target. No download, no compiler in the binary.
//!
//! Leaves in the profile's folder `understudy.core.wasm` and `understudy.component.wasm` for other hosts, and in `OUT_DIR`
//! what the binary includes: the precompiled one, and the component deflated for `understudy wasm`.

use std::{env, fs, ops::Range, path::PathBuf};

#[path = "src/guest/engine_config.rs"]
mod engine_config;

use miniz_oxide::deflate;
use understudy_guest_module::CORE_MODULE;

/// More takes seconds in a build script and gives hardly any bytes.
const DEFLATE_LEVEL: u8 = 6;

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
    let module = first_module(&component).ok_or("the component does not begin with its core module")?;
    // The same bytes as `understudy wasm` writes: without the description of the interfaces.
    fs::write(profile.join("understudy.core.wasm"), &component[module.clone()])?;
    fs::write(profile.join("understudy.component.wasm"), &component)?;

    fs::write(out.join("understudy.core.range"), format!("{} {}", module.start, module.len()))?;
    fs::write(out.join("understudy.component.wasm.deflate"), deflate::compress_to_vec(&component, DEFLATE_LEVEL))?;
    Ok(())
}

/// Where the core module lies in a component that begins with it: after the header of 8 bytes a section of kind 1, its length
/// in LEB128, its bytes. The component's copy lacks the description of the interfaces, which is the component's own.
/// Source: the component model's binary format.
fn first_module(component: &[u8]) -> Option<Range<usize>> {
    let mut rest = component.get(8..)?.strip_prefix(&[1])?.iter();
    let (mut length, mut shift) = (0_usize, 0_u32);
    loop {
        let byte = *rest.next()?;
        length |= usize::from(byte & 0x7f).checked_shl(shift)?;
        shift += 7;
        if byte < 0x80 {
            break;
        }
    }
    let start = component.len() - rest.len();
    let end = start.checked_add(length)?;
    component.get(start..end)?.starts_with(b"\0asm").then_some(start..end)
}
