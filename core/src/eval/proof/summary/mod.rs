//! The short form of an explanation: of what holds its first proofs, of a refusal what the asker has, every kind of facts
//! that would give it, and what would stand against it even then.
//!
//! A refusal is looked at backwards from the goal: a rule's conditions that are met bind its variables, those that aren't
//! are set aside and become facts to have (`ways`); facts to have are gathered, fewest first (`search`), and told by kind
//! (`group`).
//! Source: abduction in logic programs (Kakas, Kowalski, Toni 1992).

mod group;
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
    limits::{EXPLAIN_FACTS_COUNTED_MAX, EXPLAIN_FACTS_MAX, EXPLAIN_PROOFS_MAX},
    model::{
        Ask, Explanation, Sym,
        explanation::{Atom, By, Outcome, What},
        summary::{Proof, Summary},
    },
    unknown_names,
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
        let n_answers = explanation.answer.n_rows();
        let holds = n_answers > 0;
        let mut summary = Summary {
            goal: atom,
            holds,
            proofs: Vec::new(),
            n_more_proofs: 0,
            has: Vec::new(),
            n_more_facts: 0,
            are_more_facts: false,
            grants: Vec::new(),
            against: Vec::new(),
            unknown: Vec::new(),
            is_cut: false,
        };
        if holds {
            // A goal of the tree that was left out may be missing from any of the proofs.
            for root in explanation.roots.iter().take(EXPLAIN_PROOFS_MAX) {
                let (proof, is_cut) = proof(explanation, *root);
                summary.proofs.push(proof);
                summary.is_cut |= is_cut;
            }
            summary.is_cut |= summary.proofs.len() < n_answers.min(EXPLAIN_PROOFS_MAX);
            summary.n_more_proofs = n_answers.saturating_sub(summary.proofs.len());
            return summary;
        }
        summary.unknown = unknown_names::with_entities(self.program, self.facts, ask, &mut self.units);
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
        summary.is_cut |= self.is_cut || self.units == 0;
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
        let mut n_read = 0;
        let mut relations = Vec::new();
        for (number, predicate) in self.linked.predicates.iter().enumerate() {
            if predicate.auxiliary || !(1..=FACT_ARITY_MAX).contains(&predicate.arity) {
                continue;
            }
            relations.clear();
            self.facts.relations(&predicate.name, predicate.arity, &mut relations);
            for relation in &relations {
                let types = &self.facts.shape(*relation).types;
                for at in (0..types.len()).filter(|at| types[*at] == asker.ty) {
                    let mut pattern = RowPattern::default();
                    pattern[at] = Some(asker.id);
                    let (mut cursor, mut row) = (self.facts.open(*relation, &pattern), Default::default());
                    while self.facts.next(&mut cursor, &mut row) {
                        if self.units == 0 || n_read == EXPLAIN_FACTS_COUNTED_MAX {
                            summary.are_more_facts = true;
                            break;
                        }
                        self.units -= 1;
                        n_read += 1;
                        // A fact that names the asker twice was met at the first place.
                        if (0..at).any(|earlier| types[earlier] == asker.ty && row[earlier] == asker.id) {
                            continue;
                        }
                        let args = types.iter().zip(row).map(|(ty, id)| Term::Const(Sym { ty: *ty, id }));
                        let goal: Goal = (number, args.collect());
                        if found.contains(&goal) {
                            continue;
                        }
                        if found.len() < EXPLAIN_FACTS_MAX {
                            found.push(goal);
                        } else {
                            summary.n_more_facts += 1;
                        }
                    }
                }
            }
        }
        summary.has = found.iter().map(|(predicate, row)| self.atom_of(*predicate, row)).collect();
    }
}

/// What one goal that holds rests on; `true`: and more, which the explanation leaves out.
fn proof(explanation: &Explanation, root: usize) -> (Proof, bool) {
    let mut is_cut = false;
    let mut proof = Proof { goal: explanation.steps[root].goal.clone(), because: Vec::new(), rules: Vec::new() };
    let mut seen = BTreeSet::new();
    let mut open = vec![root];
    while let Some(at) = open.pop() {
        if !seen.insert(at) {
            continue;
        }
        let step = &explanation.steps[at];
        let Some(way) = step.ways.first() else {
            is_cut = true;
            continue;
        };
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
                (What::Goal(_), None) => is_cut = true,
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
    (proof, is_cut)
}

/// Facts and negations that a goal rests on.
fn leaves(explanation_steps: &[crate::model::explanation::Step], root: usize) -> (Vec<What>, bool) {
    let explanation = Explanation {
        answer: crate::model::Answer::Decision(true),
        roots: Vec::new(),
        steps: explanation_steps.to_vec(),
        nearest: None,
        is_cut: false,
    };
    let (proof, is_cut) = proof(&explanation, root);
    (proof.because, is_cut)
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
