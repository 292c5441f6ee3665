//! A program linked to one store: constants and types have numbers there, rules are ready to run.

use std::{collections::HashMap, sync::Arc};

use foldhash::fast::FixedState;

use super::{
    bounds::{Bound, Bounds},
    term::RuleTerm,
};
use crate::{
    facts::Facts,
    model::{Sym, TypeId},
    rules::rule::{self, Comparison, Program},
};

/// A condition, its constants resolved.
#[derive(Clone, Debug)]
pub enum Literal {
    /// In the predicate's relation.
    Call(usize, Vec<RuleTerm>),
    /// Not in it.
    Not(usize, Vec<RuleTerm>),
    /// Order or difference.
    Compare(Comparison, RuleTerm, RuleTerm),
    /// The same value.
    Unify(RuleTerm, RuleTerm),
    /// One of these.
    In(RuleTerm, Vec<RuleTerm>),
    /// Never.
    Fail,
}

/// A rule ready to run.
#[derive(Clone, Debug)]
pub struct Clause {
    /// Arguments of the head.
    pub head: Vec<RuleTerm>,
    /// Conditions.
    pub body: Vec<Literal>,
    /// Bound of each variable.
    pub bounds: Vec<Bound>,
    /// Line in the policy, for messages.
    pub line: u32,
}

/// A predicate ready to run.
#[derive(Clone, Debug)]
pub struct Predicate {
    /// Its name.
    pub name: String,
    /// Its arity.
    pub arity: usize,
    /// Positions in [`Linked::clauses`].
    pub clauses: Vec<usize>,
    /// Auxiliary ones are never stored.
    pub auxiliary: bool,
    /// Positions that must be bound, else a comparison or negation under it stays open (polar.md §12.5).
    pub needs: Vec<bool>,
    /// Line of the first order comparison in it or below it; 0: there is none.
    pub compared: u32,
}

/// A program linked to a store.
#[derive(Clone, Debug)]
pub struct Linked {
    /// The program's first, then those only requests have named.
    pub predicates: Vec<Predicate>,
    /// All rules. Shared with who goes through one, so that none of its conditions is copied.
    pub clauses: Vec<Arc<Clause>>,
    /// Sets of types.
    pub bounds: Bounds,
    /// `String`, `Integer` in the store.
    pub string: TypeId,
    /// See `string`.
    pub integer: TypeId,
    by_name: HashMap<(String, usize), usize, FixedState>,
    /// Where `@current_unix_time` stands: clause, replaced at each request.
    now: Sym,
    clock_terms: Vec<(usize, ClockPlace)>,
}

/// How much of a program there is without a request.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    n_clauses: usize,
    n_predicates: usize,
}

#[derive(Clone, Copy, Debug)]
enum ClockPlace {
    Head(usize),
    /// Literal, position: 0 left, 1 right, 2.. arguments or elements.
    Body(usize, usize),
}

impl Linked {
    /// Resolves every constant and type of the program in the store, giving numbers to what it doesn't have.
    pub fn new<F: Facts>(program: &Program, facts: &mut F, seed: u64) -> Self {
        let types: Vec<TypeId> = program.types.iter().map(|t| facts.intern_type(&t.name)).collect();
        let constants: Vec<Sym> = program.constants.iter().map(|c| facts.intern(types[c.ty.index()], &c.id)).collect();
        let string = facts.intern_type("String");
        let integer = facts.intern_type("Integer");
        let now = facts.intern(integer, "0");
        let mut linked = Linked {
            predicates: Vec::new(),
            clauses: Vec::new(),
            bounds: Bounds::new(program, &types, seed),
            string,
            integer,
            by_name: HashMap::with_hasher(FixedState::with_seed(seed)),
            now,
            clock_terms: Vec::new(),
        };
        for (number, predicate) in program.predicates.iter().enumerate() {
            let arity = usize::from(predicate.arity);
            if !predicate.auxiliary {
                linked.by_name.insert((predicate.name.clone(), arity), number);
            }
            linked.predicates.push(Predicate {
                name: predicate.name.clone(),
                arity,
                clauses: predicate.rules.iter().map(|r| r.index()).collect(),
                auxiliary: predicate.auxiliary,
                needs: vec![false; arity],
                compared: 0,
            });
        }
        for rule in &program.rules {
            linked.add_clause(rule, &constants);
        }
        linked.find_needs();
        linked.find_compared();
        linked
    }

    fn add_clause(&mut self, rule: &rule::Rule, constants: &[Sym]) {
        let number = self.clauses.len();
        let mut clock = Vec::new();
        let now = self.now;
        let mut term = |t: &rule::Term, place: ClockPlace| match *t {
            rule::Term::Var(at) => RuleTerm::Var(at),
            rule::Term::Const(id) => RuleTerm::Const(constants[id.index()]),
            rule::Term::Now => {
                clock.push((number, place));
                RuleTerm::Const(now)
            }
        };
        let head = rule.args.iter().enumerate().map(|(i, t)| term(t, ClockPlace::Head(i))).collect();
        let mut body = Vec::with_capacity(rule.body.len());
        for (n, literal) in rule.body.iter().enumerate() {
            let mut terms = |args: &[rule::Term]| -> Vec<RuleTerm> {
                args.iter().enumerate().map(|(i, t)| term(t, ClockPlace::Body(n, i + 2))).collect()
            };
            body.push(match literal {
                rule::Literal::Call { predicate, args } => Literal::Call(predicate.index(), terms(args)),
                rule::Literal::Not { predicate, args } => Literal::Not(predicate.index(), terms(args)),
                rule::Literal::In { term: t, list } => {
                    let list = terms(list);
                    Literal::In(term(t, ClockPlace::Body(n, 0)), list)
                }
                rule::Literal::Compare { op, left, right } => {
                    Literal::Compare(*op, term(left, ClockPlace::Body(n, 0)), term(right, ClockPlace::Body(n, 1)))
                }
                rule::Literal::Unify { left, right } => {
                    Literal::Unify(term(left, ClockPlace::Body(n, 0)), term(right, ClockPlace::Body(n, 1)))
                }
                rule::Literal::Fail => Literal::Fail,
            });
        }
        let bounds = rule.variables.iter().map(|v| Bound::Set(v.bound.0)).collect();
        self.clauses.push(Arc::new(Clause { head, body, bounds, line: rule.line }));
        self.clock_terms.append(&mut clock);
    }

    /// Sets `@current_unix_time` for the requests that follow.
    pub fn set_now(&mut self, now: Sym) {
        self.now = now;
        for (clause, place) in &self.clock_terms {
            let clause = Arc::make_mut(&mut self.clauses[*clause]);
            let term = match *place {
                ClockPlace::Head(i) => &mut clause.head[i],
                ClockPlace::Body(n, i) => match (&mut clause.body[n], i) {
                    (Literal::Call(_, args) | Literal::Not(_, args), i) => &mut args[i - 2],
                    (Literal::In(term, _), 0) => term,
                    (Literal::In(_, list), i) => &mut list[i - 2],
                    (Literal::Compare(_, left, _) | Literal::Unify(left, _), 0) => left,
                    (Literal::Compare(_, _, right) | Literal::Unify(_, right), _) => right,
                    (Literal::Fail, _) => continue,
                },
            };
            *term = RuleTerm::Const(now);
        }
    }

    /// The predicate of this name and arity, known to the program or not: the universe is open.
    pub fn predicate(&mut self, name: &str, arity: usize) -> usize {
        if let Some(number) = self.by_name.get(&(name.to_owned(), arity)) {
            return *number;
        }
        let number = self.predicates.len();
        self.by_name.insert((name.to_owned(), arity), number);
        let needs = vec![false; arity];
        self.predicates.push(Predicate {
            name: name.to_owned(),
            arity,
            clauses: Vec::new(),
            auxiliary: false,
            needs,
            compared: 0,
        });
        number
    }

    /// Adds the clause of a request, under a predicate of its own.
    pub fn ask(&mut self, clause: Clause) -> usize {
        let arity = clause.head.len();
        self.clauses.push(Arc::new(clause));
        let clauses = vec![self.clauses.len() - 1];
        let (name, needs) = (crate::model::explanation::QUERY.to_owned(), vec![false; arity]);
        self.predicates.push(Predicate { name, arity, clauses, auxiliary: true, needs, compared: 0 });
        self.predicates.len() - 1
    }

    /// What there is before a request, for [`Linked::forget`].
    pub fn mark(&self) -> Mark {
        Mark { n_clauses: self.clauses.len(), n_predicates: self.predicates.len() }
    }

    /// Forgets what a request has added, so that requests can't fill memory.
    pub fn forget(&mut self, mark: Mark) {
        self.clauses.truncate(mark.n_clauses);
        for predicate in self.predicates.drain(mark.n_predicates..) {
            if !predicate.auxiliary {
                self.by_name.remove(&(predicate.name, predicate.arity));
            }
        }
        self.bounds.forget_excess();
    }

    /// Least fixpoint: a head position is needed if its variable is compared, negated or needed by a call of the body and
    /// no other positive condition of the body can bind it.
    fn find_needs(&mut self) {
        let mut callers: Vec<Vec<usize>> = vec![Vec::new(); self.predicates.len()];
        for (number, predicate) in self.predicates.iter().enumerate() {
            for literal in predicate.clauses.iter().flat_map(|clause| &self.clauses[*clause].body) {
                if let Literal::Call(called, _) = literal {
                    callers[*called].push(number);
                }
            }
        }
        callers.iter_mut().for_each(Vec::dedup);
        let mut is_queued = vec![true; self.predicates.len()];
        let mut queue: Vec<usize> = (0..self.predicates.len()).collect();
        while let Some(number) = queue.pop() {
            is_queued[number] = false;
            let mut changed = false;
            for clause in self.predicates[number].clauses.clone() {
                let needed = self.needed_variables(&self.clauses[clause]);
                for position in 0..self.predicates[number].arity {
                    let RuleTerm::Var(at) = self.clauses[clause].head[position] else { continue };
                    changed |=
                        needed.contains(&at) && !std::mem::replace(&mut self.predicates[number].needs[position], true);
                }
            }
            if changed {
                let more = callers[number].iter().filter(|caller| !std::mem::replace(&mut is_queued[**caller], true));
                queue.extend(more);
            }
        }
    }

    /// The first order comparison below each predicate, earliest lines first, so that each is met once.
    fn find_compared(&mut self) {
        let mut callers: Vec<Vec<usize>> = vec![Vec::new(); self.predicates.len()];
        let mut lines: Vec<(u32, usize)> = Vec::new();
        for (number, predicate) in self.predicates.iter().enumerate() {
            for clause in predicate.clauses.iter().map(|clause| &self.clauses[*clause]) {
                for literal in &clause.body {
                    match literal {
                        Literal::Call(called, _) | Literal::Not(called, _) => callers[*called].push(number),
                        Literal::Compare(op, ..) if *op != Comparison::NotEqual => lines.push((clause.line, number)),
                        _ => {}
                    }
                }
            }
        }
        lines.sort_unstable();
        for (line, number) in lines {
            let mut open = vec![number];
            while let Some(number) = open.pop() {
                if self.predicates[number].compared == 0 {
                    self.predicates[number].compared = line;
                    open.extend(&callers[number]);
                }
            }
        }
    }

    fn needed_variables(&self, clause: &Clause) -> Vec<u16> {
        let mut binders: HashMap<u16, usize> = HashMap::new();
        let mut wanted = Vec::new();
        let variable = |term: &RuleTerm| match term {
            RuleTerm::Var(at) => Some(*at),
            RuleTerm::Const(_) => None,
        };
        for literal in &clause.body {
            match literal {
                Literal::Call(predicate, args) => {
                    for (position, at) in args.iter().enumerate().filter_map(|(i, t)| Some((i, variable(t)?))) {
                        if self.predicates[*predicate].needs[position] {
                            wanted.push(at);
                        } else {
                            *binders.entry(at).or_default() += 1;
                        }
                    }
                }
                Literal::Not(_, args) => wanted.extend(args.iter().filter_map(variable)),
                Literal::Compare(_, left, right) => wanted.extend([left, right].into_iter().filter_map(variable)),
                Literal::Unify(left, right) => {
                    for at in [left, right].into_iter().filter_map(variable) {
                        *binders.entry(at).or_default() += 1;
                    }
                }
                Literal::In(term, _) => {
                    if let Some(at) = variable(term) {
                        *binders.entry(at).or_default() += 1;
                    }
                }
                Literal::Fail => {}
            }
        }
        wanted.retain(|at| !binders.contains_key(at));
        wanted
    }
}
