//! What requests take together, and whose it is: places of one thread, bytes over all threads.
//!
//! Everything belongs to a key, or to those without one together. Whoever has less than is left may take more (dynamic
//! thresholds: Choudhury, Hahne 1998): one key alone gets half of all, two get a third each, beside n of them one part in
//! n + 1 is free. So whoever comes new finds room, whatever others do. Over a share a request is refused at once (503), before
//! more of it is read.

use std::{
    cell::Cell,
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::limits::{
    ARRIVING_MAX, CONNECTION_SHARE, Limits, SMALL_BYTES, STRANGERS_BYTES_MAX, STRANGERS_MAX, WAITING_MAX,
    WAITING_OF_CONNECTION_MAX,
};

/// The share is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Who takes: the number of a key, or those without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// A key that may ask.
    Key(u64),
    /// Whoever has none.
    Strangers,
}

/// Something that there is a bounded number of, and who has how much.
#[derive(Debug)]
struct Shared {
    max: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    of: HashMap<Owner, usize>,
}

impl Shared {
    fn new(max: usize) -> Self {
        Shared { max, taken: Mutex::default() }
    }

    fn take(&self, owner: Owner, n: usize, own_max: usize) -> Result<(), Full> {
        let mut taken = self.lock();
        let own = taken.of.get(&owner).map_or(n, |own| own.saturating_add(n));
        if own > self.max.saturating_sub(taken.all) || own > own_max {
            return Err(Full);
        }
        taken.all += n;
        taken.of.insert(owner, own);
        Ok(())
    }

    fn give_back(&self, owner: Owner, n: usize) {
        let mut taken = self.lock();
        taken.all -= n;
        if let Some(own) = taken.of.get_mut(&owner) {
            *own -= n;
            if *own == 0 {
                taken.of.remove(&owner);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes of bodies and replies, over all threads.
#[derive(Debug)]
pub struct InFlight(Shared);

impl InFlight {
    /// None yet.
    pub fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(InFlight(Shared::new(limits.in_flight_bytes_max)))
    }
}

/// The places of one thread.
#[derive(Debug)]
pub struct Shares {
    arriving: Shared,
    whole: Shared,
    waiting: Shared,
    strangers: AtomicUsize,
    in_flight: Arc<InFlight>,
}

/// What one connection has taken.
#[derive(Debug, Default)]
pub struct Connection {
    n_arriving: AtomicUsize,
    n_waiting: AtomicUsize,
    bytes: AtomicUsize,
}

impl Shares {
    /// None yet.
    pub fn new(limits: &Limits, in_flight: Arc<InFlight>) -> Arc<Self> {
        Arc::new(Shares {
            arriving: Shared::new(ARRIVING_MAX),
            whole: Shared::new(limits.requests_max),
            waiting: Shared::new(WAITING_MAX),
            strangers: AtomicUsize::new(0),
            in_flight,
        })
    }

    /// A place among those without a key, until what this gives is dropped.
    pub fn stranger(self: &Arc<Self>) -> Option<Stranger> {
        let place = Stranger(self.clone());
        (self.strangers.fetch_add(1, Ordering::Relaxed) < STRANGERS_MAX).then_some(place)
    }
}

/// A place among those without a key.
#[derive(Debug)]
pub struct Stranger(Arc<Shares>);

impl Drop for Stranger {
    fn drop(&mut self) {
        self.0.strangers.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    /// Nothing that takes a place.
    Nothing,
    /// Its body is on its way, the connection's only one.
    ArrivingAlone,
    /// Its body is on its way beside others.
    Arriving,
    /// It is whole and being answered.
    Whole,
    /// It waits for news, with nothing to do.
    Waiting,
}

/// The place of one request, given back when this is dropped.
#[derive(Debug)]
pub struct Place {
    shares: Arc<Shares>,
    connection: Arc<Connection>,
    owner: Owner,
    doing: Cell<Doing>,
}

impl Place {
    /// None yet.
    pub fn new(shares: &Arc<Shares>, connection: &Arc<Connection>, owner: Owner) -> Self {
        Place { shares: shares.clone(), connection: connection.clone(), owner, doing: Cell::new(Doing::Nothing) }
    }

    /// Its body is on its way.
    pub fn arrives(&self) -> Result<(), Full> {
        if self.doing.get() != Doing::Nothing {
            return Ok(());
        }
        let is_first = self.connection.n_arriving.fetch_add(1, Ordering::Relaxed) == 0;
        if !is_first && self.shares.arriving.take(self.owner, 1, usize::MAX) == Err(Full) {
            self.connection.n_arriving.fetch_sub(1, Ordering::Relaxed);
            return Err(Full);
        }
        self.doing.set(if is_first { Doing::ArrivingAlone } else { Doing::Arriving });
        Ok(())
    }

    /// It is whole.
    pub fn is_whole(&self) -> Result<(), Full> {
        self.leave();
        self.shares.whole.take(self.owner, 1, usize::MAX)?;
        self.doing.set(Doing::Whole);
        Ok(())
    }

    /// It waits for news, which costs no place among those that are answered. Where too many do, it has to be told what there
    /// is now.
    pub fn waits(&self) -> Result<(), Full> {
        let n_waiting = self.connection.n_waiting.fetch_add(1, Ordering::Relaxed);
        if n_waiting >= WAITING_OF_CONNECTION_MAX || self.shares.waiting.take(self.owner, 1, usize::MAX) == Err(Full) {
            self.connection.n_waiting.fetch_sub(1, Ordering::Relaxed);
            return Err(Full);
        }
        self.leave();
        self.doing.set(Doing::Waiting);
        Ok(())
    }

    /// Bytes for it, none yet.
    pub fn bytes(&self) -> Bytes {
        Bytes::of(&self.shares, &self.connection, self.owner)
    }

    fn leave(&self) {
        let Place { shares, connection, owner, doing } = self;
        match doing.replace(Doing::Nothing) {
            Doing::Nothing => {}
            Doing::ArrivingAlone => drop(connection.n_arriving.fetch_sub(1, Ordering::Relaxed)),
            Doing::Arriving => {
                connection.n_arriving.fetch_sub(1, Ordering::Relaxed);
                shares.arriving.give_back(*owner, 1);
            }
            Doing::Whole => shares.whole.give_back(*owner, 1),
            Doing::Waiting => {
                connection.n_waiting.fetch_sub(1, Ordering::Relaxed);
                shares.waiting.give_back(*owner, 1);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Bytes of one body or reply, given back when this is dropped.
#[derive(Debug)]
pub struct Bytes {
    in_flight: Arc<InFlight>,
    connection: Arc<Connection>,
    owner: Owner,
    n: usize,
}

impl Bytes {
    /// None yet.
    pub fn of(shares: &Shares, connection: &Arc<Connection>, owner: Owner) -> Self {
        Bytes { in_flight: shares.in_flight.clone(), connection: connection.clone(), owner, n: 0 }
    }

    /// There are so many by now. The first few are free.
    pub fn grow(&mut self, n_bytes: usize) -> Result<(), Full> {
        let more = n_bytes.saturating_sub(SMALL_BYTES).saturating_sub(self.n);
        if more == 0 {
            return Ok(());
        }
        let InFlight(shared) = &*self.in_flight;
        let own_max = if self.owner == Owner::Strangers { STRANGERS_BYTES_MAX } else { usize::MAX };
        let before = self.connection.bytes.fetch_add(more, Ordering::Relaxed);
        // The only one of its connection may take what its key may.
        let has_room = before == self.n || before.saturating_add(more) <= shared.max / CONNECTION_SHARE;
        if !has_room || shared.take(self.owner, more, own_max) == Err(Full) {
            self.connection.bytes.fetch_sub(more, Ordering::Relaxed);
            return Err(Full);
        }
        self.n += more;
        Ok(())
    }

    /// They are not kept.
    pub fn give_back(&mut self) {
        let n = std::mem::take(&mut self.n);
        if n > 0 {
            self.connection.bytes.fetch_sub(n, Ordering::Relaxed);
            self.in_flight.0.give_back(self.owner, n);
        }
    }
}

impl Drop for Bytes {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const MIB: usize = 1 << 20;

    fn shares(requests_max: usize, in_flight_bytes_max: usize) -> Arc<Shares> {
        let limits = Limits { requests_max, in_flight_bytes_max, ..Limits::of_machine() };
        Shares::new(&limits, InFlight::new(&limits))
    }

    /// As many of them as there is room for.
    fn fill<T>(mut one: impl FnMut() -> Result<T, Full>) -> Vec<T> {
        std::iter::from_fn(|| one().ok()).collect()
    }

    #[test]
    fn whoever_comes_new_finds_room_whatever_others_take() {
        let shares = shares(64, MIB);
        let whole = |key| {
            let place = Place::new(&shares, &Arc::default(), Owner::Key(key));
            place.is_whole().map(|()| place)
        };
        let first = fill(|| whole(1));
        assert_eq!(first.len(), 32, "one alone has half");
        let second = fill(|| whole(2));
        assert_eq!(second.len(), 16);
        let others: Vec<_> = (3..7).map(|key| fill(|| whole(key))).collect();
        assert!(others.iter().all(|one| !one.is_empty()), "{others:?}");
        drop((first, second, others));
        assert_eq!(fill(|| whole(9)).len(), 32, "what was taken is given back");
    }

    #[test]
    fn bodies_of_one_connection_are_those_beside_its_first() {
        let shares = shares(64, MIB);
        let arriving = |connection: &Arc<Connection>, key| {
            let place = Place::new(&shares, connection, Owner::Key(key));
            place.arrives().map(|()| place)
        };
        let multiplexed = Arc::default();
        let held = fill(|| arriving(&multiplexed, 1));
        assert_eq!(held.len(), 1 + ARRIVING_MAX / 2);
        // The same key by connections of their own, and another key by many streams.
        let alone: Vec<_> = (0..2 * ARRIVING_MAX).map(|_| arriving(&Arc::default(), 1)).collect();
        assert!(alone.iter().all(Result::is_ok));
        let (other, mut places) = (Arc::default(), Vec::new());
        (0..100).for_each(|_| places.push(arriving(&other, 2)));
        assert!(places.iter().all(Result::is_ok));
        drop(places);
        drop((held, alone));
        assert_eq!(shares.arriving.lock().all, 0);
    }

    #[test]
    fn waiting_for_news_takes_no_place_of_those_who_are_answered() {
        let shares = shares(4, MIB);
        let connection = Arc::default();
        let wait = |connection: &Arc<Connection>, key| {
            let place = Place::new(&shares, connection, Owner::Key(key));
            place.is_whole()?;
            place.waits().map(|()| place)
        };
        let waiting = fill(|| wait(&connection, 1));
        assert_eq!(waiting.len(), WAITING_OF_CONNECTION_MAX);
        let of_one_key = fill(|| wait(&Arc::default(), 1));
        assert_eq!(waiting.len() + of_one_key.len(), WAITING_MAX / 2);
        assert!(wait(&Arc::default(), 2).is_ok());
        assert_eq!(shares.whole.lock().all, 0);
    }

    #[test]
    fn bytes_belong_to_a_connection_and_a_key() {
        let shares = shares(4, 16 * MIB);
        let bytes = |connection: &Arc<Connection>, key, n| {
            let mut bytes = Bytes::of(&shares, connection, Owner::Key(key));
            bytes.grow(n).map(|()| bytes)
        };
        let [one, other] = [(); 2].map(|()| Arc::default());
        let small = fill_n(1_000, || bytes(&one, 1, SMALL_BYTES));
        assert_eq!(small.len(), 1_000, "small ones are their place's");
        let of_one = fill(|| bytes(&one, 1, SMALL_BYTES + MIB));
        assert_eq!(of_one.len(), 4, "a connection's share");
        let more = fill(|| bytes(&Arc::default(), 1, SMALL_BYTES + MIB));
        assert_eq!(of_one.len() + more.len(), 8, "its key's");
        assert!(bytes(&other, 2, SMALL_BYTES + 4 * MIB).is_ok());
        drop((of_one, more));
        let mut large = Bytes::of(&shares, &one, Owner::Key(1));
        (0..=8).for_each(|n| large.grow(SMALL_BYTES + n * MIB).unwrap());
        assert_eq!(large.grow(SMALL_BYTES + 9 * MIB), Err(Full));
        large.give_back();
        let strangers = fill(|| {
            let mut bytes = Bytes::of(&shares, &Arc::default(), Owner::Strangers);
            bytes.grow(SMALL_BYTES + MIB / 4).map(|()| bytes)
        });
        assert_eq!(strangers.len() * MIB / 4, STRANGERS_BYTES_MAX);
        drop(strangers);
        assert_eq!((shares.in_flight.0.lock().all, one.bytes.load(Ordering::Relaxed)), (0, 0));
    }

    fn fill_n<T>(n: usize, mut one: impl FnMut() -> Result<T, Full>) -> Vec<T> {
        (0..n).filter_map(|_| one().ok()).collect()
    }
}
