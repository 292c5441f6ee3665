//! Every way of a goal's rules, whatever of it is missing: conditions that aren't met don't end a way.

use std::collections::BTreeSet;

use super::{Explaining, Goal, Refusal};
use crate::{
    eval::{
        linked::Literal,
        search::{
            choose::{Choice, next_of},
            compare::compare,
        },
        solve::{OutOfBudget, Worth},
        term::{Environment, Resolved, RuleTerm, Slot, Term},
    },
    facts::Facts,
    limits::EXPLAIN_BRANCHES_MAX,
    model::Sym,
};

/// What makes two failing conditions the same: a condition of one rule for some values.
pub(super) type Condition = (usize, u16, Box<[Term]>);

/// A condition that fails whatever is granted.
pub(super) struct Failing {
    /// The rule, and the condition's place in it.
    pub(super) clause: usize,
    pub(super) literal: u16,
    /// Bindings it fails for.
    pub(super) environment: Environment,
}

/// One way of one rule.
#[derive(Clone)]
pub(super) struct Way {
    /// The rule.
    pub(super) clause: usize,
    /// Goals that have no row.
    pub(super) lacks: Vec<Goal>,
    /// Comparisons of what is not known before those are there.
    pub(super) open: Vec<(u16, Environment)>,
    /// Conditions that fail whatever is there, by number.
    pub(super) against: BTreeSet<usize>,
    /// How many conditions facts of the asker meet.
    pub(super) n_met: usize,
}

/// A way under way.
#[derive(Clone)]
struct Branch {
    environment: Environment,
    rest: Vec<u16>,
    lacks: Vec<u16>,
    open: Vec<u16>,
    against: BTreeSet<usize>,
    n_met: usize,
    /// Do conditions that lead on from the resource go before the asker's?
    is_asker_last: bool,
}

impl<F: Facts> Explaining<'_, F> {
    /// All ways of a goal's rules, in order of source.
    pub(super) fn ways_to(&mut self, goal: &Goal, refusal: &mut Refusal) -> Result<Vec<Way>, OutOfBudget> {
        let mut ways = Vec::new();
        for clause in self.linked.predicates[goal.0].clauses.clone() {
            let rule = &self.linked.clauses[clause];
            let mut environment = Environment(rule.bounds.iter().map(|bound| Slot::Free(*bound)).collect());
            let (head, n_conditions) = (rule.head.clone(), u16::try_from(rule.body.len()).unwrap_or(u16::MAX));
            if !environment.unify_row(&mut self.linked.bounds, &head, &goal.1) {
                continue;
            }
            let rest: Vec<u16> = (0..n_conditions).collect();
            // From the resource to the asker and from the asker to the resource: the two lack different things.
            for is_asker_last in [true, false] {
                let (environment, rest) = (environment.clone(), rest.clone());
                let (lacks, open, against) = (Vec::new(), Vec::new(), BTreeSet::new());
                let mut branches = vec![Branch { environment, rest, lacks, open, against, n_met: 0, is_asker_last }];
                let mut n_followed = 0;
                while let Some(branch) = branches.pop() {
                    n_followed += 1;
                    if n_followed > EXPLAIN_BRANCHES_MAX {
                        self.is_cut = true;
                        break;
                    }
                    if let Some(branch) = self.follow_on(clause, branch, &mut branches, refusal)? {
                        ways.extend(self.way(clause, goal, branch));
                    }
                }
            }
        }
        Ok(ways)
    }

    fn way(&self, clause: usize, goal: &Goal, branch: Branch) -> Option<Way> {
        let Branch { environment, lacks, open, against, n_met, .. } = branch;
        let body = &self.linked.clauses[clause].body;
        let lacks: Vec<Goal> = lacks
            .into_iter()
            .filter_map(|place| match body.get(usize::from(place)) {
                Some(Literal::Call(predicate, args)) => Some((*predicate, environment.row(args))),
                _ => None,
            })
            .collect();
        // What needs itself is no way.
        if lacks.contains(goal) {
            return None;
        }
        let open = open.into_iter().map(|place| (place, environment.clone())).collect();
        Some(Way { clause, lacks, open, against, n_met })
    }

    /// Goes on with one way until it branches (`None`), can't be (`None`), or every condition was looked at.
    fn follow_on(
        &mut self,
        clause: usize,
        mut branch: Branch,
        branches: &mut Vec<Branch>,
        refusal: &mut Refusal,
    ) -> Result<Option<Branch>, OutOfBudget> {
        while let Some(place) = self.next_place(clause, &branch, refusal) {
            let at = branch.rest.remove(place);
            let literal = self.linked.clauses[clause].body[usize::from(at)].clone();
            let environment = &mut branch.environment;
            match literal {
                Literal::Fail => return Ok(None),
                Literal::Unify(left, right) => {
                    let (left, right) = (environment.resolve(left), environment.resolve(right));
                    if !environment.unify(&mut self.linked.bounds, left, right) {
                        self.object(clause, at, &mut branch, refusal);
                    }
                }
                Literal::In(term, list) => {
                    let n_before = branches.len();
                    for element in self.fitting(environment, term, &list) {
                        let mut one = branch.clone();
                        let (a, b) = (one.environment.resolve(term), one.environment.resolve(element));
                        if one.environment.unify(&mut self.linked.bounds, a, b) {
                            branches.push(one);
                        }
                    }
                    if branches.len() > n_before {
                        return Ok(None);
                    }
                    self.object(clause, at, &mut branch, refusal);
                }
                Literal::Compare(op, left, right) => {
                    let (left, right) = (environment.resolve(left), environment.resolve(right));
                    let line = self.linked.clauses[clause].line;
                    match (left, right) {
                        (Resolved::Const(_), Resolved::Const(_)) => {
                            if compare(self.facts, op, left, right, line) != Some(Worth::True) {
                                self.object(clause, at, &mut branch, refusal);
                            }
                        }
                        _ => branch.open.push(at),
                    }
                }
                Literal::Not(predicate, args) => {
                    let row = environment.row(&args);
                    let is_bound = row.iter().all(|term| matches!(term, Term::Const(_)));
                    if is_bound && !self.rows(predicate, row.clone(), &mut refusal.solved)?.0.is_empty() {
                        self.object(clause, at, &mut branch, refusal);
                    }
                }
                Literal::Call(predicate, args) => {
                    let row = environment.row(&args);
                    let (rows, _) = self.rows(predicate, row, &mut refusal.solved)?;
                    let n_before = branches.len();
                    for found in rows.iter().rev() {
                        let mut one = branch.clone();
                        if one.environment.unify_row(&mut self.linked.bounds, &args, found) {
                            one.n_met += usize::from(self.met(predicate, found, refusal));
                            branches.push(one);
                        }
                    }
                    if branches.len() > n_before {
                        return Ok(None);
                    }
                    branch.lacks.push(at);
                }
            }
        }
        Ok(Some(branch))
    }

    /// Which condition comes next: those that lead on from what is known before those of the asker, so that what the
    /// asker lacks is asked of the right things.
    fn next_place(&self, clause: usize, branch: &Branch, refusal: &Refusal) -> Option<usize> {
        let asker = refusal.asker;
        let body = &self.linked.clauses[clause].body;
        let is_known = |term: &RuleTerm, wanted: Option<Sym>| match branch.environment.resolve(*term) {
            Resolved::Const(value) => wanted.map_or(self.is_entity(value), |wanted| value == wanted),
            Resolved::Free(..) => false,
        };
        let leads_on = |at: &u16| match &body[usize::from(*at)] {
            Literal::Call(_, args) => {
                let is_askers = asker.is_some() && args.iter().any(|term| is_known(term, asker));
                is_askers != branch.is_asker_last && args.iter().any(|term| is_known(term, None))
            }
            Literal::Unify(..) | Literal::Fail => true,
            _ => false,
        };
        let first: Vec<u16> = branch.rest.iter().copied().filter(leads_on).collect();
        if let Choice::At(place) = next_of(self.linked, clause, &branch.environment, &first) {
            return branch.rest.iter().position(|at| *at == first[place]);
        }
        match next_of(self.linked, clause, &branch.environment, &branch.rest) {
            Choice::At(place) => Some(place),
            Choice::Done => None,
        }
    }

    /// Remembers whom and what a met condition names; `true`: it is of the asker.
    fn met(&self, predicate: usize, row: &[Term], refusal: &mut Refusal) -> bool {
        let values = row.iter().filter_map(|term| match term {
            Term::Const(value) if self.is_entity(*value) => Some(*value),
            _ => None,
        });
        let values: Vec<Sym> = values.collect();
        if refusal.asker.is_some_and(|asker| values.contains(&asker)) {
            refusal.kin.extend(
                values.iter().filter(|value| Some(**value) != refusal.asker && Some(**value) != refusal.resource),
            );
            if self.linked.predicates[predicate].clauses.is_empty() || self.is_stored(predicate, row) {
                refusal.used.insert((predicate, row.into()));
            }
            return true;
        }
        if let Some((first, others)) = values.split_first()
            && (Some(*first) == refusal.resource || refusal.above.contains(first))
        {
            refusal.above.extend(others);
        }
        false
    }

    /// A condition that fails whatever is granted stands against the way.
    fn object(&self, clause: usize, literal: u16, branch: &mut Branch, refusal: &mut Refusal) {
        let environment = branch.environment.clone();
        let args = match &self.linked.clauses[clause].body[usize::from(literal)] {
            Literal::Compare(_, a, b) | Literal::Unify(a, b) => environment.row(&[*a, *b]),
            Literal::In(term, _) => environment.row(&[*term]),
            Literal::Not(_, args) | Literal::Call(_, args) => environment.row(args),
            Literal::Fail => Box::default(),
        };
        let number = *refusal.by_condition.entry((clause, literal, args)).or_insert_with(|| {
            refusal.objections.push(Failing { clause, literal, environment });
            refusal.objections.len() - 1
        });
        branch.against.insert(number);
    }
}
