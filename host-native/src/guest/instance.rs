//! One live copy of the component with one snapshot in its memory.

use std::{fmt, fs::File, os::unix::fs::FileExt};

use understudy_core::{
    engine::Checked,
    model::Change,
    raw::{Call, Refusal, Reply, answer, request},
    vocabulary::Vocabulary,
};
use wasmtime::{Store, Trap};

use super::{
    bindings::{
        self,
        exports::understudy::engine::{snapshot, types},
    },
    component::Guest,
    limits::Stores,
    memory::GuestMemory,
};

/// Bytes copied at a time where a file can't be mapped.
const WRITE_BYTES: usize = 1 << 20;
/// Bytes of memory of an instance before its first question.
const START_BYTES_MAX: usize = 8 << 20;

/// How a snapshot comes into an instance's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// The file is laid there: no copy, memory shared by all instances.
    Map,
    /// Its bytes are written: for file systems that can't map.
    Write,
}

/// How an instance opens its snapshot.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    /// How the bytes come into its memory.
    pub way: Way,
    /// Memory besides the snapshot, in bytes.
    pub heap_bytes_max: usize,
    /// Memory that the work of one request may take, as the engine counts it, in bytes.
    pub work_bytes_max: u64,
    /// For hash tables: random.
    pub seed: u64,
    /// What is known of the file.
    pub checked: Checked,
}

impl Opening {
    /// Mapped, with so much memory besides the snapshot, half of it for one request: a table that grows is there twice for a
    /// moment. Nothing is known of the file.
    pub fn within(heap_bytes_max: usize, seed: u64) -> Self {
        let work_bytes_max = heap_bytes_max as u64 / 2;
        Opening { way: Way::Map, heap_bytes_max, work_bytes_max, seed, checked: Checked::Nothing }
    }
}

/// One live copy.
pub struct Instance {
    store: Store<Stores>,
    bindings: bindings::Understudy,
    memory: Option<GuestMemory>,
    offset: u64,
    request: Vec<u8>,
    /// Memory after its snapshot was opened and later writes applied, in bytes.
    settled_bytes: usize,
    /// What was told of the rules' arguments: they are those of its snapshot for good.
    arguments: Vec<(Vocabulary, Option<Vec<String>>)>,
}

/// Arguments that are remembered: hosts ask for a handful.
const ARGUMENTS_MAX: usize = 16;

/// Why an instance gave nothing. Of all but the first it is of no use afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It says so itself, and goes on.
    Refused(Refusal),
    /// It broke off.
    Trapped(String),
    /// It needed more memory than it may have, in bytes.
    Memory(usize),
    /// It gave no answer for too long and was ended.
    Stuck,
    /// What it gave is no answer.
    Nonsense(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Refused(refusal) => refusal.fmt(f),
            Failure::Trapped(what) => write!(f, "the instance broke off ({what})"),
            Failure::Memory(max) => write!(f, "the instance needed more than {max} bytes of memory"),
            Failure::Stuck => f.write_str("the instance gave no answer for too long"),
            Failure::Nonsense(what) => write!(f, "the instance's answer can't be read ({what})"),
        }
    }
}

impl std::error::Error for Failure {}

impl Instance {
    /// A new instance without a snapshot: it takes `check` and `build`. `memory_max`: in bytes.
    pub fn new(guest: &Guest, memory_max: usize) -> Result<Self, Failure> {
        let mut store = Store::new(
            guest.engine(),
            Stores { memory: 0, memory_max: memory_max.max(START_BYTES_MAX), was_refused: false },
        );
        store.limiter(|stores| stores);
        let bindings = guest.pre().instantiate(&mut store).map_err(|error| trapped(&error))?;
        let memory = GuestMemory::newest();
        Ok(Instance {
            store,
            bindings,
            memory,
            offset: 0,
            request: Vec::new(),
            settled_bytes: 0,
            arguments: Vec::new(),
        })
    }

    /// A new instance with this snapshot open.
    pub fn open(guest: &Guest, file: &File, opening: Opening) -> Result<Self, Failure> {
        let Opening { way, heap_bytes_max, work_bytes_max, seed, checked } = opening;
        let length = file.metadata().map_err(|error| trapped(&error.into()))?.len();
        let memory_max = usize::try_from(length).unwrap_or(usize::MAX).saturating_add(heap_bytes_max);
        let mut instance = Instance::new(guest, memory_max)?;
        let at = instance.reserve(length)?;
        let is_mapped = way == Way::Map && at.is_some_and(|at| instance.map(file, at));
        if !is_mapped {
            instance.write(file, length)?;
        }
        let sealing = instance.bindings.understudy_engine_snapshot();
        // Memory grows in place here: there is no room to take before it is needed.
        let options = snapshot::Options { seed, checked: vouched(checked), memory_max: Some(work_bytes_max), room: 0 };
        let manifest = sealing.call_seal(&mut instance.store, options).map_err(|error| trapped(&error))?;
        instance.offset = manifest.map_err(|error| refused(&error))?.offset;
        instance.settled_bytes = instance.store.data().memory;
        Ok(instance)
    }

    /// The same of bytes that no file has.
    pub fn open_bytes(guest: &Guest, bytes: &[u8], opening: Opening) -> Result<Self, Failure> {
        let Opening { heap_bytes_max, work_bytes_max, seed, checked, .. } = opening;
        let mut instance = Instance::new(guest, bytes.len().saturating_add(heap_bytes_max))?;
        instance.reserve(bytes.len() as u64)?;
        let mut offset = 0;
        for chunk in bytes.chunks(WRITE_BYTES) {
            instance.write_chunk(offset, chunk)?;
            offset += chunk.len() as u64;
        }
        let sealing = instance.bindings.understudy_engine_snapshot();
        let options = snapshot::Options { seed, checked: vouched(checked), memory_max: Some(work_bytes_max), room: 0 };
        let manifest = sealing.call_seal(&mut instance.store, options).map_err(|error| trapped(&error))?;
        instance.offset = manifest.map_err(|error| refused(&error))?.offset;
        Ok(instance)
    }

    fn write_chunk(&mut self, offset: u64, chunk: &[u8]) -> Result<(), Failure> {
        let snapshot = self.bindings.understudy_engine_snapshot();
        let written = snapshot.call_write(&mut self.store, offset, chunk);
        written.map_err(|error| trapped(&error))?.map_err(|error| refused(&error))
    }

    fn reserve(&mut self, length: u64) -> Result<Option<usize>, Failure> {
        let snapshot = self.bindings.understudy_engine_snapshot();
        let at = snapshot.call_reserve(&mut self.store, length).map_err(|error| trapped(&error))?;
        at.map(|at| usize::try_from(at).ok()).map_err(|error| refused(&error))
    }

    /// Lays the file into the window. If that can't be done, nothing has changed.
    fn map(&self, file: &File, at: usize) -> bool {
        let Some(memory) = &self.memory else { return false };
        let laid = memory.lay(file, at);
        laid.inspect_err(|error| tracing::warn!("a snapshot can't be mapped and is copied instead: {error}")).is_ok()
    }

    fn write(&mut self, file: &File, length: u64) -> Result<(), Failure> {
        let mut chunk = vec![0; WRITE_BYTES];
        let mut offset = 0;
        while offset < length {
            let n_bytes = usize::try_from(length - offset).map_or(WRITE_BYTES, |left| left.min(WRITE_BYTES));
            file.read_exact_at(&mut chunk[..n_bytes], offset).map_err(|error| trapped(&error.into()))?;
            self.write_chunk(offset, &chunk[..n_bytes])?;
            offset += n_bytes as u64;
        }
        Ok(())
    }

    /// Its memory, to end a call that is stuck.
    pub(super) fn memory(&self) -> Option<GuestMemory> {
        self.memory.clone()
    }

    /// By how much questions have made its memory grow, in bytes. It never shrinks.
    pub fn grown_bytes(&self) -> usize {
        self.store.data().memory.saturating_sub(self.settled_bytes)
    }

    /// Offset of the last write that its answers contain.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Arguments of rules that were asked for before.
    pub(super) fn arguments(&self) -> &[(Vocabulary, Option<Vec<String>>)] {
        &self.arguments
    }

    /// Keeps what was told of arguments.
    pub(super) fn remember_arguments(&mut self, asked: Vocabulary, names: Option<Vec<String>>) {
        if self.arguments.len() < ARGUMENTS_MAX {
            self.arguments.push((asked, names));
        }
    }

    /// Applies later writes, in order; `offset` is that of the last one.
    pub fn apply(&mut self, changes: Vec<Change>, offset: u64) -> Result<(), Failure> {
        match self.call(&Call::Apply { offset, changes })? {
            Reply::Applied { offset } => self.offset = offset,
            _ => return Err(Failure::Nonsense("another kind of answer".into())),
        }
        self.settled_bytes = self.store.data().memory;
        Ok(())
    }

    /// Work units that the last question spent.
    pub fn spent(&mut self) -> Result<u64, Failure> {
        match self.call(&Call::Spent)? {
            Reply::Spent { units } => Ok(units),
            _ => Err(Failure::Nonsense("another kind of answer".into())),
        }
    }

    /// The typed functions, which the host itself has no use for: it asks in bytes.
    #[cfg(test)]
    pub(super) fn typed(&mut self) -> (&bindings::Understudy, &mut Store<Stores>) {
        (&self.bindings, &mut self.store)
    }

    /// One call.
    pub fn call(&mut self, call: &Call) -> Result<Reply, Failure> {
        request::encode(call, &mut self.request);
        self.store.data_mut().was_refused = false;
        let raw = self.bindings.understudy_engine_raw();
        let called = raw.call_call(&mut self.store, &self.request);
        let bytes = called.map_err(|error| match self.store.data() {
            Stores { was_refused: true, memory_max, .. } => Failure::Memory(*memory_max),
            _ => trapped(&error),
        })?;
        let outcome = answer::decode(&bytes).map_err(|malformed| Failure::Nonsense(malformed.to_string()))?;
        outcome.map_err(Failure::Refused)
    }
}

fn vouched(checked: Checked) -> snapshot::Checked {
    match checked {
        Checked::Nothing => snapshot::Checked::Nothing,
        Checked::Digests => snapshot::Checked::Digests,
        Checked::Program => snapshot::Checked::Program,
    }
}

fn trapped(error: &wasmtime::Error) -> Failure {
    match error.downcast_ref::<Trap>() {
        Some(trap) => Failure::Trapped(trap.to_string()),
        None => Failure::Trapped(error.to_string()),
    }
}

fn refused(error: &types::Error) -> Failure {
    Failure::Refused(match error {
        types::Error::NotOpen => Refusal::NotOpen,
        types::Error::Snapshot(message) | types::Error::Invalid(message) | types::Error::Unanswerable(message) => {
            Refusal::Snapshot(message.clone())
        }
        types::Error::Budget(units) => Refusal::Snapshot(format!("the budget of {units} units is spent")),
        types::Error::Memory(bytes) => Refusal::Snapshot(format!("more than {bytes} bytes of memory are needed")),
    })
}
