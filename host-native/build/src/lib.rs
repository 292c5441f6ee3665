//! Cargo inside a build script: a package for a WebAssembly target, from the same sources and lock file. This crate's own
//! build script sees to the target.
//!
//! Its profile is `guest-image` where the outer one is `image`, else `guest`, which is built sooner; the variable
//! `UNDERSTUDY_GUEST_PROFILE` names another.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// What build scripts fail with.
pub type Failure = Box<dyn std::error::Error>;

/// Builds `package` for `target` in the workspace at `root`; where the module lies. Declares what it was built from.
pub fn build(root: &Path, package: &str, target: &str, sources: &[&str]) -> Result<PathBuf, Failure> {
    for changed in ["Cargo.toml", "Cargo.lock"].iter().chain(sources) {
        println!("cargo::rerun-if-changed={}", root.join(changed).display());
    }
    // A target folder of its own: the outer cargo holds the lock of the other one.
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let (folder, profile) = (out.join("guest"), profile(&out));
    let mut cargo = Command::new(env::var("CARGO")?);
    cargo.current_dir(root).args(["build", "--locked", "--package", package, "--profile", &profile]);
    cargo.args(["--target", target, "--target-dir"]).arg(&folder);
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
    let done = cargo.output()?;
    if !done.status.success() {
        return Err(format!("the guest doesn't build:\n{}", String::from_utf8_lossy(&done.stderr)).into());
    }
    Ok(folder.join(target).join(profile).join(package.replace('-', "_")).with_extension("wasm"))
}

/// The guest's profile. `out` is `<outer profile>/build/<package>-<hash>/out`.
fn profile(out: &Path) -> String {
    println!("cargo::rerun-if-env-changed=UNDERSTUDY_GUEST_PROFILE");
    env::var("UNDERSTUDY_GUEST_PROFILE").unwrap_or_else(|_| {
        let is_image = out.ancestors().nth(3).is_some_and(|outer| outer.ends_with("image"));
        if is_image { "guest-image" } else { "guest" }.to_owned()
    })
}
