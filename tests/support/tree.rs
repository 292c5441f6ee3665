//! A policy's tree without its places: what printing must keep.

use understudy_core::syntax::{ast::Policy, parser::parse};

/// The tree, written out, without its places, which the layout changes. `None`: it can't be read.
pub fn tree(text: &str) -> Option<String> {
    let (mut policy, mut findings) = (Policy::default(), Vec::new());
    parse(0, text, &mut policy, &mut findings);
    let tree = format!("{policy:?}");
    let mut parts = tree.split("Span { ");
    let mut bare = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        bare += part.split_once('}').map_or(part, |(_, rest)| rest);
    }
    findings.is_empty().then_some(bare)
}
