//! Symbols become names again.

use super::Explaining;
use crate::{
    eval::{
        linked::{Linked, Literal},
        term::{Environment, RuleTerm, Term},
    },
    facts::{FACT_ARITY_MAX, Facts, Layer, Row},
    model::explanation::{Arg, Atom, By, What},
    rules::rule::{Comparison, RuleId},
};

impl<F: Facts> Explaining<'_, F> {
    pub(super) fn atom_of(&self, predicate: usize, row: &[Term]) -> Atom {
        atom(self.linked, self.facts, &self.linked.predicates[predicate].name, row)
    }

    pub(super) fn atom(&self, predicate: &str, row: &[Term]) -> Atom {
        atom(self.linked, self.facts, predicate, row)
    }

    pub(super) fn rule(&self, clause: usize) -> By {
        let number = crate::model::number(clause);
        if clause >= self.program.rules.len() {
            return By::Question;
        }
        let (file, line) = self.program.place(RuleId(number)).unwrap_or_default();
        By::Rule { number, file: file.to_owned(), line }
    }

    /// Which layer holds the fact.
    pub(super) fn layer(&self, predicate: usize, row: &[Term]) -> By {
        let arity = row.len();
        let mut ids = Row::default();
        let mut types = Vec::with_capacity(arity);
        for (term, id) in row.iter().zip(&mut ids) {
            if let Term::Const(value) = term {
                *id = value.id;
                types.push(value.ty);
            }
        }
        let mut relations = Vec::new();
        if types.len() == arity && (1..=FACT_ARITY_MAX).contains(&arity) {
            self.facts.relations(&self.linked.predicates[predicate].name, arity, &mut relations);
        }
        let fits = |relation: &&_| self.facts.shape(**relation).types == types;
        let found = relations.iter().filter(fits).find_map(|relation| self.facts.layer(*relation, &ids));
        match found {
            Some(Layer::Stored) | None => By::StoredFact,
            Some(Layer::Later) => By::LaterFact,
            Some(Layer::Context) => By::ContextFact,
        }
    }
}

/// A condition for the bindings.
pub(super) fn what<F: Facts>(linked: &Linked, facts: &F, literal: &Literal, environment: &Environment) -> What {
    let one = |term: &RuleTerm| arg(linked, facts, environment.row(&[*term])[0], 0);
    let goal = |predicate: &usize, args: &[RuleTerm]| {
        atom(linked, facts, &linked.predicates[*predicate].name, &environment.row(args))
    };
    match literal {
        Literal::Call(predicate, args) => What::Goal(goal(predicate, args)),
        Literal::Not(predicate, args) => What::Not(goal(predicate, args)),
        Literal::Compare(op, left, right) => What::Compare(sign(*op), one(left), one(right)),
        Literal::Unify(left, right) => What::Compare("=", one(left), one(right)),
        Literal::In(term, list) => What::In(one(term), list.iter().map(one).collect()),
        Literal::Fail => What::Never,
    }
}

fn sign(op: Comparison) -> &'static str {
    match op {
        Comparison::NotEqual => "!=",
        Comparison::Less => "<",
        Comparison::LessEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterEqual => ">=",
    }
}

fn atom<F: Facts>(linked: &Linked, facts: &F, predicate: &str, row: &[Term]) -> Atom {
    // A variable that stands once needs no number.
    let n_uses = |number: u32| row.iter().filter(|term| matches!(term, Term::Var(n, _) if *n == number)).count();
    let args = row.iter().map(|term| match *term {
        Term::Var(number, _) if n_uses(number) > 1 => arg(linked, facts, *term, number + 1),
        term => arg(linked, facts, term, 0),
    });
    Atom { predicate: predicate.to_owned(), args: args.collect() }
}

fn arg<F: Facts>(linked: &Linked, facts: &F, term: Term, number: u32) -> Arg {
    match term {
        Term::Const(value) => {
            let mut id = String::new();
            facts.write_id(value, &mut id);
            Arg::Exact { type_name: facts.type_name(value.ty).to_owned(), id }
        }
        Term::Var(_, bound) => {
            let type_name = linked.bounds.only_type(bound).map(|ty| facts.type_name(ty).to_owned());
            Arg::Any { number, type_name }
        }
    }
}
