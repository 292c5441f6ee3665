//! A term for every variable of a rule, and what makes two terms one: by substitution everywhere, nothing shared.

use crate::{
    eval::{
        bounds::{Bound, Bounds},
        term::{RuleTerm, Term},
    },
    model::number,
};

/// Arguments of a call, or of an answer: variables numbered in order of first occurrence.
pub(super) type Row = Vec<Term>;

/// One way to satisfy a part of a body. Variables of equal number are the same value.
#[derive(Clone, Debug)]
pub(super) struct Bindings {
    terms: Vec<Term>,
    n_numbers: u32,
}

impl Bindings {
    /// Every variable free, and different from the others.
    pub(super) fn new(bounds: &[Bound]) -> Self {
        let terms = bounds.iter().enumerate().map(|(number, bound)| Term::Var(self::number(number), *bound)).collect();
        Bindings { terms, n_numbers: number(bounds.len()) }
    }

    pub(super) fn term(&self, term: RuleTerm) -> Term {
        match term {
            RuleTerm::Const(value) => Term::Const(value),
            RuleTerm::Var(at) => self.terms[usize::from(at)],
        }
    }

    /// The terms as a row.
    pub(super) fn row(&self, terms: &[RuleTerm]) -> Row {
        let mut seen = Vec::new();
        let mut renumbered = |term: &RuleTerm| match self.term(*term) {
            Term::Var(number, bound) => {
                if !seen.contains(&number) {
                    seen.push(number);
                }
                let place = seen.iter().take_while(|other| **other != number).count();
                Term::Var(self::number(place), bound)
            }
            value => value,
        };
        terms.iter().map(&mut renumbered).collect()
    }

    /// The same with both terms made one; `None` where no value is both.
    pub(super) fn same(mut self, bounds: &mut Bounds, a: Term, b: Term) -> Option<Self> {
        let one = match (a, b) {
            (Term::Const(x), Term::Const(y)) => return (x == y).then_some(self),
            (Term::Const(value), Term::Var(_, bound)) | (Term::Var(_, bound), Term::Const(value)) => {
                if !bounds.admits(bound, value.ty) {
                    return None;
                }
                Term::Const(value)
            }
            (Term::Var(x, bound_x), Term::Var(y, bound_y)) => {
                // Equal already: their bounds are equal too.
                Term::Var(x.min(y), bounds.meet(bound_x, bound_y)?)
            }
        };
        for term in &mut self.terms {
            if *term == a || *term == b {
                *term = one;
            }
        }
        Some(self)
    }

    /// The same with the rule's terms made one with a row from outside.
    pub(super) fn with_row(&self, bounds: &mut Bounds, terms: &[RuleTerm], row: &Row) -> Option<Self> {
        let mut joined = self.clone();
        let n_own = joined.terms.len();
        joined.terms.extend(row.iter().map(|term| match *term {
            Term::Var(number, bound) => Term::Var(number + self.n_numbers, bound),
            value => value,
        }));
        joined.n_numbers += number(row.len());
        for (place, term) in terms.iter().enumerate() {
            let (a, b) = (joined.term(*term), joined.terms[n_own + place]);
            joined = joined.same(bounds, a, b)?;
        }
        joined.terms.truncate(n_own);
        Some(joined)
    }
}

/// Is every value of `specific` one of `general`?
pub(super) fn is_instance(bounds: &Bounds, specific: &Row, general: &Row) -> bool {
    general.iter().enumerate().all(|(at, term)| match (*term, specific[at]) {
        (Term::Const(a), Term::Const(b)) => a == b,
        (Term::Const(_), Term::Var(..)) => false,
        (Term::Var(number, bound), got) => {
            let fits = match got {
                Term::Const(value) => bounds.admits(bound, value.ty),
                Term::Var(_, narrower) => bounds.covers(bound, narrower),
            };
            let mut earlier = general.iter().zip(specific).take(at);
            fits && earlier.all(|(term, other)| !matches!(term, Term::Var(n, _) if *n == number) || *other == got)
        }
    })
}
