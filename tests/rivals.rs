//! What other engines get wrong, asked of a real node over HTTP: check, list and who-can that part ways at some depth, and
//! lists that are cut short or repeat themselves from page to page.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::{Value as Json, json};
use understudy_core::model::Fact;
use understudy_tests::{
    chains::{POLICY, role, value, world},
    connection::Connection,
    process::{PATIENCE, Process},
    serve::nobody,
};

const BINARY: &str = env!("CARGO_BIN_EXE_understudy");

/// Makes a snapshot with `understudy build` and starts a node from nothing else.
fn node(folder: &Path, facts: &[Fact]) -> Process {
    let line = |fact: &Fact| {
        let args = fact.args.iter().map(|arg| json!({"type": arg.type_name(), "id": arg.id()}));
        json!({"predicate": fact.predicate, "args": args.collect::<Vec<_>>()}).to_string()
    };
    let path = |name: &str| -> PathBuf { folder.join(name) };
    fs::write(path("facts.jsonl"), facts.iter().map(line).collect::<Vec<_>>().join("\n")).expect("a file");
    fs::write(path("policy.polar"), POLICY).expect("a file");
    let args = ["build", "--policy", "policy.polar", "--facts", "facts.jsonl", "-o", "built.snapshot"];
    let mut build = Process::start(Path::new(BINARY), folder, &args, &[]);
    assert_eq!(build.await_exit(PATIENCE).code(), Some(0), "{}", build.printed());
    let node =
        Process::node(Path::new(BINARY), folder, &folder.join("node"), &nobody(), &["--import", "built.snapshot"]);
    node.await_serving();
    node
}

fn connect(node: &Process) -> Connection {
    Connection::open(node.address()).expect("a connection")
}

fn ids(json: &Json) -> Vec<String> {
    json.as_array().into_iter().flatten().filter_map(|id| id.as_str().map(ToOwned::to_owned)).collect()
}

fn list(connection: &mut Connection, user: &str, more: &Json) -> Json {
    let mut body = json!({
        "actor_type": "User", "actor_id": user, "action": "read", "resource_type": "Folder", "context_facts": []
    });
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    let answer = connection.send("POST", "/api/list", &body).expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// A query with a free actor.
fn who(connection: &mut Connection, folder: &str) -> Vec<String> {
    let body = json!({
        "fact": {"predicate": "allow", "args": [
            {"type": "User", "id": null}, {"type": "String", "id": "read"}, {"type": "Folder", "id": folder}
        ]},
        "context_facts": []
    });
    let answer = connection.send("POST", "/api/query", &body).expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let results = answer.json();
    let users = results["results"].as_array().into_iter().flatten();
    users.map(|result| result["args"][0]["id"].as_str().unwrap_or("*").to_owned()).collect()
}

#[test]
fn check_list_and_who_can_agree_on_chains_and_circles_of_1_to_512() {
    let folder = tempfile::tempdir().expect("a folder");
    let worlds: Vec<(usize, bool)> = [1, 2, 3, 8, 24, 25, 47, 48, 64, 100, 127, 128, 256, 511, 512]
        .into_iter()
        .flat_map(|length| [(length, false), (length, true)])
        .collect();
    let prefix = |(length, circle): (usize, bool)| format!("{}{length}-", if circle { "o" } else { "i" });
    let facts: Vec<Fact> =
        worlds.iter().flat_map(|&(length, circle)| world(&prefix((length, circle)), length, circle)).collect();
    let node = node(folder.path(), &facts);
    let mut connection = connect(&node);
    let mut n_checks = 0;
    for place in worlds {
        let (length, prefix) = (place.0, prefix(place));
        let (ann, eve) = (format!("{prefix}ann"), format!("{prefix}eve"));
        let everything: BTreeSet<String> = (0..length).map(|n| format!("{prefix}{n}")).collect();
        let listed = ids(&list(&mut connection, &ann, &Json::Null)["results"]);
        assert_eq!(listed.len(), length, "{prefix} has every folder once");
        assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), everything, "{prefix}");
        assert!(ids(&list(&mut connection, &eve, &Json::Null)["results"]).is_empty(), "{prefix}");
        let steps = BTreeSet::from([0, length / 4, length / 2, length - 1]);
        for id in steps.into_iter().map(|n| format!("{prefix}{n}")) {
            let mut check = |user: &str| connection.authorize(("User", user), "read", ("Folder", &id));
            assert!(check(&ann).expect("an answer"), "{id}");
            assert!(!check(&eve).expect("an answer"), "{id}");
            assert_eq!(who(&mut connection, &id), [ann.as_str()], "{id}");
            n_checks += 1;
        }
    }
    println!("chains and circles: {n_checks} passed, 0 failed");
    for broken in ["traps", "stuck"] {
        assert_eq!(node.metric(&format!("understudy_instance_{broken}_total")), Some(0.0));
    }
}

#[test]
fn a_list_of_fifty_thousand_arrives_whole_at_once_and_in_pages() {
    const N: usize = 50_000;
    let folder = tempfile::tempdir().expect("a folder");
    let facts: Vec<Fact> = (0..N).map(|n| role(value("User", "ann"), value("Folder", n))).collect();
    let node = node(folder.path(), &facts);
    let mut connection = connect(&node);
    let expected: BTreeSet<String> = (0..N).map(|n| n.to_string()).collect();
    let whole = list(&mut connection, "ann", &Json::Null);
    let listed = ids(&whole["results"]);
    assert_eq!(listed.len(), N);
    assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), expected);

    let mut paged = Vec::new();
    let mut more = json!({"page_size": 12_000});
    let mut n_pages = 0;
    loop {
        let page = list(&mut connection, "ann", &more);
        let results = ids(&page["results"]);
        assert!(!results.is_empty() && results.len() <= 12_000, "{}", results.len());
        paged.extend(results);
        n_pages += 1;
        match page["next_page_token"].as_str() {
            Some(token) => more = json!({"page_size": 12_000, "page_token": token}),
            None => break,
        }
        // The clock in the request moves between two pages: the token stays good.
        std::thread::sleep(Duration::from_millis(300));
    }
    assert_eq!(paged.len(), N, "no page repeats anything, none leaves anything out: {n_pages} pages");
    assert_eq!(paged.into_iter().collect::<BTreeSet<_>>(), expected);
    println!("lists of {N}: whole and in {n_pages} pages");
}
