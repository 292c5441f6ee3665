//! What one instance holds: a window for the snapshot, the engine over it, buffers that are used again.

use std::cell::RefCell;

use understudy_core::{
    engine::{Checked, Engine, Options},
    raw::{Refusal, Reply, answer, dispatch},
};

const PAGE_BYTES: usize = 64 << 10;

/// One per instance: wasm without threads has one thread.
pub struct Instance {
    window: Option<Window>,
    /// What a flat host said of memory before it sealed.
    pub memory: Memory,
    pub engine: Option<Engine<'static>>,
    /// Where flat callers write their request.
    pub request: Vec<u8>,
    /// The last answer of a flat call.
    pub answer: Vec<u8>,
}

/// What requests may take of memory.
#[derive(Clone, Copy, Default)]
pub struct Memory {
    /// Bytes of one request's work; none: the engine's own limit.
    pub bytes_max: Option<u64>,
    /// Bytes to take at once.
    pub room: usize,
}

/// Pages taken from memory itself, outside of the allocator's heap, never given back.
#[derive(Clone, Copy)]
struct Window {
    at: usize,
    length: usize,
}

thread_local! {
    static INSTANCE: RefCell<Instance> = const {
        RefCell::new(Instance {
            window: None,
            memory: Memory { bytes_max: None, room: 0 },
            engine: None,
            request: Vec::new(),
            answer: Vec::new(),
        })
    };
    /// Text of the last panic: after a trap a host of the core module can still read it.
    pub static FAILURE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs with the instance. Calls never nest: the engine asks nobody.
pub fn with<T>(run: impl FnOnce(&mut Instance) -> T) -> T {
    INSTANCE.with(|instance| run(&mut instance.borrow_mut()))
}

/// Panics leave their text behind; the trap itself says nothing.
pub fn keep_panics() {
    std::panic::set_hook(Box::new(|panic| {
        FAILURE.with(|failure| {
            if let Ok(mut failure) = failure.try_borrow_mut() {
                *failure = panic.to_string();
            }
        });
    }));
}

fn refused(message: &str) -> Refusal {
    Refusal::Snapshot(message.to_owned())
}

/// Takes bytes from memory in one step and leaves them to the allocator, which gives none back to the host and grows memory
/// no more until they are used up.
fn make_room(n_bytes: usize) -> Result<(), Refusal> {
    let mut room: Vec<u8> = Vec::new();
    room.try_reserve_exact(n_bytes).map_err(|_| {
        refused("the instance's memory can't grow by the room for requests: ask for less, or allow it more")
    })?;
    // Else the optimiser sees that nobody uses it, and takes nothing.
    std::hint::black_box(room.as_mut_ptr());
    Ok(())
}

impl Instance {
    /// Room for the snapshot; its address.
    pub fn reserve(&mut self, length: usize) -> Result<usize, Refusal> {
        if self.window.is_some() {
            return Err(refused("this instance has a snapshot already: make a new instance"));
        }
        keep_panics();
        let n_pages = length.div_ceil(PAGE_BYTES).max(1);
        let before = core::arch::wasm32::memory_grow(0, n_pages);
        if before == usize::MAX {
            return Err(refused("the instance's memory can't grow by the size of the snapshot"));
        }
        let at = before * PAGE_BYTES;
        self.window = Some(Window { at, length });
        Ok(at)
    }

    /// Writes into the room.
    pub fn write(&mut self, offset: usize, bytes: &[u8]) -> Result<(), Refusal> {
        let Some(window) = self.window.filter(|_| self.engine.is_none()) else {
            return Err(refused("there is no room to write to: reserve first, write before seal"));
        };
        if offset.checked_add(bytes.len()).is_none_or(|end| end > window.length) {
            return Err(refused("these bytes lie outside of the room that was reserved"));
        }
        // SAFETY: the window's pages were grown for this and belong to no allocation; the range was checked; no reference
        // to it exists before `seal`.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), (window.at + offset) as *mut u8, bytes.len());
        }
        Ok(())
    }

    /// Opens what lies in the room, of which the first `length` bytes count.
    pub fn seal(&mut self, length: Option<usize>, seed: u64, checked: Checked) -> Result<Reply, Refusal> {
        let Some(window) = self.window.filter(|_| self.engine.is_none()) else {
            return Err(refused("there is nothing to seal: reserve first, seal once"));
        };
        let length = length.unwrap_or(window.length).min(window.length);
        let Memory { bytes_max: memory_bytes_max, room } = self.memory;
        make_room(room)?;
        // SAFETY: the window's pages exist as long as the instance, belong to no allocation, and nothing writes to them
        // from here on: `write` refuses, and a host that maps a file maps it read-only or private.
        let bytes: &'static [u8] = unsafe { std::slice::from_raw_parts(window.at as *const u8, length) };
        let engine = Engine::open(bytes, Options { seed, checked, memory_bytes_max })
            .map_err(|error| Refusal::Snapshot(error.to_string()))?;
        let status = dispatch::status(&engine);
        self.engine = Some(engine);
        Ok(Reply::Status(status))
    }

    /// A raw call with the request in `self.request`, the answer in `self.answer`.
    pub fn call(&mut self, length: usize) {
        let length = length.min(self.request.len());
        dispatch::call(self.engine.as_mut(), &self.request[..length], &mut self.answer);
    }

    /// An outcome as the answer of a flat call.
    pub fn put(&mut self, outcome: &Result<Reply, Refusal>) {
        answer::encode(outcome, &mut self.answer);
    }
}
