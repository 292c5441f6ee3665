//! The flat form of calls: requests and answers as words, for servers and for hosts without components.
//!
//! Enters: calls, replies; bytes. Leaves: bytes; calls, replies. Never: panics on any bytes, allocates by a count that the
//! bytes don't back, decides anything. `wit/RAW.md` draws the layout.

pub mod answer;
pub mod dispatch;
mod explanation;
mod report;
pub mod request;
mod solutions;
mod words;

#[cfg(test)]
mod tests;

use std::fmt;

use crate::{
    eval::policy_tests::TestResult,
    model::{Answer, Ask, AskError, Change, Explanation, Fact, Pattern, Reasons, Request, TooMany, ValueError},
    pages::Page,
    rules::rule::BlockMetadata,
    snapshot::{Contents, Manifest},
    syntax::diagnostic::Severity,
    vocabulary::Vocabulary,
};

/// Version of the layout, the second word of every request and never of an answer: who asks in another gets
/// [`Refusal::Malformed`].
pub const VERSION: u32 = 1;

/// One call of an instance.
#[derive(Clone, Debug)]
pub enum Call {
    /// A question.
    Ask(Request),
    /// Stored facts that fit.
    Facts {
        /// Only of this predicate; `None`: of any.
        predicate: Option<String>,
        /// Facts of this arity or more fit.
        args: Vec<Pattern>,
    },
    /// Blocks of the policy.
    Metadata,
    /// What the instance holds.
    Status,
    /// Later writes, in order.
    Apply {
        /// Offset of the last of them.
        offset: u64,
        /// The writes.
        changes: Vec<Change>,
    },
    /// Is this a policy? Needs no open snapshot.
    Check {
        /// File name and text; several are one policy.
        sources: Vec<(String, String)>,
    },
    /// Makes a snapshot. Needs no open snapshot.
    Build {
        /// Manifest (`counts` is filled in by the writer), policy, keys.
        contents: Contents,
        /// In any order.
        facts: Vec<Fact>,
    },
    /// A question, and why its answer is as it is.
    Explain(Request),
    /// The same, with its short form and the rules' texts.
    Summarize(Request),
    /// What the policy and the stored facts name.
    Names(Vocabulary),
    /// Some rows of the answer to a question that has rows.
    Page {
        /// The question.
        request: Request,
        /// Rows before them.
        skip: u64,
        /// How many at most; 1 or more.
        limit: u32,
    },
    /// What a question names that neither policy nor facts name.
    UnknownNames(Ask),
    /// Runs a policy's tests. Needs no open snapshot.
    Test {
        /// File name and text; several are one policy.
        sources: Vec<(String, String)>,
        /// `@current_unix_time`: seconds since 1970, UTC.
        now_s: i64,
        /// Work units of each question that an assertion asks.
        budget: u64,
        /// For hash tables.
        seed: u64,
    },
    /// What the last question spent.
    Spent,
    /// May this be written as a fact under the open snapshot's policy? Any texts: what is no value is told, too.
    CheckFact {
        /// Its predicate.
        predicate: String,
        /// Type and id of each argument.
        args: Vec<(String, String)>,
    },
}

/// What comes back from a [`Call`] that succeeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Of `Ask`.
    Answer(Answer),
    /// Of `Facts`.
    Facts(Vec<Fact>),
    /// Of `Metadata`; `None`: the snapshot has no policy.
    Metadata(Option<Vec<(String, BlockMetadata)>>),
    /// Of `Status`.
    Status(Status),
    /// Of `Apply`: offset of the last write that answers contain from now on.
    Applied {
        /// See above.
        offset: u64,
    },
    /// Of `Check`: everything found, sorted by place. A policy without errors can be used.
    Diagnostics(Vec<Note>),
    /// Of `Build`.
    Snapshot(Vec<u8>),
    /// Of `Explain`.
    Explanation(Explanation),
    /// Of `Summarize`.
    Reasons(Reasons),
    /// Of `Names`, sorted bytewise; `None`: any.
    Names(Option<Vec<String>>),
    /// Of `Test`, in order of source.
    Report(Vec<TestResult>),
    /// Of `Page`.
    Page(Page),
    /// Of `UnknownNames`: a sentence each.
    UnknownNames(Vec<String>),
    /// Of `Spent`.
    Spent {
        /// Work units.
        units: u64,
    },
    /// Of `CheckFact`: what stands against it, and what would fit; `None`: it may be written.
    FactCheck(Option<String>),
}

/// What an instance holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// What the snapshot says of itself.
    pub manifest: Manifest,
    /// Offset of the last write that answers contain.
    pub offset: u64,
}

/// A diagnostic as it travels: without the span in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Stops publication or not.
    pub severity: Severity,
    /// Stable short name of the kind.
    pub code: String,
    /// Source name.
    pub file: String,
    /// Line from 1.
    pub line: u32,
    /// Column from 1, in characters.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// Why a call fails. None of them is an allow or a deny.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The question has no answer.
    Ask(AskError),
    /// The bytes are no call.
    Malformed(Malformed),
    /// No snapshot is open in this instance.
    NotOpen,
    /// No snapshot can be opened or made of this; with the reason.
    Snapshot(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Ask(error) => error.fmt(f),
            Refusal::Malformed(malformed) => malformed.fmt(f),
            Refusal::NotOpen => write!(f, "no snapshot is open in this instance: reserve, write and seal one first"),
            Refusal::Snapshot(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Refusal {}

/// Where bytes stop being what `wit/RAW.md` draws.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// Offset in bytes of the first part that doesn't fit, and what was expected there.
    At {
        /// Offset in bytes.
        at: usize,
        /// What was expected.
        expected: &'static str,
    },
    /// A value that no value may be.
    Value(ValueError),
    /// A question has more of something than any may have.
    TooMany(TooMany),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Malformed::At { at, expected } => {
                write!(f, "the call's bytes are malformed at byte {at}: expected {expected}, as RAW.md draws it")
            }
            Malformed::Value(error) => error.fmt(f),
            Malformed::TooMany(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Malformed {}

impl From<ValueError> for Malformed {
    fn from(error: ValueError) -> Self {
        Malformed::Value(error)
    }
}
