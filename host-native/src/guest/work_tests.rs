//! What one request asks: one account for all of it, turns between its steps, its end with its caller, its memory.
#![allow(clippy::unwrap_used)]

use std::{fs::File, io::Write, sync::Arc};

use understudy_core::{
    limits::WORK_UNITS_PER_REQUEST,
    model::{Ask, AskError, Fact, Pattern, Request, Value},
    raw::{Call, Refusal},
    snapshot::{Contents, Manifest, PolicyText, write},
};

use super::{
    component::Guest,
    config::PoolConfig,
    instance::{Failure, Instance, Opening},
    limits::HEAP_BYTES_KEPT,
    pool::Pool,
    work::{Progress, Questions, Work},
};
use crate::http::state::{Answers, Asked, Asker, CallError};

/// Every pair of places on a circle.
const POLICY: &str = "
    reach(x: Place, y: Place) if next(x, y);
    reach(x: Place, z: Place) if reach(x, y) and next(y, z);
    resource Place {}
";

fn circle(n_places: usize) -> File {
    let place = |n: usize| Value::new("Place", format!("p{}", n % n_places)).unwrap();
    let next = |n| Fact { predicate: "next".into(), args: vec![place(n), place(n + 1)] };
    let policy = Some(PolicyText { file: None, text: POLICY.to_owned() });
    let contents = Contents { manifest: Manifest::default(), policy, keys: None };
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&write(&contents, (0..n_places).map(next)).unwrap()).unwrap();
    file
}

fn pairs() -> Ask {
    Ask::Query { predicate: "reach".into(), args: vec![Pattern::Any, Pattern::Any] }
}

fn pool(n_places: usize, config: PoolConfig) -> Arc<Pool> {
    let pool = Pool::start(config).unwrap();
    pool.install(circle(n_places), || ()).unwrap();
    pool
}

fn asked(n: usize) -> Asked {
    Asked::now(vec![pairs(); n], Vec::new())
}

fn key(key: u64) -> Asker {
    Asker { worker: None, key }
}

#[test]
fn questions_of_one_request_spend_one_account() {
    let guest = Guest::load().unwrap();
    let mut instance = Instance::open(&guest, &circle(30), Opening::within(1 << 30, 1)).unwrap();
    let mut alone = Questions::new(asked(1));
    assert_eq!(alone.step(&mut instance, None), Ok(Progress::Done));
    let cost = instance.spent().unwrap();
    assert!(cost > 900, "{cost}");
    let mut many = Questions::within(asked(10), cost * 7 / 2);
    for _ in 0..3 {
        assert_eq!(many.step(&mut instance, None), Ok(Progress::More));
    }
    let spent = Failure::Refused(Refusal::Ask(AskError::Budget { units: WORK_UNITS_PER_REQUEST }));
    assert_eq!(many.step(&mut instance, None), Err(spent));
    // In a quick lane the same is no error, but nothing for it.
    let mut quick = Questions::new(asked(10));
    assert_eq!(quick.step(&mut instance, Some(cost / 2)), Ok(Progress::Long));
    assert!(quick.answers.is_empty());
}

#[tokio::test]
async fn keys_take_turns_between_the_steps_of_a_request() {
    for n_slow in [1, 2] {
        let pool = pool(150, PoolConfig { n_slow, ..PoolConfig::new(1) });
        let long = [(); 2].map(|()| pool.ask(key(1), asked(60)));
        let other = async {
            // It comes after the others have begun.
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            pool.ask(key(2), asked(1)).await
        };
        let [first, second] = long;
        tokio::select! {
            biased;
            answers = other => assert_eq!(answers.unwrap().len(), 1),
            _ = async { tokio::join!(first, second) } => panic!("another key has waited for all of it"),
        }
    }
}

#[tokio::test]
async fn what_takes_long_is_nothing_for_a_thread_that_may_not_wait() {
    let pool = pool(150, PoolConfig { quick_units: 1_000, ..PoolConfig::new(1) });
    let quick = Asker { worker: Some(0), key: 1 };
    assert_eq!(pool.ask(quick, asked(1)).await, Err(CallError::Long));
    assert_eq!(pool.facts(quick, None, Vec::new()).await, Err(CallError::Long));
    assert_eq!(pool.facts(key(1), None, Vec::new()).await.unwrap().len(), 150);
    assert_eq!(pool.ask(key(1), asked(2)).await.unwrap().len(), 2);
}

#[tokio::test]
async fn what_nobody_waits_for_ends() {
    // Two minutes of work, one call of it far longer than the watchdog's looks are apart.
    let pool = pool(1_500, PoolConfig { n_slow: 1, ..PoolConfig::new(1) });
    let left = tokio::time::timeout(std::time::Duration::from_millis(300), pool.ask(key(1), asked(100))).await;
    assert!(left.is_err());
    let few = Ask::Query { predicate: "next".into(), args: vec![Pattern::Any, Pattern::Any] };
    let answers = pool.ask(key(1), Asked::now(vec![few], Vec::new())).await;
    assert_eq!(answers.unwrap().len(), 1);
    let counts = pool.counts();
    assert_eq!((counts.stuck, counts.traps), (0, 0), "it is no fault of an instance");
}

#[test]
fn memory_that_is_spent_is_an_error_with_a_name() {
    let guest = Guest::load().unwrap();
    let request = Request { ask: pairs(), context_facts: Vec::new(), now_s: 0, budget: WORK_UNITS_PER_REQUEST };
    let within = |opening| {
        let mut instance = Instance::open(&guest, &circle(1_500), opening).unwrap();
        instance.call(&Call::Ask(request.clone())).unwrap_err()
    };
    // As the engine counts it; and where that counts too little, as the host gives it.
    let counted = within(Opening::within(9 << 20, 1));
    assert!(matches!(counted, Failure::Refused(Refusal::Ask(AskError::Memory { .. }))), "{counted}");
    let failure = within(Opening { work_bytes_max: u64::MAX, ..Opening::within(9 << 20, 1) });
    assert!(matches!(failure, Failure::Memory(max) if max >= 9 << 20), "{failure}");
}

/// Memory of a guest never shrinks: an instance that a refused question has made large gives way to a new one.
#[tokio::test]
async fn what_a_refused_question_took_is_given_back() {
    let config = PoolConfig { quick_units: WORK_UNITS_PER_REQUEST, ..PoolConfig::new(1) };
    let pool = pool(1_500, config.with_memory(Some(256 << 20)));
    for asker in [key(1), Asker { worker: Some(0), key: 1 }] {
        let refused = pool.ask(asker, asked(1)).await.unwrap_err();
        assert!(matches!(refused, CallError::Ask(AskError::Memory { .. }) | CallError::Long), "{refused:?}");
        let grown_bytes = pool.grown_bytes();
        assert!(grown_bytes <= HEAP_BYTES_KEPT, "{asker:?}: {grown_bytes}");
    }
    let few = Ask::Query { predicate: "next".into(), args: vec![Pattern::Any, Pattern::Any] };
    assert_eq!(pool.ask(key(1), Asked::now(vec![few], Vec::new())).await.unwrap().len(), 1);
    let counts = pool.counts();
    assert_eq!((counts.stuck, counts.traps), (0, 0), "it is no fault of an instance");
    assert!(counts.worked_s().iter().all(|seconds| *seconds > 0.0), "{counts:?}");
}
