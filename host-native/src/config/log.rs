//! What to log and how, as an operator says it.

use super::{ConfigError, values::read};

/// What to log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogLevel {
    /// Only what needs an operator.
    #[default]
    Error,
    /// And what may.
    Warn,
    /// And every step.
    Info,
}

impl LogLevel {
    /// What there is.
    const ALLOWED: &str = "error, warn or info";

    /// Of `OSO_LOG_LEVEL`.
    pub fn given(value: Option<String>) -> Result<Option<Self>, ConfigError> {
        read("OSO_LOG_LEVEL", value, Self::ALLOWED, Self::read)
    }

    /// Reads its name, in any letter case.
    fn read(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "error" => Some(LogLevel::Error),
            "warn" => Some(LogLevel::Warn),
            "info" => Some(LogLevel::Info),
            _ => None,
        }
    }
}

/// How to log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// One JSON object a line, for machines.
    Json,
}

impl LogFormat {
    /// What there is.
    const ALLOWED: &str = "text or json";

    /// Of `OSO_LOG_FORMAT`.
    pub fn given(value: Option<String>) -> Result<Self, ConfigError> {
        read("OSO_LOG_FORMAT", value, Self::ALLOWED, Self::read).map(Option::unwrap_or_default)
    }

    /// Reads its name, in any letter case.
    fn read(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "text" => Some(LogFormat::Text),
            "json" => Some(LogFormat::Json),
            _ => None,
        }
    }
}
