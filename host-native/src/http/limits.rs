//! What a client may take of this server, each bound with its reason. What happens at a bound: the request or its
//! connection ends, with a refusal where one can still be sent; nobody else notices.

use std::time::Duration;

/// Longest head of a request over HTTP/1.1, and longest list of headers over HTTP/2, in bytes. The longest that an SDK
/// sends asks for facts by five ids of 512 bytes, each written as `%xx`: about 8 KiB. Headers are at most 100 besides,
/// which is the parser's own bound: another one costs an allocation a request.
pub const HEAD_BYTES_MAX: usize = 16 << 10;
/// Bytes read ahead of a connection at most. A body is handed on in pieces of this size.
pub const READ_AHEAD_BYTES_MAX: usize = 64 << 10;
/// Bytes of a request's head and body, and of a reply, that its place pays for; what is above is counted with the bytes in
/// flight. Nearly every question and every answer is smaller.
pub const SMALL_BYTES: usize = 4 << 10;
/// Bodies on their way at a time beside the first of a connection, per thread: a connection's first body costs whoever sends
/// it the connection, the others are streams of HTTP/2, of which one packet begins dozens.
pub const ARRIVING_MAX: usize = 1_024;
/// Polls of the feed that wait for news, per thread: a node has one.
pub const WAITING_MAX: usize = 1_024;
/// The same of one connection: those of a proxy's clients, not those of one that only wants to hold places.
pub const WAITING_OF_CONNECTION_MAX: usize = 16;
/// Requests of clients without a key that are busy at a time, per thread: refused ones whose body is read on. Further ones
/// are answered at once, and their body is not read.
pub const STRANGERS_MAX: usize = 64;
/// Bytes of replies to clients without a key that they have not taken, all together.
pub const STRANGERS_BYTES_MAX: usize = 1 << 20;
/// A body above this many bytes is read apart from the threads that answer: as many take about half a millisecond to read.
pub const BESIDE_BYTES_MAX: usize = 64 << 10;
/// Bytes of one reply: half of all bytes in flight, so that one that nobody takes leaves room for others. A list of 1,000,000
/// short ids has 12 MB.
pub const REPLY_BYTES_MAX: usize = IN_FLIGHT_BYTES_MAX / 2;
/// Bytes of bodies and replies in flight, over all threads. What is made of them takes several times their size, but of one at
/// a time.
pub const IN_FLIGHT_BYTES_MAX: usize = 64 << 20;
/// Which part of those one connection may have: one body of the largest size, and its reply.
pub const CONNECTION_SHARE: usize = 4;
/// Texts of probes, as of metrics, that are on their way at a time; more connections get the newest of them again.
pub const PROBE_TEXTS_MAX: usize = 32;
/// How old that may be.
pub const PROBE_TEXT_AGE: Duration = Duration::from_secs(1);
/// Requests at a time of one HTTP/2 connection; the client waits with more. What a busy application needs, and no more
/// than a fraction of what a thread takes.
pub const STREAMS_MAX: u32 = 100;
/// Bytes of a stream's body, and of a connection's bodies, that may come before the server has asked for them. They lie in
/// memory outside of what bodies share, so the bound is small; a client on the same continent sends 10 MiB in a second.
pub const STREAM_WINDOW_BYTES: u32 = 64 << 10;
/// As above, for a connection.
pub const CONNECTION_WINDOW_BYTES: u32 = 256 << 10;
/// Bytes of replies that wait to be sent on one HTTP/2 connection, per stream.
pub const SEND_BYTES_MAX: usize = 64 << 10;
/// Connections waiting to be accepted, per thread.
pub const BACKLOG: i32 = 1024;
/// How often connections are looked at for those that must go. Waits below are longer by up to this.
pub const SWEEP: Duration = Duration::from_millis(250);
/// How long a drain waits for requests in flight. Container engines kill what hasn't ended after ten seconds, and the last
/// steps after a drain take up to two.
pub const DRAIN: Duration = Duration::from_secs(7);
/// Connections over the bound that are being told so, per thread; further ones are closed without a word.
pub const REFUSALS_MAX: usize = 64;
/// How long each of those has to read it.
pub const REFUSAL_WAIT: Duration = Duration::from_secs(1);
/// How long the rest of a refused body is read and dropped: a client that still sends reads no reply, and closing over
/// unread bytes would take the reply back.
pub const DISCARD_WAIT: Duration = Duration::from_secs(1);
/// Work units of an explanation, the answer's included: what it keeps of every row would fill an instance long before the
/// units of a request are spent.
pub const EXPLAIN_UNITS_MAX: u64 = 20_000_000;
/// Bytes of an explanation's reply: two thousand goals with ordinary ids are a tenth of it.
pub const EXPLAIN_BYTES_MAX: usize = 4 << 20;
/// Descriptors that are not for connections: files, the upstream, listeners.
const OTHER_DESCRIPTORS: u64 = 256;

/// The bounds that depend on the machine, or that a test makes smaller.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time, over all threads. One costs up to 20 KiB before it has sent a whole request, TLS as much
    /// again. Over it the one goes that has been without a whole request for longest: clients that leave connections
    /// behind, or never finish a body, lose those, nobody else does.
    pub connections_max: usize,
    /// Whole requests at a time, per thread: long questions waiting their turn. More are told to come again at once, which is
    /// better than a queue whose end answers when nobody waits any more. One key alone gets half of them.
    pub requests_max: usize,
    /// Bytes of bodies and replies above the small ones, over all threads, until they are answered and taken. One key alone gets
    /// half of them.
    pub in_flight_bytes_max: usize,
    /// Longest time from the first byte of a head to its last, and from a connection's beginning to its first request.
    pub head_wait: Duration,
    /// Longest time between two requests of a connection. SDKs that leave connections open count on 60 s at most.
    pub idle_wait: Duration,
    /// How fast a body must come, and a reply be taken.
    pub pace: Pace,
}

impl Limits {
    /// Those of this machine.
    pub fn of_machine() -> Self {
        let descriptors = usize::try_from(descriptors().saturating_sub(OTHER_DESCRIPTORS)).unwrap_or(usize::MAX);
        Limits {
            connections_max: descriptors.clamp(64, 4_096),
            requests_max: 1_024,
            in_flight_bytes_max: IN_FLIGHT_BYTES_MAX,
            head_wait: Duration::from_secs(10),
            idle_wait: Duration::from_secs(55),
            pace: Pace { grace: Duration::from_secs(10), bytes_a_second: 8 << 10 },
        }
    }
}

/// The least that must move: nothing within the grace, then so many bytes a second on the whole.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Time that is given in any case.
    pub grace: Duration,
    /// Far below any network between two servers, far above a client that means to hold a place.
    pub bytes_a_second: u64,
}

impl Pace {
    /// Time that `bytes` may take.
    pub fn time_for(&self, bytes: u64) -> Duration {
        self.grace + Duration::from_millis(bytes.saturating_mul(1_000) / self.bytes_a_second.max(1))
    }
}

/// Files that this process may have open, after asking for as many as it may have.
fn descriptors() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: maximum, maximum };
    if setrlimit(Resource::Nofile, raised).is_ok() { maximum } else { current }.unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_gives_a_grace_and_then_a_rate() {
        let pace = Pace { grace: Duration::from_secs(10), bytes_a_second: 8 << 10 };
        assert_eq!(pace.time_for(0), Duration::from_secs(10));
        assert_eq!(pace.time_for(10 << 20), Duration::from_secs(10 + 1_280));
        assert!(pace.time_for(u64::MAX) > Duration::from_secs(1 << 40));
    }
}
