//! Random worlds of which something is wide, from a seed.
//!
//! A small world of [`generate`] gets conditions that call *gates*. In the small world a gate is a stored fact a value; in
//! the wide one the same values pass by a structure of about 2^8 or 2^16 parts, or of as many as a limit lets it have: its
//! first, its last and those beside the widths must count, each as itself, and who passes where a number wraps has no right
//! to. So the small world, whose answer the oracles know, says what the wide one answers.

mod gates;

use serde_json::json;
use understudy_core::{
    limits::{
        ARITY_MAX, BRANCHES_PER_RULE_MAX, CONDITIONS_PER_RULE_MAX, CONTEXT_FACTS_MAX, ID_BYTES_MAX, REQUEST_IDS_MAX,
        TYPES_MAX, VARIABLES_PER_RULE_MAX,
    },
    model::{Ask, Change, Fact, Pattern},
};

use self::gates::Gate;
use crate::{
    ask::ask,
    generate,
    random::Random,
    world::{Rule, World},
};

/// What is wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// Conditions of a rule.
    Conditions,
    /// Variables of a rule.
    Variables,
    /// Arguments of a derived predicate.
    Arguments,
    /// Variables that a negation takes from outside.
    OuterVariables,
    /// Strings in the middle of a relation.
    Labels,
    /// Branches of an `or`.
    Branches,
    /// Elements of a list.
    Elements,
    /// Rules of a predicate.
    Rules,
    /// Predicates of a policy.
    Predicates,
    /// Types of a policy.
    Types,
    /// Types of one argument of stored facts.
    StoredTypes,
    /// Facts that have one value in common.
    FactsOfOneKey,
    /// Ids of a type.
    Ids,
    /// Bytes of an id.
    IdBytes,
    /// Context facts.
    ContextFacts,
    /// Ids of a request's constraint.
    RequestIds,
}

/// Near what its size is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Width {
    /// 2^8.
    Byte,
    /// 2^16.
    Half,
    /// The limit.
    Limit,
}

/// What can be made wide, and how far.
#[derive(Clone, Copy, Debug)]
pub struct Dimension {
    /// Which.
    pub dimension: Name,
    /// How many there may be; `None`: as many as there is room for.
    pub limit: Option<usize>,
    /// How often it comes near 2^16 in [`N_SEEDS_PER_ROUND`] seeds: less often where that takes seconds.
    pub n_half_per_round: u64,
}

/// So many seeds in a row reach each dimension at each of its widths, and from both sides of its limit.
pub const N_SEEDS_PER_ROUND: u64 = DIMENSIONS.len() as u64 * N_TURNS;
const N_TURNS: u64 = 15;

/// Every dimension.
pub const DIMENSIONS: [Dimension; 16] = {
    const fn of(dimension: Name, limit: Option<usize>, n_half_per_round: u64) -> Dimension {
        Dimension { dimension, limit, n_half_per_round }
    }
    [
        of(Name::Conditions, Some(CONDITIONS_PER_RULE_MAX), 3),
        of(Name::Variables, Some(VARIABLES_PER_RULE_MAX), 3),
        of(Name::Arguments, Some(ARITY_MAX), 1),
        // Each is an argument of a predicate that the policy doesn't name: they are counted in 8 bits.
        of(Name::OuterVariables, Some(u8::MAX as usize), 1),
        of(Name::Labels, None, 3),
        of(Name::Branches, Some(BRANCHES_PER_RULE_MAX), 3),
        of(Name::Elements, None, 1),
        of(Name::Rules, None, 1),
        of(Name::Predicates, None, 1),
        of(Name::Types, Some(TYPES_MAX), 1),
        of(Name::StoredTypes, None, 1),
        of(Name::FactsOfOneKey, None, 3),
        of(Name::Ids, None, 3),
        // No id has so many bytes.
        of(Name::IdBytes, Some(ID_BYTES_MAX), 0),
        of(Name::ContextFacts, Some(CONTEXT_FACTS_MAX), 1),
        of(Name::RequestIds, Some(REQUEST_IDS_MAX), 3),
    ]
};

/// One thing that was made wide.
#[derive(Clone, Copy, Debug)]
pub struct Padding {
    /// Which.
    pub dimension: Name,
    /// How wide it was to be.
    pub width: Width,
    /// How wide it is.
    pub size: usize,
    /// Its limit.
    pub limit: Option<usize>,
}

impl Padding {
    /// Is it more than there may be?
    pub fn is_over(&self) -> bool {
        self.limit.is_some_and(|limit| self.size > limit)
    }

    /// Does its limit bound policies?
    fn is_of_a_policy(&self) -> bool {
        !matches!(self.dimension, Name::IdBytes | Name::ContextFacts | Name::RequestIds)
    }
}

/// A question to a wide world.
#[derive(Clone, Debug)]
pub struct Question {
    /// As asked.
    pub ask: Ask,
    /// Has the small world the same answer?
    pub is_of_the_small: bool,
    /// How many rows there are, where that follows from how the world was made.
    pub n_rows: Option<usize>,
    /// Is it over a limit by itself?
    pub is_over: bool,
}

/// A wide world, and the small one that says what it answers.
#[derive(Clone, Debug)]
pub struct Wide {
    /// The one with stored facts for gates.
    pub small: World,
    /// Text of the wide policy.
    pub policy: String,
    /// Facts of the snapshot.
    pub base: Vec<Fact>,
    /// Writes since.
    pub later: Vec<Change>,
    /// Facts of the request.
    pub context: Vec<Fact>,
    /// What is asked of it.
    pub questions: Vec<Question>,
    /// What is wide.
    pub paddings: Vec<Padding>,
}

impl Wide {
    /// Everything stored when the request comes.
    pub fn stored(&self) -> Vec<Fact> {
        let mut stored: Vec<Fact> = self.base.clone();
        for change in &self.later {
            match change {
                Change::Insert(fact) => {
                    if !stored.contains(fact) {
                        stored.push(fact.clone());
                    }
                }
                Change::Delete(fact) => stored.retain(|known| known != fact),
            }
        }
        stored
    }

    /// Is the policy over a limit? `None`: near one that counts more than was padded.
    pub fn is_policy_over(&self) -> Option<bool> {
        let of_policy = || self.paddings.iter().filter(|padding| padding.is_of_a_policy());
        // The small world has types, too.
        let is_near =
            |padding: &Padding| padding.dimension == Name::Types && padding.width == Width::Limit && !padding.is_over();
        if of_policy().any(Padding::is_over) {
            return Some(true);
        }
        if of_policy().any(is_near) { None } else { Some(false) }
    }

    /// Has every request too many context facts?
    pub fn is_context_over(&self) -> bool {
        self.context.len() > CONTEXT_FACTS_MAX
    }
}

/// The first padding goes round all dimensions and widths, so that few seeds reach each; the others are small.
fn padding(seed: u64, is_first: bool, random: &mut Random) -> Padding {
    let at = if is_first { seed as usize % DIMENSIONS.len() } else { random.below(DIMENSIONS.len()) };
    let Dimension { dimension, limit, n_half_per_round } = DIMENSIONS[at];
    let turn = seed / DIMENSIONS.len() as u64 % N_TURNS;
    let is_half = turn == 7 && n_half_per_round > 0 || turn % 5 == 2 && n_half_per_round > 1;
    let width = match limit {
        _ if !is_first => Width::Byte,
        _ if is_half => Width::Half,
        Some(_) if turn % 2 == 1 => Width::Limit,
        _ => Width::Byte,
    };
    let around = match width {
        Width::Byte => 1 << 8,
        Width::Half => 1 << 16,
        // From both sides, taking turns.
        Width::Limit => limit.unwrap_or_default() + usize::from(turn % 4 == 1),
    };
    let size = match width {
        Width::Limit if turn % 4 == 1 => around + random.below(3),
        Width::Limit => around - random.below(3),
        // Mostly the sizes where a number wraps, else somewhere near.
        _ if random.chance(75) => around - 1 + random.below(4),
        _ => around - 8 + random.below(24),
    };
    Padding { dimension, width, size, limit }
}

/// Calls the gate in one or two of the rules.
fn call_gate(name: &str, world: &mut World, random: &mut Random) {
    for _ in 0..1 + random.below(2) {
        let at = random.below(world.rules.len());
        let Rule { head, body } = &mut world.rules[at];
        let text = format!("{head} {}", body.join(" "));
        let is_there =
            |variable: &&str| text.contains(&format!("({variable}")) || text.contains(&format!(" {variable}"));
        let variables: Vec<&str> = ["x", "y", "d"].into_iter().filter(is_there).collect();
        let arg = if variables.is_empty() || random.chance(10) { "U{\"a\"}" } else { random.pick(&variables) };
        let not = if random.chance(25) { "not " } else { "" };
        body.insert(random.below(body.len() + 1), format!("{not}{name}({arg})"));
    }
}

fn open_query(predicate: &str, arity: usize) -> Ask {
    Ask::Query { predicate: predicate.to_owned(), args: vec![Pattern::Any; arity] }
}

/// The wide world of a seed.
pub fn world(seed: u64) -> Wide {
    let random = &mut Random::new(seed ^ 0x5ca1_ab1e);
    let mut small = generate::world(seed);
    let n_paddings = 1 + random.below(3);
    let paddings: Vec<Padding> = (0..n_paddings).map(|turn| padding(seed, turn == 0, random)).collect();
    let gates: Vec<Gate> = paddings.iter().enumerate().map(|(at, padding)| gates::of(at, padding, random)).collect();
    for gate in &gates {
        call_gate(&gate.name, &mut small, random);
    }
    let mut wide = Wide {
        policy: small.policy() + &gates.iter().map(|gate| gate.policy.as_str()).collect::<String>(),
        base: small.base(),
        later: small.changes(),
        context: small.context_facts(),
        questions: Vec::new(),
        paddings,
        small,
    };
    let asks = [ask(&wide.small.ask).expect("a world asks for rows"), open_query("p", 1), open_query("r", 2)];
    let of_gates = gates.iter().map(|gate| open_query(&gate.name, 1));
    let of_the_small = |ask| Question { ask, is_of_the_small: true, n_rows: None, is_over: false };
    wide.questions = asks.into_iter().chain(of_gates).map(of_the_small).collect();
    for gate in gates {
        let head = format!("{}(x)", gate.name);
        let body = vec![format!("{}_base(x)", gate.name)];
        wide.small.rules.push(Rule { head, body });
        wide.small.facts.extend(gate.good.iter().map(|value| format!("{}_base({value})", gate.name)));
        wide.questions.extend(gate.questions);
        wide.context.extend(gate.context);
        lay_out(gate.facts, &mut wide, random);
    }
    wide
}

/// Most facts lie in the snapshot, a few come later.
fn lay_out(mut facts: Vec<Fact>, wide: &mut Wide, random: &mut Random) {
    for _ in 0..random.below(4).min(facts.len()) {
        let last = facts.len() - 1;
        // What matters most comes first and last.
        let any = random.below(facts.len());
        let at = *random.pick(&[0, last, any]);
        wide.later.push(Change::Insert(facts.swap_remove(at)));
    }
    wide.base.extend(facts);
}

/// The question of a wide world as JSON, for what is told of a failure.
pub fn told(question: &Question) -> String {
    json!(format!("{:.300}", format!("{:?}", question.ask))).to_string()
}
