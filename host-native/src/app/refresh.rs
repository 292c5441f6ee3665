//! Files that may change while a process serves: accepted keys, and those of TLS.

use std::time::Duration;

use crate::{http::tls::Tls, keys::NodeKeys};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);

/// Reads those that have changed again. Never ends.
pub async fn refresh(keys: Option<&NodeKeys>, tls: Option<&Tls>) -> Result<(), String> {
    loop {
        tokio::time::sleep(EVERY).await;
        if let Some(Err(error)) = keys.map(NodeKeys::refresh) {
            tracing::error!("{error}; the keys accepted before stay");
        }
        if let Some(Err(error)) = tls.map(Tls::refresh) {
            tracing::error!("{error}; the certificate before stays");
        }
    }
}
