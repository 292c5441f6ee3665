//! An answer's reasons on a few lines: what holds it up, or what the asker has, what would give it and what would still
//! stand against it.

mod phrases;
mod words;

use std::collections::BTreeMap;

use super::explanation::{Atom, By, Explanation, What};

/// The short form of an explanation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// What is asked.
    pub goal: Atom,
    /// Does it hold, for any values of its free arguments?
    pub holds: bool,
    /// Of what holds: the first answers, each with its shortest proof.
    pub proofs: Vec<Proof>,
    /// Answers that `proofs` leaves out.
    pub n_more_proofs: usize,
    /// Of a refusal: facts of whoever asks, those that a way uses first.
    pub has: Vec<Atom>,
    /// Facts of theirs that `has` leaves out.
    pub n_more_facts: usize,
    /// Were more facts there than were counted?
    pub are_more_facts: bool,
    /// Of a refusal: every kind of facts that would give it, nearest first, attributes of the resource last.
    pub grants: Vec<Grant>,
    /// What stands against grants, even if they were there.
    pub against: Vec<Objection>,
    /// Names that neither policy nor facts know.
    pub unknown: Vec<Unknown>,
    /// Was something left out, for there was more than `limits` or the work units allow to look at? What is counted is
    /// then the least that there is.
    pub is_cut: bool,
}

/// Why one answer holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The answer.
    pub goal: Atom,
    /// Facts that it rests on, and what must not hold and doesn't.
    pub because: Vec<What>,
    /// Rules that it goes by, from the goal down; the built-in one is left out.
    pub rules: Vec<By>,
}

/// One kind of facts that would give what is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Any one of these, nearest first; empty: all facts are there, and only `against` is in the way.
    pub facts: Vec<Atom>,
    /// Together with all of these.
    pub besides: Vec<What>,
    /// Do those after the first stand on what the resource belongs to?
    pub is_inherited: bool,
    /// Which objections stand against it, as places in `against`.
    pub against: Vec<usize>,
    /// The rule that asks for the first fact.
    pub by: Option<By>,
}

/// A condition that fails whatever is granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// The condition.
    pub what: What,
    /// Of a `not`: what holds under it.
    pub because: Vec<What>,
    /// Facts each of which would lift it.
    pub unless: Vec<Atom>,
    /// The rule that has the condition.
    pub by: By,
}

/// What an unknown name was meant to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// A type.
    Type,
    /// A predicate.
    Predicate {
        /// Arguments it is asked with.
        arity: usize,
        /// Numbers of arguments that predicates of this name have.
        others: Vec<usize>,
    },
    /// An action.
    Action {
        /// On resources of this type.
        on: String,
    },
    /// A String at one place of a predicate.
    Argument {
        /// The predicate.
        of: String,
        /// The place, from 1.
        at: usize,
    },
    /// An entity; its name is its id.
    Entity {
        /// Its type.
        type_name: String,
    },
}

/// A name that neither policy nor facts know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// What it is the name of.
    pub named: Named,
    /// The name.
    pub name: String,
    /// The nearest name that is known, where one is near.
    pub nearest: Option<String>,
}

/// An explanation with its short form, as it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reasons {
    /// The short form, as lines for people.
    pub lines: Vec<String>,
    /// Text of each rule that the explanation names, by its number.
    pub rules: BTreeMap<u32, String>,
    /// The long form.
    pub explanation: Explanation,
}
