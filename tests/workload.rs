//! The GitHub-like workload natively: policy tests, and every query against its known answer, over the plain store and
//! over a snapshot.

use understudy_core::{
    compile::{Source, compile},
    engine::{Engine, Options},
    eval::{answer::Evaluator, policy_tests},
    facts::plain::Plain,
    limits::WORK_UNITS_PER_REQUEST,
    model::{Answer, AskError, Request},
    snapshot::{Contents, Manifest, PolicyText, write},
};
use understudy_tests::{
    process::skip,
    workload::{NOW_S, Workload, ids_of_answer},
};

fn every_query(workload: &Workload, mut ask: impl FnMut(&Request) -> Result<Answer, AskError>) {
    let is_wrong = |query: &&understudy_tests::workload::Query| {
        let request =
            Request { ask: query.ask(), context_facts: Vec::new(), now_s: NOW_S, budget: WORK_UNITS_PER_REQUEST };
        !query.is_right(&ids_of_answer(ask(&request).expect("the workload's queries have answers")))
    };
    let queries = &workload.queries;
    let wrong: Vec<&str> = queries.iter().filter(is_wrong).map(|query| query.id.as_str()).collect();
    println!("{} passed, {} failed", queries.len() - wrong.len(), wrong.len());
    assert!(queries.len() > 1_000 && wrong.is_empty(), "wrong: {wrong:?}");
}

#[test]
fn every_query_has_its_known_answer() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let Some(workload) = Workload::generate("XS", folder.path()) else { return skip("workload", "python3") };
    let policy = std::fs::read_to_string(workload.policy()).expect("the generator wrote it");
    let compiled = compile(&[Source { name: "policy.polar", text: &policy }]);
    let report = policy_tests::run(&compiled, NOW_S, 0);
    assert_eq!((report.passed(), report.total()), (11, 11));
    let program = compiled.program.expect("the policy compiles");

    let mut plain = Evaluator::new(&program, Plain::new(workload.facts()), 0);
    every_query(&workload, |request| plain.ask(request));

    let contents =
        Contents { manifest: Manifest::default(), policy: Some(PolicyText { file: None, text: policy }), keys: None };
    let bytes = write(&contents, workload.facts()).expect("it fits a snapshot");
    let mut engine = Engine::open(&bytes, Options::seeded(0)).expect("what was written opens");
    every_query(&workload, |request| engine.ask(request));
}
