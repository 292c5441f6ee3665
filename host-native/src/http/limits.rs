//! What a client may take of this server, each bound with its reason. What happens at a bound: the request or its
//! connection ends, with a refusal where one can still be sent; nobody else notices.

use std::time::Duration;

/// Longest head of a request over HTTP/1.1, and longest list of headers over HTTP/2, in bytes. The longest that an SDK
/// sends asks for facts by five ids of 512 bytes, each written as `%xx`: about 8 KiB. Headers are at most 100 besides,
/// which is the parser's own bound: another one costs an allocation a request.
pub const HEAD_BYTES_MAX: usize = 16 << 10;
/// Bytes read ahead of a connection at most. A body is handed on in pieces of this size.
pub const READ_AHEAD_BYTES_MAX: usize = 64 << 10;
/// A body up to this many bytes counts as part of its request; what is above takes of what all bodies share. Nearly every
/// question is smaller.
pub const SMALL_BODY_BYTES: usize = 4 << 10;
/// Bodies on their way at a time, per thread: more than it has connections, so that slow ones over HTTP/1.1, which cost an
/// attacker a connection each, keep nobody from asking. The bound is for streams of HTTP/2.
pub const ARRIVING_MAX: usize = 8_192;
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
/// Descriptors that are not for connections: files, the upstream, listeners.
const OTHER_DESCRIPTORS: u64 = 256;

/// The bounds that depend on the machine, or that a test makes smaller.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time, over all threads. One costs up to 20 KiB before it has sent a whole request, TLS as much
    /// again. Over it the one goes that has been without a whole request for longest: clients that leave connections
    /// behind, or never finish a body, lose those, nobody else does.
    pub connections_max: usize,
    /// Whole requests at a time, per thread: long questions waiting their turn, polls of the feed. More are told to come
    /// again at once, which is better than a queue whose end answers when nobody waits any more.
    pub requests_max: usize,
    /// Bytes of bodies above the small ones, over all threads, until their requests are answered. What is made of a body
    /// takes several times its size.
    pub bodies_bytes_max: usize,
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
            requests_max: 512,
            bodies_bytes_max: 48 << 20,
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
