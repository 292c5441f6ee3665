//! The official SDKs, as published, on real processes: they write to a primary, and keep their answers from a node while
//! the primary is dead, after the node's own death, and from another node that was given the first one's export.
//!
//! The programs are in `tests/sdk`; `tests/sdk/answers.json` holds what both of them must be told, every time.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::{Value as Json, json};
use understudy_tests::{
    process::{KEY, NODE_VARIABLES, Process, node_args, skip},
    programs,
};

const BINARY: &str = env!("CARGO_BIN_EXE_understudy");
const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/sdk");

#[test]
fn npm_oso_cloud_keeps_its_answers() {
    match Sdk::node() {
        Ok(sdk) => stands_in(&sdk),
        Err(missing) => skip("npm_oso_cloud_keeps_its_answers", &missing),
    }
}

#[test]
fn pypi_oso_cloud_keeps_its_answers() {
    match Sdk::python() {
        Ok(sdk) => stands_in(&sdk),
        Err(missing) => skip("pypi_oso_cloud_keeps_its_answers", &missing),
    }
}

fn stands_in(sdk: &Sdk) {
    let folder = tempfile::tempdir().expect("a folder");
    let (binary, directory) = (Path::new(BINARY), folder.path().join("node"));
    let mut primary = Process::primary(binary, folder.path(), &[]);
    let upstream = primary.url();
    let mut node = Process::node(binary, folder.path(), &directory, &upstream, &["--sync-interval", "1s"]);

    let outcomes = sdk.write(&upstream, None);
    assert!(outcomes.iter().all(|(_, outcome)| outcome == "written"), "{outcomes:?}");
    sdk.ask("the primary", &upstream, None);
    let of_older_sdks = older_sdks(&primary);
    let facts = primary.get("/api/facts").json();
    let n_facts = facts.as_array().map(Vec::len);
    node.await_serving();
    node.await_that("the writes arrive", || node.get("/api/facts").json() == facts);
    sdk.ask("the node itself", &node.url(), None);
    assert_eq!(older_sdks(&node), of_older_sdks);

    primary.kill();
    sdk.ask("the node as fallback", &upstream, Some((&node.url(), n_facts)));
    for (write, outcome) in sdk.write(&upstream, Some(&node.url())) {
        assert!(outcome.contains(sdk.refusal), "{write} while the primary is dead: {outcome}");
    }

    node.kill();
    let node = Process::node(binary, folder.path(), &directory, &upstream, &[]);
    node.await_serving();
    sdk.ask("the node from its disk", &upstream, Some((&node.url(), n_facts)));
    assert_eq!(older_sdks(&node), of_older_sdks);
    drop(node);

    let export = folder.path().join("exported.snapshot");
    let export = export.to_str().expect("a path in UTF-8");
    let status = run_out(folder.path(), &directory, &upstream, &["--export", export]).0;
    assert_eq!(status, Some(0));
    let other = folder.path().join("other");
    let other = Process::node(binary, folder.path(), &other, &upstream, &["--import", export]);
    other.await_serving();
    sdk.ask("another node, from the export", &upstream, Some((&other.url(), n_facts)));
    assert_eq!(older_sdks(&other), of_older_sdks);

    let mut bytes = std::fs::read(export).expect("the export");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(export, bytes).expect("the export is ours");
    let (status, printed) =
        run_out(folder.path(), &folder.path().join("third"), &upstream, &["--port", "0", "--import", export]);
    assert_eq!(status, Some(1), "{printed}");
    assert!(printed.contains("import: ") && printed.contains("damaged"), "{printed}");
}

/// Runs a node that ends by itself: exit code, and what it printed.
fn run_out(folder: &Path, directory: &Path, upstream: &str, more: &[&str]) -> (Option<i32>, String) {
    let mut node = Process::start(Path::new(BINARY), folder, &node_args(directory, upstream, more), NODE_VARIABLES);
    let status = node.await_exit(Duration::from_secs(20));
    (status.code(), node.printed())
}

/// What only SDKs before 2.0 call: they are not among the programs.
fn older_sdks(server: &Process) -> Vec<Json> {
    let repositories = ["web", "old", "nowhere", "api", "web"].map(|id| json!({"type": "Repository", "id": id}));
    let any_of = |type_name: &str| json!({"type": type_name, "id": null});
    let ann = json!({"type": "User", "id": "ann"});
    let resources = json!({
        "actor_type": "User", "actor_id": "ann", "action": "push", "resources": repositories, "context_facts": []
    });
    let rows = json!({
        "fact": {"predicate": "allow", "args": [ann, any_of("String"), any_of("Repository")]}, "context_facts": []
    });
    let anyone = json!({
        "fact": {"predicate": "allow", "args": [any_of("User"), {"type": "String", "id": "read"}, any_of("Repository")]},
        "context_facts": []
    });
    let answers = [("/api/authorize_resources", resources), ("/api/query", rows), ("/api/query", anyone)]
        .map(|(path, body)| server.post(path, &body).json()["results"].clone());
    assert_eq!(answers[0], json!(["web", "api", "web"].map(|id| json!({"type": "Repository", "id": id}))));
    assert_eq!(answers[1].as_array().map(Vec::len), Some(6), "{}", answers[1]);
    answers.into()
}

/// An official SDK and the programs on it.
struct Sdk {
    /// Runs the programs.
    interpreter: PathBuf,
    /// Where the programs lie.
    programs: PathBuf,
    /// How their names end.
    ending: &'static str,
    /// What its errors say when there is no primary to write to.
    refusal: &'static str,
    /// Its fallback gets `get` without the pattern, and gives every fact.
    fallback_gets_all: bool,
}

impl Sdk {
    fn node() -> Result<Sdk, String> {
        programs::node()?;
        let installed = programs::official_sdk(&target(), "node")?;
        // Node looks for packages beside the program, not where it is started.
        for entry in std::fs::read_dir(Path::new(PROGRAMS).join("node")).expect("the programs are there") {
            let program = entry.expect("the programs can be listed").path();
            if let (Some(name), Some("mjs")) = (program.file_name(), program.extension().and_then(|e| e.to_str())) {
                std::fs::copy(&program, installed.join(name)).expect("target is ours to write");
            }
        }
        let refusal = "Oso Cloud error: Unexpected fetch error";
        Ok(Sdk { interpreter: "node".into(), programs: installed, ending: "mjs", refusal, fallback_gets_all: true })
    }

    fn python() -> Result<Sdk, String> {
        let interpreter = programs::official_sdk(&target(), "python")?.join("bin/python");
        let programs = Path::new(PROGRAMS).join("python");
        Ok(Sdk { interpreter, programs, ending: "py", refusal: "Connection refused", fallback_gets_all: false })
    }

    /// What came of every write.
    fn write(&self, primary: &str, node: Option<&str>) -> Vec<(String, String)> {
        let policy = format!("{PROGRAMS}/policy.polar");
        let outcomes = self.run("write", &[&policy], primary, node);
        let outcomes = outcomes.as_object().into_iter().flatten();
        let outcomes: Vec<_> =
            outcomes.map(|(write, outcome)| (write.clone(), outcome.as_str().unwrap_or_default().to_owned())).collect();
        assert_eq!(outcomes.len(), 5, "{outcomes:?}");
        outcomes
    }

    /// Asks everything and compares the answers. `fallback`: the node, and how many facts it has.
    fn ask(&self, whom: &str, primary: &str, fallback: Option<(&str, Option<usize>)>) {
        let told = self.run("ask", &[], primary, fallback.map(|(url, _)| url));
        let expected = std::fs::read_to_string(format!("{PROGRAMS}/answers.json")).expect("the expected answers");
        let expected: Json = serde_json::from_str(&expected).expect("the expected answers are JSON");
        let (answers, expected) = (told["answers"].as_object(), expected.as_object());
        let (answers, expected) = (answers.expect("answers"), expected.expect("an object"));
        for (question, answer) in expected {
            assert_eq!(answers.get(question), Some(answer), "{question}, from {whom}");
        }
        assert_eq!(answers.len(), expected.len());
        for (question, given) in told["given"].as_object().expect("numbers of facts") {
            let n_facts = match fallback {
                Some((_, n_facts)) if self.fallback_gets_all => n_facts,
                _ => answers[question].as_array().map(Vec::len),
            };
            assert_eq!(given.as_u64(), n_facts.map(|n| n as u64), "facts given for {question}, from {whom}");
        }
    }

    fn run(&self, program: &str, args: &[&str], primary: &str, node: Option<&str>) -> Json {
        let mut command = Command::new(&self.interpreter);
        command.arg(self.programs.join(format!("{program}.{}", self.ending))).args(args);
        command.envs([("UNDERSTUDY_URL", primary), ("UNDERSTUDY_KEY", KEY)]);
        command.envs(node.map(|url| ("UNDERSTUDY_FALLBACK_URL", url)));
        // The servers are on loopback: whatever proxy installed the SDK doesn't reach them.
        command.envs([("NO_PROXY", "127.0.0.1"), ("no_proxy", "127.0.0.1")]);
        command.envs([("PYTHONDONTWRITEBYTECODE", "1"), ("PYTHONUTF8", "1")]);
        let output = command.output().expect("the interpreter starts");
        let [printed, errors] =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        assert!(output.status.success(), "{program} with {primary}, {node:?}: {errors}");
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{program}: {error}: {printed}"))
    }
}

fn target() -> PathBuf {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    scratch.parent().unwrap_or(scratch).to_owned()
}
