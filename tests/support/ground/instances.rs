//! Variables become constants: every instance of every rule whose positive goals can hold at all.

use std::collections::{BTreeSet, HashMap, HashSet};

use understudy_core::rules::rule::Comparison;

use super::{Clause, Constant, Goal, Grounding, Term};

/// More atoms or instances than this are not looked at.
const N_ATOMS_MAX: usize = 6_000;
const N_INSTANCES_MAX: usize = 20_000;
/// Steps of putting constants for variables.
const N_STEPS_MAX: usize = 120_000;

/// One rule with constants for its variables.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Instance {
    pub(super) head: usize,
    /// Atoms that must hold.
    pub(super) positive: Vec<usize>,
    /// Atoms that must not; those that can't hold at all are left out.
    pub(super) negative: Vec<usize>,
    /// Does it compare the order of what is no Integer?
    pub(super) is_mismatch: bool,
}

/// The ground program.
#[derive(Default)]
pub(super) struct Instances {
    pub(super) atoms: Vec<(usize, Vec<Constant>)>,
    pub(super) rules: HashSet<Instance>,
    numbers: HashMap<(usize, Vec<Constant>), usize>,
    /// Atoms by predicate; by predicate, position and constant.
    of: HashMap<usize, Vec<usize>>,
    at: HashMap<(usize, usize, Constant), Vec<usize>>,
    n_steps: usize,
}

/// There are too many.
struct TooMany;

/// Told of every instance: the atoms so far, a constant for each variable, whether it is a mismatch.
type Found<'f> = dyn FnMut(&Instances, &[Option<Constant>], bool) + 'f;

impl Instances {
    /// The part of the ground program that the asked predicate can need.
    pub(super) fn new(grounding: &mut Grounding, asked: usize) -> Option<Self> {
        let needed = needed(grounding, asked);
        grounding.clauses.retain(|clause| needed.contains(&clause.head));
        let mut instances = Instances::default();
        for (predicate, args) in grounding.facts.clone() {
            if needed.contains(&predicate) {
                let head = instances.atom(predicate, args);
                let (positive, negative) = (Vec::new(), Vec::new());
                instances.rules.insert(Instance { head, positive, negative, is_mismatch: false });
            }
        }
        // First which atoms can hold, then, knowing them all, the instances.
        loop {
            let n_atoms = instances.atoms.len();
            for clause in &grounding.clauses {
                let mut heads = BTreeSet::new();
                instances.each(grounding, clause, &mut |_, env, _| {
                    heads.insert(args(&clause.args, env));
                })?;
                for head in heads {
                    instances.atom(clause.head, head);
                }
            }
            if instances.atoms.len() > N_ATOMS_MAX {
                return None;
            }
            if instances.atoms.len() == n_atoms {
                break;
            }
        }
        let mut rules = std::mem::take(&mut instances.rules);
        for clause in &grounding.clauses {
            instances.each(grounding, clause, &mut |this, env, is_mismatch| {
                let head = this.numbers[&(clause.head, args(&clause.args, env))];
                let (mut positive, mut negative) = (Vec::new(), Vec::new());
                for goal in &clause.body {
                    match goal {
                        Goal::Call(predicate, terms) => positive.push(this.numbers[&(*predicate, args(terms, env))]),
                        Goal::Not(predicate, terms) => {
                            negative.extend(this.numbers.get(&(*predicate, args(terms, env))));
                        }
                        _ => {}
                    }
                }
                rules.insert(Instance { head, positive, negative, is_mismatch });
            })?;
            if rules.len() > N_INSTANCES_MAX {
                return None;
            }
        }
        instances.rules = rules;
        Some(instances)
    }

    fn atom(&mut self, predicate: usize, args: Vec<Constant>) -> usize {
        if let Some(number) = self.numbers.get(&(predicate, args.clone())) {
            return *number;
        }
        let number = self.atoms.len();
        self.of.entry(predicate).or_default().push(number);
        for (position, constant) in args.iter().enumerate() {
            self.at.entry((predicate, position, *constant)).or_default().push(number);
        }
        self.numbers.insert((predicate, args.clone()), number);
        self.atoms.push((predicate, args));
        number
    }

    /// Every way to put constants for the variables so that no goal is plainly false; `None` if there are too many.
    fn each(&mut self, grounding: &Grounding, clause: &Clause, found: &mut Found<'_>) -> Option<()> {
        let mut env = vec![None; clause.admitted.len()];
        let rest: Vec<&Goal> = clause.body.iter().collect();
        let mut n_steps = self.n_steps;
        let done = Putting { atoms: self, grounding, clause, found, n_steps: &mut n_steps }.go(&mut env, &rest, false);
        self.n_steps = n_steps;
        done.ok()
    }
}

fn args(terms: &[Term], env: &[Option<Constant>]) -> Vec<Constant> {
    terms.iter().map(|term| value(*term, env).expect("every variable has a constant")).collect()
}

fn value(term: Term, env: &[Option<Constant>]) -> Option<Constant> {
    match term {
        Term::Var(at) => env[at],
        Term::Const(constant) => Some(constant),
    }
}

fn needed(grounding: &Grounding, asked: usize) -> BTreeSet<usize> {
    let (mut needed, mut queue) = (BTreeSet::from([asked]), vec![asked]);
    while let Some(predicate) = queue.pop() {
        for goal in grounding.clauses.iter().filter(|c| c.head == predicate).flat_map(|c| &c.body) {
            if let Goal::Call(called, _) | Goal::Not(called, _) = goal
                && needed.insert(*called)
            {
                queue.push(*called);
            }
        }
    }
    needed
}

/// Constants for the variables of one clause.
struct Putting<'p, 'f> {
    atoms: &'p Instances,
    grounding: &'p Grounding,
    clause: &'p Clause,
    found: &'p mut Found<'f>,
    n_steps: &'p mut usize,
}

impl Putting<'_, '_> {
    fn go(&mut self, env: &mut Vec<Option<Constant>>, rest: &[&Goal], is_mismatch: bool) -> Result<(), TooMany> {
        *self.n_steps += 1;
        if *self.n_steps > N_STEPS_MAX {
            return Err(TooMany);
        }
        let Some((place, goal)) = rest.iter().enumerate().min_by_key(|(_, goal)| self.cost(goal, env)) else {
            return self.fill(env, is_mismatch);
        };
        let others = [&rest[..place], &rest[place + 1..]].concat();
        match goal {
            Goal::Fail => Ok(()),
            Goal::Unify(left, right) => match (value(*left, env), value(*right, env)) {
                (Some(a), Some(b)) if a != b => Ok(()),
                (Some(_), Some(_)) => self.go(env, &others, is_mismatch),
                (Some(known), None) => self.with(env, *right, known, &others, is_mismatch),
                (None, Some(known)) => self.with(env, *left, known, &others, is_mismatch),
                (None, None) => self.choose(env, *left, rest, is_mismatch),
            },
            Goal::In(term, list) => {
                for element in list {
                    let unified = Goal::Unify(*term, *element);
                    let more: Vec<&Goal> = others.iter().copied().chain([&unified]).collect();
                    self.go(env, &more, is_mismatch)?;
                }
                Ok(())
            }
            Goal::Compare(op, left, right) => match (value(*left, env), value(*right, env)) {
                (Some(a), Some(b)) => match self.compare(*op, a, b) {
                    Some(false) => Ok(()),
                    Some(true) => self.go(env, &others, is_mismatch),
                    None => self.go(env, &others, true),
                },
                (None, _) => self.choose(env, *left, rest, is_mismatch),
                (_, None) => self.choose(env, *right, rest, is_mismatch),
            },
            Goal::Not(_, terms) => match terms.iter().find(|term| value(**term, env).is_none()) {
                Some(free) => self.choose(env, *free, rest, is_mismatch),
                // Its atoms are looked up when all of them are known.
                None => self.go(env, &others, is_mismatch),
            },
            Goal::Call(predicate, terms) => {
                let atoms = self.atoms;
                let candidates = terms.iter().enumerate().filter_map(|(position, term)| {
                    let known = value(*term, env)?;
                    Some(atoms.at.get(&(*predicate, position, known)).map_or(&[][..], Vec::as_slice))
                });
                let all = atoms.of.get(predicate).map_or(&[][..], Vec::as_slice);
                for atom in candidates.min_by_key(|c| c.len()).unwrap_or(all) {
                    *self.n_steps += 1;
                    let mut bound = env.clone();
                    let fits = terms.iter().zip(&atoms.atoms[*atom].1).all(|(term, constant)| match *term {
                        Term::Const(known) => known == *constant,
                        Term::Var(at) => match bound[at] {
                            Some(known) => known == *constant,
                            None => {
                                bound[at] = Some(*constant);
                                self.clause.admitted[at][self.grounding.universe.constants[*constant as usize].0]
                            }
                        },
                    });
                    if fits {
                        self.go(&mut bound, &others, is_mismatch)?;
                    }
                }
                Ok(())
            }
        }
    }

    /// What is decided first: it changes nothing but the time taken.
    fn cost(&self, goal: &Goal, env: &[Option<Constant>]) -> usize {
        let n_free = |terms: &[Term]| terms.iter().filter(|term| value(**term, env).is_none()).count();
        match goal {
            Goal::Fail => 0,
            Goal::Unify(a, b) => {
                if n_free(&[*a, *b]) < 2 {
                    1
                } else {
                    100_000
                }
            }
            Goal::Compare(_, a, b) => {
                if n_free(&[*a, *b]) == 0 {
                    1
                } else {
                    100_001
                }
            }
            Goal::In(_, list) => 1 + list.len(),
            Goal::Not(_, terms) => {
                if n_free(terms) == 0 {
                    1
                } else {
                    100_002
                }
            }
            Goal::Call(predicate, terms) => {
                let n_atoms = self.atoms.of.get(predicate).map_or(0, Vec::len);
                if n_atoms == 0 { 0 } else { 2 + n_free(terms) * 1_000 + n_atoms.min(999) }
            }
        }
    }

    fn with(
        &mut self,
        env: &mut Vec<Option<Constant>>,
        term: Term,
        constant: Constant,
        rest: &[&Goal],
        is_mismatch: bool,
    ) -> Result<(), TooMany> {
        let Term::Var(at) = term else { return Ok(()) };
        if !self.clause.admitted[at][self.grounding.universe.constants[constant as usize].0] {
            return Ok(());
        }
        env[at] = Some(constant);
        let done = self.go(env, rest, is_mismatch);
        env[at] = None;
        done
    }

    /// Every constant in turn for a variable that no call binds.
    fn choose(
        &mut self,
        env: &mut Vec<Option<Constant>>,
        term: Term,
        rest: &[&Goal],
        is_mismatch: bool,
    ) -> Result<(), TooMany> {
        for constant in 0..self.grounding.universe.constants.len() as Constant {
            self.with(env, term, constant, rest, is_mismatch)?;
        }
        Ok(())
    }

    /// No goal is left: the other variables may be anything.
    fn fill(&mut self, env: &mut Vec<Option<Constant>>, is_mismatch: bool) -> Result<(), TooMany> {
        match env.iter().position(Option::is_none) {
            None => {
                (self.found)(self.atoms, env, is_mismatch);
                Ok(())
            }
            Some(at) if self.clause.args.contains(&Term::Var(at)) => self.choose(env, Term::Var(at), &[], is_mismatch),
            // Only some value must fit; which one changes nothing.
            Some(at) => {
                let constants = &self.grounding.universe.constants;
                let fits = |(ty, _): &(usize, String)| self.clause.admitted[at][*ty];
                match constants.iter().position(fits) {
                    Some(first) => self.with(env, Term::Var(at), first as Constant, &[], is_mismatch),
                    None => Ok(()),
                }
            }
        }
    }

    /// `None`: a mismatch.
    fn compare(&self, op: Comparison, left: Constant, right: Constant) -> Option<bool> {
        if op == Comparison::NotEqual {
            return Some(left != right);
        }
        let (left, right) = (self.grounding.universe.integer(left)?, self.grounding.universe.integer(right)?);
        Some(match op {
            Comparison::Less => left < right,
            Comparison::LessEqual => left <= right,
            Comparison::Greater => left > right,
            Comparison::GreaterEqual | Comparison::NotEqual => left >= right,
        })
    }
}
