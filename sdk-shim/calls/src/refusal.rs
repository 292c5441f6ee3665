//! Why a call has no result: one code and one message, ready for the wire. Never an allow or a deny.

use understudy_core::model::AskError;
use understudy_wire::Code;

/// A refused call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which decides the HTTP status.
    pub code: Code,
    /// What is wrong and what to do.
    pub message: String,
}

impl Refusal {
    /// A refusal.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Refusal { code, message: message.into() }
    }
}

/// Why a request can't be read (400).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable(pub String);

impl Unreadable {
    /// Says where: `at` is the path of what can't be read.
    pub fn at(self, at: &str) -> Self {
        Unreadable(format!("`{at}`: {}", self.0))
    }
}

impl From<Unreadable> for Refusal {
    fn from(error: Unreadable) -> Self {
        Refusal::new(Code::BadRequest, error.0)
    }
}

impl From<AskError> for Refusal {
    fn from(error: AskError) -> Self {
        let code = match &error {
            AskError::Invalid { .. } => Code::BadRequest,
            AskError::Budget { .. } | AskError::Memory { .. } => Code::Budget,
            _ => Code::Unanswerable,
        };
        Refusal::new(code, error.to_string())
    }
}
