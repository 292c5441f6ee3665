//! Paths as labels of metrics.

use understudy_wire::paths::Endpoint;

/// The label of a path in metrics: one of a fixed set.
pub fn label(path: &str) -> &'static str {
    if path.starts_with("/feed/") {
        return "/feed";
    }
    Endpoint::on(path).next().map_or("other", Endpoint::path)
}
