//! What to do next: pure. (state, event, time) → actions; no clock, no I/O, randomness only from its seed.
//!
//! Start asks the upstream first, then the disk, then the import; a node with nothing to serve gives up at most 20 s
//! after the upstream last gave something that helps. A node that serves never stops because of its upstream.

/// Longest wait for a head at start.
pub const HEAD_AT_START_MS: u64 = 3_000;
/// Longest wait for an answer's head later.
pub const HEAD_LATER_MS: u64 = 20_000;
/// With nothing to serve, no new attempt begins later than this after the last sign of life.
const LAST_ATTEMPT_MS: u64 = 12_000;
const BACKOFF_MIN_MS: u64 = 500;
const BACKOFF_MAX_MS: u64 = 300_000;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The process began.
    Began,
    /// The upstream says that what is served is current, or gave something newer that was installed.
    InStep {
        /// How often to ask this kind of upstream.
        interval_ms: u64,
        /// How long this ask took: an answer that was held back until something changes has waited already.
        took_ms: u64,
    },
    /// Asking the upstream failed, or what it gave was refused.
    Failed {
        /// May it succeed soon?
        retryable: bool,
        /// When the upstream last gave something that helps, if it did.
        life_ms: Option<u64>,
        /// For people.
        why: String,
    },
    /// Disk or import gave a snapshot that now serves.
    Opened,
    /// Disk or import gave none.
    NotOpened {
        /// For people.
        why: String,
    },
    /// A sleep ended.
    Woke,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Ask the upstream and install what is new.
    Ask {
        /// Longest wait for the head of its answer.
        head_ms: u64,
    },
    /// Try the folder.
    OpenDisk,
    /// Try the import file.
    OpenImport,
    /// Do nothing for so long.
    Sleep {
        /// How long.
        ms: u64,
    },
    /// Nothing to serve: stop with this reason.
    Exit {
        /// For people.
        why: String,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    FirstAsk,
    Disk,
    Import,
    Empty,
    Serving,
}

/// The state.
#[derive(Clone, Debug)]
pub struct Machine {
    phase: Phase,
    has_import: bool,
    failures: u32,
    interval_ms: u64,
    life_ms: u64,
    retryable: bool,
    why: Vec<String>,
    random: u64,
}

impl Machine {
    /// `interval_ms`: how often the upstream is asked, as far as that is known before its kind is; `seed`: for the jitter.
    pub fn new(has_import: bool, interval_ms: u64, seed: u64) -> Self {
        Machine {
            phase: Phase::FirstAsk,
            has_import,
            failures: 0,
            interval_ms,
            life_ms: 0,
            retryable: false,
            why: Vec::new(),
            random: seed | 1,
        }
    }

    /// One step. `at_ms` only rises.
    pub fn step(&mut self, event: Event, at_ms: u64) -> Action {
        match (self.phase, event) {
            (Phase::FirstAsk, Event::Began) => {
                self.life_ms = at_ms;
                Action::Ask { head_ms: HEAD_AT_START_MS }
            }
            (_, Event::InStep { interval_ms, took_ms }) => {
                self.phase = Phase::Serving;
                self.failures = 0;
                self.interval_ms = interval_ms;
                self.why.clear();
                // A tenth earlier at most, so that many nodes don't ask at one moment.
                let ms = interval_ms - self.below(interval_ms / 10 + 1);
                Action::Sleep { ms: ms.saturating_sub(took_ms) }
            }
            (phase, Event::Failed { retryable, life_ms, why }) => {
                self.failures = self.failures.saturating_add(1);
                self.retryable = retryable;
                self.life_ms = self.life_ms.max(life_ms.unwrap_or(0));
                match phase {
                    Phase::Serving => Action::Sleep { ms: self.backoff() },
                    Phase::FirstAsk => {
                        self.phase = Phase::Disk;
                        self.why = vec![why];
                        Action::OpenDisk
                    }
                    _ => {
                        // The upstream's newest reason; those of disk and import stay true.
                        if let Some(first) = self.why.first_mut() {
                            *first = why;
                        }
                        self.nothing_to_serve(at_ms)
                    }
                }
            }
            (Phase::Disk | Phase::Import, Event::Opened) => {
                self.phase = Phase::Serving;
                self.why.clear();
                Action::Sleep { ms: self.backoff() }
            }
            (Phase::Disk, Event::NotOpened { why }) if self.has_import => {
                self.why.push(why);
                self.phase = Phase::Import;
                Action::OpenImport
            }
            (Phase::Disk | Phase::Import, Event::NotOpened { why }) => {
                self.why.push(why);
                self.phase = Phase::Empty;
                self.nothing_to_serve(at_ms)
            }
            (Phase::Serving, _) => Action::Ask { head_ms: HEAD_LATER_MS },
            (_, _) => Action::Ask { head_ms: HEAD_AT_START_MS },
        }
    }

    fn nothing_to_serve(&mut self, at_ms: u64) -> Action {
        if self.retryable && at_ms.saturating_sub(self.life_ms) < LAST_ATTEMPT_MS {
            return Action::Sleep { ms: self.backoff().min(2_000) };
        }
        Action::Exit { why: format!("nothing to serve: {}", self.why.join("; ")) }
    }

    /// Twice as long after each failure, never longer than the interval (an upstream that takes a question a second takes
    /// an attempt a second) or five minutes, half of it random.
    fn backoff(&mut self) -> u64 {
        let doubled = BACKOFF_MIN_MS << self.failures.min(16);
        let ms = doubled.min(self.interval_ms.clamp(1_000, BACKOFF_MAX_MS));
        ms / 2 + self.below(ms / 2 + 1)
    }

    /// A number below `bound` (xorshift; only for spreading load).
    fn below(&mut self, bound: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % bound.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IN_STEP: Event = Event::InStep { interval_ms: 60_000, took_ms: 0 };

    fn failed(retryable: bool) -> Event {
        Event::Failed { retryable, life_ms: None, why: "upstream: no route".into() }
    }

    #[test]
    fn the_upstream_is_asked_first_and_then_in_its_interval() {
        let mut machine = Machine::new(false, 60_000, 7);
        assert_eq!(machine.step(Event::Began, 0), Action::Ask { head_ms: HEAD_AT_START_MS });
        let Action::Sleep { ms } = machine.step(IN_STEP, 10) else { panic!("sleeps") };
        assert!((54_000..=60_000).contains(&ms));
        assert_eq!(machine.step(Event::Woke, 60_000), Action::Ask { head_ms: HEAD_LATER_MS });
    }

    #[test]
    fn an_answer_that_was_held_back_has_waited_already() {
        let mut machine = Machine::new(false, 60_000, 7);
        machine.step(Event::Began, 0);
        let held = Event::InStep { interval_ms: 1_000, took_ms: 1_002 };
        assert_eq!(machine.step(held, 1_002), Action::Sleep { ms: 0 });
        let static_host = Event::InStep { interval_ms: 1_000, took_ms: 2 };
        assert!(matches!(machine.step(static_host, 1_004), Action::Sleep { ms: 898..=998 }));
    }

    #[test]
    fn disk_then_import_then_exit() {
        let mut machine = Machine::new(true, 60_000, 7);
        machine.step(Event::Began, 0);
        assert_eq!(machine.step(failed(false), 1), Action::OpenDisk);
        assert_eq!(machine.step(Event::NotOpened { why: "disk: empty".into() }, 2), Action::OpenImport);
        let Action::Exit { why } = machine.step(Event::NotOpened { why: "import: damaged".into() }, 3) else {
            panic!("exits")
        };
        assert_eq!(why, "nothing to serve: upstream: no route; disk: empty; import: damaged");
    }

    #[test]
    fn with_nothing_to_serve_it_tries_again_but_ends_within_20_s() {
        let mut machine = Machine::new(false, 60_000, 3);
        let mut action = machine.step(Event::Began, 0);
        let mut at_ms = 0;
        let mut asks = 0;
        loop {
            action = match action {
                Action::Ask { head_ms } => {
                    asks += 1;
                    at_ms += head_ms;
                    machine.step(failed(true), at_ms)
                }
                Action::OpenDisk => machine.step(Event::NotOpened { why: "disk: empty".into() }, at_ms),
                Action::Sleep { ms } => {
                    at_ms += ms;
                    machine.step(Event::Woke, at_ms)
                }
                Action::Exit { .. } => break,
                Action::OpenImport => panic!("there is none"),
            };
        }
        assert!(asks > 1 && at_ms < 20_000, "{asks} asks, {at_ms} ms");
    }

    #[test]
    fn a_serving_node_outlives_every_failure_and_backs_off() {
        let mut machine = Machine::new(false, 60_000, 9);
        machine.step(Event::Began, 0);
        machine.step(failed(true), 1);
        assert!(matches!(machine.step(Event::Opened, 2), Action::Sleep { ms: 250..=1_000 }));
        for at_ms in 3..1_000 {
            assert!(matches!(machine.step(Event::Woke, at_ms), Action::Ask { .. }));
            assert!(matches!(machine.step(failed(false), at_ms), Action::Sleep { ms: 250..=60_000 }));
        }
    }

    #[test]
    fn what_started_from_disk_asks_no_less_often_than_it_was_told_to() {
        let mut machine = Machine::new(false, 1_000, 9);
        machine.step(Event::Began, 0);
        machine.step(failed(true), 1);
        machine.step(Event::Opened, 2);
        for at_ms in 3..100 {
            machine.step(Event::Woke, at_ms);
            assert!(matches!(machine.step(failed(true), at_ms), Action::Sleep { ms: 500..=1_000 }));
        }
    }
}
