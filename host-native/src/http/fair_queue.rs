//! Whose request a thread works on next: the callers' keys take turns, so that one that sends a thousand requests at once
//! waits for its own above all.
//!
//! Enters: a key with a request that is whole. Leaves: a turn. Never: holds a turn over a wait: what a request does after
//! its first step, it does elsewhere.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::poll_fn,
    pin::pin,
    rc::Rc,
    task::{Poll, Waker},
    time::{Duration, Instant},
};

/// How long turns follow each other before the thread looks at its sockets again, which costs a system call: a dozen
/// checks, or one question that takes longer. A key that has just come waits no longer for its line to be known.
const LOOK_AFTER: Duration = Duration::from_micros(500);

/// The requests of one thread that wait for their first step.
#[derive(Default)]
pub struct FairQueue {
    /// One per key that waits, none empty; the first is next.
    lines: RefCell<VecDeque<Line>>,
    /// Does somebody have the turn?
    is_taken: Cell<bool>,
    /// When the sockets were looked at last; `None`: not yet.
    looked_at: Cell<Option<Instant>>,
}

struct Line {
    key: u64,
    all: VecDeque<Rc<Waiting>>,
}

#[derive(Default)]
struct Waiting {
    has_turn: Cell<bool>,
    is_gone: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl FairQueue {
    /// Works on `request` when its key has its turn. The turn is over with the first step, whatever that leads to.
    pub async fn run<T>(&self, key: u64, request: impl Future<Output = T>) -> T {
        let mut turn = Some(self.turn(key).await);
        let mut request = pin!(request);
        poll_fn(|context| {
            let polled = request.as_mut().poll(context);
            drop(turn.take());
            polled
        })
        .await
    }

    async fn turn(&self, key: u64) -> Turn<'_> {
        let is_first = !self.is_taken.replace(true);
        let turn = if is_first {
            Turn { queue: self }
        } else {
            let waiting = Rc::new(Waiting::default());
            self.add(key, waiting.clone());
            let left = Leaves { queue: self, waiting: &waiting };
            poll_fn(|context| {
                if waiting.has_turn.get() {
                    return Poll::Ready(());
                }
                *waiting.waker.borrow_mut() = Some(context.waker().clone());
                Poll::Pending
            })
            .await;
            std::mem::forget(left);
            Turn { queue: self }
        };
        if self.looked_at.get().is_none_or(|at| at.elapsed() > LOOK_AFTER) {
            // Comes back after the sockets have been looked at, and after all who have come by them.
            tokio::task::yield_now().await;
            self.looked_at.set(Some(Instant::now()));
        }
        turn
    }

    fn add(&self, key: u64, waiting: Rc<Waiting>) {
        let mut lines = self.lines.borrow_mut();
        match lines.iter_mut().find(|line| line.key == key) {
            Some(line) => line.all.push_back(waiting),
            None => lines.push_back(Line { key, all: VecDeque::from([waiting]) }),
        }
    }

    /// Gives the turn to the next key, or to nobody.
    fn pass_on(&self) {
        let mut lines = self.lines.borrow_mut();
        while let Some(mut line) = lines.pop_front() {
            let next = line.all.pop_front();
            if !line.all.is_empty() {
                lines.push_back(line);
            }
            let Some(next) = next.filter(|next| !next.is_gone.get()) else { continue };
            next.has_turn.set(true);
            let waker = next.waker.borrow_mut().take();
            drop(lines);
            waker.into_iter().for_each(Waker::wake);
            return;
        }
        self.is_taken.set(false);
    }
}

/// The turn: passed on when it is dropped.
struct Turn<'q> {
    queue: &'q FairQueue,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.queue.pass_on();
    }
}

/// A caller that goes away while it waits leaves its line, or passes on the turn that it was given.
struct Leaves<'q> {
    queue: &'q FairQueue,
    waiting: &'q Waiting,
}

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.waiting.is_gone.set(true);
        if self.waiting.has_turn.get() {
            self.queue.pass_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys in the order in which their requests were worked on; those in `gone` go away first.
    fn order(keys: &[u64], gone: &[usize]) -> Vec<u64> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let tasks = tokio::task::LocalSet::new();
        let (queue, done) = (Rc::new(FairQueue::default()), Rc::new(RefCell::new(Vec::new())));
        tasks.block_on(&runtime, async {
            // Held meanwhile, so that all of them wait.
            let first = queue.turn(0).await;
            let mut all = Vec::new();
            for key in keys.iter().copied() {
                let (queue, done) = (queue.clone(), done.clone());
                all.push(tokio::task::spawn_local(async move {
                    queue.run(key, async { done.borrow_mut().push(key) }).await;
                }));
            }
            tokio::task::yield_now().await;
            gone.iter().for_each(|at| all[*at].abort());
            tokio::task::yield_now().await;
            drop(first);
            for one in all {
                let _ = one.await;
            }
            assert!(!queue.is_taken.get() && queue.lines.borrow().is_empty());
        });
        done.take()
    }

    #[test]
    fn keys_take_turns_and_those_of_one_key_keep_their_order() {
        let mut keys = vec![1; 100];
        keys.extend([2, 3]);
        let order = order(&keys, &[]);
        assert_eq!(order[..5], [1, 2, 3, 1, 1]);
        assert_eq!(order.len(), keys.len());
    }

    #[test]
    fn who_goes_away_takes_no_turn_along() {
        assert_eq!(order(&[1, 2, 3], &[1]), [1, 3]);
        assert_eq!(order(&[1, 2, 3], &[0, 1, 2]), [0_u64; 0]);
    }

    #[test]
    fn a_turn_is_over_with_the_first_step() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let tasks = tokio::task::LocalSet::new();
        let queue = Rc::new(FairQueue::default());
        tasks.block_on(&runtime, async {
            let (sent, wait) = tokio::sync::oneshot::channel::<()>();
            let slow = queue.clone();
            let slow = tokio::task::spawn_local(async move { slow.run(1, wait).await });
            tokio::task::yield_now().await;
            assert_eq!(queue.run(2, async { 2 }).await, 2, "nobody waits for what waits elsewhere");
            sent.send(()).expect("it waits");
            slow.await.expect("no panic").expect("sent");
        });
    }
}
