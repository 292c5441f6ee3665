//! Linear memories of guests, whose address we know: so that a snapshot can be laid into one.
// Part of loading guests, one of the three places where unsafe code stands.
#![allow(unsafe_code)]

use std::{cell::Cell, fs::File, io};

use wasmtime::{LinearMemory, MemoryCreator, MemoryType};

use crate::mapping::{Place, Reservation, lay_over};

const WASM_PAGE_BYTES: usize = 64 << 10;

thread_local! {
    /// Address of the memory that this thread made last.
    static NEWEST: Cell<usize> = const { Cell::new(0) };
}

/// Where a guest's memory begins.
#[derive(Clone, Copy, Debug)]
pub struct MemoryAddress(usize);

/// The memory that this thread made last: that of an instance just made on it, which has one.
pub fn newest() -> MemoryAddress {
    MemoryAddress(NEWEST.get())
}

/// Lays a file into a window that a guest has just made at `at` of its memory by growing it, before it looks there.
pub fn lay(file: &File, memory: MemoryAddress, at: usize) -> io::Result<()> {
    let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
    let place = Place { at: memory.0 + at, length: length.next_multiple_of(WASM_PAGE_BYTES) };
    // SAFETY: the guest grew its memory by whole pages for this window, so that they are accessible and hold nothing; the
    // memory is that of the instance just made on this thread, which lives as long as its store.
    unsafe { lay_over(file, place) }
}

/// Makes memories.
pub struct Memories;

struct Memory(Reservation);

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
            let mut space = Reservation::new(reserved.unwrap_or(4 << 30).checked_add(guard)?).ok()?;
            space.grow_to(minimum).ok()?;
            Some(space)
        };
        let space = made().ok_or("no address space for a guest's memory: is it limited (ulimit -v)?")?;
        NEWEST.set(space.address() as usize);
        Ok(Box::new(Memory(space)))
    }
}

// SAFETY: the address never changes, and exactly `byte_size` bytes from it on are accessible.
unsafe impl LinearMemory for Memory {
    fn byte_size(&self) -> usize {
        self.0.accessible()
    }

    fn byte_capacity(&self) -> usize {
        4 << 30
    }

    fn grow_to(&mut self, length: usize) -> wasmtime::Result<()> {
        self.0.grow_to(length).map_err(Into::into)
    }

    fn as_ptr(&self) -> *mut u8 {
        self.0.address()
    }
}
