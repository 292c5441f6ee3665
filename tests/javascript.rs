//! `sdk-shim/js` on snapshots that `understudy build` made: every case answers as the native engine does.
//!
//! The package's own tests do the asking (`node --test`); this makes the folders that they read.

use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
};

use serde_json::{Value as Json, json};
use understudy_core::{
    compile::{Source, compile},
    engine::{Engine, Options},
    eval::answer::Evaluator,
    facts::plain::Plain,
    limits::WORK_UNITS_PER_REQUEST,
    model::{
        Ask, Explanation, Fact, Request, Value,
        explanation::{Arg, Atom, By, Condition, Outcome, Step, Way, What},
    },
};
use understudy_tests::{
    ask,
    case::{Case, all, of_text},
    process::skip,
    programs,
};

const BINARY: &str = env!("CARGO_BIN_EXE_understudy");
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// `@current_unix_time` of cases that name none.
const NOW_S: i64 = 1_780_000_000;
/// Builds at a time.
const N_BUILDERS: usize = 4;

#[test]
fn the_package_answers_every_case_as_the_native_engine() {
    if let Err(missing) = programs::node() {
        return skip("the_package_answers_every_case_as_the_native_engine", &missing);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let cases: Vec<(Case, Ask)> = all(&Path::new(ROOT).join("tests/cases"))
        .into_iter()
        .chain([large()])
        .filter_map(|case| ask::ask(&case.ask).map(|asked| (case, asked)))
        .collect();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..N_BUILDERS {
            scope.spawn(|| {
                while let Some((case, asked)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    make(&folder.path().join("cases").join(&case.name), case, asked);
                }
            });
        }
    });
    let module = Path::new(BINARY).with_file_name("understudy.core.wasm");
    std::fs::copy(module, folder.path().join("understudy.core.wasm")).expect("the build left the core module");

    let package = Path::new(ROOT).join("sdk-shim/js");
    let tests = std::fs::read_dir(package.join("test")).expect("the package has tests");
    let tests = tests.map(|entry| entry.expect("they can be listed").path());
    let mut node = Command::new("node");
    node.args(["--test", "--test-reporter", "tap"]);
    // Named one by one: what else `--test` takes for a test changed between versions of Node.
    node.args(tests.filter(|path| path.to_string_lossy().ends_with(".test.js")));
    node.current_dir(package).env("UNDERSTUDY_CASES", folder.path());
    let output = node.output().expect("node starts");
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{report}\n{}", String::from_utf8_lossy(&output.stderr));
    let count =
        |what: &str| report.lines().find_map(|line| line.strip_prefix("# ")?.strip_prefix(what)?.trim().parse().ok());
    let passed: usize = count("pass").expect("the report counts");
    // A reporter that found no file to run would be content, too.
    assert!(cases.len() < passed, "{} cases, {passed} passed:\n{report}", cases.len());
    println!("{passed} passed, {} of them cases", cases.len());
}

#[test]
fn the_package_that_the_binary_writes_is_installed_by_npm_and_answers() {
    const NAME: &str = "the_package_that_the_binary_writes_is_installed_by_npm_and_answers";
    const APPLICATION: &str = r#"
        import assert from 'node:assert/strict';
        import { open } from 'understudy';
        const engine = await open('case.snapshot', { strict: true });
        const folder = { type: 'Folder', id: 'été' };
        assert.ok(engine.authorize({ type: 'User', id: 'eve' }, 'read', folder));
        assert.ok(!engine.authorize({ type: 'User', id: 'bob' }, 'read', folder));
    "#;
    let npm = Command::new("npm").arg("--version").output();
    if let Err(missing) = programs::node().and_then(|()| npm.map_err(|error| format!("npm ({error})"))) {
        return skip(NAME, &missing);
    }
    let done = |command: &mut Command| {
        let output = command.output().expect("it starts");
        let said = [&output.stdout[..], &output.stderr].concat();
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&said));
        output.stdout
    };
    let folder = tempfile::tempdir().expect("a folder");
    let (written, application) = (folder.path().join("wasm"), folder.path().join("application"));
    done(Command::new(BINARY).arg("wasm").arg("--output").arg(&written));
    for name in ["understudy.core.wasm", "understudy.component.wasm"] {
        let carried = std::fs::read(written.join(name)).expect("it is written");
        assert!(carried == std::fs::read(Path::new(BINARY).with_file_name(name)).expect("the build left it"), "{name}");
    }
    assert!(written.join("wit/world.wit").is_file() && written.join("RAW.md").is_file());
    let case = large();
    let asked = ask::ask(&case.ask).expect("a question");
    make(&application, &case, &asked);
    let packed = done(Command::new("npm").args(["pack", "--silent"]).current_dir(written.join("js")));
    let packed = written.join("js").join(String::from_utf8_lossy(&packed).trim());
    let quiet = ["--offline", "--no-audit", "--no-fund", "--no-save"];
    // As a folder and as an archive: npm links the one and unpacks the other.
    for package in [written.join("js"), packed] {
        std::fs::write(application.join("package.json"), r#"{"type":"module"}"#).expect("a folder of ours");
        std::fs::write(application.join("application.js"), APPLICATION).expect("a folder of ours");
        done(Command::new("npm").arg("install").args(quiet).arg(package).current_dir(&application));
        done(Command::new("node").arg("application.js").current_dir(&application));
    }
}

/// One case's folder: its snapshot by the real command, its question, the native engine's answer.
fn make(folder: &Path, case: &Case, asked: &Ask) {
    std::fs::create_dir_all(folder).expect("a folder of ours");
    let write = |name: &str, text: &str| -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, text).expect("a folder of ours");
        path
    };
    let facts: String = case.facts.iter().map(|fact| format!("{}\n", json_fact(fact))).collect();
    let (policy, facts) = (write("policy.polar", &case.policy), write("facts.jsonl", &facts));
    let mut build = Command::new(BINARY);
    build.arg("build").arg("--policy").arg(policy).arg("--facts").arg(facts);
    let built = build.arg("--output").arg(folder.join("case.snapshot")).output().expect("the binary starts");
    assert!(built.status.success(), "{}: {}", case.name, String::from_utf8_lossy(&built.stderr));

    let now_s = case.now_s.unwrap_or(NOW_S);
    let context_facts: Json = case.context_facts.iter().map(json_fact).collect();
    write("ask.json", &json!({"ask": case.ask, "context_facts": context_facts, "now": now_s}).to_string());
    write("expected.json", &native(case, asked, now_s).to_string());
    let bytes = std::fs::read(folder.join("case.snapshot")).expect("it was built");
    let mut engine = Engine::open(&bytes, Options::seeded(0)).expect("what was built opens");
    let explained = engine.explain(&request(case, asked, now_s)).map_or(Json::Null, |why| json_explanation(&why));
    write("explained.json", &explained.to_string());
}

fn request(case: &Case, asked: &Ask, now_s: i64) -> Request {
    let (ask, context_facts) = (asked.clone(), case.context_facts.clone());
    Request { ask, context_facts, now_s, budget: WORK_UNITS_PER_REQUEST }
}

fn native(case: &Case, asked: &Ask, now_s: i64) -> Json {
    let compiled = compile(&[Source { name: &case.name, text: &case.policy }]);
    let program = compiled.program.unwrap_or_else(|| panic!("{}: {:?}", case.name, compiled.diagnostics));
    let answer = Evaluator::new(&program, Plain::new(case.facts.clone()), 0).ask(&request(case, asked, now_s));
    answer.map_or_else(|error| json!({"error": error.kind()}), |answer| ask::answer(&answer))
}

/// What the package's tests need beside the cases: lists longer than a page, ids beyond ASCII.
fn large() -> Case {
    let text = r#"
--- policy
actor User {}
resource Folder { permissions = ["read"]; }
has_permission(user: User, "read", folder: Folder) if owner(user, folder);
--- facts
owner(User{"eve"}, Folder{"été"});
--- ask
{"kind":"authorize","actor":{"type":"User","id":"eve"},"action":"read","resource":{"type":"Folder","id":"été"}}
--- expect
true
"#;
    let mut case = of_text("large".to_owned(), text);
    let value = |type_name: &str, id: String| Value::new(type_name.to_owned(), id).expect("neither is empty");
    case.facts.extend((0..50_000).map(|n| Fact {
        predicate: "owner".to_owned(),
        args: vec![value("User", "ann".to_owned()), value("Folder", format!("f{n}"))],
    }));
    case
}

fn json_fact(fact: &Fact) -> Json {
    let args = fact.args.iter().map(|arg| json!({"type": arg.type_name(), "id": arg.id()}));
    json!({"predicate": fact.predicate, "args": args.collect::<Json>()})
}

/// An explanation in the package's words, without its answer.
fn json_explanation(why: &Explanation) -> Json {
    let goal = |Step { goal, holds, ways }: &Step| {
        let ways = ways.iter().map(json_way).collect::<Json>();
        with(json_atom(goal), json!({"holds": holds, "ways": ways}))
    };
    json!({
        "roots": why.roots,
        "goals": why.steps.iter().map(goal).collect::<Json>(),
        "nearest": why.nearest.map(|(goal, way)| json!({"goal": goal, "way": way})),
        "isCut": why.is_cut,
    })
}

fn json_way(Way { by, conditions }: &Way) -> Json {
    let (kind, place) = match by {
        By::StoredFact => ("stored_fact", None),
        By::LaterFact => ("later_fact", None),
        By::ContextFact => ("context_fact", None),
        By::Question => ("question", None),
        By::Rule { line: 0, .. } => ("default_rule", None),
        By::Rule { file, line, .. } => ("rule", Some((file, line))),
    };
    let condition = |Condition { what, outcome, step }: &Condition| {
        let outcome = match outcome {
            Outcome::Met => "met",
            Outcome::Failed => "failed",
            Outcome::Open => "open",
        };
        with(json_what(what), json!({"outcome": outcome, "goal": step}))
    };
    let conditions = conditions.iter().map(condition).collect::<Json>();
    json!({"by": kind, "file": place.map(|at| at.0), "line": place.map(|at| at.1), "conditions": conditions})
}

fn json_what(what: &What) -> Json {
    match what {
        What::Goal(atom) => with(json_atom(atom), json!({"kind": "goal"})),
        What::Not(atom) => with(json_atom(atom), json!({"kind": "not"})),
        What::Compare(sign, left, right) => {
            json!({"kind": "compare", "sign": sign, "left": json_arg(left), "right": json_arg(right)})
        }
        What::In(arg, elements) => {
            json!({"kind": "in", "left": json_arg(arg), "elements": elements.iter().map(json_arg).collect::<Json>()})
        }
        What::Never => json!({"kind": "never"}),
    }
}

fn json_atom(Atom { predicate, args }: &Atom) -> Json {
    json!({"predicate": predicate, "args": args.iter().map(json_arg).collect::<Json>()})
}

fn json_arg(arg: &Arg) -> Json {
    match arg {
        Arg::Exact { type_name, id } => json!({"type": type_name, "id": id, "number": 0}),
        Arg::Any { number, type_name } => json!({"type": type_name, "id": null, "number": number}),
    }
}

/// One object with the members of both.
fn with(mut one: Json, mut other: Json) -> Json {
    if let (Json::Object(one), Json::Object(other)) = (&mut one, &mut other) {
        one.append(other);
    }
    one
}
