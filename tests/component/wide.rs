//! Wide random worlds through the component, beside the native engine.

use understudy_tests::wide::{self, N_SEEDS_PER_ROUND, Width};

use super::*;

/// One of so many worlds of a round is asked about, and none of those near 2^16 but the first.
const WORLDS_PER_ASKED: usize = 3;

#[test]
fn a_wide_world_is_answered_by_the_component_as_natively() {
    let guest = Guest::load().expect("the engine loads");
    let pool = pool(|_| ());
    let (mut n_answers, mut n_refused, mut n_half) = (0, 0, 0);
    for seed in (0..N_SEEDS_PER_ROUND).step_by(WORLDS_PER_ASKED) {
        let world = wide::world(seed);
        if world.paddings.iter().any(|padding| padding.width == Width::Half) {
            n_half += 1;
            if n_half > WORLDS_PER_ASKED {
                continue;
            }
        }
        let what = || format!("wide world {seed}, {:?}", world.paddings);
        let native = compile(&[Source { name: "wide", text: &world.policy }]);
        if native.program.is_none() {
            let mut instance = Instance::new(&guest, HEAP_BYTES).expect("an instance");
            match instance.call(&Call::Check { sources: vec![("wide".to_owned(), world.policy.clone())] }) {
                Ok(Reply::Diagnostics(told)) => assert!(told.iter().any(|note| note.severity == Severity::Error)),
                other => panic!("{}: {other:?}", what()),
            }
            n_refused += 1;
            continue;
        }
        let offset = 1 + 1_000 * (1 + seed);
        let policy = Some(PolicyText { file: None, text: world.policy.clone() });
        let contents = Contents { manifest: Manifest { offset, ..Manifest::default() }, policy, keys: None };
        let bytes = write(&contents, world.base.clone()).expect("a world can be written");
        let mut native = Engine::open(&bytes, Options::seeded(7)).expect("what was written opens");
        pool.install(file_of(&bytes), || ()).expect("what was written opens");
        pool.forget(offset);
        for (offset, change) in (offset + 1..).zip(world.later.iter().cloned()) {
            native.apply(std::slice::from_ref(&change), offset);
            pool.append(offset, vec![change]);
        }
        for question in &world.questions {
            let (ask, context_facts) = (question.ask.clone(), world.context.clone());
            let request = Request { ask, context_facts, now_s: World::now_s(), budget: WORK_UNITS_PER_REQUEST };
            let expected = native.ask(&request).map_err(CallError::Ask);
            assert_eq!(asked(&pool, request), expected, "{}: {}", what(), wide::told(question));
            n_answers += 1;
        }
    }
    assert_eq!(pool.counts().traps + pool.counts().stuck, 0);
    assert!(n_answers > 100 && n_refused > 0 && n_half > 0, "{n_answers} answers, {n_refused} refused, {n_half}");
}
