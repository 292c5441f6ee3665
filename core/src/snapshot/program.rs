//! The compiled program as a section: only a cache. Another version or another policy, and the text is compiled instead.

use sha2::{Digest, Sha256};

use super::{layout::to_bytes, manifest::PolicyText};
use crate::{
    compile::{self, Source},
    limits::TYPES_MAX,
    rules::rule::{Literal, Program, Term},
};

/// Version of the program's encoding: rises with every change of [`Program`] or of what its parts mean.
const VERSION: u32 = 3;

/// The policy as sources: one file, or none at all.
pub(super) fn sources(policy: Option<&PolicyText>) -> Vec<Source<'_>> {
    policy
        .into_iter()
        .map(|policy| Source { name: policy.file.as_deref().unwrap_or("policy"), text: &policy.text })
        .collect()
}

/// SHA-256 of the policy's text; of nothing where there is none.
pub(super) fn policy_digest(policy: Option<&PolicyText>) -> [u8; 32] {
    Sha256::digest(policy.map_or("", |policy| &policy.text).as_bytes()).into()
}

/// version, digest, postcard.
pub(super) fn encode(program: &Program, policy_digest: [u8; 32]) -> Vec<u8> {
    let mut bytes = VERSION.to_le_bytes().to_vec();
    bytes.extend(policy_digest);
    bytes.extend(to_bytes(program));
    bytes
}

/// What follows version and digest, if it was made by this version of this policy.
fn current(bytes: &[u8], policy_digest: [u8; 32]) -> Option<&[u8]> {
    let (version, rest) = bytes.split_first_chunk()?;
    let (digest, rest) = rest.split_first_chunk()?;
    (u32::from_le_bytes(*version) == VERSION && *digest == policy_digest).then_some(rest)
}

/// The program of a policy: the cached one if it is current and holds together, else compiled now. Whether the cached one
/// is what the policy compiles to must be known already: [`contradicts`] tells. The error is the first diagnostic.
pub fn load(cached: &[u8], policy: Option<&PolicyText>) -> Result<Program, String> {
    let decode = |bytes| postcard::from_bytes(bytes).ok().filter(is_consistent);
    match current(cached, policy_digest(policy)).and_then(decode) {
        Some(program) => Ok(program),
        None => compile(policy),
    }
}

/// Compiles a policy. The error is the first diagnostic.
pub fn compile(policy: Option<&PolicyText>) -> Result<Program, String> {
    let compiled = compile::compile(&sources(policy));
    compiled.program.ok_or_else(|| {
        let first = compiled.diagnostics.first();
        first.map_or_else(String::new, |d| format!("line {}: {}", d.place.line, d.message))
    })
}

/// Does the cache say that it is `compiled`, what this version makes of this policy, and isn't? Whoever made the digests of
/// the file can have made them over any program: only compiling again tells.
pub fn contradicts(cached: &[u8], policy: Option<&PolicyText>, compiled: &Program) -> bool {
    current(cached, policy_digest(policy)).is_some_and(|bytes| bytes != to_bytes(compiled))
}

/// Does every number point into its list? Linking indexes by them.
fn is_consistent(program: &Program) -> bool {
    let term = |term: &Term, n_variables: usize| match term {
        Term::Var(at) => usize::from(*at) < n_variables,
        Term::Const(id) => id.index() < program.constants.len(),
        Term::Now => true,
    };
    let call = |predicate: &crate::rules::rule::PredicateId, args: &[Term]| {
        let found = program.predicates.get(predicate.index());
        found.is_some_and(|found| usize::from(found.arity) == args.len())
    };
    let bound = |id: &crate::rules::rule::BoundId| id.index() < program.bounds.len();
    let ty = |id: &crate::rules::rule::ProgramType| id.index() < program.types.len();
    (3..=TYPES_MAX).contains(&program.types.len())
        && !program.bounds.is_empty()
        && program.types.iter().all(|t| bound(&t.below))
        && program.bounds.iter().all(|b| b.types.iter().all(ty))
        && program.constants.iter().all(|c| ty(&c.ty))
        && program.predicates.iter().enumerate().all(|(number, predicate)| {
            // A rule under another predicate than its head's has another number of arguments.
            let mut heads = predicate.rules.iter().map(|r| program.rules.get(r.index()).map(|rule| rule.head.index()));
            heads.all(|head| head == Some(number))
        })
        && program.fact_types.iter().all(|f| f.args.iter().all(bound))
        && program.rules.iter().all(|rule| {
            let n = rule.variables.len();
            let all = |args: &[Term]| args.iter().all(|t| term(t, n));
            call(&rule.head, &rule.args)
                && all(&rule.args)
                && rule.variables.iter().all(|v| bound(&v.bound))
                && rule.body.iter().all(|literal| match literal {
                    Literal::Call { predicate, args } | Literal::Not { predicate, args } => {
                        call(predicate, args) && all(args)
                    }
                    Literal::Compare { left, right, .. } | Literal::Unify { left, right } => {
                        term(left, n) && term(right, n)
                    }
                    Literal::In { term: t, list } => term(t, n) && all(list),
                    Literal::Fail => true,
                })
        })
}
