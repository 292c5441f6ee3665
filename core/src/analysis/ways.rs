//! The ways to satisfy a condition: its `or`s multiplied out.

use crate::{limits::BRANCHES_PER_RULE_MAX, syntax::ast::Expression};

/// One way to satisfy a body: all of these.
pub type Branch<'a> = Vec<&'a Expression>;

/// Every way to satisfy the expression; `None` above `BRANCHES_PER_RULE_MAX`.
pub fn branches(expression: &Expression) -> Option<Vec<Branch<'_>>> {
    let found = match expression {
        Expression::Or(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.append(&mut branches(part)?);
            }
            all
        }
        Expression::And(parts) => {
            let mut all: Vec<Branch<'_>> = vec![Vec::new()];
            for part in parts {
                let more = branches(part)?;
                if all.len() * more.len() > BRANCHES_PER_RULE_MAX {
                    return None;
                }
                all = all.iter().flat_map(|a| more.iter().map(|b| [a.as_slice(), b].concat())).collect();
            }
            all
        }
        other => vec![vec![other]],
    };
    (found.len() <= BRANCHES_PER_RULE_MAX).then_some(found)
}
