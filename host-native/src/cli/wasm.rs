//! `understudy wasm`: the engine for other hosts, as files that this binary carries. Nobody needs a compiler to embed it.

use std::{
    io,
    ops::Range,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use serde_json::Value;

use super::failed;
use crate::output;

/// `understudy wasm`.
#[derive(Args, Debug)]
pub struct WasmArgs {
    /// Folder for the files; made if there is none. Files of the same names in it are replaced.
    #[arg(short, long, value_name = "FOLDER")]
    output: PathBuf,
}

/// The component, deflated: a third of its bytes.
const COMPONENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/understudy.component.wasm.deflate"));
/// Where the core module lies in the component, as `at bytes`: the same bytes are not carried twice.
const CORE_RANGE: &str = include_str!(concat!(env!("OUT_DIR"), "/understudy.core.range"));

/// The engine's two forms.
struct Engine {
    component: Vec<u8>,
    core: Range<usize>,
}

impl Engine {
    fn carried() -> Self {
        let component = miniz_oxide::inflate::decompress_to_vec(COMPONENT).expect("the build deflated it");
        let mut numbers = CORE_RANGE.split(' ').map(|number| number.parse().expect("the build wrote numbers"));
        let (at, bytes) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        Engine { component, core: at..at + bytes }
    }

    fn core(&self) -> &[u8] {
        self.component.get(self.core.clone()).expect("the build found it there")
    }
}

/// Where a file goes, and what it holds.
type File = (&'static str, &'static [u8]);

/// A file of the repository.
macro_rules! file {
    ($to:literal, $from:literal) => {
        ($to, include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../", $from)).as_slice())
    };
}

const FILES: &[File] = &[
    file!("LICENSE", "LICENSE"),
    file!("RAW.md", "wit/RAW.md"),
    file!("CHANGELOG.md", "wit/CHANGELOG.md"),
    file!("wit/authorizer.wit", "wit/authorizer.wit"),
    file!("wit/policy.wit", "wit/policy.wit"),
    file!("wit/reasons.wit", "wit/reasons.wit"),
    file!("wit/snapshot.wit", "wit/snapshot.wit"),
    file!("wit/types.wit", "wit/types.wit"),
    file!("wit/vocabulary.wit", "wit/vocabulary.wit"),
    file!("wit/world.wit", "wit/world.wit"),
    file!("js/LICENSE", "LICENSE"),
    file!("js/README.md", "sdk-shim/js/README.md"),
    file!("js/index.d.ts", "sdk-shim/js/index.d.ts"),
    file!("js/src/answers.js", "sdk-shim/js/src/answers.js"),
    file!("js/src/engine.js", "sdk-shim/js/src/engine.js"),
    file!("js/src/error.js", "sdk-shim/js/src/error.js"),
    file!("js/src/explanation.js", "sdk-shim/js/src/explanation.js"),
    file!("js/src/index.js", "sdk-shim/js/src/index.js"),
    file!("js/src/module.js", "sdk-shim/js/src/module.js"),
    file!("js/src/options.js", "sdk-shim/js/src/options.js"),
    file!("js/src/snapshot.js", "sdk-shim/js/src/snapshot.js"),
    file!("js/src/words.js", "sdk-shim/js/src/words.js"),
];

const PACKAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../sdk-shim/js/package.json"));

/// Writes them.
pub fn run(args: &WasmArgs) -> ExitCode {
    let folder = &args.output;
    let package = package();
    let engine = Engine::carried();
    let made = [
        ("understudy.core.wasm", engine.core()),
        ("understudy.component.wasm", &*engine.component),
        ("js/understudy.core.wasm", engine.core()),
        ("js/package.json", package.as_bytes()),
    ];
    for (name, bytes) in FILES.iter().copied().chain(made) {
        let path = folder.join(name);
        if let Err(error) = write(&path, bytes) {
            return failed(&format!("{} can't be written: {error}", path.display()));
        }
    }
    let of =
        |what: &str, bytes: &[u8]| output::line(format_args!("{}: {} bytes", folder.join(what).display(), bytes.len()));
    of("understudy.core.wasm", engine.core());
    of("understudy.component.wasm", &engine.component);
    output::line(format_args!(
        "{}: their interfaces; {}: the core module's calls",
        folder.join("wit").display(),
        folder.join("RAW.md").display()
    ));
    output::line(format_args!("{}: the package for Node.js: `npm install` it from there", folder.join("js").display()));
    ExitCode::SUCCESS
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, bytes)
}

/// The package's description without its scripts, which are of the repository: here the core module lies beside it.
fn package() -> String {
    let mut package: Value = serde_json::from_str(PACKAGE).expect("the repository's own file is JSON");
    if let Some(members) = package.as_object_mut() {
        members.remove("scripts");
    }
    format!("{package:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of the files in a folder of the repository.
    fn names(folder: &str, extension: &str) -> Vec<String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let entries = std::fs::read_dir(root.join(folder)).expect("a folder of the repository");
        let names = entries.map(|entry| entry.expect("it can be listed").file_name().to_string_lossy().into_owned());
        names.filter(|name| name.ends_with(extension)).collect()
    }

    #[test]
    fn every_interface_and_every_source_of_the_package_is_carried() {
        for (folder, extension, to) in [("wit", ".wit", "wit"), ("sdk-shim/js/src", ".js", "js/src")] {
            let names = names(folder, extension);
            assert!(names.len() > 5, "{folder}");
            for name in names {
                let wanted = format!("{to}/{name}");
                assert!(FILES.iter().any(|(carried, _)| *carried == wanted), "{wanted} is not written");
            }
        }
    }

    #[test]
    fn both_forms_of_the_engine_are_carried_whole() {
        let engine = Engine::carried();
        // Magic number and version of a module, and of a component.
        assert!(engine.core().starts_with(b"\0asm\x01\0\0\0"));
        assert!(engine.component.starts_with(b"\0asm\x0d\0\x01\0"));
    }

    #[test]
    fn the_package_has_nothing_to_run_and_all_that_it_lists() {
        let package: Value = serde_json::from_str(&package()).expect("JSON");
        assert_eq!(package.get("scripts"), None);
        for listed in package["files"].as_array().expect("the package lists its files") {
            let listed = format!("js/{}", listed.as_str().expect("a name"));
            let is_made = listed == "js/understudy.core.wasm";
            assert!(is_made || FILES.iter().any(|(name, _)| name.starts_with(&listed)), "{listed}");
        }
    }
}
