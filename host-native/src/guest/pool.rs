//! Who answers: quick questions on the worker's own instance at once, long ones in the slow lane.

use std::{fs::File, sync::Arc};

use understudy_calls::dialogue::{Dialogue, Told};
use understudy_core::{
    model::{AskError, Request},
    raw::{Call, Reply},
};

use super::{
    config::PoolConfig,
    instance::Failure,
    lanes::{Counts, Lanes, Quick},
    limits::QUICK_TIME,
    log::Log,
    slow::SlowLane,
};
use crate::http::state::{Asker, CallError};

/// The instances of one process.
pub struct Pool {
    lanes: Arc<Lanes>,
    config: PoolConfig,
    slow: SlowLane,
}

impl Pool {
    /// Loads the component; nothing serves yet.
    pub fn start(config: PoolConfig) -> Result<Arc<Self>, String> {
        let lanes = Arc::new(Lanes::start(config)?);
        let slow = SlowLane::start().map_err(|error| format!("no thread for long questions: {error}"))?;
        Ok(Arc::new(Pool { lanes, config, slow }))
    }

    /// Makes a verified snapshot file what serves, in one step: a question that begins after this returned is answered from
    /// it or a later one. `before`: what has to change at that moment. On an error nothing has changed. Blocks as long as
    /// it takes to open; one caller at a time.
    pub fn install(&self, file: File, before: impl FnOnce()) -> Result<(), Failure> {
        self.lanes.install(file, before)
    }

    /// What broke so far.
    pub fn counts(&self) -> Counts {
        self.lanes.counts()
    }

    /// Writes since the snapshot, which every answer contains.
    pub(super) fn log(&self) -> &Log {
        self.lanes.log()
    }

    /// Does anything serve?
    pub fn is_serving(&self) -> bool {
        self.lanes.number() > 0
    }

    /// Quick calls on the worker's own instance, at once; what turns out to take long goes to the slow lane, whole.
    pub(super) async fn call(&self, asker: Asker, mut calls: Vec<Call>) -> Result<Vec<Reply>, CallError> {
        let quick_units = self.config.quick_units;
        let limited = |call: &mut Call| match call {
            Call::Ask(Request { budget, .. }) => {
                let asked = *budget;
                *budget = asked.min(quick_units);
                asked
            }
            _ => 0,
        };
        let budgets: Vec<u64> = calls.iter_mut().map(limited).collect();
        match self.lanes.run(self.lane(asker), &calls, Some(QUICK_TIME)) {
            Ok(Some(replies)) => return Ok(replies),
            Ok(None) => {}
            Err(CallError::Ask(AskError::Budget { units })) if units == quick_units => {}
            Err(error) => return Err(error),
        }
        for (call, units) in calls.iter_mut().zip(budgets) {
            if let Call::Ask(request) = call {
                request.budget = units;
            }
        }
        self.run_slowly(asker, calls).await
    }

    /// A call that is known to take long.
    pub(super) async fn call_slowly(&self, asker: Asker, call: Call) -> Result<Vec<Reply>, CallError> {
        self.run_slowly(asker, vec![call]).await
    }

    async fn run_slowly(&self, asker: Asker, calls: Vec<Call>) -> Result<Vec<Reply>, CallError> {
        let (lanes, slow) = (self.lanes.clone(), self.config.n_workers);
        self.slow.ask(asker.key, move || lanes.run(slow, &calls, None)?.ok_or(CallError::Busy)).await
    }

    /// Takes the steps of a dialogue, all of them with one generation; one that takes long begins anew in the slow lane.
    pub(super) async fn converse(&self, asker: Asker, dialogue: Arc<dyn Dialogue>) -> Result<Vec<Told>, CallError> {
        let quick = Quick { units: self.config.quick_units, time: QUICK_TIME };
        if let Some(told) = self.lanes.converse(self.lane(asker), &*dialogue, Some(quick))? {
            return Ok(told);
        }
        let (lanes, slow) = (self.lanes.clone(), self.config.n_workers);
        self.slow.ask(asker.key, move || lanes.converse(slow, &*dialogue, None)?.ok_or(CallError::Busy)).await
    }

    /// The lane of the asker's thread.
    fn lane(&self, asker: Asker) -> usize {
        asker.worker.min(self.config.n_workers - 1)
    }
}
