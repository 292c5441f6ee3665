//! The façade: one snapshot, its program linked to its facts, later writes on top, questions answered.

use std::fmt;

use crate::{
    analysis::fact_types,
    compile::Source,
    eval::{answer::Evaluator, rule_text},
    facts::layers::Layered,
    model::{Answer, Ask, AskError, Change, Explanation, Fact, Pattern, Reasons, Request, summary::Unknown},
    pages::{Page, Pages},
    rules::rule::{BlockMetadata, Program},
    snapshot::{self, Key, Manifest, PolicyText, ReadError, Snapshot, program},
    unknown_names,
    vocabulary::{self, Vocabulary},
};

/// One snapshot, open. `'a` is the life of the snapshot's bytes, which are used where they lie.
pub struct Engine<'a> {
    manifest: Manifest,
    policy: Option<PolicyText>,
    keys: Option<Vec<Key>>,
    program: Program,
    evaluator: Evaluator<Layered<'a>>,
    pages: Pages,
    offset: u64,
}

/// How a snapshot is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// For hash tables, from the host: random where requests come from strangers.
    pub seed: u64,
    /// What the host has checked of the bytes already.
    pub checked: Checked,
    /// Bytes of memory that the work of one request may take; `None`: the engine's own limit.
    pub memory_bytes_max: Option<u64>,
}

impl Options {
    /// Nothing is checked yet, memory is the engine's own limit.
    pub fn seeded(seed: u64) -> Self {
        Options { seed, ..Options::default() }
    }
}

/// What a host vouches for. Any bytes are safe to open; who vouches for bytes that are not so gets wrong answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Checked {
    /// Nothing: every digest is checked, the policy is compiled.
    #[default]
    Nothing,
    /// Every digest ([`snapshot::verify`]): the policy is compiled. Digests tell of damage, not of who made the bytes, so
    /// they say nothing of whether program and policy belong together.
    Digests,
    /// These very bytes were opened before by one of the ways above: the compiled program in them is taken as it lies.
    Program,
}

/// Why bytes make no engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// The snapshot's reader refused the bytes.
    Snapshot(ReadError),
    /// The policy inside doesn't compile.
    Policy(String),
    /// The compiled program inside says that it was made of the policy inside by this version, and wasn't.
    Program,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Snapshot(error) => error.fmt(f),
            OpenError::Policy(message) => write!(f, "the policy in the snapshot doesn't compile: {message}"),
            OpenError::Program => f.write_str(
                "the snapshot contradicts itself: its compiled program isn't what its policy compiles to; \
                 make the snapshot again, and find out who made this one",
            ),
        }
    }
}

impl std::error::Error for OpenError {}

impl<'a> Engine<'a> {
    /// Opens a snapshot: checks what the host has not, links the program to the facts. Safe on any bytes.
    /// Cost: a digest of every byte and a compilation of the policy, unless the host has checked them.
    pub fn open(bytes: &'a [u8], options: Options) -> Result<Self, OpenError> {
        let Options { seed, checked, memory_bytes_max } = options;
        if checked == Checked::Nothing {
            snapshot::check_digests(bytes).map_err(OpenError::Snapshot)?;
        }
        let snapshot = Snapshot::open(bytes).map_err(OpenError::Snapshot)?;
        let policy = snapshot.policy().cloned();
        let program = match checked {
            Checked::Program => program::load(snapshot.program(), policy.as_ref()).map_err(OpenError::Policy)?,
            Checked::Nothing | Checked::Digests => {
                let compiled = program::compile(policy.as_ref()).map_err(OpenError::Policy)?;
                if program::contradicts(snapshot.program(), policy.as_ref(), &compiled) {
                    return Err(OpenError::Program);
                }
                compiled
            }
        };
        let facts = Layered::new(snapshot.base().clone(), seed);
        let mut evaluator = Evaluator::new(&program, facts, seed);
        if let Some(bytes) = memory_bytes_max {
            evaluator.set_memory_max(bytes);
        }
        let manifest = snapshot.manifest().clone();
        let keys = snapshot.keys().map(<[Key]>::to_vec);
        let offset = manifest.offset;
        Ok(Engine { manifest, policy, keys, program, evaluator, pages: Pages::default(), offset })
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
            self.pages.forget();
            self.evaluator.facts_mut().apply(changes);
            self.offset = offset;
        }
    }

    /// Answers one question. Errors: as [`AskError`] says; none of them is a decision.
    pub fn ask(&mut self, request: &Request) -> Result<Answer, AskError> {
        self.pages.forget();
        self.evaluator.ask(request)
    }

    /// Work units that the last question has spent: what is left for the others of its request is whoever asked's to know.
    pub fn n_spent(&self) -> u64 {
        self.evaluator.n_spent()
    }

    /// Answers one question and says why: the rules and facts behind each row, or what is missing. The answer and the
    /// errors are those of [`Engine::ask`]; it works in another order, so that where units are short one of the two may get
    /// by with them and not the other. Cost: memory for every row found; a refusal asks again for what it lacks.
    pub fn explain(&mut self, request: &Request) -> Result<Explanation, AskError> {
        self.pages.forget();
        self.evaluator.explain(&self.program, request)
    }

    /// Rows `skip..skip + limit` of the answer to one question that has rows. The answer is found once, whole, and kept while
    /// nothing but its further pages is asked for: it takes no memory of other requests. `limit`: 1 or more.
    pub fn page(&mut self, request: &Request, skip: u64, limit: u32) -> Result<Page, AskError> {
        let Engine { pages, evaluator, .. } = self;
        pages.page(request, skip, limit, |request| evaluator.ask(request))
    }

    /// Types, actions, predicates and a query's Strings that neither policy nor facts name, a sentence each.
    pub fn unknown_names(&self, ask: &Ask) -> Vec<String> {
        unknown_names::of(&self.program, self.evaluator.facts(), ask).iter().map(Unknown::sentence).collect()
    }

    /// An explanation with its short form, and with the text of each rule that it names.
    pub fn summarize(&mut self, request: &Request) -> Result<Reasons, AskError> {
        let (summary, explanation) = self.evaluator.summarize(&self.program, request)?;
        let source = self.policy.as_ref().map(|policy| Source { name: "", text: &policy.text });
        let rules = rule_text::texts(&self.program, source.as_slice(), &explanation);
        Ok(Reasons { lines: summary.lines(), rules, explanation })
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
