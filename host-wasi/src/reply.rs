//! Results and refusals as HTTP replies.

use serde::Serialize;
use understudy_calls::refusal::Refusal;
use understudy_wire::{ApiError, Code};

/// What goes back, always JSON.
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
    /// Of a 405: the methods that the path takes here, which may be none.
    pub allow: Option<String>,
}

impl Reply {
    /// 200 with a body.
    pub fn ok(body: &impl Serialize) -> Result<Self, Refusal> {
        let failed = |error| Refusal::new(Code::Internal, format!("the answer can't be written: {error}"));
        Ok(Reply { status: 200, body: serde_json::to_vec(body).map_err(failed)?, allow: None })
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        let status = refusal.code.status();
        // A struct of one string is always written; were it not, the status would still say no.
        let body = serde_json::to_vec(&ApiError { message: refusal.message }).unwrap_or_default();
        Reply { status, body, allow: None }
    }
}
