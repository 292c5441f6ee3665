//! A guest that loses its memory in the middle of a call: the process lives on, whichever access is taken away.
#![allow(clippy::unwrap_used)]

use std::{io::Write, time::Duration};

use understudy_core::{
    limits::WORK_UNITS_PER_REQUEST,
    model::{Ask, Fact, Pattern, Request, Value},
    raw::Call,
    snapshot::{Contents, Manifest, PolicyText, write},
};

use super::{
    component::Guest,
    instance::{Failure, Instance, Opening},
};
use crate::mapping::Forbidden;

/// Every pair of places on a circle: seconds of work.
const POLICY: &str = "
    reach(x: Place, y: Place) if next(x, y);
    reach(x: Place, z: Place) if reach(x, y) and next(y, z);
    resource Place {}
";
const N_PLACES: usize = 2_000;

fn circle() -> Vec<u8> {
    let place = |n: usize| Value::new("Place", format!("p{}", n % N_PLACES)).unwrap();
    let next = |n| Fact { predicate: "next".into(), args: vec![place(n), place(n + 1)] };
    let policy = Some(PolicyText { file: None, text: POLICY.to_owned() });
    write(&Contents { manifest: Manifest::default(), policy, keys: None }, (0..N_PLACES).map(next)).unwrap()
}

#[test]
fn taking_either_access_away_ends_a_call_as_a_trap() {
    let guest = Guest::load().unwrap();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&circle()).unwrap();
    // Often enough to meet the guest's own accesses and those of the host on its behalf.
    for (round, what) in (0..40).flat_map(|round| [(round, Forbidden::Writes), (round, Forbidden::All)]) {
        let mut instance = Instance::open(&guest, &file, Opening::within(1 << 30, 1)).unwrap();
        let memory = instance.memory().unwrap();
        let ask = Ask::Query { predicate: "reach".into(), args: vec![Pattern::Any, Pattern::Any] };
        let request = Request { ask, context_facts: Vec::new(), now_s: 0, budget: WORK_UNITS_PER_REQUEST };
        let outcome = std::thread::scope(|scope| {
            let call = scope.spawn(|| instance.call(&Call::Ask(request)));
            std::thread::sleep(Duration::from_millis(10 + round));
            memory.forbid(what).unwrap();
            call.join().unwrap()
        });
        assert!(matches!(outcome, Err(Failure::Trapped(_))), "{what:?}: {outcome:?}");
    }
}
