//! Flat exports, for hosts that use the core module: numbers in, addresses out. `wit/RAW.md` tells how to use them.

use std::cell::RefCell;

use understudy_core::engine::Checked;

use super::instance::{FAILURE, Memory, keep_panics, with};

thread_local! {
    /// Address and length of what was asked for last.
    static PLACE: RefCell<[u32; 2]> = const { RefCell::new([0, 0]) };
}

fn place(bytes: &[u8]) -> *const u32 {
    PLACE.with(|place| {
        *place.borrow_mut() = [bytes.as_ptr() as u32, bytes.len() as u32];
        place.as_ptr().cast()
    })
}

/// Version of the flat exports and of the raw layout.
#[unsafe(no_mangle)]
pub extern "C" fn us_version() -> u32 {
    understudy_core::raw::VERSION
}

/// Room for a snapshot of `length` bytes: its address, at a multiple of 64 KiB; 0 if there is none (or one already).
#[unsafe(no_mangle)]
pub extern "C" fn us_reserve(length: u32) -> u32 {
    with(|instance| instance.reserve(length as usize).map_or(0, |at| at as u32))
}

/// What requests may take of memory: bytes of one's work (0: the engine's own limit), and bytes to take at once when the
/// snapshot is sealed (0: none). Before that, or without any effect.
#[unsafe(no_mangle)]
pub extern "C" fn us_memory(bytes_max: u32, room: u32) {
    with(|instance| {
        let bytes_max = (bytes_max > 0).then_some(u64::from(bytes_max));
        instance.memory = Memory { bytes_max, room: room as usize };
    });
}

/// Checks and opens the `length` bytes in the room. Address of [address, length] of an answer: a status, or an error.
#[unsafe(no_mangle)]
pub extern "C" fn us_seal(length: u32, seed_low: u32, seed_high: u32) -> *const u32 {
    seal(length, seed_low, seed_high, Checked::Nothing)
}

/// The same for a host that has checked every digest.
#[unsafe(no_mangle)]
pub extern "C" fn us_seal_verified(length: u32, seed_low: u32, seed_high: u32) -> *const u32 {
    seal(length, seed_low, seed_high, Checked::Digests)
}

fn seal(length: u32, seed_low: u32, seed_high: u32, checked: Checked) -> *const u32 {
    with(|instance| {
        let seed = u64::from(seed_high) << 32 | u64::from(seed_low);
        let outcome = instance.seal(Some(length as usize), seed, checked);
        instance.put(&outcome);
        place(&instance.answer)
    })
}

/// Address of a buffer for requests of up to `length` bytes. Good until asked for a longer one; memory may have grown.
#[unsafe(no_mangle)]
pub extern "C" fn us_request(length: u32) -> *mut u8 {
    with(|instance| {
        if instance.request.is_empty() {
            keep_panics();
        }
        if instance.request.len() < length as usize {
            instance.request.resize(length as usize, 0);
        }
        instance.request.as_mut_ptr()
    })
}

/// One call with the first `length` bytes of the request buffer. Address of [address, length] of the answer, which is
/// good until the next call.
#[unsafe(no_mangle)]
pub extern "C" fn us_call(length: u32) -> *const u32 {
    with(|instance| {
        instance.call(length as usize);
        place(&instance.answer)
    })
}

/// After a trap: address of [address, length] of what went wrong, in UTF-8. The instance is of no use any more.
#[unsafe(no_mangle)]
pub extern "C" fn us_failure() -> *const u32 {
    FAILURE.with(|failure| place(failure.borrow().as_bytes()))
}
