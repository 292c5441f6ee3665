//! What answers on each lane: the step from one generation to the next, writes since, what takes the place of an instance
//! that broke.

use std::{
    fs::File,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{self, Sender},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;
use understudy_calls::refusal::Refusal;
use understudy_core::{engine::Checked, raw};
use understudy_wire::Code;

use super::{
    component::Guest,
    config::PoolConfig,
    instance::{Failure, Instance, Opening},
    lane::{Lane, Live},
    limits::HEAP_BYTES_KEPT,
    log::Log,
    watchdog::{self, Watched},
    work::{Progress, Work},
};
use crate::http::state::CallError;

/// Tries to put a new instance in the place of a broken one; the next question tries again.
const REPLACE_TRIES: usize = 3;

/// What broke, for the metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Generations installed.
    pub generation: u64,
    /// Instances that broke off or gave nonsense.
    pub traps: u64,
    /// Instances that were stuck.
    pub stuck: u64,
    /// Instances made in the place of those.
    pub replaced: u64,
    /// Nanoseconds of work of the quick lanes and of the slow ones.
    pub worked_ns: [u64; 2],
}

impl Counts {
    /// Seconds of work of the quick lanes and of the slow ones.
    pub fn worked_s(&self) -> [f64; 2] {
        self.worked_ns.map(|ns| Duration::from_nanos(ns).as_secs_f64())
    }
}

/// All lanes of one process.
pub struct Lanes {
    guest: Guest,
    config: PoolConfig,
    /// One per worker, then the slow ones.
    lanes: Arc<[Watched]>,
    /// What serves; none before the first install.
    generation: ArcSwapOption<Generation>,
    log: Log,
    /// Where instances go that nobody needs any more: giving their memory back takes longer than a check.
    retired: Sender<Live>,
    traps: AtomicU64,
    stuck: AtomicU64,
    replaced: AtomicU64,
}

/// What serves: its number, and the file to make further instances of. The file's name may be gone.
struct Generation {
    number: u64,
    file: File,
}

impl Lanes {
    /// Loads the component; nothing serves yet.
    pub fn start(config: PoolConfig) -> Result<Self, String> {
        let guest = Guest::load().map_err(|error| format!("the engine can't be loaded: {error:#}"))?;
        let (retired, to_drop) = mpsc::channel::<Live>();
        let drop_all = move || to_drop.into_iter().for_each(drop);
        std::thread::Builder::new()
            .name("guest-retired".into())
            .spawn(drop_all)
            .map_err(|error| format!("no thread for retired instances: {error}"))?;
        let lanes = |n: usize, patience| (0..n).map(move |_| Watched { lane: Lane::default(), patience });
        let quick = lanes(config.n_workers, config.quick_stuck);
        let lanes: Arc<[Watched]> = quick.chain(lanes(config.n_slow, config.slow_stuck)).collect();
        watchdog::start(&lanes).map_err(|error| format!("no thread for the watchdog: {error}"))?;
        Ok(Lanes {
            guest,
            config,
            lanes,
            generation: ArcSwapOption::empty(),
            log: Log::default(),
            retired,
            traps: AtomicU64::new(0),
            stuck: AtomicU64::new(0),
            replaced: AtomicU64::new(0),
        })
    }

    /// Opens a verified snapshot file in a new instance for every lane, then makes it current in one step.
    pub fn install(&self, file: File, before: impl FnOnce()) -> Result<(), Failure> {
        let mut made = Vec::with_capacity(self.lanes.len());
        for n_made in 0..self.lanes.len() {
            // The first one finds out whether the compiled program is its policy's; the others take its word.
            made.push(self.open(&file, if n_made == 0 { Checked::Digests } else { Checked::Program })?);
        }
        let number = self.number() + 1;
        for (Watched { lane, .. }, instance) in self.lanes.iter().zip(made) {
            lane.prepare(Live { generation: number, instance });
        }
        before();
        self.generation.store(Some(Arc::new(Generation { number, file })));
        // Lanes that nobody asks right now let go of the generation before; the others do before their next answer.
        for Watched { lane, .. } in &*self.lanes {
            if let Some(mut live) = lane.idle() {
                self.promote(lane, &mut live);
            }
        }
        Ok(())
    }

    /// What broke so far.
    pub fn counts(&self) -> Counts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (quick, slow) = self.lanes.split_at(self.config.n_workers.min(self.lanes.len()));
        let worked = |lanes: &[Watched]| lanes.iter().map(|Watched { lane, .. }| lane.worked_ns()).sum();
        Counts {
            worked_ns: [worked(quick), worked(slow)],
            generation: self.number(),
            traps: read(&self.traps),
            stuck: read(&self.stuck),
            replaced: read(&self.replaced),
        }
    }

    /// By how much questions have made the instances of idle lanes grow, in bytes.
    #[cfg(test)]
    pub fn grown_bytes(&self) -> usize {
        let lanes = self.lanes.iter().filter_map(|Watched { lane, .. }| lane.idle());
        lanes.filter_map(|live| Some(live.as_ref()?.instance.grown_bytes())).sum()
    }

    /// What instances are made of.
    pub fn guest(&self) -> &Guest {
        &self.guest
    }

    /// Writes since the snapshot, which every answer contains.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The generation that serves; 0: none.
    pub fn number(&self) -> u64 {
        self.generation.load().as_ref().map_or(0, |generation| generation.number)
    }

    /// A new instance of a file whose digests have been verified.
    fn open(&self, file: &File, checked: Checked) -> Result<Instance, Failure> {
        let mut seed = [0; 8];
        // Without randomness hash tables are only less well protected.
        let _ = getrandom::fill(&mut seed);
        let PoolConfig { way, heap_bytes_max, work_bytes_max, .. } = self.config;
        let opening = Opening { way, heap_bytes_max, work_bytes_max, seed: u64::from_le_bytes(seed), checked };
        let mut instance = Instance::open(&self.guest, file, opening)?;
        if self.catch_up(&mut instance)? {
            return Ok(instance);
        }
        Err(Failure::Refused(raw::Refusal::Snapshot("the snapshot is older than the writes that are kept".into())))
    }

    /// Applies what was written since; `false`: this instance's snapshot is too old for that.
    fn catch_up(&self, instance: &mut Instance) -> Result<bool, Failure> {
        if self.log.head() <= instance.offset() {
            return Ok(true);
        }
        let Some((changes, offset)) = self.log.since(instance.offset()) else { return Ok(false) };
        if offset > instance.offset() {
            instance.apply(changes, offset)?;
        }
        Ok(true)
    }

    /// Puts the instance of the current generation in its place, if there is one that is not there yet.
    fn promote(&self, lane: &Lane, live: &mut Option<Live>) {
        let (newest, unused) = lane.take_ready(|| self.number());
        unused.into_iter().for_each(|unused| self.retire(unused));
        if newest.is_some() {
            lane.put(live, newest).into_iter().for_each(|old| self.retire(old));
        }
    }

    fn retire(&self, live: Live) {
        // Where the thread is gone it is dropped here: slower, no worse.
        let _ = self.retired.send(live);
    }

    /// Does the work with the lane's instance of the current generation, within what a quick lane gives it.
    pub fn run_quickly(&self, lane: usize, work: &mut dyn Work, quick: Quick) -> Result<Outcome, CallError> {
        let begun = Instant::now();
        self.run(&self.lanes[lane].lane, work, None, Some(quick.units), &|| begun.elapsed() > quick.time)
    }

    /// The same for as long as it takes, or until it `pauses`. `left`: where it was left, of which nothing may have changed.
    /// `called_off`: nobody waits for it any more.
    pub fn run_slowly(
        &self,
        lane: usize,
        work: &mut dyn Work,
        left: Option<Stand>,
        called_off: &Arc<AtomicBool>,
        pauses: &dyn Fn() -> bool,
    ) -> Result<Outcome, CallError> {
        let Watched { lane, .. } = &self.lanes[lane];
        lane.is_for(Some(called_off.clone()));
        let outcome = self.run(lane, work, left, None, pauses);
        lane.is_for(None);
        outcome
    }

    fn run(
        &self,
        lane: &Lane,
        work: &mut dyn Work,
        left: Option<Stand>,
        quick_units: Option<u64>,
        pauses: &dyn Fn() -> bool,
    ) -> Result<Outcome, CallError> {
        let begun = Instant::now();
        let outcome = self.answer(lane, work, left, quick_units, pauses);
        lane.worked(begun.elapsed());
        outcome
    }

    fn answer(
        &self,
        lane: &Lane,
        work: &mut dyn Work,
        left: Option<Stand>,
        quick_units: Option<u64>,
        pauses: &dyn Fn() -> bool,
    ) -> Result<Outcome, CallError> {
        let mut live = lane.live();
        let Live { generation, instance } = self.current(lane, &mut live)?;
        let stand = Stand { generation: *generation, offset: instance.offset() };
        if left.is_some_and(|left| left != stand) {
            return Ok(Outcome::Changed);
        }
        let outcome = loop {
            match in_turn(lane, || work.step(instance, quick_units)) {
                Ok(Progress::More) if !pauses() => {}
                Ok(Progress::More) if quick_units.is_none() => break Ok(Outcome::Paused(stand)),
                Ok(Progress::More | Progress::Long) => break Ok(Outcome::Long),
                Ok(Progress::Done) => break Ok(Outcome::Done),
                Err(failure) => break Err(failure),
            }
        };
        let outcome = outcome.map_err(|failure| self.failed(lane, &mut live, &failure));
        // A refusal has taken as much as an answer, or more.
        if live.as_ref().is_some_and(|live| live.instance.grown_bytes() > HEAP_BYTES_KEPT) {
            self.renew(lane, &mut live);
        }
        outcome
    }

    /// A new instance for one that grew large; where there can be none, it goes on.
    fn renew(&self, lane: &Lane, live: &mut Option<Live>) {
        let large = lane.put(live, None);
        match self.replace(lane, live) {
            Ok(()) => large.into_iter().for_each(|large| self.retire(large)),
            Err(_) => drop(lane.put(live, large)),
        }
    }

    /// The lane's instance, of the current generation and with every write.
    fn current<'a>(&self, lane: &Lane, live: &'a mut Option<Live>) -> Result<&'a mut Live, CallError> {
        let number = self.number();
        if number == 0 {
            return Err(CallError::NotServing);
        }
        if live.as_ref().is_none_or(|live| live.generation != number) {
            self.promote(lane, live);
        }
        let usable = match live {
            Some(live) => in_turn(lane, || self.catch_up(&mut live.instance)),
            None => Ok(false),
        };
        match usable {
            Ok(true) => {}
            Ok(false) => self.replace(lane, live)?,
            Err(failure) => {
                let error = self.failed(lane, live, &failure);
                return Err(error);
            }
        }
        live.as_mut().ok_or(CallError::NotServing)
    }

    /// Counts what broke an instance and puts a new one in its place; a mere refusal is the answer.
    fn failed(&self, lane: &Lane, live: &mut Option<Live>, failure: &Failure) -> CallError {
        let count = match failure {
            Failure::Refused(raw::Refusal::Ask(error)) => return CallError::Ask(error.clone()),
            Failure::Refused(raw::Refusal::NotOpen) => return CallError::NotServing,
            Failure::Refused(other) => return CallError::Failed(other.to_string()),
            // It was ended because nobody waits for it: no fault of anybody.
            Failure::Stuck if lane.is_called_off() => {
                let _ = self.replace(lane, live);
                return CallError::Busy;
            }
            // No fault either, but of whoever asked.
            Failure::Memory(_) => {
                tracing::warn!("{failure}: its request is refused, another takes its place");
                let _ = self.replace(lane, live);
                return CallError::Refused(Refusal::new(Code::Budget, too_much_memory(self.config.heap_bytes_max)));
            }
            Failure::Stuck => &self.stuck,
            Failure::Trapped(_) | Failure::Nonsense(_) => &self.traps,
        };
        count.fetch_add(1, Ordering::Relaxed);
        tracing::error!("{failure}: its request failed, another takes its place");
        if self.replace(lane, live).is_ok() {
            self.replaced.fetch_add(1, Ordering::Relaxed);
        }
        CallError::Failed(failure.to_string())
    }

    /// A new instance of what serves now.
    fn replace(&self, lane: &Lane, live: &mut Option<Live>) -> Result<(), CallError> {
        drop(lane.put(live, None));
        let mut last = CallError::NotServing;
        // What serves may change meanwhile, so that what was opened is too old already.
        for _ in 0..REPLACE_TRIES {
            let generation = self.generation.load_full().ok_or(CallError::NotServing)?;
            match self.open(&generation.file, Checked::Program) {
                Ok(instance) => {
                    lane.put(live, Some(Live { generation: generation.number, instance }));
                    return Ok(());
                }
                Err(failure) => last = CallError::Failed(failure.to_string()),
            }
        }
        Err(last)
    }
}

fn too_much_memory(heap_bytes_max: usize) -> String {
    format!(
        "the question needs more memory than the {} MiB that an instance has for one: ask for less, or raise \
         OSO_INSTANCE_MEMORY",
        heap_bytes_max >> 20
    )
}

/// What work may take beside checks.
#[derive(Clone, Copy)]
pub struct Quick {
    /// Work units of a question.
    pub units: u64,
    /// Time after which no further step begins.
    pub time: Duration,
}

/// What was served when work paused: it goes on only where that is served still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stand {
    generation: u64,
    /// Of the last write.
    offset: u64,
}

/// What became of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All of it is done.
    Done,
    /// It takes longer than a quick lane gives it.
    Long,
    /// Some of it is done.
    Paused(Stand),
    /// Nothing was done: what is served is something else than where it was left.
    Changed,
}

/// Work of a lane's instance that the watchdog may end.
fn in_turn<T>(lane: &Lane, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    lane.turn().begin();
    let outcome = work();
    if lane.turn().end() { outcome } else { Err(Failure::Stuck) }
}
