//! The slow, obviously right evaluator: polar.md §12 read literally. The oracle of every other one, for ever.
//!
//! Enters, leaves: as every [`Solver`]. Never: a table, an agenda, an order of goals, an early end, a budget.
//!
//! The reading. A *call* is a predicate with terms at its positions; the *open* call has a variable at each. The model
//! says for each call which rows it has. Two sets of rows close in on the well-founded model (§12.4): the *certain*,
//! least under the rules where `not` is true only of what isn't possible; and the *possible*, least under the rules where
//! `not` is false only of what is certain. They are computed against each other until neither moves (alternating
//! fixpoint). What is certain is true, what isn't possible is false; what lies between is an error, or a mismatch if no
//! error is among its ways (§12.7).
//!
//! A rule is evaluated like this: the rows of its positive goals' open calls, unified in every combination, give the
//! bindings the branch has in the end; then every goal has the value it has *for these bindings* (§12.7): comparisons
//! and negations are looked at there (§12.4, §12.5), and so is a goal whose row is not certain, by a call of its own with
//! these bindings for the ways that gave the row, and no other: a way that these bindings make false gives no row, though
//! a wildcard may cover it (§12.2). Nothing else is asked with bindings.
//! Source: alternating fixpoint (Van Gelder 1989).

mod bindings;
mod cause;

use std::collections::{BTreeMap, BTreeSet};

use self::bindings::{Bindings, Row, is_instance};
use super::{
    bounds::ANYTHING,
    linked::{Linked, Literal},
    solve::{OutOfBudget, Question, Solved, Solver, Worth},
    term::Term,
};
use crate::{
    facts::{FACT_ARITY_MAX, Facts, RowPattern},
    model::{Sym, number},
    rules::rule::Comparison,
};

/// The evaluator by sets of rows.
pub struct Naive;

impl Solver for Naive {
    fn solve<F: Facts>(question: Question<'_, F>) -> Result<Solved, OutOfBudget> {
        let Question { linked, facts, predicate, .. } = question;
        let open = Call::open(predicate, linked.predicates[predicate].arity);
        let mut oracle = Oracle { linked, facts, calls: BTreeSet::from([open.clone()]) };
        let model = oracle.model();
        let rows = model.possible[&open].iter().map(|row| {
            let worth = match () {
                () if model.certain[&open].contains(row) => Worth::True,
                () if model.wrong[&open].contains(row) => Worth::Error(oracle.cause(&model, &open, row)),
                () => Worth::Mismatch,
            };
            (row.clone().into_boxed_slice(), worth)
        });
        Ok(Solved { rows: rows.collect() })
    }
}

/// A predicate, and terms at its positions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Call {
    predicate: usize,
    args: Row,
    /// Set: only by the ways that give the open call this row.
    of: Option<Row>,
}

impl Call {
    /// A call by all ways.
    fn whole(predicate: usize, args: Row) -> Call {
        Call { predicate, args, of: None }
    }

    /// The call with a variable at each position.
    fn open(predicate: usize, arity: usize) -> Call {
        Call::whole(predicate, (0..arity).map(|at| Term::Var(number(at), ANYTHING)).collect())
    }
}

/// One way to satisfy the positive goals of a rule.
#[derive(Clone)]
struct Branch {
    bindings: Bindings,
    /// The open row that each call of the body was given, in order.
    chosen: Vec<Row>,
}

/// Rows by call. A call without an entry has not been looked at.
type Rows = BTreeMap<Call, BTreeSet<Row>>;

/// The well-founded model of all calls asked for.
struct Model {
    /// True rows.
    certain: Rows,
    /// Rows that are not false.
    possible: Rows,
    /// Rows that some way makes an error; they are errors where they are not true.
    wrong: Rows,
}

/// Which rows are collected, against which.
#[derive(Clone, Copy)]
enum Pass<'p> {
    /// Rows that hold whatever the undecided is; `None`: nothing is known to be impossible yet.
    Certain(Option<&'p Rows>),
    /// Rows that hold for some value of the undecided.
    Possible(&'p Rows),
    /// Rows with a way that is an error.
    Wrong { certain: &'p Rows, possible: &'p Rows },
}

/// Value of a goal for given bindings, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Value {
    False,
    /// Error, mismatch, or not decided yet.
    Unknown,
    True,
}

/// A condition for given bindings.
enum Goal {
    Call(Call),
    Not(Call),
    Compare(Compared),
}

/// What a comparison says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compared {
    False,
    True,
    /// A side is free: an error.
    Open,
    /// An order is asked of what is no Integer.
    Mismatch,
}

struct Oracle<'o, F: Facts> {
    linked: &'o mut Linked,
    facts: &'o F,
    /// Calls asked for so far.
    calls: BTreeSet<Call>,
}

impl<F: Facts> Oracle<'_, F> {
    /// Closes in from both sides until nothing moves and nothing more is asked.
    fn model(&mut self) -> Model {
        let mut certain = self.least(Pass::Certain(None));
        let mut possible = self.least(Pass::Possible(&certain));
        loop {
            let n_calls = self.calls.len();
            let more = self.least(Pass::Certain(Some(&possible)));
            let fewer = self.least(Pass::Possible(&more));
            let is_done = more == certain && fewer == possible && n_calls == self.calls.len();
            (certain, possible) = (more, fewer);
            if is_done {
                let wrong = self.least(Pass::Wrong { certain: &certain, possible: &possible });
                return Model { certain, possible, wrong };
            }
        }
    }

    /// The least sets of rows closed under the rules as the pass reads them.
    fn least(&mut self, pass: Pass<'_>) -> Rows {
        let mut found = Rows::new();
        // Calls with bindings are asked only once the open ones give nothing more: there are fewer of them then.
        let mut may_ask = false;
        loop {
            let mut has_grown = false;
            for call in self.calls.clone() {
                let rows = self.rows(&call, pass, &found, may_ask);
                let known = found.entry(call).or_default();
                let n_known = known.len();
                known.extend(rows);
                has_grown |= known.len() > n_known;
            }
            has_grown |= self.calls.len() > found.len();
            if !has_grown && may_ask {
                return found;
            }
            may_ask = !has_grown;
        }
    }

    /// Rows of a call by one use of its facts and rules.
    fn rows(&mut self, call: &Call, pass: Pass<'_>, found: &Rows, may_ask: bool) -> BTreeSet<Row> {
        let mut rows = BTreeSet::new();
        if !matches!(pass, Pass::Wrong { .. }) {
            rows.extend(self.stored(call).into_iter().filter(|row| call.of.as_ref().is_none_or(|of| of == row)));
        }
        for clause in self.linked.predicates[call.predicate].clauses.clone() {
            for branch in self.branches(clause, call, pass, found) {
                if self.is_met(clause, &branch, pass, found, may_ask) {
                    rows.insert(branch.bindings.row(&self.linked.clauses[clause].head));
                }
            }
        }
        rows
    }

    /// Stored facts that fit, of every layer.
    fn stored(&self, call: &Call) -> BTreeSet<Row> {
        let predicate = &self.linked.predicates[call.predicate];
        let mut rows = BTreeSet::new();
        if predicate.auxiliary || predicate.arity == 0 || predicate.arity > FACT_ARITY_MAX {
            return rows;
        }
        let mut relations = Vec::new();
        self.facts.relations(&predicate.name, predicate.arity, &mut relations);
        for relation in relations {
            let types = &self.facts.shape(relation).types;
            let mut cursor = self.facts.open(relation, &RowPattern::default());
            let mut ids = Default::default();
            while self.facts.next(&mut cursor, &mut ids) {
                let row: Row = types.iter().zip(ids).map(|(ty, id)| Term::Const(Sym { ty: *ty, id })).collect();
                if is_instance(&self.linked.bounds, &row, &call.args) {
                    rows.insert(row);
                }
            }
        }
        rows
    }

    /// What a rule's positive goals give, every combination of their rows, for the call's bindings: not yet whether it
    /// holds.
    fn branches(&mut self, clause: usize, call: &Call, pass: Pass<'_>, found: &Rows) -> Vec<Branch> {
        let clause = self.linked.clauses[clause].clone();
        let mut all = vec![Branch { bindings: Bindings::new(&clause.bounds), chosen: Vec::new() }];
        for literal in &clause.body {
            let mut next = Vec::new();
            for Branch { bindings, chosen } in all {
                let bounds = &mut self.linked.bounds;
                let mut keep = |bindings| next.push(Branch { bindings, chosen: chosen.clone() });
                match literal {
                    Literal::Fail => {}
                    Literal::Compare(..) | Literal::Not(..) => keep(bindings),
                    Literal::Unify(left, right) => {
                        let (left, right) = (bindings.term(*left), bindings.term(*right));
                        bindings.same(bounds, left, right).into_iter().for_each(keep);
                    }
                    Literal::In(term, list) => {
                        for element in list {
                            let (a, b) = (bindings.term(*term), bindings.term(*element));
                            bindings.clone().same(bounds, a, b).into_iter().for_each(&mut keep);
                        }
                    }
                    Literal::Call(predicate, args) => {
                        for row in self.candidates(Call::open(*predicate, args.len()), pass, found) {
                            let bounds = &mut self.linked.bounds;
                            let Some(joined) = bindings.with_row(bounds, args, &row) else { continue };
                            // Not needed, but it keeps what is tried small.
                            if joined.with_row(bounds, &clause.head, &call.args).is_some() {
                                next.push(Branch { bindings: joined, chosen: [&*chosen, &[row]].concat() });
                            }
                        }
                    }
                }
            }
            all = next;
        }
        all.retain(|branch| call.of.as_ref().is_none_or(|of| branch.bindings.row(&clause.head) == *of));
        let bounds = &mut self.linked.bounds;
        let narrowed = all.into_iter().filter_map(|Branch { bindings, chosen }| {
            Some(Branch { bindings: bindings.with_row(bounds, &clause.head, &call.args)?, chosen })
        });
        narrowed.collect()
    }

    /// Rows that a goal may have, by its open call.
    fn candidates(&mut self, open: Call, pass: Pass<'_>, found: &Rows) -> BTreeSet<Row> {
        let own = found.get(&open).cloned().unwrap_or_default();
        let rows = match pass {
            Pass::Certain(Some(possible)) | Pass::Wrong { possible, .. } => {
                let mut rows = possible.get(&open).cloned().unwrap_or_default();
                rows.extend(own);
                rows
            }
            Pass::Certain(None) | Pass::Possible(_) => own,
        };
        self.calls.insert(open);
        rows
    }

    /// Does the conjunction have, for these bindings, the value that the pass collects?
    fn is_met(&mut self, clause: usize, branch: &Branch, pass: Pass<'_>, found: &Rows, may_ask: bool) -> bool {
        let goals = self.goals(clause, branch);
        match pass {
            Pass::Certain(_) | Pass::Possible(_) => goals.iter().all(|goal| self.holds(goal, pass, found, may_ask)),
            Pass::Wrong { certain, possible } => {
                goals.iter().all(|goal| self.value(goal, certain, possible) != Value::False)
                    && goals.iter().any(|goal| self.is_wrong(goal, certain, possible, found))
            }
        }
    }

    /// The goals that the bindings themselves have not decided.
    fn goals(&self, clause: usize, Branch { bindings, chosen }: &Branch) -> Vec<Goal> {
        let mut chosen = chosen.iter();
        let goals = self.linked.clauses[clause].body.iter().filter_map(|literal| match literal {
            Literal::Fail | Literal::Unify(..) | Literal::In(..) => None,
            Literal::Compare(op, left, right) => {
                Some(Goal::Compare(self.compare(*op, bindings.term(*left), bindings.term(*right))))
            }
            Literal::Not(predicate, args) => Some(Goal::Not(Call::whole(*predicate, bindings.row(args)))),
            Literal::Call(predicate, args) => {
                let of = chosen.next().cloned();
                Some(Goal::Call(Call { predicate: *predicate, args: bindings.row(args), of }))
            }
        });
        goals.collect()
    }

    /// Is the goal certain, or possible, as the pass asks?
    fn holds(&mut self, goal: &Goal, pass: Pass<'_>, found: &Rows, may_ask: bool) -> bool {
        match (goal, pass) {
            (Goal::Compare(compared), Pass::Certain(_)) => *compared == Compared::True,
            (Goal::Compare(compared), _) => *compared != Compared::False,
            (Goal::Not(call), pass) => {
                self.calls.insert(call.clone());
                match pass {
                    Pass::Certain(possible) => {
                        possible.and_then(|possible| possible.get(call)).is_some_and(BTreeSet::is_empty)
                    }
                    Pass::Possible(certain) | Pass::Wrong { certain, .. } => !self.is_answered_whole(call, certain),
                }
            }
            (Goal::Call(call), pass) => {
                let certain = if let Pass::Possible(certain) = pass { certain } else { found };
                // What holds of a wildcard holds of everything it stands for.
                let open = Call::open(call.predicate, call.args.len());
                if has(certain, &open, call.of.as_ref().unwrap_or(&call.args)) {
                    return true;
                }
                if may_ask {
                    self.calls.extend([call.clone(), Call::whole(call.predicate, call.args.clone())]);
                }
                has(found, call, &call.args)
            }
        }
    }

    /// Has the call a row that leaves its free variables free, distinct and as wide as they are (§12.4, 4)?
    fn is_answered_whole(&self, call: &Call, certain: &Rows) -> bool {
        certain.get(call).into_iter().flatten().any(|row| is_instance(&self.linked.bounds, &call.args, row))
    }

    /// Value of a goal in the finished model.
    fn value(&mut self, goal: &Goal, certain: &Rows, possible: &Rows) -> Value {
        if self.holds(goal, Pass::Certain(Some(possible)), certain, false) {
            Value::True
        } else if self.holds(goal, Pass::Possible(certain), possible, false) {
            Value::Unknown
        } else {
            Value::False
        }
    }

    /// Is the goal an error for these bindings, as far as `found` says?
    fn is_wrong(&mut self, goal: &Goal, certain: &Rows, possible: &Rows, found: &Rows) -> bool {
        if self.value(goal, certain, possible) != Value::Unknown {
            return false;
        }
        match goal {
            Goal::Compare(compared) => *compared == Compared::Open,
            // By whatever way: an error is dropped where the same row is true.
            Goal::Call(call) => {
                let whole = Call::whole(call.predicate, call.args.clone());
                has(found, &whole, &call.args) && !has(certain, &whole, &call.args)
            }
            // `not` of error or mismatch is error; so is "all but some", and what depends on its own negation.
            Goal::Not(_) => true,
        }
    }

    fn compare(&self, op: Comparison, left: Term, right: Term) -> Compared {
        let (Term::Const(left), Term::Const(right)) = (left, right) else { return Compared::Open };
        let holds = match (op, self.facts.integer(left), self.facts.integer(right)) {
            (Comparison::NotEqual, ..) => left != right,
            (Comparison::Less, Some(left), Some(right)) => left < right,
            (Comparison::LessEqual, Some(left), Some(right)) => left <= right,
            (Comparison::Greater, Some(left), Some(right)) => left > right,
            (Comparison::GreaterEqual, Some(left), Some(right)) => left >= right,
            _ => return Compared::Mismatch,
        };
        if holds { Compared::True } else { Compared::False }
    }
}

fn has(rows: &Rows, call: &Call, row: &Row) -> bool {
    rows.get(call).is_some_and(|rows| rows.contains(row))
}
