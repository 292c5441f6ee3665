//! Why a row is an error: the first source, in order of kind and line, among all that its ways lead back to.

use std::collections::BTreeSet;

use super::{Call, Goal, Model, Oracle, Pass, Row, bindings::is_instance, has};
use crate::{facts::Facts, model::AskError};

impl<F: Facts> Oracle<'_, F> {
    /// The reason of the call's error rows. Where no comparison is open and no negation meets a wildcard, it is an atom
    /// that depends on its own negation.
    pub(super) fn reason(&mut self, model: &Model, call: &Call) -> AskError {
        let Model { certain, possible, wrong } = model;
        let mut queue: Vec<(Call, Row)> = wrong[call].iter().map(|row| (call.clone(), row.clone())).collect();
        let mut seen = BTreeSet::new();
        let (mut comparisons, mut negations, mut circles) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        while let Some((call, row)) = queue.pop() {
            if !seen.insert((call.clone(), row.clone())) {
                continue;
            }
            for clause in self.linked.predicates[call.predicate].clauses.clone() {
                let line = self.linked.clauses[clause].line;
                let pass = Pass::Wrong { certain, possible };
                for branch in self.branches(clause, &call, pass, wrong) {
                    if branch.bindings.row(&self.linked.clauses[clause].head) != row
                        || !self.is_met(clause, &branch, pass, wrong, false)
                    {
                        continue;
                    }
                    for goal in self.goals(clause, &branch) {
                        if !self.is_wrong(&goal, certain, possible, wrong) {
                            continue;
                        }
                        match goal {
                            Goal::Call(Call { predicate, args, .. }) => {
                                queue.push((Call::whole(predicate, args.clone()), args));
                            }
                            Goal::Not(call) => {
                                circles.insert(line);
                                for row in &possible[&call] {
                                    let is_wrong = has(wrong, &call, row) && !has(certain, &call, row);
                                    if is_wrong {
                                        queue.push((call.clone(), row.clone()));
                                    }
                                    // Of the negation itself: what is under it holds, or isn't all that is asked.
                                    if !is_wrong || !is_instance(&self.linked.bounds, &call.args, row) {
                                        negations.insert(line);
                                    }
                                }
                            }
                            Goal::Compare(_) => {
                                comparisons.insert(line);
                            }
                        }
                    }
                }
            }
        }
        let place = |lines: BTreeSet<u32>| format!("line {}", lines.first().copied().unwrap_or(0));
        if !comparisons.is_empty() {
            AskError::Comparison { place: place(comparisons) }
        } else if !negations.is_empty() {
            AskError::Negation { place: place(negations) }
        } else {
            AskError::Recursion { place: place(circles) }
        }
    }
}
