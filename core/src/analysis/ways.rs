//! The ways to satisfy a condition: its `or`s multiplied out.

use crate::{limits::BRANCHES_PER_RULE_MAX, syntax::ast::Expression};

/// One way to satisfy a body.
#[derive(Clone, Default)]
pub struct Branch<'a> {
    /// All of these.
    pub conditions: Vec<&'a Expression>,
    /// Which branches of `or` it takes: place among its neighbours, branch.
    pub taken: Vec<(usize, &'a Expression)>,
}

impl<'a> Branch<'a> {
    /// Both, without a new list: a body of many conditions is gone through once.
    fn take(&mut self, other: &Branch<'a>) {
        self.conditions.extend_from_slice(&other.conditions);
        self.taken.extend_from_slice(&other.taken);
    }

    fn and(&self, other: &Branch<'a>) -> Branch<'a> {
        Branch {
            conditions: [&*self.conditions, &other.conditions].concat(),
            taken: [&*self.taken, &other.taken].concat(),
        }
    }
}

/// Every way to satisfy the expression; `None` above `BRANCHES_PER_RULE_MAX`.
pub fn branches(expression: &Expression) -> Option<Vec<Branch<'_>>> {
    let found = match expression {
        Expression::Or(parts) => {
            let mut all = Vec::new();
            for (place, part) in parts.iter().enumerate() {
                let mut found = branches(part)?;
                found.iter_mut().for_each(|branch| branch.taken.push((place, part)));
                all.append(&mut found);
            }
            all
        }
        Expression::And(parts) => {
            let mut all = vec![Branch::default()];
            for part in parts {
                let more = branches(part)?;
                if let [only] = &more[..] {
                    all.iter_mut().for_each(|branch| branch.take(only));
                    continue;
                }
                if all.len() * more.len() > BRANCHES_PER_RULE_MAX {
                    return None;
                }
                all = all.iter().flat_map(|a| more.iter().map(|b| a.and(b))).collect();
            }
            all
        }
        other => vec![Branch { conditions: vec![other], taken: Vec::new() }],
    };
    (found.len() <= BRANCHES_PER_RULE_MAX).then_some(found)
}
