//! Parent links of true rows, kept only when asked: by which rule and which other rows each was first found.
//!
//! INVARIANT: a derivation names only derivations that were there before it, in earlier rounds or earlier in its own, so
//! nothing supports itself. A row that a round takes to be true because the last one proved it keeps that proof.

use std::collections::BTreeSet;

use crate::{
    eval::term::{Environment, Term},
    model::number,
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
    /// Bytes of the derivations on the request's account.
    pub(super) bytes: u64,
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

    /// One more: it names only those that are there.
    pub(super) fn add(&mut self, derivation: Derivation) -> DerivationId {
        self.derivations.push(derivation);
        DerivationId(number(self.derivations.len() - 1))
    }
}
