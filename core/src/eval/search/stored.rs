//! Stored rows, read where they lie.

use super::Run;
use crate::{
    eval::{solve::OutOfBudget, term::Term},
    facts::{FACT_ARITY_MAX, Facts, Row, RowPattern},
    model::Sym,
};

/// Stored rows that fit a call, end to end.
#[derive(Debug)]
pub(super) struct Stored {
    terms: Vec<Term>,
    arity: usize,
    bytes: u64,
}

/// Bytes of a term in [`Stored`], and half of it for how the list grows.
const TERM_BYTES: u64 = 24;
/// Rows that are looked at and don't fit, for one unit.
const PASSED_PER_UNIT: u64 = 8;

impl Stored {
    pub(super) fn rows(&self) -> impl Iterator<Item = &[Term]> {
        // Without arguments nothing is stored.
        self.terms.chunks_exact(self.arity.max(1))
    }

    /// The last row.
    pub(super) fn last(&self) -> Option<&[Term]> {
        self.terms.rchunks_exact(self.arity.max(1)).next()
    }

    /// Takes the last row away.
    pub(super) fn drop_last(&mut self) {
        self.terms.truncate(self.terms.len().saturating_sub(self.arity));
    }

    /// What it has on the account, to be given back when it has been gone through.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl<F: Facts> Run<'_, F> {
    /// Every stored row (of any layer) that fits the call, each once.
    pub(super) fn scan(&mut self, predicate: usize, args: &[Term]) -> Result<Stored, OutOfBudget> {
        let arity = args.len();
        let mut stored = Stored { terms: Vec::new(), arity, bytes: 0 };
        let declared = &self.linked.predicates[predicate];
        if declared.auxiliary || arity == 0 || arity > FACT_ARITY_MAX {
            return Ok(stored);
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
            let mut cursor = self.facts.open(*relation, &pattern);
            let (mut row, mut n_passed) = (Row::default(), 0);
            loop {
                let is_row = self.facts.next(&mut cursor, &mut row);
                let n_now = self.facts.n_passed(&cursor);
                self.account.spend(1 + (n_now - n_passed) / PASSED_PER_UNIT)?;
                n_passed = n_now;
                if !is_row {
                    break;
                }
                let mut terms = [Term::Const(Sym { ty: shape.types[0], id: 0 }); FACT_ARITY_MAX];
                for (place, (id, ty)) in terms.iter_mut().zip(row.iter().zip(&shape.types)) {
                    *place = Term::Const(Sym { ty: *ty, id: *id });
                }
                if repeats_agree(args, &terms[..arity]) {
                    let bytes = TERM_BYTES * arity as u64;
                    self.account.hold(bytes)?;
                    stored.bytes += bytes;
                    stored.terms.extend_from_slice(&terms[..arity]);
                }
            }
        }
        self.relations = relations;
        Ok(stored)
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
