//! Which rules, lines of blocks and branches of `or` the assertions exercised.
//!
//! *Exercised*: took part in the derivation of an answer that an assertion got (of several derivations of one answer, the
//! first found); for `assert_not` also in any row that was derived on the way to its refusal, as the ban that a `not` met.
//! *Tried*: its head fitted a goal, and it gave nothing that was needed; every refusal tries all that could have granted,
//! so this doesn't count. *Missed*: never tried.

use std::collections::BTreeSet;

use crate::{
    compile::Places,
    eval::search::links::{DerivationId, Links},
    rules::items::{Item, Items},
};

/// How far an item was exercised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// Never tried.
    Missed,
    /// Tried, and never needed.
    Tried,
    /// Took part in a derivation.
    Exercised,
}

impl Use {
    /// Stable one-word name: `missed`, `tried`, `exercised`.
    pub fn name(self) -> &'static str {
        match self {
            Use::Missed => "missed",
            Use::Tried => "tried",
            Use::Exercised => "exercised",
        }
    }
}

/// One item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covered {
    /// Stable name of its kind: `rule`, `policy_fact`, `shorthand`, `branch`.
    pub kind: &'static str,
    /// Its source.
    pub file: String,
    /// Its line, from 1.
    pub line: u32,
    /// What it is called: `has_permission/3`, `"read" if ..`, `branch 2 of `or``.
    pub label: String,
    /// How far it was exercised.
    pub used: Use,
}

/// All items of a policy, in order of source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// The items.
    pub items: Vec<Covered>,
}

impl Coverage {
    pub(super) fn new(items: &Items, places: &Places, exercised: &Exercised) -> Self {
        let mut used = vec![Use::Missed; items.list.len()];
        for (rule, of_rule) in items.of_rules.iter().enumerate() {
            let here = match () {
                () if exercised.derived.contains(&rule) => Use::Exercised,
                () if exercised.tried.contains(&rule) => Use::Tried,
                () => Use::Missed,
            };
            for item in of_rule {
                let item = &mut used[*item as usize];
                *item = here.max(*item);
            }
        }
        let mut in_order: Vec<(&Item, Use)> = items.list.iter().zip(used).collect();
        in_order.sort_by_key(|(item, _)| (item.span, item.kind));
        let covered = in_order.into_iter().map(|(item, used)| Covered {
            kind: item.kind.name(),
            file: places.file(item.span).to_owned(),
            line: places.line(item.span),
            label: item.label.clone(),
            used,
        });
        Coverage { items: covered.collect() }
    }

    /// Items that were exercised.
    pub fn n_exercised(&self) -> usize {
        self.items.iter().filter(|item| item.used == Use::Exercised).count()
    }

    /// Exercised items in a hundred; 100 of none.
    pub fn percent(&self) -> f64 {
        if self.items.is_empty() {
            return 100.0;
        }
        self.n_exercised() as f64 * 100.0 / self.items.len() as f64
    }
}

/// Rules, by number, that assertions used.
#[derive(Clone, Debug, Default)]
pub(super) struct Exercised {
    derived: BTreeSet<usize>,
    tried: BTreeSet<usize>,
}

impl Exercised {
    pub(super) fn take(&mut self, links: &Links, is_negated: bool) {
        self.tried.extend(&links.tried);
        if is_negated {
            self.derived.extend(links.all().filter_map(|(_, derivation)| Some(derivation.by.as_ref()?.clause)));
            return;
        }
        let mut seen = BTreeSet::new();
        let mut queue: Vec<DerivationId> = links.answers.iter().copied().flatten().collect();
        while let Some(id) = queue.pop() {
            if !seen.insert(id) {
                continue;
            }
            if let Some(parents) = &links.get(id).by {
                self.derived.insert(parents.clause);
                queue.extend(parents.calls.iter().map(|(_, id)| *id));
            }
        }
    }
}
