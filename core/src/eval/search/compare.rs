//! Comparisons (polar.md §12.5).

use crate::{
    eval::{
        solve::{Cause, Worth},
        term::Resolved,
    },
    facts::Facts,
    rules::rule::Comparison,
};

/// Value of a comparison in a rule on this line; `None`: false.
pub(in crate::eval) fn compare<F: Facts>(
    facts: &F,
    op: Comparison,
    left: Resolved,
    right: Resolved,
    line: u32,
) -> Option<Worth> {
    let (Resolved::Const(left), Resolved::Const(right)) = (left, right) else {
        return Some(Worth::Error(Cause::comparison(line)));
    };
    if op == Comparison::NotEqual {
        return (left != right).then_some(Worth::True);
    }
    let (Some(left), Some(right)) = (facts.integer(left), facts.integer(right)) else {
        return Some(Worth::Mismatch);
    };
    let holds = match op {
        Comparison::Less => left < right,
        Comparison::LessEqual => left <= right,
        Comparison::Greater => left > right,
        Comparison::GreaterEqual => left >= right,
        Comparison::NotEqual => left != right,
    };
    holds.then_some(Worth::True)
}
