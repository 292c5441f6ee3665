//! Fixtures that name fixtures: one that needs itself has no facts that could be laid down.

use std::collections::HashMap;

use super::circles::circles;
use crate::syntax::{
    ast::{Policy, Setup},
    diagnostic::Finding,
};

/// Refuses circles: one finding each, at its first fixture.
pub fn check(policy: &Policy, findings: &mut Vec<Finding>) {
    // Fixtures of one name are one fixture.
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    for (name, _) in &policy.fixtures {
        let next = numbers.len();
        numbers.entry(&name.text).or_insert(next);
    }
    let mut edges = vec![Vec::new(); numbers.len()];
    for (name, steps) in &policy.fixtures {
        let named = steps.iter().filter_map(|step| match step {
            Setup::Fixture(name) => numbers.get(name.text.as_str()),
            Setup::Fact(_) => None,
        });
        edges[numbers[name.text.as_str()]].extend(named);
    }
    for circle in circles(&edges) {
        let is_member = |name: &str| numbers.get(name).is_some_and(|number| circle.contains(number));
        let mut members = policy.fixtures.iter().filter(|(name, _)| is_member(&name.text));
        let Some((first, steps)) = members.next() else { continue };
        let message = format!("fixture `{}` needs itself", first.text);
        let mut finding = Finding::error("fixture-circle", first.span, message);
        let by_way = steps.iter().find_map(|step| match step {
            Setup::Fixture(name) if is_member(&name.text) => Some(name),
            _ => None,
        });
        if let Some(name) = by_way {
            finding = finding.related(Some(name.span), format!("by way of `{}` here", name.text));
        }
        findings.push(finding.help("remove one of the `fixture …;` lines between them"));
    }
}
