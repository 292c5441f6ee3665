//! Why a row is an error: the greatest cause among all that its ways lead back to.

use std::collections::BTreeSet;

use super::{Call, Goal, Model, Oracle, Pass, Row, bindings::is_instance, has};
use crate::{eval::solve::Cause, facts::Facts};

impl<F: Facts> Oracle<'_, F> {
    /// The cause of an error row of the call. Where no comparison is open and no negation meets a wildcard, it is an atom
    /// that depends on its own negation.
    pub(super) fn cause(&mut self, model: &Model, call: &Call, row: &Row) -> Cause {
        let Model { certain, possible, wrong } = model;
        let mut queue: Vec<(Call, Row)> = vec![(call.clone(), row.clone())];
        let (mut seen, mut causes) = (BTreeSet::new(), BTreeSet::new());
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
                                causes.insert(Cause::recursion(line));
                                for row in &possible[&call] {
                                    let is_wrong = has(wrong, &call, row) && !has(certain, &call, row);
                                    if is_wrong {
                                        queue.push((call.clone(), row.clone()));
                                    }
                                    // Of the negation itself: what is under it holds, or isn't all that is asked.
                                    if !is_wrong && !has(certain, &call, row) {
                                        let compared = self.linked.predicates[call.predicate].compared;
                                        causes.insert(Cause::mismatch(line, compared));
                                    } else if !is_wrong || !is_instance(&self.linked.bounds, &call.args, row) {
                                        causes.insert(Cause::negation(line));
                                    }
                                }
                            }
                            Goal::Compare(_) => {
                                causes.insert(Cause::comparison(line));
                            }
                        }
                    }
                }
            }
        }
        causes.pop_last().unwrap_or(Cause::recursion(0))
    }
}
