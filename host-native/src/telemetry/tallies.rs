//! Decisions by outcome, and what was turned away by cause. Every label is there from the start, so that a request takes no lock
//! and a rate has a beginning.

use prometheus::{IntCounter, IntCounterVec, Opts, Registry};
use understudy_wire::{Code, paths::Endpoint};

use crate::http::tally::{Shed, Tally};

/// The counters.
pub struct Tallies {
    allowed: IntCounter,
    denied: IntCounter,
    /// By the place of the code among all.
    refused: Vec<IntCounter>,
    /// By the place of the cause among all.
    shed: Vec<IntCounter>,
}

impl Tallies {
    /// Registers them, all at 0.
    pub fn new(registry: &Registry) -> prometheus::Result<Self> {
        let decisions =
            Opts::new("understudy_decisions_total", "Decisions by outcome: allowed, denied, or why there is none.");
        let decisions = IntCounterVec::new(decisions, &["outcome"])?;
        let shed =
            Opts::new("understudy_shed_total", "Requests turned away for want of room, by what there was none of.");
        let shed = IntCounterVec::new(shed, &["cause"])?;
        registry.register(Box::new(decisions.clone()))?;
        registry.register(Box::new(shed.clone()))?;
        let outcome = |name| decisions.with_label_values(&[name]);
        Ok(Tallies {
            allowed: outcome("allowed"),
            denied: outcome("denied"),
            refused: Code::ALL.iter().map(|code| outcome(code.name())).collect(),
            shed: Shed::ALL.iter().map(|cause| shed.with_label_values(&[cause.name()])).collect(),
        })
    }

    /// Counts what a reply says.
    pub fn count(&self, path: &str, tally: &Tally) {
        let add = |counter: &IntCounter, n: u32| {
            if n > 0 {
                counter.inc_by(u64::from(n));
            }
        };
        add(&self.allowed, tally.n_allowed);
        add(&self.denied, tally.n_denied);
        let whole = tally.code.filter(|_| decides(path));
        for code in tally.refused.iter().copied().chain(whole) {
            let place = Code::ALL.iter().position(|one| *one == code);
            place.and_then(|place| self.refused.get(place)).into_iter().for_each(IntCounter::inc);
        }
        if let Some(cause) = tally.shed {
            let place = Shed::ALL.iter().position(|one| *one == cause);
            place.and_then(|place| self.shed.get(place)).into_iter().for_each(IntCounter::inc);
        }
    }
}

/// Is a refusal of this path a decision that wasn't made?
fn decides(path: &str) -> bool {
    use Endpoint::{Authorize, AuthorizeResources, Evaluation, Evaluations};
    [Authorize, AuthorizeResources, Evaluation, Evaluations].iter().any(|endpoint| endpoint.path() == path)
}
