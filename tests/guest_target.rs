//! The build's first step on a machine without the guest's target: adds it through rustup, else says what to type.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

/// A machine whose compiler looks for the libraries of every target in one folder, which is not there yet.
struct Machine {
    folder: tempfile::TempDir,
    build_script: PathBuf,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let build_script = folder.path().join("build-script");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../host-native/build/build.rs");
        let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        let compiled = Command::new(rustc).args(["--edition", "2024", "-o"]).arg(&build_script).arg(source).status();
        assert!(compiled.expect("a compiler").success());
        let machine = Machine { folder, build_script };
        machine.program("rustc", &format!("echo {}", machine.libraries().display()));
        machine
    }

    fn libraries(&self) -> PathBuf {
        self.folder.path().join("libraries")
    }

    fn program(&self, name: &str, line: &str) -> PathBuf {
        let bin = self.folder.path().join("bin");
        fs::create_dir_all(&bin).expect("a folder");
        fs::write(bin.join(name), format!("#!/bin/sh\n{line}\n")).expect("a program");
        fs::set_permissions(bin.join(name), fs::Permissions::from_mode(0o755)).expect("a program that runs");
        bin.join(name)
    }

    /// What the build script prints, with or without a toolchain of rustup's.
    fn printed(&self, toolchain: Option<&str>) -> String {
        let mut script = Command::new(&self.build_script);
        script.env("RUSTC", self.folder.path().join("bin/rustc")).env_remove("RUSTUP_TOOLCHAIN");
        script.env("PATH", format!("{}:/usr/bin:/bin", self.folder.path().join("bin").display()));
        if let Some(toolchain) = toolchain {
            script.env("RUSTUP_TOOLCHAIN", toolchain);
        }
        String::from_utf8(script.output().expect("the script runs").stdout).expect("text")
    }
}

#[test]
fn a_missing_target_is_added_through_rustup() {
    let machine = Machine::new();
    machine.program("rustup", &format!("echo \"$@\" > {0}.asked; mkdir {0}", machine.libraries().display()));
    let printed = machine.printed(Some("1.95.0"));
    assert!(printed.contains("cargo::warning=added the target wasm32-unknown-unknown"), "{printed}");
    let asked = fs::read_to_string(machine.libraries().with_extension("asked")).expect("rustup was asked");
    assert_eq!(asked.trim(), "target add --toolchain 1.95.0 wasm32-unknown-unknown");
    assert!(!machine.printed(Some("1.95.0")).contains("cargo::warning"), "nothing is added twice");
}

#[test]
fn where_rustup_cannot_add_it_the_build_says_what_to_type() {
    let machine = Machine::new();
    machine.program("rustup", "echo 'error: could not download' >&2; exit 1");
    for (toolchain, reason) in [(Some("1.95.0"), " (rustup failed: error: could not download)"), (None, "")] {
        let printed = machine.printed(toolchain);
        let error = "cargo::error=the target wasm32-unknown-unknown is not installed; \
                     install it with `rustup target add wasm32-unknown-unknown`";
        assert!(printed.lines().any(|line| line == format!("{error}{reason}")), "{printed}");
    }
}
