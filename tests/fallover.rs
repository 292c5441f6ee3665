//! The official SDKs, as published, beside a primary with every fault there is: what our node is asked, and what the
//! application gets. What must come of it stands in [`TABLE`], which is http-api.md §10.1 with what is left of it here.
//!
//! The Go column is a program of ours that repeats the Go client's documented transport (`tests/sdk/go`).

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value as Json, json};
use understudy_tests::{
    faulty::{
        Fault::{self, Away, Certificate, Cut, Loop, Name, Refused, Reset, Status, Timeout},
        Faulty, Recorder,
    },
    process::{KEY, Process, skip},
    programs,
    serve::{Asked, Given},
};

const BINARY: &str = env!("CARGO_BIN_EXE_understudy");
const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/sdk");

/// What one SDK makes of one fault.
#[derive(Clone, Copy)]
struct Cell {
    /// Requests of one call to the primary; `None`: they can't be counted there.
    tries: Option<usize>,
    /// Is the node asked?
    falls_back: bool,
}

const fn goes(tries: usize) -> Option<Cell> {
    Some(Cell { tries: Some(tries), falls_back: true })
}
const fn stays(tries: usize) -> Option<Cell> {
    Some(Cell { tries: Some(tries), falls_back: false })
}
/// Of a primary that isn't there.
const GOES: Option<Cell> = Some(Cell { tries: None, falls_back: true });
const STAYS: Option<Cell> = Some(Cell { tries: None, falls_back: false });
/// It waits for ever.
const HANGS: Option<Cell> = None;

/// Fault; npm 2.6.0, PyPI 2.6.0, the stand-in for Go 2.3.1.
const TABLE: [(Fault, [Option<Cell>; 3]); 18] = [
    (Refused, [GOES, GOES, GOES]),
    // The product page says that these never fall back. npm's client alone keeps to that.
    (Name, [STAYS, GOES, GOES]),
    // npm's only where the application sets a time.
    (Timeout, [goes(3), goes(2), HANGS]),
    (Reset, [stays(3), goes(2), goes(4)]),
    // 21 requests each of three times; 31; 11.
    (Loop, [stays(63), stays(31), goes(10)]),
    (Away, [stays(1), stays(1), stays(1)]),
    (Certificate, [stays(3), goes(2), goes(1)]),
    // npm's never settles the call: the HTTP library under it passes the end on to nobody.
    (Cut, [stays(1), stays(1), stays(1)]),
    (Status(400), [goes(3), goes(1), goes(1)]),
    (Status(401), [stays(1), stays(1), stays(1)]),
    (Status(404), [stays(1), stays(1), stays(1)]),
    (Status(408), [stays(1), stays(1), stays(1)]),
    (Status(413), [stays(1), stays(1), stays(1)]),
    (Status(429), [stays(3), stays(2), goes(4)]),
    (Status(500), [goes(3), goes(2), goes(4)]),
    (Status(501), [goes(3), goes(2), goes(1)]),
    (Status(503), [goes(3), goes(2), goes(4)]),
    (Status(505), [goes(1), goes(2), goes(4)]),
];

/// What the node gives without the primary's help, by status: requests to it of one call, where the primary refuses
/// connections. A refusal of ours costs an application more than one request only where it may help.
const REFUSALS: [(u16, [usize; 3]); 8] = [
    (400, [2, 1, 1]),
    (401, [1, 1, 1]),
    (404, [1, 1, 1]),
    (405, [1, 1, 1]),
    (408, [1, 1, 1]),
    (413, [1, 1, 1]),
    (500, [2, 2, 1]),
    (503, [2, 2, 1]),
];

#[test]
fn npm_oso_cloud_falls_over_as_documented() {
    match Sdk::node() {
        Ok(sdk) => falls_over(&sdk),
        Err(missing) => skip("npm_oso_cloud_falls_over_as_documented", &missing),
    }
}

#[test]
fn pypi_oso_cloud_falls_over_as_documented() {
    match Sdk::python() {
        Ok(sdk) => falls_over(&sdk),
        Err(missing) => skip("pypi_oso_cloud_falls_over_as_documented", &missing),
    }
}

#[test]
fn the_stand_in_for_go_falls_over_as_documented() {
    let folder = tempfile::tempdir().expect("a folder");
    match Sdk::go(folder.path()) {
        Ok(sdk) => {
            falls_over(&sdk);
            connections_left_open(&sdk);
        }
        Err(missing) => skip("the_stand_in_for_go_falls_over_as_documented", &missing),
    }
}

fn servers(folder: &Path) -> (Process, Process) {
    let binary = Path::new(BINARY);
    let primary = Process::primary(binary, folder, &[]);
    primary.post_policy(
        "actor User {} resource Repo { roles = [\"reader\"]; permissions = [\"read\"]; \"read\" if \"reader\"; }",
    );
    primary.write(&[json!(["has_role", ["User", "ann"], ["String", "reader"], ["Repo", "web"]])], &[]);
    let node = Process::node(binary, folder, &folder.join("node"), &primary.url(), &["--sync-interval", "100ms"]);
    node.await_serving();
    node.await_that("the write arrives", || node.get("/api/facts").text() != "[]");
    (primary, node)
}

fn falls_over(sdk: &Sdk) {
    let folder = tempfile::tempdir().expect("a folder");
    let (_primary, node) = servers(folder.path());
    let recorder = Recorder::before(node.address());
    let direct = sdk.run(&recorder.url(), None, None);
    let usual = recorder.take();
    println!("{}: fault, requests of a call to the primary and to the node, what the application gets", sdk.name);
    for (fault, cells) in TABLE {
        let Some(cell) = cells[sdk.column] else {
            println!("  {fault:?}: not asked, it waits for ever");
            continue;
        };
        let faulty = Faulty::start(fault);
        let timeout_ms = (fault == Timeout).then_some("1500");
        let outcomes = sdk.run(faulty.url(), Some(&recorder.url()), timeout_ms);
        let (to_primary, to_node) = (faulty.asked(), recorder.take());
        assert_eq!(outcomes.len(), direct.len());
        for (call, outcome) in &outcomes {
            let path = format!("/api/{call}");
            let of_call = |asked: &[Asked]| asked.iter().filter(|one| one.path == path).count();
            let is_eligible = call != "batch" && (sdk.column != 2 || call != "evaluate_query_local");
            if let (Some(tries), false) = (cell.tries, fault == Certificate) {
                assert_eq!(of_call(&to_primary), tries, "{fault:?} {call}: requests to the primary");
            }
            let expected = usize::from(cell.falls_back && is_eligible);
            assert_eq!(of_call(&to_node), expected, "{fault:?} {call}: requests to the node, {outcome}");
            if expected == 1 {
                assert_eq!(of_message(outcome), of_message(&direct[call]), "{fault:?} {call}");
            } else {
                assert!(outcome["error"].is_string(), "{fault:?} {call}: {outcome}");
            }
        }
        if fault == Certificate {
            let tries = cell.tries.unwrap_or_default();
            // Connections instead of requests: one a call and try.
            assert_eq!(to_primary.len(), tries * outcomes.len(), "{fault:?}: connections to the primary");
        }
        to_node.iter().for_each(|asked| assert_asked(sdk, asked, &usual, &to_primary));
        let tries = cell.tries.map_or("-".to_owned(), |tries| tries.to_string());
        let gets = if cell.falls_back { "the node's answer" } else { "an error" };
        println!("  {:<12} {tries:>3} {:>2}  {gets}", format!("{fault:?}"), usize::from(cell.falls_back));
    }

    println!("{}: status of the node while the primary is gone, requests of a call to the node", sdk.name);
    let gone = Faulty::start(Refused);
    for (status, expected) in REFUSALS {
        let node = Recorder::with(move |_| {
            let headers = vec![("retry-after".to_owned(), "1".to_owned())];
            Given::With { status, headers, body: br#"{"message":"told so"}"#.to_vec() }
        });
        let outcome = &sdk.run(gone.url(), Some(&node.url()), None)["authorize"];
        let asked = node.take().iter().filter(|asked| asked.path == "/api/authorize").count();
        assert_eq!(asked, expected[sdk.column], "{status}: requests to the node");
        assert!(outcome["error"].as_str().is_some_and(|error| error.contains("told so")), "{status}: {outcome}");
        println!("  {status}  {asked}");
    }
}

/// An outcome without what differs from call to call: the id of the request.
fn of_message(outcome: &Json) -> Json {
    match outcome["error"].as_str() {
        Some(error) => {
            assert!(error.contains("local authorization is not served here yet"), "{error}");
            let end = error.find("(Request ID: ").or_else(|| error.find("\"request_id\"")).unwrap_or(error.len());
            json!(error[..end])
        }
        None => outcome.clone(),
    }
}

/// What the node is asked is what the primary would have been, but for what each SDK is known to change.
fn assert_asked(sdk: &Sdk, asked: &Asked, usual: &[Asked], to_primary: &[Asked]) {
    let same = usual.iter().find(|one| one.path == asked.path).expect("a call it makes");
    assert_eq!(asked.method, same.method);
    assert_eq!(asked.bearer, KEY);
    let parsed = |body: &[u8]| serde_json::from_slice::<Json>(body).unwrap_or(Json::Null);
    if sdk.has_stable_bodies(&asked.path) {
        assert_eq!(parsed(&asked.body), parsed(&same.body), "{}", asked.path);
    }
    match sdk.column {
        // npm's leaves the query out: the node is asked for every fact.
        0 => assert_eq!(asked.query, None, "{}", asked.path),
        _ => assert_eq!(asked.query, same.query, "{}", asked.path),
    }
    let id = asked.header("x-request-id").expect("an id");
    let of_primary = to_primary.iter().find(|one| one.path == asked.path).and_then(|one| one.header("x-request-id"));
    if let Some(of_primary) = of_primary {
        // npm's keeps the id of the call, the others make a new one.
        assert_eq!(of_primary == id, sdk.column == 0, "{}", asked.path);
    }
    let api_version = asked.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-osoapiversion"));
    let (name, value) = api_version.expect("the version of the API");
    assert_eq!(
        (name.as_str(), value.as_str()),
        (["X-OsoApiVersion", "X-OsoApiVersion", "X-Osoapiversion"][sdk.column], "0")
    );
    if sdk.column == 2 {
        assert_eq!(asked.header("accept-encoding"), Some("gzip"));
    }
}

/// The Go client leaves a connection to the primary open for every call that is refused with 400 where it has a fallback.
/// Our primary and our node live with as many as that makes.
fn connections_left_open(sdk: &Sdk) {
    const REPEATS: usize = 300;
    let folder = tempfile::tempdir().expect("a folder");
    let (primary, node) = servers(folder.path());
    let mut command = sdk.command(&primary.url(), Some(&node.url()));
    let repeats = [("UNDERSTUDY_REPEATS", REPEATS.to_string()), ("UNDERSTUDY_WAIT", "yes".to_owned())];
    command.envs(repeats).stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut client = command.spawn().expect("the program starts");
    let mut printed = String::new();
    let mut reader = std::io::BufReader::new(client.stdout.take().expect("its output"));
    std::io::BufRead::read_line(&mut reader, &mut printed).expect("its output");
    assert!(printed.contains(&format!("\"repeats\":{REPEATS}")), "{printed}");
    // Each of them holds a descriptor of the primary by now.
    let n_open = std::fs::read_dir(format!("/proc/{}/fd", primary.id())).expect("the primary lives").count();
    assert!(n_open > REPEATS, "{n_open} descriptors");
    for server in [&primary, &node] {
        assert!(server.authorize(("User", "ann"), "read", ("Repo", "web")));
    }
    drop(client.stdin.take());
    assert!(client.wait().expect("it ends").success());
    println!("Go: {REPEATS} refused calls left {n_open} descriptors open in the primary, which goes on");
}

/// An SDK, or what stands in for one, and the program on it.
struct Sdk {
    name: &'static str,
    /// Its place in the tables.
    column: usize,
    interpreter: PathBuf,
    program: Option<PathBuf>,
}

impl Sdk {
    fn node() -> Result<Sdk, String> {
        programs::node()?;
        let installed = programs::official_sdk(&target(), "node")?;
        // Node looks for packages beside the program, not where it is started.
        let program = installed.join("fallover.mjs");
        std::fs::copy(Path::new(PROGRAMS).join("node/fallover.mjs"), &program).expect("target is ours to write");
        Ok(Sdk { name: "npm oso-cloud 2.6.0", column: 0, interpreter: "node".into(), program: Some(program) })
    }

    fn python() -> Result<Sdk, String> {
        let interpreter = programs::official_sdk(&target(), "python")?.join("bin/python");
        let program = Some(Path::new(PROGRAMS).join("python/fallover.py"));
        Ok(Sdk { name: "PyPI oso-cloud 2.6.0", column: 1, interpreter, program })
    }

    fn go(folder: &Path) -> Result<Sdk, String> {
        let program = folder.join("fallover");
        let source = Path::new(PROGRAMS).join("go");
        let built = Command::new("go").args(["build", "-o"]).arg(&program).arg(".").current_dir(source).output();
        match built {
            Ok(built) if built.status.success() => {
                Ok(Sdk { name: "a stand-in for Go 2.3.1", column: 2, interpreter: program, program: None })
            }
            Ok(built) => panic!("the program doesn't compile: {}", String::from_utf8_lossy(&built.stderr)),
            Err(error) => Err(format!("Go ({error})")),
        }
    }

    /// Are its bodies the same every time? Variables of queries have random names in the SDKs.
    fn has_stable_bodies(&self, path: &str) -> bool {
        self.column == 2 || !matches!(path, "/api/evaluate_query" | "/api/evaluate_query_local")
    }

    fn command(&self, primary: &str, node: Option<&str>) -> Command {
        let mut command = Command::new(&self.interpreter);
        command.args(&self.program);
        command.envs([("UNDERSTUDY_URL", primary), ("UNDERSTUDY_KEY", KEY)]);
        command.env("UNDERSTUDY_BINDINGS", Path::new(PROGRAMS).join("bindings.yaml"));
        command.envs(node.map(|url| ("UNDERSTUDY_FALLBACK_URL", url)));
        // The servers are on loopback: whatever proxy installed the SDK doesn't reach them.
        command.envs([("NO_PROXY", "127.0.0.1"), ("no_proxy", "127.0.0.1")]);
        command.envs([("PYTHONDONTWRITEBYTECODE", "1"), ("PYTHONUTF8", "1")]);
        command
    }

    /// What the application gets of every call. `timeout_ms`: for the primary, where the SDK takes one.
    fn run(&self, primary: &str, node: Option<&str>, timeout_ms: Option<&str>) -> BTreeMap<String, Json> {
        let mut command = self.command(primary, node);
        command.envs(timeout_ms.map(|ms| ("UNDERSTUDY_TIMEOUT_MS", ms)));
        let output = command.output().expect("the interpreter starts");
        let [printed, errors] =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        assert!(output.status.success(), "{} with {primary}, {node:?}: {errors}", self.name);
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"))
    }
}

fn target() -> PathBuf {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR"));
    scratch.parent().unwrap_or(scratch).to_owned()
}
