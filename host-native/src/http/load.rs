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

use super::limits::{Limits, SMALL_BODY_BYTES};

/// Bytes of bodies, over all threads.
pub struct Bodies {
    taken: AtomicUsize,
    max: usize,
}

/// The requests of one thread.
pub struct Load {
    n_requests: Cell<usize>,
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
        Rc::new(Load { n_requests: Cell::new(0), max: limits.requests_max, bodies })
    }

    /// Takes one more request, until what this gives is dropped. `is_vital`: over the bound too.
    pub fn take(self: &Rc<Self>, is_vital: bool) -> Result<Taken, Full> {
        let n_requests = self.n_requests.get();
        if n_requests >= self.max && !is_vital {
            return Err(Full);
        }
        self.n_requests.set(n_requests + 1);
        Ok(Taken { load: self.clone(), bytes: 0 })
    }
}

/// What one request takes.
pub struct Taken {
    load: Rc<Load>,
    bytes: usize,
}

impl Taken {
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
        self.load.n_requests.set(self.load.n_requests.get() - 1);
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
        let (mut first, mut second) = (load.take(false).unwrap(), load.take(false).unwrap());
        assert!(load.take(false).is_err() && load.take(true).is_ok());
        assert_eq!(first.grow(SMALL_BODY_BYTES), Ok(()));
        assert_eq!(bodies.taken.load(Ordering::Relaxed), 0, "a small body takes nothing");
        assert_eq!(first.grow(SMALL_BODY_BYTES + 600), Ok(()));
        assert_eq!(second.grow(SMALL_BODY_BYTES + 401), Err(Full));
        assert_eq!(second.grow(SMALL_BODY_BYTES + 400), Ok(()));
        drop(first);
        assert_eq!(second.grow(SMALL_BODY_BYTES + 1_000), Ok(()));
        drop(second);
        assert_eq!((bodies.taken.load(Ordering::Relaxed), load.n_requests.get()), (0, 0));
    }
}
