//! The façade: one snapshot, its program linked to its facts, later writes on top, questions answered.

use std::fmt;

use crate::{
    analysis::fact_types,
    eval::answer::Evaluator,
    facts::layers::Layered,
    model::{Answer, AskError, Change, Explanation, Fact, Pattern, Request},
    rules::rule::{BlockMetadata, Program},
    snapshot::{Key, Manifest, PolicyText, ReadError, Snapshot, program},
    vocabulary::{self, Vocabulary},
};

/// One snapshot, open. `'a` is the life of the snapshot's bytes, which are used where they lie.
pub struct Engine<'a> {
    manifest: Manifest,
    policy: Option<PolicyText>,
    keys: Option<Vec<Key>>,
    program: Program,
    evaluator: Evaluator<Layered<'a>>,
    offset: u64,
}

/// Why bytes make no engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// The snapshot's reader refused the bytes.
    Snapshot(ReadError),
    /// The policy inside doesn't compile.
    Policy(String),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Snapshot(error) => error.fmt(f),
            OpenError::Policy(message) => write!(f, "the policy in the snapshot doesn't compile: {message}"),
        }
    }
}

impl std::error::Error for OpenError {}

impl<'a> Engine<'a> {
    /// Opens bytes that the host has verified: takes the cached program or compiles the policy, links it.
    /// Safe on any bytes. `seed`: for hash tables, from the host.
    pub fn open(bytes: &'a [u8], seed: u64) -> Result<Self, OpenError> {
        let snapshot = Snapshot::open(bytes).map_err(OpenError::Snapshot)?;
        let policy = snapshot.policy().cloned();
        let program = program::load(snapshot.program(), policy.as_ref()).map_err(OpenError::Policy)?;
        let facts = Layered::new(snapshot.base().clone(), seed);
        let evaluator = Evaluator::new(&program, facts, seed);
        let manifest = snapshot.manifest().clone();
        let keys = snapshot.keys().map(<[Key]>::to_vec);
        let offset = manifest.offset;
        Ok(Engine { manifest, policy, keys, program, evaluator, offset })
    }

    /// What the snapshot says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The policy's text.
    pub fn policy(&self) -> Option<&PolicyText> {
        self.policy.as_ref()
    }

    /// Digests of the environment's keys; `None`: the snapshot carries none.
    pub fn keys(&self) -> Option<&[Key]> {
        self.keys.as_deref()
    }

    /// Offset of the last write that answers contain.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Applies later writes, in order; `offset` is that of the last one. Writes at or below [`Engine::offset`] change
    /// nothing, so that a log may be applied from any place at or before it.
    pub fn apply(&mut self, changes: &[Change], offset: u64) {
        if offset > self.offset {
            self.evaluator.facts_mut().apply(changes);
            self.offset = offset;
        }
    }

    /// Answers one question. Errors: as [`AskError`] says; none of them is a decision.
    pub fn ask(&mut self, request: &Request) -> Result<Answer, AskError> {
        self.evaluator.ask(request)
    }

    /// Answers one question and says why: the rules and facts behind each row, or what is missing. The answer and the
    /// errors are those of [`Engine::ask`]; it works in another order, so that where units are short one of the two may get
    /// by with them and not the other. Cost: memory for every row found; a refusal asks again for what it lacks.
    pub fn explain(&mut self, request: &Request) -> Result<Explanation, AskError> {
        self.evaluator.explain(&self.program, request)
    }

    /// Stored facts that fit, sorted by predicate and arguments: base and later writes, no rules. A pattern per position
    /// named; facts of this arity or more fit (http-api.md §6.1).
    pub fn facts(&self, predicate: Option<&str>, args: &[Pattern]) -> Vec<Fact> {
        self.evaluator.facts().matching(predicate, args)
    }

    /// May the fact be written under this snapshot's policy (polar.md §10)? The message says what is wrong and what would fit.
    pub fn check_fact(&self, fact: &Fact) -> Result<(), String> {
        fact_types::check_size(fact)?;
        fact_types::check(&self.program, fact)
    }

    /// What the policy and the stored facts name, sorted bytewise; `None`: any.
    pub fn names(&self, asked: &Vocabulary) -> Option<Vec<String>> {
        vocabulary::names(&self.program, self.evaluator.facts(), asked)
    }

    /// Roles, permissions and relations of every block, sorted; `None` where the snapshot has no policy.
    pub fn metadata(&self) -> Option<&[(String, BlockMetadata)]> {
        self.policy.as_ref().map(|_| &self.program.metadata[..])
    }
}
