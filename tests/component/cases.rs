//! Every case, explanation and random world through the component, beside the native engine.

use super::*;

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
        let native = Engine::open(&bytes, Options::seeded(7)).expect("what was written opens");
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
    Instance::open(guest, file, Opening::within(HEAP_BYTES, 9)).expect("a snapshot opens")
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
    let summarized = match instance.call(&Call::Summarize(request.clone())) {
        Ok(Reply::Reasons(reasons)) => Ok(reasons),
        Err(Failure::Refused(Refusal::Ask(error))) => Err(error),
        other => panic!("{what}: {other:?}"),
    };
    assert_eq!(summarized, native.summarize(request), "{what}");
    got.is_ok_and(|explanation| !explanation.steps.is_empty())
}

#[test]
fn every_case_is_explained_as_natively() {
    let guest = Guest::load().expect("the engine loads");
    let mut n_explained = 0;
    for case in cases() {
        let Some(request) = native::request(&case) else { continue };
        let bytes = built_of(&case.policy, case.facts.clone());
        let mut native = Engine::open(&bytes, Options::seeded(7)).expect("what was written opens");
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
        let mut native = Engine::open(&bytes, Options::seeded(7)).expect("what was written opens");
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
