//! Files in memory where they lie: for whoever verifies one, and for guests whose memory holds one.
//!
//! Enters: open files. Leaves: bytes; address space with files in it. Never: writes to a file; hands out a range twice.
//! Files mapped here are written once and renamed, never changed: one that another program cuts short while it is mapped
//! ends this process (SIGBUS), as a wrong answer must not come of it.
// Mapping files is one of the three places where unsafe code stands.
#![allow(unsafe_code)]

use std::{
    ffi::c_void,
    fs::File,
    io,
    ops::Deref,
    os::fd::AsFd,
    ptr::NonNull,
    sync::atomic::{AtomicUsize, Ordering},
};

use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap, mmap_anonymous, mprotect, munmap};

/// Size that addresses and lengths of mappings are rounded to. A machine with larger pages refuses the mapping.
const PAGE_BYTES: usize = 4 << 10;

/// A whole file, read-only.
pub struct MappedFile {
    /// `None`: the file is empty, which can't be mapped.
    at: Option<NonNull<c_void>>,
    length: usize,
}

// SAFETY: the mapping is private and read-only as long as it lives; nobody holds its address but this.
unsafe impl Send for MappedFile {}
// SAFETY: as above.
unsafe impl Sync for MappedFile {}

impl MappedFile {
    /// Maps all of it. Costs no time per byte; bytes come from disk as they are read.
    pub fn new(file: &File) -> io::Result<Self> {
        let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        if length == 0 {
            return Ok(MappedFile { at: None, length });
        }
        // SAFETY: a new mapping at an address that the kernel picks touches no memory that exists.
        let at = unsafe { mmap(std::ptr::null_mut(), length, ProtFlags::READ, MapFlags::PRIVATE, file.as_fd(), 0)? };
        Ok(MappedFile { at: NonNull::new(at), length })
    }
}

impl Deref for MappedFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: `length` bytes are mapped there, readable, until `drop`; files that are mapped don't change (see above).
        self.at.map_or(&[], |at| unsafe { std::slice::from_raw_parts(at.as_ptr().cast(), self.length) })
    }
}

impl Drop for MappedFile {
    fn drop(&mut self) {
        if let Some(at) = self.at {
            // SAFETY: mapped by `new` with this length; no slice outlives `self`.
            let _ = unsafe { munmap(at.as_ptr(), self.length) };
        }
    }
}

/// Address space that belongs to nobody yet, of which a growing beginning can be read and written.
pub struct Reservation {
    at: NonNull<c_void>,
    length: usize,
    accessible: AtomicUsize,
}

/// What to take away from whoever uses a [`Reservation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forbidden {
    /// Writing.
    Writes,
    /// Reading too.
    All,
}

// SAFETY: nobody holds the range but this.
unsafe impl Send for Reservation {}
// SAFETY: as above; shared, it gives out its address alone.
unsafe impl Sync for Reservation {}

impl Reservation {
    /// Takes `length` bytes of address space, no memory.
    pub fn new(length: usize) -> io::Result<Self> {
        let length = length.next_multiple_of(PAGE_BYTES);
        // SAFETY: a new mapping at an address that the kernel picks touches no memory that exists.
        let at = unsafe {
            mmap_anonymous(std::ptr::null_mut(), length, ProtFlags::empty(), MapFlags::PRIVATE | MapFlags::NORESERVE)?
        };
        let at = NonNull::new(at).ok_or_else(|| io::Error::other("the kernel mapped nothing"))?;
        Ok(Reservation { at, length, accessible: AtomicUsize::new(0) })
    }

    /// Where it begins.
    pub fn address(&self) -> *mut u8 {
        self.at.as_ptr().cast()
    }

    /// Bytes that can be read and written: from the beginning on.
    pub fn accessible(&self) -> usize {
        self.accessible.load(Ordering::Acquire)
    }

    /// Makes the first `length` bytes accessible; what is new of them is zeros. Ranges that were accessible before keep
    /// their protection, so that a file laid over some stays read-only. One caller at a time.
    pub fn grow_to(&self, length: usize) -> io::Result<()> {
        let (length, before) = (length.next_multiple_of(PAGE_BYTES), self.accessible());
        if length > self.length {
            return Err(io::Error::new(io::ErrorKind::OutOfMemory, "the address space reserved for it is used up"));
        }
        if length > before {
            // SAFETY: within the range that is this reservation's own.
            unsafe {
                let from = self.at.as_ptr().cast::<u8>().add(before);
                mprotect(from.cast(), length - before, MprotectFlags::READ | MprotectFlags::WRITE)?;
            }
            self.accessible.store(length, Ordering::Release);
        }
        Ok(())
    }

    /// Takes access away for good: whoever goes on using it gets a fault.
    ///
    /// # Safety
    /// Only code whose faults are caught uses the range from now on.
    pub unsafe fn forbid(&self, what: Forbidden) -> io::Result<()> {
        let left = match what {
            Forbidden::Writes => MprotectFlags::READ,
            Forbidden::All => MprotectFlags::empty(),
        };
        // SAFETY: within the range that is this reservation's own; the caller answers for who uses it.
        unsafe { mprotect(self.at.as_ptr(), self.accessible(), left)? };
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // SAFETY: mapped by `new` with this length, files laid over it included; its owner is done with it.
        let _ = unsafe { munmap(self.at.as_ptr(), self.length) };
    }
}

/// A [`Reservation`]'s accessible part, seen from outside of its owner.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Address of the first byte.
    pub at: usize,
    /// Bytes from there on that are accessible and hold nothing of worth.
    pub length: usize,
}

/// Lays a whole file over a part of a [`Reservation`], read-only: no byte is copied, and every place that shows the same
/// file shares its memory.
///
/// # Safety
/// `place` lies within the accessible part of one reservation that lives on, and no reference into it exists.
pub unsafe fn lay_over(file: &File, place: Place) -> io::Result<()> {
    let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
    if length == 0 || length > place.length || !place.at.is_multiple_of(PAGE_BYTES) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "the file doesn't fit the place"));
    }
    // SAFETY: the caller owns the range, which may be replaced.
    let at = unsafe {
        mmap(place.at as *mut c_void, length, ProtFlags::READ, MapFlags::PRIVATE | MapFlags::FIXED, file.as_fd(), 0)?
    };
    if at as usize == place.at { Ok(()) } else { Err(io::Error::other("the kernel mapped the file elsewhere")) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;

    use super::*;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn a_file_is_its_bytes() {
        let bytes: Vec<u8> = (0..10_000u32).map(|n| n as u8).collect();
        assert_eq!(&MappedFile::new(&file(&bytes)).unwrap()[..], &bytes[..]);
        assert!(MappedFile::new(&file(&[])).unwrap().is_empty());
    }

    #[test]
    fn growth_is_zeros_and_leaves_a_file_in_place() {
        let space = Reservation::new(1 << 20).unwrap();
        space.grow_to(64 << 10).unwrap();
        let place = Place { at: space.address() as usize + (4 << 10), length: 60 << 10 };
        let bytes = vec![7; 5_000];
        // SAFETY: the place is accessible and nothing refers to it.
        unsafe { lay_over(&file(&bytes), place) }.unwrap();
        space.grow_to(128 << 10).unwrap();
        // SAFETY: accessible, and nothing writes to it.
        let all = unsafe { std::slice::from_raw_parts(space.address(), 128 << 10) };
        assert_eq!(&all[4 << 10..][..5_000], &bytes[..]);
        assert!(all[(4 << 10) + 5_000..].iter().all(|byte| *byte == 0));
        assert!(space.grow_to(2 << 20).is_err());
        let too_small = Place { at: place.at, length: 4 << 10 };
        // SAFETY: as above; it is refused.
        assert!(unsafe { lay_over(&file(&bytes), too_small) }.is_err());
    }
}
