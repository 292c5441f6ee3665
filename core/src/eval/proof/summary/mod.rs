//! The short form of an explanation: of what holds its first proofs, of a refusal what the asker has, every kind of facts
//! that would give it, and what would stand against it even then.
//!
//! A refusal is looked at backwards from the goal: a rule's conditions that are met bind its variables, those that aren't
//! are set aside and become facts to have (`ways`); facts to have are gathered, fewest first (`search`), and told by kind
//! (`group`). `names` finds what nobody knows, and what was meant.
//! Source: abduction in logic programs (Kakas, Kowalski, Toni 1992).

mod group;
mod names;
mod search;
mod ways;

use std::collections::{BTreeMap, BTreeSet};

use super::{Explaining, Goal, misses::Rows};
use crate::{
    eval::{
        linked::Literal,
        term::{Environment, Slot, Term},
    },
    facts::{FACT_ARITY_MAX, Facts, RowPattern},
    limits::{EXPLAIN_FACTS_MAX, EXPLAIN_PROOFS_MAX},
    model::{
        Ask, Explanation, Sym,
        explanation::{Atom, By, Outcome, What},
        summary::{Proof, Summary},
    },
};

/// What is known of a refusal while ways are looked for.
struct Refusal {
    /// Who asks, and for what.
    asker: Option<Sym>,
    resource: Option<Sym>,
    /// What the asker's facts name besides: groups, organisations.
    kin: BTreeSet<Sym>,
    /// What facts of the resource name, and theirs: folders above it.
    above: BTreeSet<Sym>,
    /// Facts of the asker that ways have used.
    used: BTreeSet<Goal>,
    /// Goals that were solved.
    solved: Rows,
    /// Conditions that fail whatever is granted; the first of each kind.
    objections: Vec<ways::Failing>,
    /// By what they say.
    by_condition: BTreeMap<ways::Condition, usize>,
}

impl<F: Facts> Explaining<'_, F> {
    /// The short form. `explanation`: the long form of the same question; `predicate`: the question's.
    pub(in crate::eval) fn summary(&mut self, ask: &Ask, predicate: usize, explanation: &Explanation) -> Summary {
        self.steps.clear();
        self.held.clear();
        self.is_cut = false;
        let goal = self.asked(predicate);
        let atom = self.atom_of(goal.0, &goal.1);
        let holds = explanation.roots.iter().any(|root| explanation.steps[*root].holds);
        let mut summary = Summary {
            goal: atom,
            holds,
            proofs: Vec::new(),
            n_more_proofs: 0,
            has: Vec::new(),
            n_more_facts: 0,
            grants: Vec::new(),
            against: Vec::new(),
            unknown: Vec::new(),
            is_cut: false,
        };
        if holds {
            let proofs = explanation.roots.iter().take(EXPLAIN_PROOFS_MAX).map(|root| proof(explanation, *root));
            summary.proofs = proofs.collect();
            summary.n_more_proofs = explanation.roots.len().saturating_sub(EXPLAIN_PROOFS_MAX);
            return summary;
        }
        summary.unknown = self.unknown(ask);
        let entity = |term: Option<&Term>| match term {
            Some(Term::Const(value)) if self.is_entity(*value) => Some(*value),
            _ => None,
        };
        let mut refusal = Refusal {
            asker: entity(goal.1.first()),
            resource: entity(goal.1.get(1..).and_then(<[Term]>::last)),
            kin: BTreeSet::new(),
            above: BTreeSet::new(),
            used: BTreeSet::new(),
            solved: Rows::new(),
            objections: Vec::new(),
            by_condition: BTreeMap::new(),
        };
        let found = self.search(&goal, &mut refusal);
        self.group(found, &refusal, &mut summary);
        if let Some(asker) = refusal.asker {
            self.facts_of(asker, &refusal, &mut summary);
        }
        summary.is_cut = self.is_cut || self.units == 0;
        summary
    }

    /// The question's one goal; of several the question itself.
    fn asked(&self, predicate: usize) -> Goal {
        let clause = &self.linked.clauses[self.linked.predicates[predicate].clauses[0]];
        let environment = Environment(clause.bounds.iter().map(|bound| Slot::Free(*bound)).collect());
        match clause.body.as_slice() {
            [Literal::Call(called, args)] => (*called, environment.row(args)),
            _ => (predicate, environment.row(&clause.head)),
        }
    }

    fn is_entity(&self, value: Sym) -> bool {
        !matches!(self.facts.type_name(value.ty), "String" | "Integer" | "Boolean")
    }

    /// Facts with the asker in them of predicates that rules ask for, those that ways have used first.
    fn facts_of(&mut self, asker: Sym, refusal: &Refusal, summary: &mut Summary) {
        let mut found: Vec<Goal> = refusal.used.iter().cloned().collect();
        let mut n_more = 0;
        let mut relations = Vec::new();
        for (number, predicate) in self.linked.predicates.iter().enumerate() {
            if predicate.auxiliary || !(1..=FACT_ARITY_MAX).contains(&predicate.arity) {
                continue;
            }
            relations.clear();
            self.facts.relations(&predicate.name, predicate.arity, &mut relations);
            for relation in &relations {
                let types = &self.facts.shape(*relation).types;
                let Some(at) = types.iter().position(|ty| *ty == asker.ty) else { continue };
                let mut pattern = RowPattern::default();
                pattern[at] = Some(asker.id);
                let (mut cursor, mut row) = (self.facts.open(*relation, &pattern), Default::default());
                let mut n_read = 0;
                while self.units > 0 && self.facts.next(&mut cursor, &mut row) {
                    self.units -= 1;
                    let args = types.iter().zip(row).map(|(ty, id)| Term::Const(Sym { ty: *ty, id }));
                    let goal: Goal = (number, args.collect());
                    n_read += 1;
                    if found.contains(&goal) {
                        continue;
                    }
                    if found.len() < EXPLAIN_FACTS_MAX {
                        found.push(goal);
                    } else {
                        n_more += 1;
                    }
                    if n_read > EXPLAIN_FACTS_MAX {
                        break;
                    }
                }
            }
        }
        summary.n_more_facts = n_more;
        summary.has = found.iter().map(|(predicate, row)| self.atom_of(*predicate, row)).collect();
    }
}

/// What one goal that holds rests on.
fn proof(explanation: &Explanation, root: usize) -> Proof {
    let mut proof = Proof { goal: explanation.steps[root].goal.clone(), because: Vec::new(), rules: Vec::new() };
    let mut seen = BTreeSet::new();
    let mut open = vec![root];
    while let Some(at) = open.pop() {
        if !seen.insert(at) {
            continue;
        }
        let step = &explanation.steps[at];
        let Some(way) = step.ways.first() else { continue };
        match &way.by {
            By::StoredFact | By::LaterFact | By::ContextFact => proof.because.push(What::Goal(step.goal.clone())),
            By::Question | By::Rule { line: 0, .. } => {}
            by => {
                if !proof.rules.contains(by) {
                    proof.rules.push(by.clone());
                }
            }
        }
        for condition in way.conditions.iter().rev() {
            match (&condition.what, condition.step) {
                (What::Goal(_), Some(next)) => open.push(next),
                (what @ (What::Not(_) | What::Compare(..) | What::In(..)), _)
                    if condition.outcome == Outcome::Met && !proof.because.contains(what) =>
                {
                    proof.because.push(what.clone());
                }
                _ => {}
            }
        }
    }
    // Facts of whoever asks come first, what must not hold last.
    let asker = proof.goal.args.first().cloned();
    proof.because.sort_by_key(|what| match what {
        What::Goal(atom) => u8::from(atom.args.first() != asker.as_ref()),
        _ => 2,
    });
    proof
}

/// Facts and negations that a goal rests on.
fn leaves(explanation_steps: &[crate::model::explanation::Step], root: usize) -> Vec<What> {
    let explanation = Explanation {
        answer: crate::model::Answer::Decision(true),
        roots: Vec::new(),
        steps: explanation_steps.to_vec(),
        nearest: None,
        is_cut: false,
    };
    proof(&explanation, root).because
}

/// In order, each once.
fn sorted(mut goals: Vec<Goal>) -> Vec<Goal> {
    goals.sort();
    goals.dedup();
    goals
}

/// An atom of a goal.
fn atoms<F: Facts>(explaining: &Explaining<'_, F>, goals: &[Goal]) -> Vec<Atom> {
    goals.iter().map(|(predicate, row)| explaining.atom_of(*predicate, row)).collect()
}
