//! Policies that nobody has looked at: compiled, tested, built and opened by instances that have less memory and time than
//! the smallest node gives them, on a thread of their own. What doesn't fit there would end nodes.

use std::{
    sync::{
        Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    },
    time::Duration,
};

use understudy_core::{
    limits::WORK_UNITS_PER_REQUEST,
    raw::{Call, Reply},
    snapshot::{Contents, Manifest, PolicyText},
};

use super::{
    component::Guest,
    instance::{Failure, Instance, Opening},
    limits::{POLICY_HEAP_BYTES_MAX, POLICY_STUCK},
    memory::GuestMemory,
    watchdog::cpu_of,
};
use crate::{
    mapping::Forbidden,
    primary::instances::{NotTried, Sources, Tried},
};

/// Between two looks at how long it takes.
const LOOK: Duration = Duration::from_millis(100);

/// One at a time in a process: several at once would have several times the memory.
static ONE: Mutex<()> = Mutex::new(());

/// What the thread that works tells the one that waits.
enum Told {
    /// An instance works from now on.
    Works(Option<GuestMemory>),
    Done(Result<Tried, Failure>),
}

/// What an attempt may use.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    heap_bytes_max: usize,
    patience: Duration,
}

/// Tries a policy. Blocks, for at most [`POLICY_STUCK`] on the CPU.
pub fn attempt(guest: &Guest, sources: Sources, now_s: i64) -> Result<Tried, NotTried> {
    within(guest, sources, now_s, Bounds { heap_bytes_max: POLICY_HEAP_BYTES_MAX, patience: POLICY_STUCK })
}

fn within(guest: &Guest, sources: Sources, now_s: i64, bounds: Bounds) -> Result<Tried, NotTried> {
    let _one_at_a_time = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (tell, told) = channel();
    let guest = guest.clone();
    let run = move || {
        let done = Attempt { guest, tell: &tell, heap_bytes_max: bounds.heap_bytes_max }.run(sources, now_s);
        let _ = tell.send(Told::Done(done));
    };
    // The thread's number, to read its time by, comes first.
    let (number, numbered) = channel();
    let thread = std::thread::Builder::new().name("policy".into()).spawn(move || {
        let _ = number.send(rustix::thread::gettid().as_raw_nonzero().get());
        run();
    });
    let thread = thread.map_err(|error| NotTried::Failed(format!("no thread for a policy: {error}")))?;
    let (done, is_stuck) = wait(&told, numbered.recv().ok(), bounds.patience);
    let _ = thread.join();
    match done {
        Some(Ok(tried)) => Ok(tried),
        _ if is_stuck => Err(NotTried::TooLarge(format!(
            "the policy takes more than {} seconds to compile, test and open: use fewer or shorter rules and tests",
            bounds.patience.as_secs()
        ))),
        Some(Err(Failure::Memory(_))) => Err(NotTried::TooLarge(format!(
            "the policy needs more than {} MiB to compile, test and open, which the smallest node doesn't have: use fewer \
             or shorter rules and tests",
            bounds.heap_bytes_max >> 20
        ))),
        Some(Err(Failure::Refused(refusal))) => Err(NotTried::Refused(refusal.to_string())),
        Some(Err(failure)) => Err(NotTried::Failed(failure.to_string())),
        None => Err(NotTried::Failed("the engine gave no answer".into())),
    }
}

/// What came of it, and whether it had to be ended.
fn wait(told: &Receiver<Told>, thread: Option<i32>, mut patience: Duration) -> (Option<Result<Tried, Failure>>, bool) {
    let (mut memory, mut steps) = (None, [Forbidden::Writes, Forbidden::All].into_iter());
    let mut is_stuck = false;
    loop {
        match told.recv_timeout(LOOK) {
            Ok(Told::Works(new)) => {
                // One that was ended is followed by none; this is for the race between the two.
                if let (true, Some(new)) = (is_stuck, &new) {
                    let _ = new.forbid(Forbidden::All);
                }
                memory = new;
            }
            Ok(Told::Done(done)) => return (Some(done), is_stuck),
            Err(RecvTimeoutError::Disconnected) => return (None, is_stuck),
            Err(RecvTimeoutError::Timeout) => {}
        }
        let cpu = thread.and_then(|thread| cpu_of(u64::try_from(thread).ok()?));
        if cpu.is_some_and(|cpu| cpu > patience)
            && let Some(what) = steps.next()
        {
            is_stuck = true;
            patience += LOOK * 10;
            if let Some(memory) = &memory
                && let Err(error) = memory.forbid(what)
            {
                tracing::error!("a policy that takes too long can't be ended: {error}");
            }
        }
    }
}

/// The work itself, on its thread.
struct Attempt<'t> {
    guest: Guest,
    tell: &'t Sender<Told>,
    heap_bytes_max: usize,
}

impl Attempt<'_> {
    fn run(&self, sources: Sources, now_s: i64) -> Result<Tried, Failure> {
        let Reply::Diagnostics(notes) = self.call(&Call::Check { sources: sources.clone() })? else {
            return Err(nonsense());
        };
        let mut tried = Tried { notes, tests: Vec::new() };
        if tried.has_errors() {
            return Ok(tried);
        }
        let text = sources.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("\n");
        let call = Call::Test { sources, now_s, budget: WORK_UNITS_PER_REQUEST, seed: 0 };
        let Reply::Report(tests) = self.call(&call)? else { return Err(nonsense()) };
        tried.tests = tests;
        if !tried.passes() {
            return Ok(tried);
        }
        // The facts of a snapshot lie in the file; what a node's memory has to hold is what the policy makes of itself.
        let policy = Some(PolicyText { file: None, text });
        let contents = Contents { manifest: Manifest::default(), policy, keys: None };
        let Reply::Snapshot(bytes) = self.call(&Call::Build { contents, facts: Vec::new() })? else {
            return Err(nonsense());
        };
        Instance::open_bytes(&self.guest, &bytes, Opening::within(self.heap_bytes_max, 0))?;
        Ok(tried)
    }

    /// One call of a new instance: memory of a guest never shrinks.
    fn call(&self, call: &Call) -> Result<Reply, Failure> {
        let mut instance = Instance::new(&self.guest, self.heap_bytes_max)?;
        let _ = self.tell.send(Told::Works(instance.memory()));
        let reply = instance.call(call);
        let _ = self.tell.send(Told::Works(None));
        reply
    }
}

fn nonsense() -> Failure {
    Failure::Nonsense("another kind of answer".into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn try_policy(text: &str, bounds: Bounds) -> Result<Tried, NotTried> {
        let sources = vec![("p.polar".to_owned(), text.to_owned())];
        within(&Guest::load().unwrap(), sources, 0, bounds)
    }

    const USUAL: Bounds = Bounds { heap_bytes_max: POLICY_HEAP_BYTES_MAX, patience: POLICY_STUCK };

    #[test]
    fn a_policy_is_tried_with_its_mistakes_and_its_tests() {
        let tried = try_policy("actor User {}", USUAL).unwrap();
        assert!(!tried.has_errors() && tried.passes());
        assert!(try_policy("actor User {", USUAL).unwrap().has_errors());
        let failing = r#"
            actor User {}
            resource Repo { permissions = ["read"]; }
            test "t" { assert allow(User{"a"}, "read", Repo{"b"}); }
        "#;
        assert!(!try_policy(failing, USUAL).unwrap().passes());
    }

    #[test]
    fn one_that_needs_too_much_is_refused_by_the_name_of_what_it_needs() {
        let rules: String = (0..40_000).map(|n| format!("p{n}(a: User, b: User) if q(a, b) and q(b, a);\n")).collect();
        let large = format!("actor User {{}}\n{rules}");
        let Err(NotTried::TooLarge(message)) = try_policy(&large, Bounds { heap_bytes_max: 8 << 20, ..USUAL }) else {
            panic!("it fits into 8 MiB");
        };
        assert!(message.contains("8 MiB"), "{message}");

        let next: String =
            (0..400).map(|n| format!("next(Place{{\"{n}\"}}, Place{{\"{}\"}});\n", (n + 1) % 400)).collect();
        let long = format!(
            "reach(x: Place, y: Place) if next(x, y);
             reach(x: Place, z: Place) if reach(x, y) and reach(y, z);
             resource Place {{}}
             test \"t\" {{ setup {{ {next} }} assert reach(Place{{\"1\"}}, Place{{\"0\"}}); }}"
        );
        let Err(NotTried::TooLarge(message)) =
            try_policy(&long, Bounds { patience: Duration::from_millis(50), ..USUAL })
        else {
            panic!("it takes no time");
        };
        assert!(message.contains("takes more than"), "{message}");
    }
}
