//! What a reply adds to the metrics besides its status.

use understudy_wire::Code;

/// What there was no room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shed {
    /// Another request of this key or connection.
    Requests,
    /// The bytes of a body.
    Bytes,
    /// An answer that has to wait until it is taken.
    Answers,
    /// Another request of clients without a key.
    Strangers,
    /// Another long question.
    Questions,
}

impl Shed {
    /// Every one.
    pub const ALL: [Shed; 5] = [Shed::Requests, Shed::Bytes, Shed::Answers, Shed::Strangers, Shed::Questions];

    /// As a label.
    pub fn name(self) -> &'static str {
        match self {
            Shed::Requests => "requests",
            Shed::Bytes => "bytes",
            Shed::Answers => "answers",
            Shed::Strangers => "strangers",
            Shed::Questions => "questions",
        }
    }
}

/// Of one reply, which carries it: small.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Why it is a refusal.
    pub code: Option<Code>,
    /// What there was no room for.
    pub shed: Option<Shed>,
    /// Decisions in it that allow.
    pub n_allowed: u32,
    /// Those that deny.
    pub n_denied: u32,
    /// Decisions among others that couldn't be made.
    pub refused: Vec<Code>,
}

impl Tally {
    /// One decision.
    pub fn decision(allowed: bool) -> Self {
        Tally::decisions(usize::from(allowed), usize::from(!allowed))
    }

    /// Several.
    pub fn decisions(n_allowed: usize, n_denied: usize) -> Self {
        let [n_allowed, n_denied] = [n_allowed, n_denied].map(|n| u32::try_from(n).unwrap_or(u32::MAX));
        Tally { n_allowed, n_denied, ..Tally::default() }
    }

    /// Is there nothing to count?
    pub fn is_empty(&self) -> bool {
        *self == Tally::default()
    }
}
