//! Paths as labels of metrics.

use understudy_wire::paths::Endpoint;

/// The label of a path in metrics: one of a fixed set.
pub fn label(path: &str) -> &'static str {
    if path.starts_with("/feed/") {
        return "/feed";
    }
    Endpoint::ALL.iter().map(|endpoint| endpoint.path()).find(|known| *known == path).unwrap_or("other")
}
