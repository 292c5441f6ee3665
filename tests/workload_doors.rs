//! The GitHub-like workload through the two doors people use: a node over HTTP, and the command line over a snapshot.
//! `UNDERSTUDY_WORKLOAD` names another size than S; of larger ones the command line is asked one query in fifty.

use std::{
    path::Path,
    process::{Command, Output},
};

use understudy_tests::{
    process::{Process, skip},
    workload::{Query, Workload, ids_of_lines, ids_of_reply},
};

const BINARY: &str = env!("CARGO_BIN_EXE_understudy");

fn understudy(args: &[&str]) -> Output {
    Command::new(BINARY).args(args).output().expect("the binary starts")
}

fn told(door: &str, queries: &[&Query], is_right: impl Fn(&Query) -> bool) {
    let wrong: Vec<&str> = queries.iter().filter(|query| !is_right(query)).map(|query| query.id.as_str()).collect();
    println!("{door}: {} passed, {} failed", queries.len() - wrong.len(), wrong.len());
    assert!(!queries.is_empty() && wrong.is_empty(), "{door}, wrong: {wrong:?}");
}

#[test]
fn every_query_over_http_and_through_the_command_line() {
    let size = std::env::var("UNDERSTUDY_WORKLOAD").unwrap_or_else(|_| "S".to_owned());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let Some(workload) = Workload::generate(&size, folder.path()) else { return skip("workload", "python3") };
    let snapshot = folder.path().join("workload.snapshot");
    let path = |path: &Path| path.to_str().expect("a path in UTF-8").to_owned();
    let (policy, facts, snapshot) = (path(&workload.policy()), path(&workload.facts_file()), path(&snapshot));
    let environment = ["--environment", understudy_tests::process::ENVIRONMENT];
    let build = [&["build", "--policy", &policy, "--facts", &facts, "-o", &snapshot], &environment[..]].concat();
    let built = understudy(&build);
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));

    // Nobody listens on port 9 of loopback: the node begins with the file.
    let directory = folder.path().join("node");
    let imported = ["--import", snapshot.as_str()];
    let node = Process::node(Path::new(BINARY), folder.path(), &directory, "http://127.0.0.1:9", &imported);
    node.await_serving();
    let queries: Vec<&Query> = workload.queries.iter().collect();
    told("over HTTP", &queries, |query| {
        let (path, body) = query.wire();
        let answer = node.post(path, &body);
        answer.status == 200 && query.is_right(&ids_of_reply(&answer.json()))
    });

    let stride = if size.len() > 1 || size == "S" { 1 } else { 50 };
    let asked: Vec<&Query> = workload.queries.iter().step_by(stride).collect();
    told("through the command line", &asked, |query| {
        let mut args = query.arguments();
        args.extend(["--snapshot".to_owned(), snapshot.clone()]);
        let output = understudy(&args.iter().map(String::as_str).collect::<Vec<_>>());
        let ids = ids_of_lines(&String::from_utf8_lossy(&output.stdout));
        let is_no = ids.is_empty() || ids == ["false"];
        output.status.code() == Some(i32::from(is_no)) && query.is_right(&ids)
    });
}
