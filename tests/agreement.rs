//! Check, list and who-can say the same, at any depth and on circles, and a long list arrives whole: what other engines
//! get wrong.

use understudy_core::{
    compile::{Source, compile},
    eval::answer::Evaluator,
    facts::plain::Plain,
    limits::WORK_UNITS_PER_REQUEST,
    model::{Answer, Ask, Fact, Pattern, Request, Row},
};
use understudy_tests::chains::{POLICY, role, value, world};

fn evaluator(facts: Vec<Fact>) -> Evaluator<Plain> {
    let program = compile(&[Source { name: "policy.polar", text: POLICY }]).program.expect("it compiles");
    Evaluator::new(&program, Plain::new(facts), 0)
}

fn ask(evaluator: &mut Evaluator<Plain>, ask: Ask) -> Answer {
    let request = Request { ask, context_facts: Vec::new(), now_s: 0, budget: WORK_UNITS_PER_REQUEST };
    evaluator.ask(&request).expect("an answer")
}

fn check(evaluator: &mut Evaluator<Plain>, user: &str, folder: usize) -> bool {
    let (actor, resource) = (value("User", user), value("Folder", folder));
    ask(evaluator, Ask::Authorize { actor, action: "read".to_owned(), resource }) == Answer::Decision(true)
}

fn list(evaluator: &mut Evaluator<Plain>, user: &str) -> Vec<String> {
    let actor = value("User", user);
    match ask(evaluator, Ask::List { actor, action: "read".to_owned(), resource_type: "Folder".to_owned() }) {
        Answer::Ids(ids) => ids,
        other => panic!("a list is ids: {other:?}"),
    }
}

fn who(evaluator: &mut Evaluator<Plain>, folder: usize) -> Vec<String> {
    let args = vec![
        Pattern::Type("User".to_owned()),
        Pattern::Exact(value("String", "read")),
        Pattern::Exact(value("Folder", folder)),
    ];
    let Answer::Facts(rows) = ask(evaluator, Ask::Query { predicate: "allow".to_owned(), args }) else {
        panic!("a query has rows")
    };
    rows.iter()
        .map(|row| match &row[0] {
            Row::Exact(user) => user.id().to_owned(),
            other => panic!("no wildcard can read: {other:?}"),
        })
        .collect()
}

#[test]
fn check_list_and_who_can_agree_at_every_depth() {
    for length in [1, 2, 3, 8, 25, 47, 64, 100, 128] {
        for circle in [false, true] {
            let mut evaluator = evaluator(world("", length, circle));
            let mut everything: Vec<String> = (0..length).map(|n| n.to_string()).collect();
            everything.sort_unstable();
            assert_eq!(list(&mut evaluator, "ann"), everything, "length {length}, circle {circle}");
            assert!(list(&mut evaluator, "eve").is_empty());
            for folder in [0, length / 2, length - 1] {
                assert!(check(&mut evaluator, "ann", folder), "length {length}, circle {circle}, folder {folder}");
                assert!(!check(&mut evaluator, "eve", folder));
                assert_eq!(who(&mut evaluator, folder), ["ann"]);
            }
        }
    }
}

#[test]
fn the_longest_chain_is_no_different() {
    let mut evaluator = evaluator(world("", 512, true));
    assert_eq!(list(&mut evaluator, "ann").len(), 512);
    assert!(check(&mut evaluator, "ann", 511));
    assert_eq!(who(&mut evaluator, 511), ["ann"]);
    assert!(!check(&mut evaluator, "eve", 511));
}

#[test]
fn a_list_of_fifty_thousand_arrives_whole() {
    let facts = (0..50_000).map(|n| role(value("User", "ann"), value("Folder", n))).collect();
    let ids = list(&mut evaluator(facts), "ann");
    assert_eq!(ids.len(), 50_000);
    assert!(ids.is_sorted());
}
