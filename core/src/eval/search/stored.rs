//! Stored rows, read where they lie.

use super::Run;
use crate::{
    eval::{solve::OutOfBudget, term::Term},
    facts::{FACT_ARITY_MAX, Facts, Row, RowPattern},
    model::Sym,
};

impl<F: Facts> Run<'_, F> {
    /// Every stored row (of any layer) that fits the call, each once.
    pub(super) fn scan(
        &mut self,
        predicate: usize,
        args: &[Term],
        mut found: impl FnMut(&[Term]),
    ) -> Result<(), OutOfBudget> {
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
