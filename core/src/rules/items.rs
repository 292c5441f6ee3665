//! What the clauses of a program were written as: rules, lines of blocks, branches of `or`. For coverage only; no part of
//! a program.

use crate::syntax::diagnostic::Span;

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ItemKind {
    /// A longhand rule.
    Rule,
    /// A rule without a body.
    PolicyFact,
    /// A line of a block.
    Shorthand,
    /// A branch of an `or`, in a rule or under a `not` of it.
    Branch,
}

impl ItemKind {
    /// Stable one-word name: `rule`, `policy_fact`, `shorthand`, `branch`.
    pub fn name(self) -> &'static str {
        match self {
            ItemKind::Rule => "rule",
            ItemKind::PolicyFact => "policy_fact",
            ItemKind::Shorthand => "shorthand",
            ItemKind::Branch => "branch",
        }
    }
}

/// Something written that a test can exercise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What it is.
    pub kind: ItemKind,
    /// Where.
    pub span: Span,
    /// What it is called in lists.
    pub label: String,
}

/// All items, and which of them each rule of the program stands for.
#[derive(Clone, Debug, Default)]
pub struct Items {
    /// In no promised order.
    pub list: Vec<Item>,
    /// By rule of the program: positions in `list`. Empty for the default `allow`.
    pub of_rules: Vec<Vec<u32>>,
}

impl Items {
    pub(super) fn add(&mut self, item: Item) -> u32 {
        self.list.push(item);
        crate::model::number(self.list.len() - 1)
    }
}
