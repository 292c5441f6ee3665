//! Every bound of the engine: name, unit, reason. What happens at each is an error, never a shortened answer.

/// Bytes of a policy (http-api.md §7.1 tells of about 1 MB upstream; ten times that parses in well under a second).
pub const POLICY_BYTES_MAX: usize = 10 << 20;
/// Nesting of parentheses and `not` in a body: deeper text is a mistake or an attack, and the tree is walked by recursion.
pub const NESTING_MAX: usize = 128;
/// Branches that one body may become when its `or` are multiplied out.
pub const BRANCHES_PER_RULE_MAX: usize = 4_096;
/// Conditions of one rule: their places are 16 bits wide, and choosing the next one looks at all that are left.
pub const CONDITIONS_PER_RULE_MAX: usize = 4_096;
/// Variables of one rule: their indexes are 16 bits wide and bound sets are kept as bits.
pub const VARIABLES_PER_RULE_MAX: usize = 1_024;
/// Types of one policy, near enough: sets of them are kept as bits, one set a type.
pub const TYPES_MAX: usize = 8_192;
/// Conditions and arguments of a whole policy, every `or` multiplied out: linked to its store such a program takes about
/// 64 MiB, which each instance of a node holds once.
pub const PROGRAM_PARTS_MAX: u64 = 1 << 20;
/// Members of all sets of types together, four bytes each: a chain of 2,000 `extends` has as many.
pub const SET_MEMBERS_MAX: usize = 1 << 21;
/// Types times sets: evaluation keeps a bit for each, 16 MiB in all.
pub const SET_BITS_MAX: usize = 1 << 27;
/// Steps up from types to what they extend, of all names in shorthand together: about a second.
pub const NAME_STEPS_MAX: usize = 20_000_000;
/// Facts that the tests of one policy may lay down, each fixture counted wherever it is used: about a second.
pub const TEST_FACTS_MAX: usize = 1_000_000;
/// Work units of one question of a policy test: facts written by hand need thousands; the rows that so many units derive
/// stay below 256 MiB.
pub const TEST_UNITS_PER_QUESTION: u64 = 1_000_000;
/// Work units of all tests of a policy, linking its rules for each test included.
pub const TEST_UNITS_MAX: u64 = WORK_UNITS_PER_REQUEST;
/// Failures of a policy's tests that are explained: each keeps a tree of up to [`EXPLAIN_STEPS_MAX`] steps.
pub const TEST_EXPLANATIONS_MAX: usize = 20;
/// Findings that are kept while a policy is read, of which [`FINDINGS_MAX`] are told.
pub const FINDINGS_KEPT_MAX: usize = 10_000;
/// Arguments of a derived predicate.
pub const ARITY_MAX: usize = 32;
/// Arguments of a stored fact (polar.md §16).
pub const FACT_ARITY_MAX: usize = crate::facts::FACT_ARITY_MAX;
/// Bytes of one id (polar.md U24).
pub const ID_BYTES_MAX: usize = 512;
/// Bytes of the name of a type, a predicate, a variable or an action in a request: the same as for ids.
pub const NAME_BYTES_MAX: usize = ID_BYTES_MAX;
/// Context facts of one request: a hundred times what Oso Cloud takes; each costs some microseconds before work begins.
pub const CONTEXT_FACTS_MAX: usize = 10_000;
/// Ids in all constraints of one request together: each becomes an alternative of the query.
pub const REQUEST_IDS_MAX: usize = 20_000;
/// Different types that one request names: each gets a number and tables of its own while the request lasts.
pub const REQUEST_TYPES_MAX: usize = 1_024;
/// Findings about one policy: nobody reads more, and each costs the length of its line.
pub const FINDINGS_MAX: usize = 200;
/// Work units of one request at most: a seek, a row, a rule tried are a unit each; about 20 s on one core.
pub const WORK_UNITS_PER_REQUEST: u64 = 400_000_000;
/// Work units of one request where an embedder says nothing: about a second on one core.
pub const WORK_UNITS_DEFAULT: u64 = 20_000_000;
/// Bytes of a request's values, tables, rows and answer where the host says nothing: lists of some hundred thousand ids fit,
/// and a process of 256 MiB survives it.
pub const MEMORY_BYTES_DEFAULT: u64 = 128 << 20;
/// Memory that costs one work unit, in bytes: to be given so much and to write it takes about as long as a seek.
pub const BYTES_PER_WORK_UNIT: u64 = 256;
/// Sets of types, and pairs of them compared, that stay between requests: what is over is forgotten and found again.
pub const TYPE_SETS_KEPT: usize = 65_536;
/// Goals that one explanation shows: more is no explanation. What is left out is said.
pub const EXPLAIN_STEPS_MAX: usize = 2_000;
/// Failed goals that are looked into for a refusal, nearest first.
pub const EXPLAIN_MISSES_MAX: usize = 64;
/// Ways to one failed goal that are shown, nearest first.
pub const EXPLAIN_WAYS_MAX: usize = 4;
/// Ways of one rule that are followed in looking for the nearest.
pub const EXPLAIN_BRANCHES_MAX: usize = 64;
/// Sets of facts that are looked into for what would give a refused goal; each may ask the whole policy again.
pub const EXPLAIN_STATES_MAX: usize = 512;
/// Sets of facts that are found at most: twenty folders with five roles each, and as much again.
pub const EXPLAIN_GRANTS_MAX: usize = 256;
/// Facts of one such set: what needs more is no advice.
pub const EXPLAIN_LACKS_MAX: usize = 4;
/// Kinds of grants that a summary has.
pub const EXPLAIN_KINDS_MAX: usize = 16;
/// Facts that are named as lifting one objection.
pub const EXPLAIN_UNLESS_MAX: usize = 4;
/// Facts of whoever asks that a summary has.
pub const EXPLAIN_FACTS_MAX: usize = 32;
/// Facts of whoever asks that are counted: a unit of work each. Of more the summary says "at least".
pub const EXPLAIN_FACTS_COUNTED_MAX: usize = 100_000;
/// Answers whose proof a summary tells.
pub const EXPLAIN_PROOFS_MAX: usize = 5;
/// Facts that are read to find out whether a name is known: a unit of work each, a tenth of a second in all.
pub const EXPLAIN_NAMES_MAX: usize = 200_000;
/// Bytes of a rule's text that an explanation shows.
pub const EXPLAIN_RULE_BYTES_MAX: usize = 400;

const _: () = assert!(FACT_ARITY_MAX <= ARITY_MAX);
const _: () = assert!(ARITY_MAX <= u8::MAX as usize);
const _: () = assert!(CONDITIONS_PER_RULE_MAX <= u16::MAX as usize);
const _: () = assert!(VARIABLES_PER_RULE_MAX <= u16::MAX as usize);
