//! Who answers: quick questions on the worker's own instance at once, long ones in the slow lanes.

use std::{fs::File, sync::Arc};

use super::{
    component::Guest,
    config::PoolConfig,
    instance::Failure,
    lanes::{Counts, Lanes, Outcome, Quick},
    limits::QUICK_TIME,
    log::Log,
    slow::SlowLanes,
    work::Work,
};
use crate::http::state::{Asker, CallError};

/// The instances of one process.
pub struct Pool {
    lanes: Arc<Lanes>,
    config: PoolConfig,
    slow: SlowLanes,
}

impl Pool {
    /// Loads the component; nothing serves yet.
    pub fn start(config: PoolConfig) -> Result<Arc<Self>, String> {
        let lanes = Arc::new(Lanes::start(config)?);
        let slow = SlowLanes::start(&lanes, config.n_workers, config.n_slow)
            .map_err(|error| format!("no thread for long questions: {error}"))?;
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

    /// By how much questions have made its instances grow, in bytes.
    #[cfg(test)]
    pub(super) fn grown_bytes(&self) -> usize {
        self.lanes.grown_bytes()
    }

    /// What instances are made of.
    pub(super) fn guest(&self) -> &Guest {
        self.lanes.guest()
    }

    /// Writes since the snapshot, which every answer contains.
    pub(super) fn log(&self) -> &Log {
        self.lanes.log()
    }

    /// Does anything serve?
    pub fn is_serving(&self) -> bool {
        self.lanes.number() > 0
    }

    /// Does the work: on the worker's own instance at once, or, where the asker may wait, in a slow lane.
    pub(super) async fn run<W: Work>(&self, asker: Asker, mut work: W) -> Result<W, CallError> {
        let Some(worker) = asker.worker else { return self.slow.run(asker.key, work).await };
        let quick = Quick { units: self.config.quick_units, time: QUICK_TIME };
        match self.lanes.run_quickly(worker.min(self.config.n_workers - 1), &mut work, quick)? {
            Outcome::Done => Ok(work),
            Outcome::Long | Outcome::Paused(_) | Outcome::Changed => Err(CallError::Long),
        }
    }
}
