//! The tabled evaluator: the whole language, goal-directed, typed wildcards, recursion of every shape.
//!
//! A call has one table of answers; a rule that meets the call waits there and goes on with every answer. Negations are
//! set aside until their table is complete (`negation`). Nothing recurses in the host language.
//! Source: tabled evaluation with delayed negation (SLG: Chen, Warren 1996).

mod choose;
mod negation;
mod table;

use std::collections::HashMap;

use foldhash::fast::FixedState;

pub use self::table::{Answered, Frame, TableId, Worth};
use self::{
    choose::{Choice, choose},
    negation::Waiting,
    table::{Consumer, Table},
};
use super::{
    linked::{Linked, Literal},
    term::{Environment, Resolved, RuleTerm, Slot, Term},
};
use crate::{
    facts::{FACT_ARITY_MAX, Facts, RelationId, Row, RowPattern},
    model::{AskError, Sym},
    rules::rule::Comparison,
};

/// One request's evaluation.
pub struct Search<'s, F: Facts> {
    linked: &'s mut Linked,
    facts: &'s F,
    seed: FixedState,
    tables: Vec<Table>,
    by_call: HashMap<(usize, Box<[Term]>), TableId, FixedState>,
    agenda: Vec<Frame>,
    waiting: Vec<Waiting>,
    relations: Vec<RelationId>,
    /// The first of the errors found, in order of kind and line, so that the order of work does not show.
    reason: Option<(u8, u32, AskError)>,
    units: u64,
    spent: u64,
}

/// The work units are spent: the whole request's error, whatever was found so far.
#[derive(Clone, Copy, Debug)]
pub struct OutOfBudget;

impl<'s, F: Facts> Search<'s, F> {
    /// A search that may spend `units` of work.
    pub fn new(linked: &'s mut Linked, facts: &'s F, seed: u64, units: u64) -> Self {
        let seed = FixedState::with_seed(seed);
        Search {
            linked,
            facts,
            tables: Vec::new(),
            by_call: HashMap::with_hasher(seed.clone()),
            seed,
            agenda: Vec::new(),
            waiting: Vec::new(),
            relations: Vec::new(),
            reason: None,
            units,
            spent: 0,
        }
    }

    /// All answers to one clause asked as a question: distinct rows of its head with their worth.
    /// A question without free head arguments ends at its first true answer.
    pub fn ask(&mut self, question: usize) -> Result<Vec<Answered>, OutOfBudget> {
        let clause = &self.linked.clauses[question];
        let environment = Environment(clause.bounds.iter().map(|b| Slot::Free(*b)).collect());
        let rest = (0..clause.body.len() as u16).collect();
        let args = environment.row(&clause.head);
        let root = self.add_table(args);
        self.agenda.push(Frame { owner: root, clause: question, environment, rest, worth: Worth::True });
        loop {
            while let Some(frame) = self.agenda.pop() {
                if self.tables[root.0].complete {
                    break;
                }
                if !self.tables[frame.owner.0].complete {
                    self.step(frame)?;
                }
            }
            if self.tables[root.0].complete || !self.settle()? {
                return Ok(std::mem::take(&mut self.tables[root.0].rows));
            }
        }
    }

    /// Why some row is an error.
    pub fn reason(&self) -> Option<&AskError> {
        self.reason.as_ref().map(|(_, _, error)| error)
    }

    fn blame(&mut self, kind: u8, line: u32, error: impl FnOnce() -> AskError) {
        if self.reason.as_ref().is_none_or(|(k, l, _)| (kind, line) < (*k, *l)) {
            self.reason = Some((kind, line, error()));
        }
    }

    fn spend(&mut self, units: u64) -> Result<(), OutOfBudget> {
        self.spent += units;
        if self.spent > self.units { Err(OutOfBudget) } else { Ok(()) }
    }

    fn add_table(&mut self, args: Box<[Term]>) -> TableId {
        let id = TableId(self.tables.len());
        let places = HashMap::with_hasher(self.seed.clone());
        let (rows, consumers) = (Vec::new(), Vec::new());
        self.tables.push(Table { args, rows, places, consumers, complete: false });
        id
    }

    /// Goes on with one rule until it branches, waits, fails or answers.
    fn step(&mut self, mut frame: Frame) -> Result<(), OutOfBudget> {
        loop {
            self.spend(1)?;
            let place = match choose(self.linked, &frame) {
                Choice::Done => return self.emit(&frame),
                Choice::At(place) => place,
            };
            let literal = frame.rest.remove(place);
            let line = self.linked.clauses[frame.clause].line;
            match self.linked.clauses[frame.clause].body[usize::from(literal)].clone() {
                Literal::Fail => return Ok(()),
                Literal::Unify(left, right) => {
                    let (left, right) = (frame.environment.resolve(left), frame.environment.resolve(right));
                    if !frame.environment.unify(&mut self.linked.bounds, left, right) {
                        return Ok(());
                    }
                }
                Literal::In(term, list) => {
                    for element in list {
                        let mut branch = frame.clone();
                        let (a, b) = (branch.environment.resolve(term), branch.environment.resolve(element));
                        if branch.environment.unify(&mut self.linked.bounds, a, b) {
                            self.agenda.push(branch);
                        }
                    }
                    return Ok(());
                }
                Literal::Compare(op, left, right) => {
                    let (left, right) = (frame.environment.resolve(left), frame.environment.resolve(right));
                    match self.compare(op, left, right) {
                        None => return Ok(()),
                        Some(Worth::Error) => {
                            frame.worth = Worth::Error;
                            self.blame(0, line, || AskError::Comparison { place: format!("line {line}") });
                        }
                        Some(worth) => frame.worth = frame.worth.and(worth),
                    }
                }
                Literal::Not(predicate, args) => return self.negate(frame, predicate, &args),
                Literal::Call(predicate, args) => return self.call(frame, literal, predicate, &args),
            }
        }
    }

    /// `None`: false.
    fn compare(&self, op: Comparison, left: Resolved, right: Resolved) -> Option<Worth> {
        let (Resolved::Const(left), Resolved::Const(right)) = (left, right) else { return Some(Worth::Error) };
        if op == Comparison::NotEqual {
            return (left != right).then_some(Worth::True);
        }
        let (Some(left), Some(right)) = (self.facts.integer(left), self.facts.integer(right)) else {
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

    /// All conditions are met: the head is an answer.
    fn emit(&mut self, frame: &Frame) -> Result<(), OutOfBudget> {
        let head = &self.linked.clauses[frame.clause].head;
        let row = frame.environment.row(head);
        self.insert(frame.owner, &row, frame.worth)
    }

    fn insert(&mut self, id: TableId, row: &[Term], worth: Worth) -> Result<(), OutOfBudget> {
        let table = &mut self.tables[id.0];
        if table.complete {
            return Ok(());
        }
        match table.places.get(row) {
            Some(place) if table.rows[*place].1 >= worth => return Ok(()),
            Some(place) => table.rows[*place].1 = worth,
            None => {
                table.places.insert(row.into(), table.rows.len());
                table.rows.push((row.into(), worth));
            }
        }
        table.complete = worth == Worth::True && table.is_ground();
        let consumers = if table.complete {
            std::mem::take(&mut table.consumers)
        } else {
            // Cloned one by one below; the list may grow meanwhile only by later calls, which read `rows` themselves.
            table.consumers.clone()
        };
        for consumer in consumers {
            self.feed(consumer, row, worth)?;
        }
        Ok(())
    }

    fn feed(&mut self, consumer: Consumer, row: &[Term], worth: Worth) -> Result<(), OutOfBudget> {
        self.spend(1)?;
        let Consumer { mut frame, literal } = consumer;
        let Literal::Call(_, args) = &self.linked.clauses[frame.clause].body[usize::from(literal)] else {
            return Ok(());
        };
        if frame.environment.unify_row(&mut self.linked.bounds, args, row) {
            frame.worth = frame.worth.and(worth);
            self.agenda.push(frame);
        }
        Ok(())
    }

    fn call(&mut self, frame: Frame, literal: u16, predicate: usize, args: &[RuleTerm]) -> Result<(), OutOfBudget> {
        let row = frame.environment.row(args);
        if self.linked.predicates[predicate].clauses.is_empty() {
            // Never derived: its rows are read where they lie, without a table.
            let mut found = Vec::new();
            self.scan(predicate, &row, |row| found.push(row.to_vec().into_boxed_slice()))?;
            for row in found {
                let consumer = Consumer { frame: frame.clone(), literal };
                self.feed(consumer, &row, Worth::True)?;
            }
            return Ok(());
        }
        let id = self.table(predicate, &row)?;
        let consumer = Consumer { frame, literal };
        for at in 0..self.tables[id.0].rows.len() {
            let (row, worth) = self.tables[id.0].rows[at].clone();
            self.feed(consumer.clone(), &row, worth)?;
        }
        if !self.tables[id.0].complete {
            self.tables[id.0].consumers.push(consumer);
        }
        Ok(())
    }

    /// The table of a call, begun if it is new: its stored rows and one frame for every rule that can match.
    fn table(&mut self, predicate: usize, args: &[Term]) -> Result<TableId, OutOfBudget> {
        if let Some(id) = self.by_call.get(&(predicate, args.into())) {
            return Ok(*id);
        }
        let id = self.add_table(args.into());
        self.by_call.insert((predicate, args.into()), id);
        let mut found = Vec::new();
        self.scan(predicate, args, |row| found.push(row.to_vec().into_boxed_slice()))?;
        for row in found {
            self.insert(id, &row, Worth::True)?;
        }
        for clause in self.linked.predicates[predicate].clauses.clone() {
            self.spend(1)?;
            let Linked { clauses, bounds, .. } = &mut *self.linked;
            let rule = &clauses[clause];
            let mut environment = Environment(rule.bounds.iter().map(|b| Slot::Free(*b)).collect());
            if environment.unify_row(bounds, &rule.head, args) {
                let rest = (0..rule.body.len() as u16).collect();
                self.agenda.push(Frame { owner: id, clause, environment, rest, worth: Worth::True });
            }
        }
        Ok(id)
    }

    /// Every stored row (of any layer) that fits the call, each once.
    fn scan(&mut self, predicate: usize, args: &[Term], mut found: impl FnMut(&[Term])) -> Result<(), OutOfBudget> {
        let arity = args.len();
        let declared = &self.linked.predicates[predicate];
        if declared.auxiliary || arity == 0 || arity > FACT_ARITY_MAX {
            return Ok(());
        }
        let mut relations = std::mem::take(&mut self.relations);
        relations.clear();
        self.facts.relations(&declared.name, arity, &mut relations);
        for relation in &relations {
            self.spend(1)?;
            let shape = self.facts.shape(*relation);
            let mut pattern = RowPattern::default();
            let fits = args.iter().zip(&shape.types).zip(&mut pattern).all(|((term, ty), place)| match *term {
                Term::Const(value) => {
                    *place = Some(value.id);
                    value.ty == *ty
                }
                Term::Var(_, bound) => self.linked.bounds.admits(bound, *ty),
            });
            if !fits {
                continue;
            }
            let types = shape.types.clone();
            let mut cursor = self.facts.open(*relation, &pattern);
            let mut row = Row::default();
            while self.facts.next(&mut cursor, &mut row) {
                self.spend(1)?;
                let mut terms = [Term::Const(Sym { ty: types[0], id: 0 }); FACT_ARITY_MAX];
                for (place, (id, ty)) in terms.iter_mut().zip(row.iter().zip(&types)) {
                    *place = Term::Const(Sym { ty: *ty, id: *id });
                }
                if repeats_agree(args, &terms[..arity]) {
                    found(&terms[..arity]);
                }
            }
        }
        self.relations = relations;
        Ok(())
    }
}

/// Has a row the same value wherever the call has the same variable?
fn repeats_agree(args: &[Term], row: &[Term]) -> bool {
    args.iter().enumerate().all(|(i, term)| match term {
        Term::Const(_) => true,
        Term::Var(number, _) => args[..i]
            .iter()
            .zip(row)
            .all(|(earlier, value)| !matches!(earlier, Term::Var(n, _) if n == number) || *value == row[i]),
    })
}
