//! Terms of rows and calls, and the bindings of one rule under way.

use crate::model::{Sym, number};

use super::bounds::{Bound, Bounds};

/// A term outside of a rule: a constant, or a variable numbered in order of first occurrence in its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Term {
    /// A value.
    Const(Sym),
    /// Any value the bound admits; the same number is the same value.
    Var(u32, Bound),
}

/// A term of a rule, its constants resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleTerm {
    /// Variable of the rule.
    Var(u16),
    /// A value.
    Const(Sym),
}

/// What a variable of a rule stands for so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// This value.
    Bound(Sym),
    /// Still any of these.
    Free(Bound),
    /// The same as that variable, which has a lower number.
    Same(u16),
}

/// What a rule's term stands for under an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// A value.
    Const(Sym),
    /// A free variable: its representative and its bound.
    Free(u16, Bound),
}

/// Bindings of one rule.
#[derive(Clone, Debug)]
pub struct Environment(pub Vec<Slot>);

impl Environment {
    /// What the term stands for.
    pub fn resolve(&self, term: RuleTerm) -> Resolved {
        let mut at = match term {
            RuleTerm::Const(value) => return Resolved::Const(value),
            RuleTerm::Var(at) => at,
        };
        loop {
            match self.0[usize::from(at)] {
                Slot::Bound(value) => return Resolved::Const(value),
                Slot::Free(bound) => return Resolved::Free(at, bound),
                Slot::Same(lower) => at = lower,
            }
        }
    }

    /// Makes both the same; `false` where no value is both.
    pub fn unify(&mut self, bounds: &mut Bounds, a: Resolved, b: Resolved) -> bool {
        match (a, b) {
            (Resolved::Const(a), Resolved::Const(b)) => a == b,
            (Resolved::Const(value), Resolved::Free(at, bound))
            | (Resolved::Free(at, bound), Resolved::Const(value)) => {
                if !bounds.admits(bound, value.ty) {
                    return false;
                }
                self.0[usize::from(at)] = Slot::Bound(value);
                true
            }
            (Resolved::Free(a, _), Resolved::Free(b, _)) if a == b => true,
            (Resolved::Free(a, bound_a), Resolved::Free(b, bound_b)) => {
                let Some(met) = bounds.meet(bound_a, bound_b) else { return false };
                let (low, high) = (a.min(b), a.max(b));
                // Whoever followed `high` follows `low` at once: nobody walks along a chain.
                for slot in &mut self.0 {
                    if *slot == Slot::Same(high) {
                        *slot = Slot::Same(low);
                    }
                }
                self.0[usize::from(low)] = Slot::Free(met);
                self.0[usize::from(high)] = Slot::Same(low);
                true
            }
        }
    }

    /// Makes the rule's terms and a row from outside the same, position by position.
    pub fn unify_row(&mut self, bounds: &mut Bounds, terms: &[RuleTerm], row: &[Term]) -> bool {
        // The row's variables, by number: what each met first on the rule's side.
        let mut met: Vec<Option<RuleTerm>> = Vec::new();
        terms.iter().zip(row).all(|(term, outside)| {
            let here = self.resolve(*term);
            match *outside {
                Term::Const(value) => self.unify(bounds, here, Resolved::Const(value)),
                Term::Var(number, bound) => {
                    if met.len() <= number as usize {
                        met.resize(number as usize + 1, None);
                    }
                    if let Some(first) = met[number as usize] {
                        let first = self.resolve(first);
                        return self.unify(bounds, here, first);
                    }
                    met[number as usize] = Some(*term);
                    match here {
                        Resolved::Const(value) => bounds.admits(bound, value.ty),
                        Resolved::Free(at, own) => match bounds.meet(own, bound) {
                            None => false,
                            Some(both) => {
                                self.0[usize::from(at)] = Slot::Free(both);
                                true
                            }
                        },
                    }
                }
            }
        })
    }

    /// The terms as a row: variables numbered in order of first occurrence.
    pub fn row(&self, terms: &[RuleTerm]) -> Box<[Term]> {
        let mut numbers = Numbers::new(terms.len(), self.0.len());
        terms
            .iter()
            .map(|term| match self.resolve(*term) {
                Resolved::Const(value) => Term::Const(value),
                Resolved::Free(at, bound) => Term::Var(numbers.of(at), bound),
            })
            .collect()
    }
}

/// Numbers of a row's variables, in order of first occurrence.
enum Numbers {
    /// Variables by number: a row of few terms looks through it.
    Few(Vec<u16>),
    /// Numbers by variable, and how many there are.
    Many(Vec<Option<u32>>, u32),
}

/// A row up to this length has its variables looked through.
const FEW_TERMS: usize = 16;

impl Numbers {
    fn new(n_terms: usize, n_variables: usize) -> Self {
        if n_terms <= FEW_TERMS { Numbers::Few(Vec::new()) } else { Numbers::Many(vec![None; n_variables], 0) }
    }

    fn of(&mut self, variable: u16) -> u32 {
        match self {
            Numbers::Few(seen) => {
                let place = seen.iter().position(|known| *known == variable).unwrap_or_else(|| {
                    seen.push(variable);
                    seen.len() - 1
                });
                number(place)
            }
            Numbers::Many(numbers, n_given) => *numbers[usize::from(variable)].get_or_insert_with(|| {
                *n_given += 1;
                *n_given - 1
            }),
        }
    }
}
