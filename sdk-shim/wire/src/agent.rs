//! What agents tell of themselves. Nothing answers by it.

use serde::{Deserialize, Serialize};

use crate::value::TypedId;

/// Body of `POST /api/agents/event/…`, of which nothing is kept. Further keys depend on the event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentEvent {
    /// The agent.
    pub agent_id: String,
    /// One conversation of it.
    pub session_id: String,
    /// For whom it acts.
    pub users: Vec<TypedId>,
    /// When, as ISO 8601 has it.
    pub timestamp: String,
}
