//! The vendor's own test suites, unmodified, against a real primary: fetched from the package registries by `.ci/suites`,
//! none of their code is here. Their URL is hard-coded: port 8081, and nothing may listen on 6000.
//!
//! Left out is what needs local authorization (`authorize_query`, `list_query` and their kin, SQL), which there is none of
//! yet; every run prints the list.

use std::{
    fs::File,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
};

use understudy_tests::{
    process::{KEY, Process, skip},
    programs,
};

const BINARY: &str = env!("CARGO_BIN_EXE_understudy");
const PORT: u16 = 8081;
const NOBODY: u16 = 6000;

/// Files of the published packages that are not run, and why.
const LEFT_OUT: &[(&str, &str)] = &[
    ("node/oso-cloud/dist/src/kysely.test.js", "authorize_query and list_query: local authorization, on PostgreSQL"),
    ("Go 2.3.1", "its module can't be had from a registry"),
];

#[test]
fn npm_1_6_1() {
    run("npm_1_6_1", "node", 31, |folder| {
        programs::node()?;
        let mut command = Command::new("node");
        command.arg("node_modules/jest/bin/jest.js").current_dir(folder);
        command.args(["--rootDir", ".", "--testMatch", "**/oso-cloud/dist/src/index.test.js", "--runInBand"]);
        Ok(command)
    });
}

#[test]
fn pypi_1_4_0_dev0() {
    run("pypi_1_4_0_dev0", "python", 15, |folder| {
        let mut command = Command::new(folder.join("bin/python"));
        command.args(["-m", "pytest", "-p", "no:cacheprovider", "tests"]);
        command.envs([("PYTHONPATH", "src"), ("PYTHONDONTWRITEBYTECODE", "1")]);
        command.current_dir(folder.join("oso-cloud-1.4.0.dev0"));
        Ok(command)
    });
}

#[test]
fn crate_0_5_4() {
    run("crate_0_5_4", "rust", 1, |folder| {
        let mut command = Command::new("cargo");
        command.args(["test", "--locked", "--package", "oso-cloud", "--test", "integration_tests", "--", "--ignored"]);
        command.envs([("OSO_URL", format!("http://localhost:{PORT}").as_str()), ("OSO_AUTH", KEY)]);
        command.env("CARGO_TARGET_DIR", folder.join("target")).current_dir(folder);
        Ok(command)
    });
}

/// Runs one suite on a fresh primary; all of its `n_expected` tests pass.
fn run(test: &str, suite: &str, n_expected: usize, command: impl FnOnce(&Path) -> Result<Command, String>) {
    let folder = match programs::vendor_suite(&target(), suite) {
        Ok(folder) => folder,
        Err(missing) => return skip(test, &missing),
    };
    // The port is the machine's: whoever else wants it waits.
    let lock = File::create(std::env::temp_dir().join("understudy-port-8081.lock")).expect("a file for the lock");
    lock.lock().expect("the lock");
    for port in [PORT, NOBODY] {
        if TcpListener::bind(("127.0.0.1", port)).is_err() {
            return skip(test, &format!("a free port {port}"));
        }
    }
    let data = tempfile::tempdir().expect("a folder");
    let primary = Process::primary(Path::new(BINARY), data.path(), &["--port", &PORT.to_string()]);
    let mut command = match command(&folder) {
        Ok(command) => command,
        Err(missing) => return skip(test, &missing),
    };
    // The server is on loopback: whatever proxy fetched the suite doesn't reach it.
    command.envs([("NO_PROXY", "localhost,127.0.0.1"), ("no_proxy", "localhost,127.0.0.1")]);
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => return skip(test, &format!("what the suite runs on ({error})")),
    };
    let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    drop(primary);
    let n_passed = passed(&printed);
    println!("{test}: {} of the vendor's tests passed", n_passed.unwrap_or(0));
    for (what, why) in LEFT_OUT {
        println!("left out: {what}: {why}");
    }
    assert!(output.status.success(), "{printed}");
    assert_eq!(n_passed, Some(n_expected), "{printed}");
    let unknown = unknown_tests(&folder, suite);
    assert!(unknown.is_empty(), "neither run nor listed as left out: {unknown:?}");
}

/// The number before `passed` in a runner's last count.
fn passed(printed: &str) -> Option<usize> {
    let words: Vec<&str> = printed.split(|c: char| c.is_whitespace() || c == ',' || c == ';').collect();
    let mut counts = words.windows(2).filter(|pair| pair[1] == "passed").filter_map(|pair| pair[0].parse().ok());
    counts.next_back()
}

/// Files of tests in an npm package that this file doesn't name.
fn unknown_tests(folder: &Path, suite: &str) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder.join("oso-cloud/dist/src")) else { return Vec::new() };
    let names = entries.map(|entry| entry.expect("it can be listed").file_name().to_string_lossy().into_owned());
    let tests = names.filter(|name| name.ends_with(".test.js") && name != "index.test.js");
    tests
        .map(|name| format!("{suite}/oso-cloud/dist/src/{name}"))
        .filter(|name| LEFT_OUT.iter().all(|(known, _)| known != name))
        .collect()
}

fn target() -> PathBuf {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    scratch.parent().unwrap_or(scratch).to_owned()
}
