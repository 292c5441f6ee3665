//! The connections of one thread: what each is doing, how long it has, which one makes room for another.
//!
//! Enters: what a socket and a request note about their connection. Leaves: orders to finish or to go. Never: reads a
//! socket, waits. Times are milliseconds of the thread's own clock, which moves with every sweep: no request reads one.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    task::{Context, Waker},
    time::Instant,
};

use super::limits::Limits;

/// The connections of a thread.
pub struct Peers {
    peers: RefCell<BTreeMap<u64, Rc<Peer>>>,
    opened: Cell<u64>,
    max: usize,
    limits: Limits,
    begun: Instant,
    clock: Rc<Clock>,
}

#[derive(Default)]
struct Clock(Cell<u64>);

/// What a connection is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doing {
    /// Nothing yet, or not a whole request.
    Beginning,
    /// Between two requests.
    Nothing,
    /// Sending the head of a request that is not the first.
    Sending,
    /// Sending bodies, and waiting for no answer to a whole request.
    Arriving,
    /// Waiting for answers.
    Waiting,
}

/// What a connection is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Nothing.
    GoOn,
    /// Answer what has arrived, then go.
    Finish,
    /// Go.
    Leave,
}

/// One connection.
pub struct Peer {
    number: u64,
    clock: Rc<Clock>,
    doing: Cell<Doing>,
    since: Cell<u64>,
    n_arriving: Cell<usize>,
    n_waiting: Cell<usize>,
    /// Since when it doesn't take what is sent, and how much it took since then.
    blocked: Cell<Option<(u64, u64)>>,
    /// Many requests at a time, so that single bytes say nothing about heads.
    is_multiplexed: Cell<bool>,
    order: Cell<Order>,
    waker: RefCell<Option<Waker>>,
}

impl Peers {
    /// None yet. `max`: this thread's part of all connections.
    pub fn new(limits: Limits, max: usize) -> Self {
        let (peers, opened, clock) = (RefCell::default(), Cell::new(0), Rc::default());
        Peers { peers, opened, max, limits, begun: Instant::now(), clock }
    }

    /// Is there room for one more, without another making it?
    pub fn have_room(&self) -> bool {
        self.peers.borrow().len() < self.max
    }

    /// Takes one more connection; where there is no room, the one goes that has been without a whole request for longest,
    /// first of those that never had one. `None`: every one of them waits for an answer.
    pub fn open(&self) -> Option<Rc<Peer>> {
        let mut peers = self.peers.borrow_mut();
        if peers.is_empty() {
            // Nobody has moved it while there was nobody.
            self.move_clock();
        }
        if peers.len() >= self.max {
            let idle = peers.values().filter(|peer| peer.makes_room());
            // A flood's connections stand in the order of their age: the first of them is soon found.
            let silent = idle.clone().find(|peer| peer.doing.get() == Doing::Beginning);
            let oldest = || idle.clone().min_by_key(|peer| (peer.since.get(), peer.number));
            let gone = silent.or_else(oldest)?.number;
            if let Some(gone) = peers.remove(&gone) {
                gone.tell(Order::Leave);
            }
        }
        let number = self.opened.get();
        self.opened.set(number + 1);
        let peer = Rc::new(Peer {
            number,
            clock: self.clock.clone(),
            doing: Cell::new(Doing::Beginning),
            since: Cell::new(self.clock.0.get()),
            n_arriving: Cell::new(0),
            n_waiting: Cell::new(0),
            blocked: Cell::new(None),
            is_multiplexed: Cell::new(false),
            order: Cell::new(Order::GoOn),
            waker: RefCell::default(),
        });
        peers.insert(number, peer.clone());
        Some(peer)
    }

    /// This one is gone.
    pub fn close(&self, peer: &Peer) {
        self.peers.borrow_mut().remove(&peer.number);
    }

    /// Moves the clock and sends away those whose time is over.
    pub fn sweep(&self) {
        let now = self.move_clock();
        for peer in self.peers.borrow().values() {
            if peer.order.get() != Order::Leave && peer.is_over(now, &self.limits) {
                peer.tell(Order::Leave);
            }
        }
    }

    fn move_clock(&self) -> u64 {
        let now = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.clock.0.set(now);
        now
    }

    /// Tells all of them to finish.
    pub fn finish(&self) {
        for peer in self.peers.borrow().values() {
            if peer.order.get() == Order::GoOn {
                peer.tell(Order::Finish);
            }
        }
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.peers.borrow().is_empty()
    }
}

impl Peer {
    /// What it is told; its task is woken when that changes.
    pub fn order(&self, context: &Context<'_>) -> Order {
        let mut waker = self.waker.borrow_mut();
        match &mut *waker {
            Some(waker) => waker.clone_from(context.waker()),
            none => *none = Some(context.waker().clone()),
        }
        self.order.get()
    }

    /// It speaks HTTP/2.
    pub fn multiplexes(&self) {
        self.is_multiplexed.set(true);
    }

    /// Bytes came.
    pub fn sent(&self) {
        if self.doing.get() == Doing::Nothing && !self.is_multiplexed.get() {
            self.now(Doing::Sending);
        }
    }

    /// It didn't take what was to be sent.
    pub fn is_full(&self) {
        if self.blocked.get().is_none() {
            self.blocked.set(Some((self.clock.0.get(), 0)));
        }
    }

    /// It took some.
    pub fn took(&self, bytes: usize) {
        if let Some((since, taken)) = self.blocked.get() {
            self.blocked.set(Some((since, taken + bytes as u64)));
        }
    }

    /// It took everything.
    pub fn took_all(&self) {
        if self.blocked.replace(None).is_some() && self.doing.get() == Doing::Nothing {
            self.now(Doing::Nothing);
        }
    }

    /// A request's head has arrived, its body may still be on its way. It is over when what this gives is dropped.
    pub fn asks(self: &Rc<Self>) -> Asks {
        self.n_arriving.set(self.n_arriving.get() + 1);
        if self.n_waiting.get() == 0 {
            self.now(Doing::Arriving);
        }
        Asks { peer: self.clone(), is_whole: false }
    }

    fn now(&self, doing: Doing) {
        self.doing.set(doing);
        self.since.set(self.clock.0.get());
    }

    fn tell(&self, order: Order) {
        self.order.set(order);
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    /// Would nobody miss an answer if it went?
    fn makes_room(&self) -> bool {
        self.doing.get() != Doing::Waiting && self.blocked.get().is_none()
    }

    fn is_over(&self, now: u64, limits: &Limits) -> bool {
        let passed = |since: u64, wait: std::time::Duration| u128::from(now.saturating_sub(since)) > wait.as_millis();
        let takes_too_long =
            self.blocked.get().is_some_and(|(since, taken)| passed(since, limits.pace.time_for(taken)));
        takes_too_long
            || match self.doing.get() {
                // A body has its own pace.
                Doing::Waiting | Doing::Arriving => false,
                // A reply is still on its way to it.
                _ if self.blocked.get().is_some() => false,
                Doing::Beginning | Doing::Sending => passed(self.since.get(), limits.head_wait),
                Doing::Nothing => passed(self.since.get(), limits.idle_wait),
            }
    }
}

/// A request.
pub struct Asks {
    peer: Rc<Peer>,
    is_whole: bool,
}

impl Asks {
    /// It is whole and waits for its answer.
    pub fn waits(&mut self) {
        let Peer { n_arriving, n_waiting, doing, .. } = &*self.peer;
        if !std::mem::replace(&mut self.is_whole, true) {
            n_arriving.set(n_arriving.get() - 1);
            n_waiting.set(n_waiting.get() + 1);
            doing.set(Doing::Waiting);
        }
    }
}

impl Drop for Asks {
    fn drop(&mut self) {
        let Peer { n_arriving, n_waiting, .. } = &*self.peer;
        let count = if self.is_whole { n_waiting } else { n_arriving };
        count.set(count.get() - 1);
        match (n_waiting.get(), n_arriving.get()) {
            (0, 0) => self.peer.now(Doing::Nothing),
            (0, _) => self.peer.now(Doing::Arriving),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use super::*;

    fn peers(max: usize, wait: Duration) -> Peers {
        let limits = Limits { head_wait: wait, idle_wait: wait, ..Limits::of_machine() };
        Peers::new(limits, max)
    }

    fn waits(peer: &Rc<Peer>) -> Asks {
        let mut asks = peer.asks();
        asks.waits();
        asks
    }

    fn is_told_to_leave(peer: &Peer) -> bool {
        peer.order.get() == Order::Leave
    }

    #[test]
    fn the_oldest_without_a_request_makes_room_and_who_never_asked_goes_first() {
        let peers = peers(3, Duration::from_secs(3600));
        let [asked, silent, waiting] = [(); 3].map(|()| peers.open().unwrap());
        drop(waits(&asked));
        let whole = waits(&waiting);
        let fourth = peers.open().unwrap();
        assert!(is_told_to_leave(&silent) && !is_told_to_leave(&asked));
        peers.open().unwrap();
        assert!(is_told_to_leave(&fourth) && !is_told_to_leave(&asked), "a new one before one that has asked");
        let _others = [waits(&asked), waits(&peers.peers.borrow().values().last().unwrap().clone())];
        assert!(peers.open().is_none(), "nobody goes who waits for an answer");
        drop(whole);
        assert!(peers.open().is_some());
        assert!(is_told_to_leave(&waiting));
    }

    #[test]
    fn time_is_over_for_silence_but_not_for_waiting() {
        let peers = peers(9, Duration::ZERO);
        let [silent, waiting, full] = [(); 3].map(|()| peers.open().unwrap());
        let _waits = waits(&waiting);
        drop(waits(&full));
        full.is_full();
        std::thread::sleep(Duration::from_millis(5));
        peers.sweep();
        assert!(is_told_to_leave(&silent) && !is_told_to_leave(&waiting) && !is_told_to_leave(&full));
        full.took_all();
        peers.sweep();
        assert!(!is_told_to_leave(&full), "its silence begins with the end of the reply");
        std::thread::sleep(Duration::from_millis(5));
        peers.sweep();
        assert!(is_told_to_leave(&full));
    }

    #[test]
    fn a_body_that_is_on_its_way_makes_room() {
        let peers = peers(2, Duration::from_secs(3600));
        let [slow, waiting] = [(); 2].map(|()| peers.open().unwrap());
        let (_body, mut whole) = (slow.asks(), waiting.asks());
        whole.waits();
        // Another body beside it changes nothing.
        let _more = waiting.asks();
        assert!(peers.open().is_some());
        assert!(is_told_to_leave(&slow) && !is_told_to_leave(&waiting));
    }

    #[test]
    fn who_takes_a_reply_too_slowly_goes() {
        let mut peers = peers(9, Duration::from_secs(3600));
        peers.limits.pace = super::super::limits::Pace { grace: Duration::ZERO, bytes_a_second: 1 };
        let [slow, quick] = [(); 2].map(|()| peers.open().unwrap());
        [&slow, &quick].into_iter().for_each(|peer| peer.is_full());
        quick.took(1_000_000);
        std::thread::sleep(Duration::from_millis(5));
        peers.sweep();
        assert!(is_told_to_leave(&slow) && !is_told_to_leave(&quick));
    }
}
