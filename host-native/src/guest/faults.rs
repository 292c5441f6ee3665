//! Faults of the host's own code in the memory of a guest that is being ended.
//!
//! A guest that loses its memory traps at its next access. But some accesses on its behalf are the host's: wasmtime copies
//! for `memory.copy` and `memory.fill`, and moves requests and answers. Such a fault gets a fresh page of zeros under it and
//! goes on: nothing of that call is used any more, and the guest's own next access ends it.
// Part of ending guests: with their memories one of the three places where unsafe code stands.
#![allow(unsafe_code)]

use std::{
    io,
    mem::MaybeUninit,
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use libc::{c_int, c_void, siginfo_t};
use rustix::mm::{MapFlags, ProtFlags, mmap_anonymous};

const PAGE_BYTES: usize = 4 << 10;
/// Guests that may be on their way out at once: as many as there are lanes on any machine this is for.
const PLACES: usize = 256;

/// A range of addresses; from = to: free.
struct Place {
    from: AtomicUsize,
    to: AtomicUsize,
}

static DOOMED: [Place; PLACES] = [const { Place { from: AtomicUsize::new(0), to: AtomicUsize::new(0) } }; PLACES];

/// What handled faults before.
static BEFORE: OnceLock<libc::sigaction> = OnceLock::new();

/// Handles faults in doomed memory from now on. To be called before wasmtime sets its own handler, which asks this one
/// about every fault that is not a guest's. Any number of times.
pub fn install() -> io::Result<()> {
    if BEFORE.get().is_some() {
        return Ok(());
    }
    let mut before = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: a null new action only asks for the present one.
    let before = unsafe {
        if libc::sigaction(libc::SIGSEGV, std::ptr::null(), before.as_mut_ptr()) != 0 {
            return Err(io::Error::last_os_error());
        }
        before.assume_init()
    };
    if BEFORE.set(before).is_err() {
        return Ok(());
    }
    // SAFETY: all fields of the action are set; the handler does nothing that a signal handler may not.
    let set = unsafe {
        let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
        action.sa_sigaction = on_fault as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK | libc::SA_NODEFER;
        libc::sigemptyset(&raw mut action.sa_mask);
        libc::sigaction(libc::SIGSEGV, &raw const action, std::ptr::null_mut())
    };
    if set == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Memory on its way out; dropped before it is unmapped.
pub struct Doomed(&'static Place);

impl Doomed {
    /// `None`: too many at once.
    pub fn new(from: usize, length: usize) -> Option<Self> {
        let place = DOOMED
            .iter()
            .find(|place| place.to.compare_exchange(0, usize::MAX, Ordering::AcqRel, Ordering::Relaxed).is_ok())?;
        place.from.store(from, Ordering::Release);
        place.to.store(from + length, Ordering::Release);
        Some(Doomed(place))
    }
}

impl Drop for Doomed {
    fn drop(&mut self) {
        self.0.from.store(0, Ordering::Release);
        self.0.to.store(0, Ordering::Release);
    }
}

fn is_doomed(address: usize) -> bool {
    DOOMED.iter().any(|place| {
        let (from, to) = (place.from.load(Ordering::Acquire), place.to.load(Ordering::Acquire));
        from != 0 && to != usize::MAX && (from..to).contains(&address)
    })
}

extern "C" fn on_fault(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel fills `info` for this signal.
    let address = unsafe { (*info).si_addr() } as usize;
    if is_doomed(address) {
        let page = address & !(PAGE_BYTES - 1);
        let (access, how) = (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE | MapFlags::FIXED);
        // SAFETY: the page is of a memory whose content nobody needs any more, still reserved while it is doomed.
        if unsafe { mmap_anonymous(page as *mut c_void, PAGE_BYTES, access, how) }.is_ok() {
            return;
        }
    }
    let Some(before) = BEFORE.get() else { std::process::abort() };
    // SAFETY: hands the signal on as the kernel would have: to the handler before, or to the default at the next fault.
    unsafe {
        match before.sa_sigaction {
            libc::SIG_DFL | libc::SIG_IGN => {
                libc::sigaction(libc::SIGSEGV, std::ptr::from_ref(before), std::ptr::null_mut());
            }
            handler if before.sa_flags & libc::SA_SIGINFO != 0 => {
                let handler: extern "C" fn(c_int, *mut siginfo_t, *mut c_void) = std::mem::transmute(handler);
                handler(signal, info, context);
            }
            handler => {
                let handler: extern "C" fn(c_int) = std::mem::transmute(handler);
                handler(signal);
            }
        }
    }
}
