//! Time, which enters as a value everywhere else.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Time, as the driver sees it.
#[allow(async_fn_in_trait)]
pub trait Clock {
    /// Milliseconds since 1970-01-01 UTC.
    fn unix_ms(&self) -> u64;
    /// For how long nothing happens.
    async fn sleep(&self, duration: Duration);
}

/// The machine's own clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn unix_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
