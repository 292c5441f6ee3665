//! Answers of the typed exports beside those of the raw calls: shapes, pages, what is known of the snapshot.
#![allow(clippy::unwrap_used)]

use understudy_core::{
    limits::WORK_UNITS_PER_REQUEST,
    model::{Answer, Ask, AskError, Constraint, Fact, Pattern, Request, Row},
    pages::Page,
    raw::{Call, Refusal, Reply},
    snapshot::{Contents, write},
};

use super::{
    bindings::exports::understudy::engine::{
        authorizer::{self, Context, Question},
        snapshot::{Checked, Options},
        types::{self, FactPattern},
    },
    component::Guest,
    instance::{Failure, Instance},
    typed_tests::{opened, typed, value},
};

fn context(budget: Option<u64>) -> Context {
    Context { facts: Vec::new(), now_s: 0, budget }
}

fn request(ask: Ask) -> Request {
    Request { ask, context_facts: Vec::new(), now_s: 0, budget: WORK_UNITS_PER_REQUEST }
}

/// By both functions: the bare truth, and what stands against it.
fn authorize(instance: &mut Instance, user: &str, budget: Option<u64>) -> (bool, Option<authorizer::Refusal>) {
    let (bindings, store) = instance.typed();
    let (actor, resource) = (typed("User", user), typed("Repo", "web"));
    let functions = bindings.understudy_engine_authorizer();
    let context = context(budget);
    let allowed = functions.call_authorize(&mut *store, &actor, "read", &resource, &context).unwrap();
    (allowed, functions.call_refuses(store, &actor, "read", &resource, &context).unwrap())
}

#[test]
fn only_an_allow_is_true_and_only_an_allow_has_nothing_against_it() {
    let mut instance = opened();
    assert!(matches!(authorize(&mut instance, "ann", None), (true, None)));
    assert!(matches!(authorize(&mut instance, "bo", None), (false, Some(authorizer::Refusal { error: None, .. }))));
    let spent = authorize(&mut instance, "ann", Some(0));
    let Some(authorizer::Refusal { message, error: Some(types::Error::Budget(0)) }) = &spent.1 else {
        panic!("{spent:?}")
    };
    assert!(!spent.0);
    assert!(message.contains("units of work"), "{message}");
    let invalid = authorize(&mut instance, "*", None);
    assert!(
        matches!(invalid, (false, Some(authorizer::Refusal { error: Some(types::Error::Invalid(_)), .. }))),
        "{invalid:?}"
    );
    let mut closed = Instance::new(&Guest::load().unwrap(), 256 << 20).unwrap();
    let unopened = authorize(&mut closed, "ann", None);
    assert!(
        matches!(unopened, (false, Some(authorizer::Refusal { error: Some(types::Error::NotOpen), .. }))),
        "{unopened:?}"
    );
}

#[test]
fn memory_that_is_used_up_is_an_error_of_its_own_and_the_instance_goes_on() {
    let facts = (0..2_000).map(|n| Fact {
        predicate: "level".into(),
        args: vec![value("User", &format!("user-{n}")), value("Integer", &n.to_string())],
    });
    let bytes = write(&Contents::default(), facts).unwrap();
    let mut instance = Instance::new(&Guest::load().unwrap(), 256 << 20).unwrap();
    let (bindings, store) = instance.typed();
    let snapshot = bindings.understudy_engine_snapshot();
    snapshot.call_reserve(&mut *store, bytes.len() as u64).unwrap().unwrap();
    snapshot.call_write(&mut *store, 0, &bytes).unwrap().unwrap();
    let options = Options { seed: 1, checked: Checked::Nothing, memory_max: Some(64 << 10), room: 1 << 20 };
    snapshot.call_seal(&mut *store, options).unwrap().unwrap();
    let any = || types::Pattern { type_name: None, id: None };
    let asked = |predicate: &str| FactPattern { predicate: predicate.into(), args: vec![any(), any()] };
    let functions = bindings.understudy_engine_authorizer();
    let refused = functions.call_query(&mut *store, &asked("level"), &context(None), None).unwrap();
    assert!(matches!(refused, Err(types::Error::Memory(65_536))), "{refused:?}");
    let answered = functions.call_query(store, &asked("nothing"), &context(None), None).unwrap().unwrap();
    assert_eq!((answered.total, answered.rows.len()), (0, 0));
}

#[test]
fn conjunctions_are_answered_and_explained_typed_as_raw() {
    let mut instance = opened();
    let constraint = |variable: &str, type_name: &str, ids: Option<Vec<String>>| {
        let typed = authorizer::Constraint { variable: variable.into(), type_name: type_name.into(), ids: ids.clone() };
        (typed, (variable.to_owned(), Constraint { type_name: type_name.into(), ids }))
    };
    let (typed_constraints, constraints) =
        [constraint("n", "Integer", None), constraint("u", "User", Some(vec!["ann".into(), "cy".into()]))]
            .into_iter()
            .unzip();
    let call = authorizer::Call { predicate: "level".into(), variables: vec!["u".into(), "n".into()] };
    let asked = authorizer::Conjunction { calls: vec![call], constraints: typed_constraints };
    let calls = vec![("level".to_owned(), vec!["u".to_owned(), "n".to_owned()])];
    let ask = Ask::Evaluate { calls, constraints };
    let raw = instance.call(&Call::Ask(request(ask))).unwrap();
    let Reply::Answer(Answer::Bindings { variables, rows }) = raw else { panic!("{raw:?}") };
    assert_eq!(rows, [[Some("5".to_owned()), Some("cy".to_owned())]]);
    let (bindings, store) = instance.typed();
    let functions = bindings.understudy_engine_authorizer();
    let found = functions.call_evaluate(&mut *store, &asked, &context(None)).unwrap().unwrap();
    assert_eq!((&found.variables, &found.rows), (&variables, &rows));
    let explained = functions.call_explain(store, &Question::Evaluate(asked), &context(None)).unwrap().unwrap();
    let authorizer::Answer::Bindings(again) = explained.answer else { panic!("{:?}", explained.answer) };
    assert_eq!((again.variables, again.rows), (variables, rows));
    assert_eq!(explained.why.roots.len(), 1);
}

#[test]
fn pages_are_cut_from_one_answer_typed_as_raw() {
    let mut instance = opened();
    let level = |user: &str, n: u32| Fact {
        predicate: "level".into(),
        args: vec![value("User", user), value("Integer", &n.to_string())],
    };
    let context_facts = vec![level("dee", 1), level("eve", 2), level("ed", 3)];
    let ask = Ask::Query { predicate: "level".into(), args: vec![Pattern::Any, Pattern::Any] };
    let request = Request { context_facts, ..request(ask) };
    let Ok(Reply::Answer(Answer::Facts(whole))) = instance.call(&Call::Ask(request.clone())) else { panic!("rows") };
    assert_eq!(whole.len(), 4);
    let any = || types::Pattern { type_name: None, id: None };
    let asked = FactPattern { predicate: "level".into(), args: vec![any(), any()] };
    let facts = request.context_facts.iter().map(|fact| types::Fact {
        predicate: fact.predicate.clone(),
        args: fact.args.iter().map(|value| typed(value.type_name(), value.id())).collect(),
    });
    let context = Context { facts: facts.collect(), ..context(None) };
    for skip in 0..6 {
        let paged = instance.call(&Call::Page { request: request.clone(), skip, limit: 2 }).unwrap();
        let Reply::Page(Page { answer: Answer::Facts(rows), total: 4 }) = paged else { panic!("{paged:?}") };
        let from = whole.len().min(skip as usize);
        assert_eq!(rows, whole[from..whole.len().min(from + 2)]);
        let (bindings, store) = instance.typed();
        let page = authorizer::Page { skip, limit: 2 };
        let functions = bindings.understudy_engine_authorizer();
        let typed = functions.call_query(store, &asked, &context, Some(page)).unwrap().unwrap();
        let ids: Vec<_> = typed.rows.iter().map(|row| row.args[0].id.clone()).collect();
        let expected = rows.iter().map(|row| match &row[0] {
            Row::Exact(value) => Some(value.id().to_owned()),
            Row::Any | Row::AnyOf(_) => None,
        });
        assert_eq!((typed.total, ids), (4, expected.collect()));
    }
    let none = instance.call(&Call::Page { request: request.clone(), skip: 0, limit: 0 });
    assert!(matches!(none, Err(Failure::Refused(Refusal::Ask(AskError::Invalid { .. })))), "{none:?}");
    let spent = instance.call(&Call::Page { request: Request { budget: 0, ..request }, skip: 0, limit: 9 });
    assert_eq!(spent, Err(Failure::Refused(Refusal::Ask(AskError::Budget { units: 0 }))));
}

#[test]
fn names_that_nothing_has_are_told_with_what_may_be_meant() {
    let mut instance = opened();
    let slips = [
        (
            Question::Authorize((typed("Usr", "ann"), "raed".into(), typed("Repo", "web"))),
            Ask::Authorize { actor: value("Usr", "ann"), action: "raed".into(), resource: value("Repo", "web") },
            vec!["no type `Usr`: did you mean `User`?", "`Repo` has no action `raed`: did you mean `read`?"],
        ),
        (
            Question::List((typed("User", "ann"), "read".into(), "Rebo".into())),
            Ask::List { actor: value("User", "ann"), action: "read".into(), resource_type: "Rebo".into() },
            vec!["no type `Rebo`: did you mean `Repo`?"],
        ),
        (
            Question::Query(FactPattern { predicate: "levle".into(), args: Vec::new() }),
            Ask::Query { predicate: "levle".into(), args: Vec::new() },
            vec!["no predicate `levle` of 0 arguments: did you mean `level`?"],
        ),
        (
            Question::Authorize((typed("User", "zoe"), "read".into(), typed("Repo", "none"))),
            Ask::Authorize { actor: value("User", "zoe"), action: "read".into(), resource: value("Repo", "none") },
            vec![],
        ),
    ];
    for (asked, ask, expected) in slips {
        let raw = instance.call(&Call::UnknownNames(ask)).unwrap();
        let (bindings, store) = instance.typed();
        let typed = bindings.understudy_engine_authorizer().call_unknown_names(store, &asked).unwrap().unwrap();
        assert_eq!(typed.len(), expected.len(), "{typed:?}");
        assert!(typed.iter().zip(&expected).all(|(found, words)| found.contains(words)), "{typed:?}: {expected:?}");
        assert_eq!(raw, Reply::UnknownNames(typed));
    }
}

#[test]
fn what_the_snapshot_is_and_declares_is_told_typed_as_raw() {
    let mut instance = opened();
    let status = instance.call(&Call::Status).unwrap();
    let metadata = instance.call(&Call::Metadata).unwrap();
    let (Reply::Status(status), Reply::Metadata(Some(metadata))) = (status, metadata) else { panic!("both") };
    let (bindings, store) = instance.typed();
    let holding = bindings.understudy_engine_snapshot().call_status(&mut *store).unwrap().unwrap();
    let counts = status.manifest.counts;
    assert_eq!((holding.offset, holding.manifest.facts), (status.offset, counts.facts));
    assert_eq!((holding.types, holding.values, holding.relations), (counts.types, counts.values, counts.relations));
    let blocks = bindings.understudy_engine_vocabulary().call_metadata(store).unwrap().unwrap().unwrap();
    assert_eq!(blocks.len(), metadata.len());
    for (typed, (name, raw)) in blocks.iter().zip(&metadata) {
        assert_eq!((&typed.name, &typed.roles, &typed.permissions), (name, &raw.roles, &raw.permissions));
        let relations: Vec<_> = typed.relations.iter().map(|one| (one.name.clone(), one.type_name.clone())).collect();
        assert_eq!(relations, raw.relations);
    }
}
