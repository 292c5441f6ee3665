//! The well-founded model of ground rules, by alternating fixpoint (Van Gelder 1989), and what errors and mismatches do to
//! it (polar.md §12.7).

use std::collections::BTreeMap;

use super::{
    Constant, Worth,
    instances::{Instance, Instances},
};

/// Values of the asked predicate's atoms; what isn't there is false.
pub(super) fn values(instances: &Instances, asked: usize) -> BTreeMap<Vec<Constant>, Worth> {
    let n_atoms = instances.atoms.len();
    // Certain: true whatever the undecided is. Possible: true if all the undecided helps; a mismatch may be.
    let mut certain = vec![false; n_atoms];
    let mut possible;
    loop {
        possible = least(instances, |rule| rule.negative.iter().all(|atom| !certain[*atom]));
        let more = least(instances, |rule| !rule.is_mismatch && rule.negative.iter().all(|atom| !possible[*atom]));
        if more == certain {
            break;
        }
        certain = more;
    }
    // An error: some goal is one and no goal is false. Starts at the undecided negations, goes on through what isn't true.
    let is_alive = |rule: &&Instance| {
        rule.positive.iter().all(|atom| possible[*atom]) && rule.negative.iter().all(|atom| !certain[*atom])
    };
    let alive: Vec<&Instance> = instances.rules.iter().filter(is_alive).collect();
    let mut wrong = vec![false; n_atoms];
    loop {
        let mut has_grown = false;
        for rule in &alive {
            let is_wrong = rule.negative.iter().any(|atom| possible[*atom])
                || rule.positive.iter().any(|atom| wrong[*atom] && !certain[*atom]);
            has_grown |= is_wrong && !std::mem::replace(&mut wrong[rule.head], true);
        }
        if !has_grown {
            break;
        }
    }
    let mut values = BTreeMap::new();
    for (atom, (predicate, args)) in instances.atoms.iter().enumerate() {
        if *predicate == asked && possible[atom] {
            let worth = match () {
                () if certain[atom] => Worth::True,
                () if wrong[atom] => Worth::Error,
                () => Worth::Mismatch,
            };
            values.insert(args.clone(), worth);
        }
    }
    values
}

/// The least set of atoms closed under the rules that may be used.
fn least(instances: &Instances, may_be_used: impl Fn(&Instance) -> bool) -> Vec<bool> {
    let rules: Vec<&Instance> = instances.rules.iter().filter(|rule| may_be_used(rule)).collect();
    let mut used_by: Vec<Vec<usize>> = vec![Vec::new(); instances.atoms.len()];
    let mut n_missing: Vec<usize> = Vec::with_capacity(rules.len());
    let mut queue = Vec::new();
    for (number, rule) in rules.iter().enumerate() {
        n_missing.push(rule.positive.len());
        for atom in &rule.positive {
            used_by[*atom].push(number);
        }
        if rule.positive.is_empty() {
            queue.push(rule.head);
        }
    }
    let mut holds = vec![false; instances.atoms.len()];
    while let Some(atom) = queue.pop() {
        if std::mem::replace(&mut holds[atom], true) {
            continue;
        }
        for number in &used_by[atom] {
            n_missing[*number] -= 1;
            if n_missing[*number] == 0 {
                queue.push(rules[*number].head);
            }
        }
    }
    holds
}
