//! Why a call has no result: one code and one message, ready for the wire. Never an allow or a deny.

use understudy_core::model::AskError;
use understudy_wire::Code;

use crate::convert::Unreadable;

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
