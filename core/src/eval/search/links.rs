//! Parent links of true rows, kept only when asked: by which rule and which other rows each was first found.
//!
//! INVARIANT: a derivation names only derivations that were there before it, in earlier rounds or earlier in its own, so
//! nothing supports itself. A row that a round takes to be true because the last one proved it keeps that proof.

use std::collections::BTreeSet;

use super::{
    Run,
    table::{Frame, TableId},
};
use crate::{
    eval::{
        solve::Worth,
        term::{Environment, Term},
    },
    facts::Facts,
};

/// One of [`Links`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DerivationId(u32);

/// How a row came to be true.
#[derive(Clone, Debug)]
pub struct Derivation {
    /// Predicate of the row.
    pub predicate: usize,
    /// The row.
    pub row: Box<[Term]>,
    /// Its rule; `None` for a fact.
    pub by: Option<Parents>,
}

/// A rule that was met.
#[derive(Clone, Debug)]
pub struct Parents {
    /// The rule.
    pub clause: usize,
    /// Its bindings when all was met.
    pub environment: Environment,
    /// Calls to derived predicates, by position in the body, with a true row that has this instance. The calls that are
    /// not here were met by a fact: the call itself for these bindings.
    pub calls: Vec<(u16, DerivationId)>,
}

/// All derivations of one request, and what was tried.
#[derive(Clone, Debug, Default)]
pub struct Links {
    derivations: Vec<Derivation>,
    /// Derivation of each true row of the answer, as the answer orders them.
    pub answers: Vec<Option<DerivationId>>,
    /// Rules whose head fitted a goal.
    pub tried: BTreeSet<usize>,
    /// Work units spent.
    pub n_spent: u64,
}

impl Links {
    /// A derivation.
    pub fn get(&self, id: DerivationId) -> &Derivation {
        &self.derivations[id.0 as usize]
    }

    /// All of them, each after those it names.
    pub fn all(&self) -> impl Iterator<Item = (DerivationId, &Derivation)> {
        (0..).map(DerivationId).zip(&self.derivations)
    }

    fn add(&mut self, derivation: Derivation) -> DerivationId {
        self.derivations.push(derivation);
        DerivationId(self.derivations.len() as u32 - 1)
    }
}

impl<F: Facts> Run<'_, F> {
    /// The next frame. With links the oldest comes first, so that rows are found by short ways.
    pub(super) fn next_frame(&mut self) -> Option<Frame> {
        if self.links.is_none() {
            return self.agenda.pop();
        }
        if self.front.is_empty() {
            self.front = std::mem::take(&mut self.agenda);
            self.front.reverse();
        }
        self.front.pop()
    }

    /// Keeps how a row came about. `proven`: what the frame gave it, before the last round was looked at.
    pub(super) fn link(&mut self, id: TableId, place: usize, proven: Worth, frame: Option<&Frame>) {
        let Some(links) = &mut self.links else { return };
        let table = &mut self.tables[id.0];
        table.links.resize(table.rows.len(), None);
        let (row, worth) = &table.rows[place];
        table.links[place] = match (worth, proven) {
            (Worth::True, Worth::True) => {
                let by = frame.map(|frame| Parents {
                    clause: frame.clause,
                    environment: frame.environment.clone(),
                    calls: frame.open.as_ref().map(|open| open.trail.clone()).unwrap_or_default(),
                });
                Some(links.add(Derivation { predicate: table.predicate, row: row.clone(), by }))
            }
            (Worth::True, _) => self.before.and_then(|before| before.link(table.predicate, &table.key, row)),
            _ => None,
        };
    }

    /// Says how the answers came about, and what that cost.
    pub(super) fn tell(&mut self) {
        if let Some(links) = &mut self.links {
            links.n_spent += self.spent;
            links.answers = self.tables[0].links.clone();
        }
    }

    /// The frame goes on with a true row of a table.
    pub(super) fn follow(&self, frame: &mut Frame, literal: u16, id: TableId, place: usize) {
        if self.links.is_none() {
            return;
        }
        let Some(link) = self.tables[id.0].links.get(place).copied().flatten() else { return };
        let trail = &mut frame.open.get_or_insert_default().trail;
        trail.retain(|(known, _)| *known != literal);
        trail.push((literal, link));
    }
}
