//! Facts and a policy → bytes.
//!
//! gather (facts → rows over provisional numbers) → dictionary (numbers in order of text) → relations (columns in every
//! direction) → sections. Native and in the component alike; the bytes depend only on the contents.

mod dictionary;
mod gather;
mod relations;
pub(super) mod sections;

use std::fmt;

use super::{
    layout::{Section, hash_seed, to_bytes},
    manifest::{Counts, Key, Manifest, PolicyText},
    program,
};
use crate::{compile, model::Fact, syntax::diagnostic::Diagnostic};

/// What goes into a snapshot besides the facts.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// Which snapshot it is; `counts` is filled in.
    pub manifest: Manifest,
    /// The policy; `None`: the environment has none.
    pub policy: Option<PolicyText>,
    /// Digests of the environment's keys; `None`: the maker doesn't know them.
    pub keys: Option<Vec<Key>>,
}

/// Why no snapshot can be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// The policy has errors.
    Policy(Vec<Diagnostic>),
    /// A count is past what the format can number.
    TooLarge {
        /// What there is too much of, with how many are allowed.
        what: String,
    },
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WriteError::Policy(diagnostics) => {
                let first = diagnostics.iter().find(|d| d.severity == crate::syntax::diagnostic::Severity::Error);
                match first {
                    Some(first) => write!(f, "the policy has errors: line {}: {}", first.place.line, first.message),
                    None => write!(f, "the policy has errors"),
                }
            }
            WriteError::TooLarge { what } => write!(f, "too large for one snapshot: {what}"),
        }
    }
}

impl std::error::Error for WriteError {}

/// Makes a snapshot. Facts may come in any order; one given twice is stored once.
/// The bytes depend only on the contents, not on the order of the facts.
pub fn write(contents: &Contents, facts: impl IntoIterator<Item = Fact>) -> Result<Vec<u8>, WriteError> {
    let compiled = compile::compile(&program::sources(contents.policy.as_ref()));
    let Some(compiled_program) = compiled.program else { return Err(WriteError::Policy(compiled.diagnostics)) };
    let mut gathered = gather::Gathered::default();
    for fact in facts {
        gathered.add(&fact)?;
    }
    let mut manifest = contents.manifest.clone();
    let seed = hash_seed(&manifest.store, manifest.epoch, manifest.offset);
    let (types, numbers) = dictionary::order(&mut gathered);
    let relations = relations::lay_out(gathered.groups, &types, &numbers, &compiled_program.split_hints)?;
    manifest.counts = Counts {
        facts: relations.iter().map(|relation| relation.n_rows() as u64).sum(),
        types: types.len() as u64,
        values: types.iter().map(|ty| ty.ids.len() as u64).sum(),
        relations: relations.len() as u64,
    };
    let policy_digest = program::policy_digest(contents.policy.as_ref());
    Ok(sections::assemble([
        (Section::Manifest, to_bytes(&manifest)),
        (Section::Keys, to_bytes(&contents.keys)),
        (Section::Policy, to_bytes(&contents.policy)),
        (Section::Program, program::encode(&compiled_program, policy_digest)),
        (Section::Dictionary, dictionary::encode(&types, seed)?),
        (Section::Relations, relations::encode(&relations)),
    ]))
}
