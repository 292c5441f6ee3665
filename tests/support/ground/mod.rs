//! The ground model: the meaning of a policy over every constant in sight and a few fresh ones per type, atom by atom.
//!
//! Nothing here is shared with the evaluators but the lowered program's data: no wildcard, no bound, no table, no order of
//! goals. Variables are replaced by constants until only ground atoms are left (`instances`), whose values are those of the
//! well-founded model (`model`). A wildcard is right if what it stands for is true, each value of it (`World::check` in
//! `differential.rs` expands rows over this universe).
//!
//! What wildcards can't express (U12) has a value here; an evaluator may answer with its error instead, never with less.

mod instances;
mod model;

use std::collections::{BTreeMap, BTreeSet};

use understudy_core::{
    eval::answer::Found,
    model::{Ask, Fact, Pattern, Value},
    rules::rule::{self, ANYTHING, BoundId, Comparison, Program},
};

/// Fresh constants of every type.
const N_FRESH: usize = 2;
/// A type that neither policy nor facts nor question name.
const UNSEEN: &str = "Never seen";

/// A constant: its place in the universe.
pub type Constant = u32;

/// Value of a ground atom (polar.md §12.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Worth {
    /// An order was asked of what is no Integer; reads as false.
    Mismatch,
    /// Left undefined by the well-founded model, or the negation of a mismatch.
    Error,
    /// It holds.
    True,
}

/// Everything that can stand for a variable.
#[derive(Debug, Default)]
pub struct Universe {
    /// Types by number.
    pub types: Vec<String>,
    /// Type and id of each constant.
    pub constants: Vec<(usize, String)>,
    numbers: BTreeMap<(usize, String), Constant>,
}

impl Universe {
    fn ty(&mut self, name: &str) -> usize {
        self.types.iter().position(|known| known == name).unwrap_or_else(|| {
            self.types.push(name.to_owned());
            self.types.len() - 1
        })
    }

    fn constant(&mut self, type_name: &str, id: &str) -> Constant {
        let key = (self.ty(type_name), id.to_owned());
        *self.numbers.entry(key.clone()).or_insert_with(|| {
            self.constants.push(key);
            self.constants.len() as Constant - 1
        })
    }

    fn value(&mut self, value: &Value) -> Constant {
        self.constant(value.type_name(), value.id())
    }

    /// Constants of one type.
    pub fn of_type<'u>(&'u self, name: &str) -> impl Iterator<Item = Constant> + use<'u> {
        let ty = self.types.iter().position(|known| known == name);
        (0..self.constants.len() as Constant).filter(move |c| Some(self.constants[*c as usize].0) == ty)
    }

    fn integer(&self, constant: Constant) -> Option<i64> {
        let (ty, id) = &self.constants[constant as usize];
        if self.types[*ty] == "Integer" { id.parse().ok() } else { None }
    }
}

/// A term of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Term {
    Var(usize),
    Const(Constant),
}

#[derive(Clone, Debug)]
enum Goal {
    Call(usize, Vec<Term>),
    Not(usize, Vec<Term>),
    Compare(Comparison, Term, Term),
    Unify(Term, Term),
    In(Term, Vec<Term>),
    Fail,
}

#[derive(Clone, Debug)]
struct Clause {
    head: usize,
    args: Vec<Term>,
    body: Vec<Goal>,
    /// What each variable may be: a set of types.
    admitted: Vec<Vec<bool>>,
}

/// A program over a universe, with its facts.
struct Grounding {
    universe: Universe,
    /// Name and arity by number.
    predicates: Vec<(String, usize)>,
    clauses: Vec<Clause>,
    facts: BTreeSet<(usize, Vec<Constant>)>,
}

/// The rows of a question in the ground model.
#[derive(Debug)]
pub struct Grounded {
    /// What there is.
    pub universe: Universe,
    /// Every row that is not false.
    pub rows: BTreeMap<Vec<Constant>, Worth>,
}

/// The model's rows for a question; `None` where it has more instances than it is sensible to look at.
pub fn ground(program: &Program, facts: &[Fact], ask: &Ask, now_s: i64) -> Option<Grounded> {
    let mut grounding = Grounding::new(program, facts, ask, now_s);
    let asked = grounding.predicates.len() - 1;
    let instances = instances::Instances::new(&mut grounding, asked)?;
    let rows = model::values(&instances, asked);
    Some(Grounded { universe: grounding.universe, rows })
}

impl Grounding {
    fn new(program: &Program, facts: &[Fact], ask: &Ask, now_s: i64) -> Self {
        let mut grounding = Grounding {
            universe: Universe::default(),
            predicates: program.predicates.iter().map(|p| (p.name.clone(), usize::from(p.arity))).collect(),
            clauses: Vec::new(),
            facts: BTreeSet::new(),
        };
        let universe = &mut grounding.universe;
        for ty in program.types.iter().filter(|ty| !ty.is_abstract) {
            universe.ty(&ty.name);
        }
        let now = universe.constant("Integer", &now_s.to_string());
        let constants: Vec<Constant> =
            program.constants.iter().map(|c| universe.constant(&program.types[c.ty.index()].name, &c.id)).collect();
        for fact in facts {
            let predicate = grounding.predicate(&fact.predicate, fact.args.len());
            let args = fact.args.iter().map(|value| grounding.universe.value(value)).collect();
            grounding.facts.insert((predicate, args));
        }
        let question = grounding.question(ask);
        grounding.universe.ty(UNSEEN);
        for ty in grounding.universe.types.clone() {
            for n in 0..if ty == "Boolean" { 0 } else { N_FRESH } {
                let id = if ty == "Integer" { format!("{}", 7_000_000 + n) } else { format!("fresh {n}") };
                grounding.universe.constant(&ty, &id);
            }
        }
        for value in ["true", "false"] {
            grounding.universe.constant("Boolean", value);
        }
        for rule in &program.rules {
            let clause = grounding.clause(program, rule, &constants, now);
            grounding.clauses.push(clause);
        }
        grounding.ask(question);
        grounding
    }

    fn predicate(&mut self, name: &str, arity: usize) -> usize {
        self.predicates.iter().position(|(n, a)| n == name && *a == arity).unwrap_or_else(|| {
            self.predicates.push((name.to_owned(), arity));
            self.predicates.len() - 1
        })
    }

    fn admitted(&self, program: &Program, bound: BoundId) -> Vec<bool> {
        let set = &program.bounds[bound.index()];
        let admits = |name: &String| match program.types.iter().position(|ty| ty.name == *name) {
            Some(number) => set.types.iter().any(|ty| ty.index() == number),
            None => set.other,
        };
        self.universe.types.iter().map(|name| bound == ANYTHING || admits(name)).collect()
    }

    fn clause(&self, program: &Program, rule: &rule::Rule, constants: &[Constant], now: Constant) -> Clause {
        let term = |term: &rule::Term| match *term {
            rule::Term::Var(at) => Term::Var(usize::from(at)),
            rule::Term::Const(id) => Term::Const(constants[id.index()]),
            rule::Term::Now => Term::Const(now),
        };
        let terms = |terms: &[rule::Term]| terms.iter().map(term).collect();
        let goal = |literal: &rule::Literal| match literal {
            rule::Literal::Call { predicate, args } => Goal::Call(predicate.index(), terms(args)),
            rule::Literal::Not { predicate, args } => Goal::Not(predicate.index(), terms(args)),
            rule::Literal::Compare { op, left, right } => Goal::Compare(*op, term(left), term(right)),
            rule::Literal::Unify { left, right } => Goal::Unify(term(left), term(right)),
            rule::Literal::In { term: t, list } => Goal::In(term(t), terms(list)),
            rule::Literal::Fail => Goal::Fail,
        };
        Clause {
            head: rule.head.index(),
            args: terms(&rule.args),
            body: rule.body.iter().map(goal).collect(),
            admitted: rule.variables.iter().map(|variable| self.admitted(program, variable.bound)).collect(),
        }
    }

    /// What is asked, its values in the universe: calls, and for each variable its type (`None`: any) and its list.
    fn question(&mut self, ask: &Ask) -> Question {
        let mut question = Question::default();
        let string = |universe: &mut Universe, text: &str| Term::Const(universe.constant("String", text));
        match ask {
            Ask::Authorize { actor, action, resource } => {
                let u = &mut self.universe;
                let args = vec![Term::Const(u.value(actor)), string(u, action), Term::Const(u.value(resource))];
                question.calls.push((self.predicate("allow", 3), args));
            }
            Ask::List { actor, action, resource_type } => {
                let u = &mut self.universe;
                u.ty(resource_type);
                let args =
                    vec![Term::Const(u.value(actor)), string(u, action), question.free(Some(resource_type), None)];
                question.calls.push((self.predicate("allow", 3), args));
            }
            Ask::Actions { actor, resource } => {
                let u = &mut self.universe;
                let args = vec![
                    Term::Const(u.value(actor)),
                    question.free(Some("String"), None),
                    Term::Const(u.value(resource)),
                ];
                question.calls.push((self.predicate("allow", 3), args));
            }
            Ask::Query { predicate, args } => {
                for arg in args {
                    let term = match arg {
                        Pattern::Any => question.free(None, None),
                        Pattern::Type(name) => {
                            self.universe.ty(name);
                            question.free(Some(name), None)
                        }
                        Pattern::Exact(value) => Term::Const(self.universe.value(value)),
                    };
                    question.args.push(term);
                }
                question.calls.push((self.predicate(predicate, args.len()), question.args.clone()));
                return question;
            }
            Ask::Evaluate { calls, constraints } => {
                for (_, constraint) in constraints {
                    let name = &constraint.type_name;
                    self.universe.ty(name);
                    let listed = constraint.ids.iter().flatten().filter_map(|id| Value::new(name, id).ok());
                    let ids: Vec<Constant> = listed.map(|value| self.universe.value(&value)).collect();
                    question.free(Some(name), constraint.ids.is_some().then_some(ids));
                }
                for (predicate, variables) in calls {
                    let place = |name: &String| constraints.iter().position(|(n, _)| n == name);
                    let args = variables.iter().map(|name| Term::Var(place(name).expect("it has an entry"))).collect();
                    question.calls.push((self.predicate(predicate, variables.len()), args));
                }
            }
        }
        question.args = (0..question.variables.len()).map(Term::Var).collect();
        question
    }

    /// The question becomes the last predicate, with one clause.
    fn ask(&mut self, Question { calls, variables, args }: Question) {
        let types = &self.universe.types;
        let admitted =
            variables.iter().map(|(ty, _)| types.iter().map(|t| ty.as_ref().is_none_or(|ty| ty == t)).collect());
        let lists = variables.iter().enumerate().filter_map(|(at, (_, ids))| {
            Some(Goal::In(Term::Var(at), ids.as_ref()?.iter().map(|id| Term::Const(*id)).collect()))
        });
        let calls = calls.into_iter().map(|(predicate, args)| Goal::Call(predicate, args));
        let (body, admitted) = (calls.chain(lists).collect(), admitted.collect());
        self.predicates.push(("the question".to_owned(), args.len()));
        self.clauses.push(Clause { head: self.predicates.len() - 1, args, body, admitted });
    }
}

#[derive(Default)]
struct Question {
    calls: Vec<(usize, Vec<Term>)>,
    variables: Vec<(Option<String>, Option<Vec<Constant>>)>,
    /// What a row consists of.
    args: Vec<Term>,
}

impl Question {
    fn free(&mut self, ty: Option<&str>, ids: Option<Vec<Constant>>) -> Term {
        self.variables.push((ty.map(str::to_owned), ids));
        Term::Var(self.variables.len() - 1)
    }
}

impl Grounded {
    /// Every ground row that an evaluator's rows stand for. A value that isn't in the universe gives none.
    pub fn expanded(&self, rows: &[Vec<Found>]) -> BTreeSet<Vec<Constant>> {
        let mut all = BTreeSet::new();
        for row in rows {
            let mut partial: Vec<Vec<Constant>> = vec![Vec::new()];
            for (at, place) in row.iter().enumerate() {
                let earlier =
                    |number| row[..at].iter().position(|p| matches!(p, Found::Free { number: n, .. } if *n == number));
                let mut next = Vec::new();
                for known in partial {
                    match place {
                        Found::Value(ty, id) => {
                            let ty = self.universe.types.iter().position(|t| t == ty);
                            let constant = ty.and_then(|ty| self.universe.numbers.get(&(ty, id.clone())));
                            next.extend(constant.map(|constant| [&*known, &[*constant]].concat()));
                        }
                        Found::Free { number, admits } => match earlier(*number) {
                            Some(same) => next.push([&*known, &[known[same]]].concat()),
                            None => {
                                let all = self.universe.constants.iter().enumerate();
                                let admitted = all.filter(|(_, (ty, _))| admits[*ty]);
                                next.extend(admitted.map(|(number, _)| [&*known, &[number as Constant]].concat()));
                            }
                        },
                    }
                }
                partial = next;
            }
            all.extend(partial);
        }
        all
    }

    /// Rows of this worth.
    pub fn of_worth(&self, wanted: Worth) -> BTreeSet<Vec<Constant>> {
        self.rows.iter().filter(|(_, worth)| **worth == wanted).map(|(row, _)| row.clone()).collect()
    }

    /// A row for a message.
    pub fn text(&self, row: &[Constant]) -> String {
        let value = |constant: &Constant| {
            let (ty, id) = &self.universe.constants[*constant as usize];
            format!("{}{{{id:?}}}", self.universe.types[*ty])
        };
        row.iter().map(value).collect::<Vec<_>>().join(", ")
    }
}
