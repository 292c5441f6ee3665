//! The component as the host runs it: what it imports (nothing), every case through it both ways a snapshot comes in, and
//! what happens to instances that break.

use std::{
    cell::Cell,
    fs::File,
    io::Write,
    path::Path,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use serde_json::{Value as Json, json};
use understudy::{
    guest::{
        component::Guest,
        config::PoolConfig,
        instance::{Failure, Instance, Way},
        pool::Pool,
    },
    http::state::{Answers, Asker, CallError},
    primary::instances::Instances,
};
use understudy_core::{
    compile::{Source, compile},
    engine::Engine,
    eval::{
        policy_tests::{self, Report},
        search::Search,
    },
    limits::WORK_UNITS_PER_REQUEST,
    model::{Answer, Ask, AskError, Change, Fact, Pattern, Request, Value},
    raw::{Call, Refusal, Reply, dispatch},
    snapshot::{Contents, Manifest, PolicyText, write},
    syntax::diagnostic::Severity,
};
use understudy_tests::{
    ask::{answer, ask},
    case::{Case, all},
    generate, native,
    tally::Tally,
    world::World,
};
use wasmparser::{Parser, Payload};

/// Bytes of memory of an instance besides its snapshot.
const HEAP_BYTES: usize = 256 << 20;
/// One of so many random worlds is explained, too.
const WORLDS_PER_EXPLAINED: u64 = 8;

fn built(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_BIN_EXE_understudy")).with_file_name(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn neither_the_component_nor_the_core_module_imports_anything() {
    for name in ["understudy.core.wasm", "understudy.component.wasm"] {
        let bytes = built(name);
        let mut depth = 0;
        let (mut imports, mut exports) = (Vec::new(), Vec::new());
        for payload in Parser::new(0).parse_all(&bytes) {
            match payload.expect("what was built parses") {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) if depth > 0 => depth -= 1,
                Payload::ImportSection(section) if depth == 0 => {
                    imports.extend(section.into_iter().map(|import| format!("{:?}", import.expect("an import"))));
                }
                Payload::ComponentImportSection(section) if depth == 0 => {
                    imports.extend(section.into_iter().map(|import| format!("{:?}", import.expect("an import"))));
                }
                Payload::ComponentExportSection(section) if depth == 0 => {
                    exports.extend(section.into_iter().map(|export| export.expect("an export").name.name.to_owned()));
                }
                Payload::ExportSection(section) if depth == 0 => {
                    exports.extend(section.into_iter().map(|export| export.expect("an export").name.to_owned()));
                }
                _ => {}
            }
        }
        assert_eq!(imports, Vec::<String>::new(), "{name}");
        let expected = if name.contains("core") { "us_call" } else { "understudy:engine/authorizer@0.1.0" };
        assert!(exports.iter().any(|export| export == expected), "{name} exports {exports:?}");
    }
}

/// A snapshot of this.
fn built_of(policy: &str, facts: Vec<Fact>) -> Vec<u8> {
    let policy = Some(PolicyText { file: None, text: policy.to_owned() });
    let contents = Contents { manifest: Manifest { offset: 10, ..Manifest::default() }, policy, keys: None };
    write(&contents, facts).expect("it can be written")
}

/// A file that holds these bytes.
fn file_of(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(bytes).expect("room for it");
    file
}

fn snapshot(policy: &str, facts: Vec<Fact>) -> File {
    file_of(&built_of(policy, facts))
}

fn pool(change: impl FnOnce(&mut PoolConfig)) -> Arc<Pool> {
    let mut config = PoolConfig::new(1);
    change(&mut config);
    Pool::start(config).expect("the engine loads")
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

fn asked(pool: &Pool, request: Request) -> Result<Answer, CallError> {
    wait(pool.ask(Asker::default(), vec![request])).map(|mut answers| answers.remove(0))
}

fn request(ask: Ask) -> Request {
    Request { ask, context_facts: Vec::new(), now_s: 0, budget: WORK_UNITS_PER_REQUEST }
}

/// Is this a policy without errors, by an instance without a snapshot?
fn checks(guest: &Guest, sources: Vec<(String, String)>) -> bool {
    match instance(guest).call(&Call::Check { sources }) {
        Ok(Reply::Diagnostics(notes)) => notes.iter().all(|note| note.severity != Severity::Error),
        other => panic!("{other:?}"),
    }
}

/// Results of a policy's tests by an instance without a snapshot: those of the native engine, reasons included.
fn tested(guest: &Guest, sources: Vec<(String, String)>, now_s: i64) -> Json {
    let native: Vec<Source<'_>> = sources.iter().map(|(name, text)| Source { name, text }).collect();
    let native = policy_tests::run(&compile(&native), now_s, 7);
    match instance(guest).call(&Call::Test { sources, now_s, budget: WORK_UNITS_PER_REQUEST, seed: 8 }) {
        Ok(Reply::Report(tests)) => {
            assert_eq!(tests, native.tests);
            let report = Report { tests, ..Report::default() };
            json!({"passed": report.passed(), "total": report.total()})
        }
        other => panic!("{other:?}"),
    }
}

/// May the case's fact be written under the case's policy? What stands against it is told in the native engine's words.
fn fact_checked(guest: &Guest, case: &Case) -> Json {
    let bytes = built_of(&case.policy, case.facts.clone());
    let mut instance = opened(guest, &file_of(&bytes));
    let (predicate, args) = native::fact(case);
    let expected = {
        let native = Engine::open(&bytes, 7).expect("what was written opens");
        dispatch::check_fact(&native, predicate.clone(), args.clone())
    };
    match instance.call(&Call::CheckFact { predicate, args }) {
        Ok(Reply::FactCheck(unfit)) => {
            assert_eq!(unfit, expected, "{}", case.name);
            json!(if unfit.is_none() { "ok" } else { "error" })
        }
        other => panic!("{other:?}"),
    }
}

/// An instance without a snapshot.
fn instance(guest: &Guest) -> Instance {
    Instance::new(guest, HEAP_BYTES).expect("an instance")
}

fn opened(guest: &Guest, file: &File) -> Instance {
    Instance::open(guest, file, Way::Map, HEAP_BYTES, 9).expect("a snapshot opens")
}

/// What the component says to a case.
fn run(guest: &Guest, pool: &Pool, case: &Case) -> Json {
    let sources = || vec![(case.name.clone(), case.policy.clone())];
    match case.ask["kind"].as_str() {
        Some("parse") => return json!(if checks(guest, sources()) { "ok" } else { "error" }),
        Some("policy_tests") => return tested(guest, sources(), case.now_s.unwrap_or(native::NOW_S)),
        Some("fact_check") => return fact_checked(guest, case),
        _ => {}
    }
    pool.install(snapshot(&case.policy, case.facts.clone()), || ()).expect("a case's snapshot opens");
    if case.ask["kind"] == "metadata" {
        return native::metadata(&wait(pool.metadata(Asker::default())).expect("an answer").expect("a policy"));
    }
    match asked(pool, native::request(case).expect("a kind of question")) {
        Ok(found) => answer(&found),
        Err(CallError::Ask(error)) => json!({"error": error.kind()}),
        Err(other) => json!({"failed": format!("{other:?}")}),
    }
}

fn cases() -> Vec<Case> {
    all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/cases"))
}

#[test]
fn every_case_natively_and_through_the_component() {
    let guest = Guest::load().expect("the engine loads");
    let pool = pool(|config| config.way = Way::Map);
    let (mut natively, mut through) = (Tally::new("natively"), Tally::new("through the component"));
    for case in cases() {
        natively.count(&case, native::outcome::<Search>(&case));
        through.count(&case, run(&guest, &pool, &case));
    }
    natively.finish();
    through.finish();
}

#[test]
fn every_case_on_snapshots_that_are_written_instead_of_mapped() {
    let guest = Guest::load().expect("the engine loads");
    let pool = pool(|config| config.way = Way::Write);
    let mut tally = Tally::new("through the component, snapshots written");
    cases().iter().for_each(|case| tally.count(case, run(&guest, &pool, case)));
    tally.finish();
}

/// The native engine's explanation of a question and the component's, which must be one, of the answer that there is. Where
/// units are short, one of asking and explaining may get by with them and not the other.
fn same_explanation(native: &mut Engine<'_>, instance: &mut Instance, request: &Request, what: &str) -> bool {
    let expected = native.explain(request);
    let (asked, explained) = (native.ask(request), expected.clone().map(|explanation| explanation.answer));
    if [&asked, &explained].iter().all(|outcome| !matches!(outcome, Err(AskError::Budget { .. }))) {
        assert_eq!(explained, asked, "{what}");
    }
    let got = match instance.call(&Call::Explain(request.clone())) {
        Ok(Reply::Explanation(explanation)) => Ok(explanation),
        Err(Failure::Refused(Refusal::Ask(error))) => Err(error),
        other => panic!("{what}: {other:?}"),
    };
    assert_eq!(got, expected, "{what}");
    got.is_ok_and(|explanation| !explanation.steps.is_empty())
}

#[test]
fn every_case_is_explained_as_natively() {
    let guest = Guest::load().expect("the engine loads");
    let mut n_explained = 0;
    for case in cases() {
        let Some(request) = native::request(&case) else { continue };
        let bytes = built_of(&case.policy, case.facts.clone());
        let mut native = Engine::open(&bytes, 7).expect("what was written opens");
        let mut instance = opened(&guest, &file_of(&bytes));
        let is_explained = same_explanation(&mut native, &mut instance, &request, &case.name);
        n_explained += usize::from(is_explained);
        // Too few units are an error, and too few for the reasons cut these.
        for budget in [0, 20, 100] {
            let request = Request { budget, ..request.clone() };
            same_explanation(&mut native, &mut instance, &request, &format!("{} by {budget} units", case.name));
        }
    }
    println!("{n_explained} explained, natively and through the component");
    assert!(n_explained > 150, "{n_explained}");
}

/// Random worlds, the snapshot, the later writes and the request each coming the way they come in a node.
#[test]
fn the_component_says_what_the_engine_says_natively() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970");
    let first = number("UNDERSTUDY_SEED").unwrap_or(since.as_millis() as u64 * 1_000);
    let n_worlds = number("UNDERSTUDY_WORLDS").unwrap_or(400);
    println!("UNDERSTUDY_SEED={first} UNDERSTUDY_WORLDS={n_worlds}");
    let (begun, mut n_errors, mut n_explained) = (Instant::now(), 0, 0);
    let (guest, pool) = (Guest::load().expect("the engine loads"), pool(|_| ()));
    for seed in first..first + n_worlds {
        let world = generate::world(seed);
        let policy = Some(PolicyText { file: None, text: world.policy() });
        // One log for all: each snapshot contains the writes of the worlds before.
        let offset = 100 * (1 + seed - first);
        let contents = Contents { manifest: Manifest { offset, ..Manifest::default() }, policy, keys: None };
        let Ok(bytes) = write(&contents, world.base()) else { continue };
        let mut native = Engine::open(&bytes, 7).expect("what was written opens");
        let mut explaining = seed.is_multiple_of(WORLDS_PER_EXPLAINED).then(|| opened(&guest, &file_of(&bytes)));
        pool.install(file_of(&bytes), || ()).expect("what was written opens");
        pool.forget(offset);
        for (offset, change) in (offset + 1..).zip(world.changes()) {
            native.apply(std::slice::from_ref(&change), offset);
            if let Some(instance) = &mut explaining {
                instance.apply(vec![change.clone()], offset).expect("a write is applied");
            }
            pool.append(offset, vec![change]);
        }
        let context_facts = world.context_facts();
        let ask = ask(&world.ask).expect("a world asks for rows");
        let request = Request { ask, context_facts, now_s: World::now_s(), budget: WORK_UNITS_PER_REQUEST };
        let expected = native.ask(&request).map_err(CallError::Ask);
        n_errors += u64::from(expected.is_err());
        let what = || format!("world {seed}:\n{}", world.case(&json!("?")));
        if let Some(instance) = &mut explaining {
            n_explained += u64::from(same_explanation(&mut native, instance, &request, &what()));
        }
        assert_eq!(asked(&pool, request), expected, "{}", what());
    }
    assert_eq!(pool.counts().traps + pool.counts().stuck, 0);
    let seconds = begun.elapsed().as_secs_f64();
    println!("{n_worlds} worlds, {n_errors} of them errors, {n_explained} explained, {seconds:.1} s");
}

const POLICY: &str = r#"
    actor User {}
    resource Repo { permissions = ["read"]; roles = ["reader"]; "read" if "reader"; }
    reach(x: Repo, y: Repo) if next(x, y);
    reach(x: Repo, z: Repo) if reach(x, y) and next(y, z);
"#;

fn value(type_name: &str, id: &str) -> Value {
    Value::new(type_name, id).expect("a value")
}

fn reads(user: &str, repo: &str) -> Fact {
    let args = vec![value("User", user), value("String", "reader"), value("Repo", repo)];
    Fact { predicate: "has_role".into(), args }
}

fn may(user: &str, repo: &str) -> Request {
    let ask = Ask::Authorize { actor: value("User", user), action: "read".into(), resource: value("Repo", repo) };
    request(ask)
}

/// A question that takes long: every pair of repositories of a circle of [`facts`].
fn long() -> Request {
    request(Ask::Query { predicate: "reach".into(), args: vec![Pattern::Any, Pattern::Any] })
}

/// Repositories that `ann` reads, in a circle.
fn facts(n_repos: usize) -> Vec<Fact> {
    let repo = |n: usize| value("Repo", &format!("r{}", n % n_repos));
    let next = |n| Fact { predicate: "next".into(), args: vec![repo(n), repo(n + 1)] };
    (0..n_repos).flat_map(|n| [reads("ann", &format!("r{n}")), next(n)]).collect()
}

#[test]
fn an_instance_that_is_stuck_is_replaced_and_only_its_own_request_fails() {
    let pool = pool(|config| config.slow_stuck = Duration::from_millis(300));
    pool.install(snapshot(POLICY, facts(2_000)), || ()).expect("it opens");
    let begun = Instant::now();
    let stuck = asked(&pool, long());
    assert!(matches!(stuck, Err(CallError::Failed(_))), "{stuck:?}");
    assert!(begun.elapsed() < Duration::from_secs(20));
    let counts = pool.counts();
    assert_eq!((counts.stuck, counts.replaced, counts.traps), (1, 1, 0));
    assert_eq!(asked(&pool, may("ann", "r7")), Ok(Answer::Decision(true)));
    assert!(matches!(asked(&pool, long()), Err(CallError::Failed(_))), "the slow lane lives on");
}

#[test]
fn one_key_with_many_long_questions_does_not_keep_another_waiting() {
    const N_GREEDY: usize = 40;
    let pool = pool(|config| config.quick_units = 1_000);
    pool.install(snapshot(POLICY, facts(100)), || ()).expect("it opens");
    let n_told = Rc::new(Cell::new(0));
    let ask = |key| {
        let pool = pool.clone();
        async move { pool.ask(Asker { worker: 0, key }, vec![long()]).await.expect("an answer") }
    };
    let tasks = tokio::task::LocalSet::new();
    for _ in 0..N_GREEDY {
        let (greedy, n_told) = (ask(1), n_told.clone());
        tasks.spawn_local(async move {
            greedy.await;
            n_told.set(n_told.get() + 1);
        });
    }
    // Polled after those: it comes last, and has the second turn or the third.
    let other = tasks.run_until(async { tokio::task::spawn_local(ask(2)).await.expect("it ends") });
    wait(other);
    assert!(n_told.get() < N_GREEDY / 2, "{} were told before", n_told.get());
}

#[test]
fn an_instance_that_traps_is_replaced_with_every_write_since_its_snapshot() {
    // Little memory: a request that needs more breaks its instance off.
    let pool = pool(|config| config.heap_bytes_max = 16 << 20);
    pool.install(snapshot(POLICY, facts(3)), || ()).expect("it opens");
    pool.append(11, vec![Change::Delete(reads("ann", "r0")), Change::Insert(reads("bo", "r0"))]);
    assert_eq!(asked(&pool, may("ann", "r0")), Ok(Answer::Decision(false)), "a write is seen at once");
    let mut large = may("ann", "r1");
    large.context_facts = (0..120_000).map(|n| reads(&format!("user-{n}"), &format!("repository-{n}"))).collect();
    assert!(matches!(asked(&pool, large), Err(CallError::Failed(_))));
    assert_eq!((pool.counts().traps, pool.counts().replaced), (1, 1));
    assert_eq!(asked(&pool, may("ann", "r0")), Ok(Answer::Decision(false)), "a revoked right stays revoked");
    assert_eq!(asked(&pool, may("bo", "r0")), Ok(Answer::Decision(true)));
    assert_eq!(asked(&pool, may("ann", "r1")), Ok(Answer::Decision(true)));
}

#[test]
fn long_questions_end_by_the_full_budget_and_never_shortened() {
    let pool = pool(|_| ());
    pool.install(snapshot(POLICY, facts(2_000)), || ()).expect("it opens");
    let list = Ask::List { actor: value("User", "ann"), action: "read".into(), resource_type: "Repo".into() };
    match asked(&pool, request(list)) {
        Ok(Answer::Ids(ids)) => assert_eq!(ids.len(), 2_000),
        other => panic!("{other:?}"),
    }
    let small = Request { budget: 1_000, ..long() };
    assert_eq!(asked(&pool, small), Err(CallError::Ask(AskError::Budget { units: 1_000 })));
    let more = Request { budget: 2_000_000, ..long() };
    assert_eq!(asked(&pool, more), Err(CallError::Ask(AskError::Budget { units: 2_000_000 })));
    assert_eq!(pool.counts().traps + pool.counts().stuck, 0);
}

#[test]
fn an_install_that_fails_changes_nothing() {
    let pool = pool(|_| ());
    assert_eq!(asked(&pool, may("ann", "r0")), Err(CallError::NotServing));
    pool.install(snapshot(POLICY, facts(1)), || ()).expect("it opens");
    let mut broken = tempfile::tempfile().expect("a file");
    broken.write_all(b"no snapshot").expect("room for it");
    let mut told = false;
    assert!(pool.install(broken, || told = true).is_err());
    assert!(!told);
    assert_eq!(pool.counts().generation, 1);
    assert_eq!(asked(&pool, may("ann", "r0")), Ok(Answer::Decision(true)));
}
