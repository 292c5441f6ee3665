//! What requests take together: how many a thread has at a time, and how large their bodies are over all threads.
//! Over a bound a request is refused at once (503), before more of it is read.

use std::{
    cell::Cell,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::limits::{ARRIVING_MAX, Limits, SMALL_BODY_BYTES};

/// Bytes of bodies, over all threads.
pub struct Bodies {
    taken: AtomicUsize,
    max: usize,
}

/// The requests of one thread.
pub struct Load {
    n_arriving: Cell<usize>,
    n_whole: Cell<usize>,
    max: usize,
    bodies: Arc<Bodies>,
}

/// The bound is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl Bodies {
    /// None yet.
    pub fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Bodies { taken: AtomicUsize::new(0), max: limits.bodies_bytes_max })
    }
}

impl Load {
    /// None yet.
    pub fn new(limits: &Limits, bodies: Arc<Bodies>) -> Rc<Self> {
        let (n_arriving, n_whole) = (Cell::new(0), Cell::new(0));
        Rc::new(Load { n_arriving, n_whole, max: limits.requests_max, bodies })
    }

    /// Takes one more request whose body may be on its way, until what this gives is dropped.
    pub fn take(self: &Rc<Self>) -> Result<Taken, Full> {
        take_one(&self.n_arriving, ARRIVING_MAX)?;
        Ok(Taken { load: self.clone(), is_whole: false, bytes: 0 })
    }
}

fn take_one(count: &Cell<usize>, max: usize) -> Result<(), Full> {
    let n = count.get();
    if n >= max {
        return Err(Full);
    }
    count.set(n + 1);
    Ok(())
}

/// What one request takes.
pub struct Taken {
    load: Rc<Load>,
    is_whole: bool,
    bytes: usize,
}

impl Taken {
    /// Would a body of this length take of what all bodies share?
    pub fn is_large(body_bytes: u64) -> bool {
        body_bytes > SMALL_BODY_BYTES as u64
    }

    /// Its body has become this long.
    pub fn grow(&mut self, body_bytes: usize) -> Result<(), Full> {
        let more = body_bytes.saturating_sub(SMALL_BODY_BYTES).saturating_sub(self.bytes);
        if more == 0 {
            return Ok(());
        }
        let Bodies { taken, max } = &*self.load.bodies;
        if taken.fetch_add(more, Ordering::Relaxed).saturating_add(more) > *max {
            taken.fetch_sub(more, Ordering::Relaxed);
            return Err(Full);
        }
        self.bytes += more;
        Ok(())
    }

    /// It is whole. `is_vital`: over the bound too.
    pub fn is_whole(&mut self, is_vital: bool) -> Result<(), Full> {
        let Load { n_arriving, n_whole, max, .. } = &*self.load;
        take_one(n_whole, if is_vital { usize::MAX } else { *max })?;
        n_arriving.set(n_arriving.get() - 1);
        self.is_whole = true;
        Ok(())
    }

    /// Its body is not kept.
    pub fn drop_body(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        if bytes > 0 {
            self.load.bodies.taken.fetch_sub(bytes, Ordering::Relaxed);
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let count = if self.is_whole { &self.load.n_whole } else { &self.load.n_arriving };
        count.set(count.get() - 1);
        self.drop_body();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_taken_is_given_back() {
        let limits = Limits { requests_max: 2, bodies_bytes_max: 1_000, ..Limits::of_machine() };
        let bodies = Bodies::new(&limits);
        let load = Load::new(&limits, bodies.clone());
        let [mut first, mut second, mut third] = [(); 3].map(|()| load.take().unwrap());
        assert_eq!([&mut first, &mut second].map(|one| one.is_whole(false)), [Ok(()), Ok(())]);
        assert_eq!((third.is_whole(false), load.n_arriving.get()), (Err(Full), 1));
        assert_eq!((third.is_whole(true), load.n_arriving.get()), (Ok(()), 0));
        drop(third);
        assert_eq!(first.grow(SMALL_BODY_BYTES), Ok(()));
        assert_eq!(bodies.taken.load(Ordering::Relaxed), 0, "a small body takes nothing");
        assert_eq!(first.grow(SMALL_BODY_BYTES + 600), Ok(()));
        assert_eq!(second.grow(SMALL_BODY_BYTES + 401), Err(Full));
        assert_eq!(second.grow(SMALL_BODY_BYTES + 400), Ok(()));
        drop(first);
        assert_eq!(second.grow(SMALL_BODY_BYTES + 1_000), Ok(()));
        drop(second);
        assert_eq!((bodies.taken.load(Ordering::Relaxed), load.n_whole.get(), load.n_arriving.get()), (0, 0, 0));
    }
}
