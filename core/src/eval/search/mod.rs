//! The tabled evaluator: the whole language, goal-directed, typed wildcards, recursion of every shape.
//!
//! A call has one table of answers; a rule that meets the call waits there and goes on with every answer. Negations are
//! set aside until their table is complete (`negation`). Nothing recurses in the host language.
//! Source: tabled evaluation with delayed negation (SLG: Chen, Warren 1996).

pub(super) mod choose;
pub(super) mod compare;
mod doubt;
mod linking;
pub mod links;
mod negation;
mod rounds;
mod sizes;
mod stored;
mod table;

use std::{collections::HashMap, sync::Arc};

use foldhash::fast::FixedState;

use self::{
    choose::{Choice, choose},
    compare::compare,
    doubt::Again,
    links::Links,
    negation::Waiting,
    rounds::Findings,
    table::{Consumer, Doubt, Frame, Meeting, Table, TableId, Task, Wants},
};
use super::{
    account::Account,
    bounds::ANYTHING,
    linked::{Linked, Literal},
    solve::{OutOfBudget, Question, Solved, Solver, Worth},
    term::{Environment, RuleTerm, Slot, Term},
};
use crate::{
    facts::{Facts, RelationId},
    model::number,
};

/// The evaluator by tables.
pub struct Search;

impl Solver for Search {
    fn solve<F: Facts>(question: Question<'_, F>) -> Result<Solved, OutOfBudget> {
        rounds::solve(question, None)
    }
}

/// The same rows, with how each true one came about. Costs memory for every row found.
pub fn solve_with_links<F: Facts>(question: Question<'_, F>, links: &mut Links) -> Result<Solved, OutOfBudget> {
    rounds::solve(question, Some(links))
}

/// One evaluation of a request; there is a second only where the first can't decide everything (`rounds`).
struct Run<'s, F: Facts> {
    linked: &'s mut Linked,
    facts: &'s F,
    seed: FixedState,
    tables: Vec<Table>,
    by_call: HashMap<(usize, Box<[Term]>), TableId, FixedState>,
    agenda: Vec<Task>,
    waiting: Vec<Waiting>,
    relations: Vec<RelationId>,
    /// Has any row been a mismatch?
    saw_mismatch: bool,
    /// Has any row been an error first and true later?
    saw_raised: bool,
    /// Set in rounds: what the round before has found.
    before: Option<&'s Findings>,
    /// Set where links are kept.
    links: Option<&'s mut Links>,
    /// With links: frames that go before those on the agenda.
    front: Vec<Task>,
    account: &'s mut Account,
}

/// How a run ends.
enum End {
    /// The asked predicate's rows are all there.
    Done,
    /// Every negation left waits for itself, by way of others perhaps.
    Stuck,
}

impl<'s, F: Facts> Run<'s, F> {
    fn new(
        linked: &'s mut Linked,
        facts: &'s F,
        seed: u64,
        account: &'s mut Account,
        before: Option<&'s Findings>,
    ) -> Self {
        let seed = FixedState::with_seed(seed);
        Run {
            linked,
            facts,
            tables: Vec::new(),
            by_call: HashMap::with_hasher(seed.clone()),
            seed,
            agenda: Vec::new(),
            waiting: Vec::new(),
            relations: Vec::new(),
            saw_mismatch: false,
            saw_raised: false,
            before,
            links: None,
            front: Vec::new(),
            account,
        }
    }

    /// Finds all rows of a predicate, in table 0; without arguments, the run ends at its first true one.
    fn rows(&mut self, predicate: usize) -> Result<End, OutOfBudget> {
        let arity = number(self.linked.predicates[predicate].arity);
        let args: Vec<Term> = (0..arity).map(|at| Term::Var(at, ANYTHING)).collect();
        let root = self.table(predicate, &args)?;
        loop {
            while let Some(frame) = self.next_frame()? {
                if self.tables[root.0].complete {
                    return Ok(End::Done);
                }
                if !self.tables[frame.owner.0].complete {
                    self.step(frame)?;
                }
            }
            if self.tables[root.0].complete || self.waiting.is_empty() {
                return Ok(End::Done);
            }
            if !self.settle()? {
                return Ok(End::Stuck);
            }
        }
    }

    fn spend(&mut self, units: u64) -> Result<(), OutOfBudget> {
        self.account.spend(units)
    }

    /// Puts a frame on the agenda, and its memory on the account until it is taken from there.
    fn push(&mut self, frame: Frame) -> Result<(), OutOfBudget> {
        self.account.hold(frame.bytes())?;
        self.agenda.push(Task::GoOn(frame));
        Ok(())
    }

    fn add_table(&mut self, predicate: usize, args: Box<[Term]>, key: Box<[Term]>) -> Result<TableId, OutOfBudget> {
        self.account.hold(sizes::table_bytes(args.len(), key.len()))?;
        let id = TableId(self.tables.len());
        self.by_call.insert((predicate, key.clone()), id);
        let places = HashMap::with_hasher(self.seed.clone());
        let (rows, links, consumers, ways, narrowed) = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        self.tables.push(Table {
            predicate,
            args,
            rows,
            places,
            links,
            consumers,
            ways,
            narrowed,
            key,
            complete: false,
        });
        Ok(id)
    }

    /// Goes on with one rule until it branches, waits, fails or answers.
    fn step(&mut self, mut frame: Frame) -> Result<(), OutOfBudget> {
        let clause = Arc::clone(&self.linked.clauses[frame.clause]);
        loop {
            self.spend(sizes::step_units(frame.rest.len()))?;
            let place = match choose(self.linked, &frame) {
                Choice::Done => match self.ask_again(frame)? {
                    Again::Sure(sure) => return self.emit(&sure),
                    Again::Next(next) => {
                        frame = next;
                        continue;
                    }
                    Again::Waits => return Ok(()),
                },
                Choice::At(place) => place,
            };
            let literal = frame.rest.remove(place);
            match &clause.body[usize::from(literal)] {
                Literal::Fail => return Ok(()),
                Literal::Unify(left, right) => {
                    let (left, right) = (frame.environment.resolve(*left), frame.environment.resolve(*right));
                    if !frame.environment.unify(&mut self.linked.bounds, left, right) {
                        return Ok(());
                    }
                }
                Literal::In(term, list) => return self.branch(&frame, *term, list),
                Literal::Compare(op, left, right) => {
                    let (left, right) = (frame.environment.resolve(*left), frame.environment.resolve(*right));
                    match compare(self.facts, *op, left, right, clause.line) {
                        None => return Ok(()),
                        Some(Worth::True) => {}
                        Some(worth) => {
                            frame.worth = frame.worth.and(worth);
                            frame.open.get_or_insert_default().conditions.push(literal);
                        }
                    }
                }
                Literal::Not(predicate, args) => return self.negate(frame, literal, *predicate, args),
                Literal::Call(predicate, args) => return self.call(frame, literal, *predicate, args),
            }
        }
    }

    /// Goes on with every element that the term may be.
    fn branch(&mut self, frame: &Frame, term: RuleTerm, list: &[RuleTerm]) -> Result<(), OutOfBudget> {
        self.spend(sizes::list_units(list.len()))?;
        let is = frame.environment.resolve(term);
        for element in list {
            let element = frame.environment.resolve(*element);
            if !self.linked.bounds.may_be(is, element) {
                continue;
            }
            let mut branch = frame.clone();
            if branch.environment.unify(&mut self.linked.bounds, is, element) {
                self.push(branch)?;
            }
        }
        Ok(())
    }

    /// All conditions are met: the head is an answer.
    fn emit(&mut self, frame: &Frame) -> Result<(), OutOfBudget> {
        let head = &self.linked.clauses[frame.clause].head;
        let row = frame.environment.row(head);
        let is_narrowable = frame.worth != Worth::True && row.iter().any(|term| matches!(term, Term::Var(..)));
        let place = self.insert(frame.owner, &row, frame.worth, Some(frame))?;
        if is_narrowable { self.keep_way(frame.owner, place, frame) } else { Ok(()) }
    }

    /// Adds an answer, or raises its worth; gives its place. `frame`: who found it; `None` for a fact.
    fn insert(&mut self, id: TableId, row: &[Term], worth: Worth, frame: Option<&Frame>) -> Result<usize, OutOfBudget> {
        let table = &mut self.tables[id.0];
        let known = table.places.get(row).copied();
        self.saw_mismatch |= worth == Worth::Mismatch;
        if table.complete {
            return Ok(known.unwrap_or(0));
        }
        if let Some(place) = known.filter(|place| table.rows[*place].1 >= worth) {
            return Ok(place);
        }
        // Known to be true: not first an error and true later, which a conjunction with a mismatch or with another error
        // could not take back.
        let is_true = || self.before.is_some_and(|before| before.is_true(table.predicate, &table.key, row));
        let proven = worth;
        let worth = if worth != Worth::True && is_true() { Worth::True } else { worth };
        let place = known.unwrap_or(table.rows.len());
        if known.is_some() {
            self.saw_raised |= worth == Worth::True && table.rows[place].1.is_error();
            table.rows[place].1 = worth;
        } else {
            self.account.hold(sizes::row_bytes(row.len()))?;
            table.places.insert(row.into(), place);
            table.rows.push((row.into(), worth));
        }
        table.complete = worth == Worth::True && table.is_ground();
        self.link(id, place, proven, frame)?;
        let table = &mut self.tables[id.0];
        if table.complete {
            for consumer in std::mem::take(&mut table.consumers) {
                self.account.release(consumer.frame.bytes());
                self.feed(consumer, id, place)?;
            }
            return Ok(place);
        }
        // The list may grow meanwhile only by later calls, which read `rows` themselves.
        for at in 0..table.consumers.len() {
            let Some(consumer) = self.tables[id.0].consumers.get(at).cloned() else { break };
            self.feed(consumer, id, place)?;
        }
        Ok(place)
    }

    /// Goes on with an answer of a table.
    fn feed(&mut self, mut consumer: Consumer, id: TableId, place: usize) -> Result<(), OutOfBudget> {
        self.spend(consumer.frame.copy_units())?;
        let table = &self.tables[id.0];
        let (row, worth) = &table.rows[place];
        if consumer.wants != Wants::Every {
            let worth = *worth;
            if *row != table.args {
                return Ok(());
            }
            if worth == Worth::True {
                self.follow(&mut consumer.frame, consumer.literal, id, place);
            }
            return self.feed_again(consumer, worth);
        }
        let Consumer { mut frame, literal, .. } = consumer;
        if let Literal::Call(_, args) = &self.linked.clauses[frame.clause].body[usize::from(literal)]
            && frame.environment.unify_row(&mut self.linked.bounds, args, row)
        {
            if *worth != Worth::True {
                let doubt = Doubt { literal, table: id, place, worth: *worth };
                frame.open.get_or_insert_default().doubts.push(doubt);
            } else {
                self.follow(&mut frame, literal, id, place);
            }
            self.push(frame)?;
        }
        Ok(())
    }

    /// Gives the consumer all that the table has, and all that it will have.
    fn consume(&mut self, consumer: Consumer, id: TableId) -> Result<(), OutOfBudget> {
        for place in 0..self.tables[id.0].rows.len() {
            self.feed(consumer.clone(), id, place)?;
        }
        if !self.tables[id.0].complete {
            self.account.hold(consumer.frame.bytes())?;
            self.tables[id.0].consumers.push(consumer);
        }
        Ok(())
    }

    fn call(&mut self, frame: Frame, literal: u16, predicate: usize, args: &[RuleTerm]) -> Result<(), OutOfBudget> {
        let row = frame.environment.row(args);
        if self.linked.predicates[predicate].clauses.is_empty() {
            // Never derived: its rows are read where they lie, without a table.
            let found = self.scan(predicate, &row)?;
            let meeting = Meeting { frame, literal, found };
            if self.links.is_none() {
                self.account.hold(meeting.frame.bytes())?;
                self.agenda.push(Task::Meet(meeting));
            } else {
                self.meet_all(&meeting)?;
            }
            return Ok(());
        }
        let id = self.table(predicate, &row)?;
        self.consume(Consumer { frame, literal, wants: Wants::Every }, id)
    }

    /// A frame for each of the rows, at once.
    fn meet_all(&mut self, meeting: &Meeting) -> Result<(), OutOfBudget> {
        for row in meeting.found.rows() {
            if let Some(frame) = self.met(meeting, row)? {
                self.push(frame)?;
            }
        }
        self.account.release(meeting.found.bytes());
        Ok(())
    }

    /// The frame that goes on with a row, if it fits.
    fn met(&mut self, Meeting { frame, literal, .. }: &Meeting, row: &[Term]) -> Result<Option<Frame>, OutOfBudget> {
        self.spend(frame.copy_units())?;
        let clause = Arc::clone(&self.linked.clauses[frame.clause]);
        let Literal::Call(_, args) = &clause.body[usize::from(*literal)] else { return Ok(None) };
        let mut frame = frame.clone();
        let fits = frame.environment.unify_row(&mut self.linked.bounds, args, row);
        Ok(fits.then_some(frame))
    }

    /// The table of a call, begun if it is new: its stored rows and one frame for every rule that can match.
    fn table(&mut self, predicate: usize, args: &[Term]) -> Result<TableId, OutOfBudget> {
        if let Some(id) = self.by_call.get(&(predicate, args.into())) {
            return Ok(*id);
        }
        let id = self.add_table(predicate, args.into(), args.into())?;
        let found = self.scan(predicate, args)?;
        for row in found.rows() {
            self.insert(id, row, Worth::True, None)?;
        }
        self.account.release(found.bytes());
        for clause in self.linked.predicates[predicate].clauses.clone() {
            self.spend(1)?;
            let Linked { clauses, bounds, .. } = &mut *self.linked;
            let rule = &clauses[clause];
            let mut environment = Environment(rule.bounds.iter().map(|b| Slot::Free(*b)).collect());
            if environment.unify_row(bounds, &rule.head, args) {
                if let Some(links) = &mut self.links {
                    links.tried.insert(clause);
                }
                // INVARIANT: a rule, and a query, has at most `CONDITIONS_PER_RULE_MAX` conditions.
                let n_conditions = u16::try_from(rule.body.len()).expect("conditions are counted where rules are made");
                let rest = (0..n_conditions).collect();
                self.push(Frame { owner: id, clause, environment, rest, worth: Worth::True, open: None })?;
            }
        }
        Ok(id)
    }
}
