//! Files that may change while a process serves: accepted keys, and those of TLS.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

use crate::{http::tls::Tls, keys::NodeKeys, telemetry::NOTICE};

/// Between two looks.
const EVERY: Duration = Duration::from_secs(1);

/// Reads those that have changed again, every second and at once on SIGHUP, which then says what came of it. Never ends.
pub async fn refresh(keys: Option<&NodeKeys>, tls: Option<&Tls>) -> Result<(), String> {
    let hangups = signal(SignalKind::hangup());
    let mut hangups = hangups.map_err(|error| format!("signals can't be waited for: {error}"))?;
    loop {
        let is_asked = tokio::select! {
            asked = hangups.recv() => asked.is_some(),
            () = tokio::time::sleep(EVERY) => false,
        };
        let mut n_changed = 0;
        let mut is_well = true;
        let outcomes = [
            keys.map(NodeKeys::refresh),
            tls.map(|tls| tls.refresh().map_err(|error| format!("{error}; the certificate before stays"))),
        ];
        for outcome in outcomes.into_iter().flatten() {
            match outcome {
                Ok(has_changed) => n_changed += usize::from(has_changed),
                Err(error) => {
                    is_well = false;
                    tracing::error!("{error}");
                }
            }
        }
        if is_asked && is_well {
            tracing::info!(target: NOTICE, "SIGHUP: files were read again, {n_changed} changed");
        } else if n_changed > 0 {
            tracing::info!("a file has changed and is in use");
        }
    }
}
