//! Linear memories of guests, held by the host too: a snapshot is laid into one, and a guest that is stuck loses its own.
// Part of loading guests, one of the three places where unsafe code stands.
#![allow(unsafe_code)]

use std::{
    cell::RefCell,
    fs::File,
    io,
    sync::{Arc, OnceLock},
};

use wasmtime::{LinearMemory, MemoryCreator, MemoryType};

use super::faults::Doomed;
use crate::mapping::{Forbidden, Place, Reservation, lay_over};

const WASM_PAGE_BYTES: usize = 64 << 10;

thread_local! {
    /// The memory that this thread made last.
    static NEWEST: RefCell<Option<GuestMemory>> = const { RefCell::new(None) };
}

/// A guest's memory. Its addresses stay taken as long as anybody holds this.
#[derive(Clone)]
pub struct GuestMemory(Arc<Space>);

/// Dropped in this order: faults in it are nobody's before it is unmapped.
struct Space {
    doomed: OnceLock<Doomed>,
    reservation: Reservation,
}

impl GuestMemory {
    /// The memory that this thread made last: that of an instance just made on it, which has one.
    pub fn newest() -> Option<Self> {
        NEWEST.take()
    }

    /// Lays a file into a window that the guest has just made at `at` of its memory by growing it, before it looks there.
    pub fn lay(&self, file: &File, at: usize) -> io::Result<()> {
        let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        let length = length.next_multiple_of(WASM_PAGE_BYTES);
        if at.checked_add(length).is_none_or(|end| end > self.0.reservation.accessible()) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the window is not within the guest's memory"));
        }
        let place = Place { at: self.0.reservation.address() as usize + at, length };
        // SAFETY: within the accessible part, by whole pages that the guest grew its memory by for this window and has
        // not looked at; the reservation lives as long as `self`, and the guest's store holds it too.
        unsafe { lay_over(file, place) }
    }

    /// Stops a guest that runs: its next access of that kind is a trap, and neither it nor its answer is of any use
    /// afterwards.
    pub fn forbid(&self, what: Forbidden) -> io::Result<()> {
        let Space { doomed, reservation } = &*self.0;
        if doomed.get().is_none() {
            let place = Doomed::new(reservation.address() as usize, reservation.accessible());
            let place = place.ok_or_else(|| io::Error::other("too many instances are being ended at once"))?;
            let _ = doomed.set(place);
        }
        // SAFETY: faults of the guest's code in its memory are traps, and those of the host's code there are handled
        // (`faults.rs`) from here until it is unmapped.
        unsafe { reservation.forbid(what) }
    }
}

/// Makes memories.
pub struct Memories;

struct Memory(Arc<Space>);

// SAFETY: a new memory is a reservation of its own, zeroed, of the size wanted and the guard behind it, never moved.
unsafe impl MemoryCreator for Memories {
    fn new_memory(
        &self,
        _: MemoryType,
        minimum: usize,
        _: Option<usize>,
        reserved: Option<usize>,
        guard: usize,
    ) -> Result<Box<dyn LinearMemory>, String> {
        let made = || {
            let reservation = Reservation::new(reserved.unwrap_or(4 << 30).checked_add(guard)?).ok()?;
            reservation.grow_to(minimum).ok()?;
            Some(Arc::new(Space { doomed: OnceLock::new(), reservation }))
        };
        let space = made().ok_or("no address space for a guest's memory: is it limited (ulimit -v)?")?;
        NEWEST.set(Some(GuestMemory(space.clone())));
        Ok(Box::new(Memory(space)))
    }
}

// SAFETY: the address never changes, and exactly `byte_size` bytes from it on are accessible (or fault, once forbidden).
unsafe impl LinearMemory for Memory {
    fn byte_size(&self) -> usize {
        self.0.reservation.accessible()
    }

    fn byte_capacity(&self) -> usize {
        4 << 30
    }

    fn grow_to(&mut self, length: usize) -> wasmtime::Result<()> {
        self.0.reservation.grow_to(length).map_err(Into::into)
    }

    fn as_ptr(&self) -> *mut u8 {
        self.0.reservation.address()
    }
}
