//! What happens to instances that break, and to those who wait for one.

use super::*;

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
        async move { pool.ask(Asker { worker: None, key }, one(long())).await.expect("an answer") }
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
fn an_instance_that_breaks_off_is_replaced_with_every_write_since_its_snapshot() {
    // Little memory, of which the engine knows nothing: a request that needs more breaks its instance off.
    let pool = pool(|config| (config.heap_bytes_max, config.work_bytes_max) = (16 << 20, u64::MAX));
    pool.install(snapshot(POLICY, facts(2_000)), || ()).expect("it opens");
    pool.append(11, vec![Change::Delete(reads("ann", "r0")), Change::Insert(reads("bo", "r0"))]);
    assert_eq!(asked(&pool, may("ann", "r0")), Ok(Answer::Decision(false)), "a write is seen at once");
    let refused = asked(&pool, long());
    assert!(matches!(refused, Err(CallError::Refused(_))), "{refused:?}");
    assert_eq!((pool.counts().traps, pool.counts().stuck), (0, 0), "no fault of the instance's");
    assert_eq!(asked(&pool, may("ann", "r0")), Ok(Answer::Decision(false)), "a revoked right stays revoked");
    assert_eq!(asked(&pool, may("bo", "r0")), Ok(Answer::Decision(true)));
    assert_eq!(asked(&pool, may("ann", "r1")), Ok(Answer::Decision(true)));
}

#[test]
fn a_question_that_needs_more_memory_than_it_may_is_refused_and_its_instance_goes_on() {
    let pool = pool(|config| (config.heap_bytes_max, config.work_bytes_max) = (64 << 20, 8 << 20));
    pool.install(snapshot(POLICY, facts(2_000)), || ()).expect("it opens");
    assert_eq!(asked(&pool, long()), Err(CallError::Ask(AskError::Memory { bytes: 8 << 20 })));
    assert_eq!(asked(&pool, may("ann", "r7")), Ok(Answer::Decision(true)));
    assert_eq!((pool.counts().traps, pool.counts().replaced), (0, 0));
}

#[test]
fn long_questions_end_by_the_full_budget_and_never_shortened() {
    let pool = pool(|config| config.work_bytes_max = 64 << 20);
    pool.install(snapshot(POLICY, facts(2_000)), || ()).expect("it opens");
    let list = Ask::List { actor: value("User", "ann"), action: "read".into(), resource_type: "Repo".into() };
    match asked(&pool, request(list)) {
        Ok(Answer::Ids(ids)) => assert_eq!(ids.len(), 2_000),
        other => panic!("{other:?}"),
    }
    // Four million rows: more than a request may hold, or take.
    let outcome = asked(&pool, long());
    assert!(matches!(outcome, Err(CallError::Ask(AskError::Budget { .. } | AskError::Memory { .. }))), "{outcome:?}");
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
