//! Random worlds with something wide in them: sizes around 2^8, 2^16 and the limits of conditions, variables, arguments,
//! labels, alternatives, types, facts and ids. What is within the limits is answered as a small world is, by search over
//! every kind of store and, where it isn't too much, by the oracle; what is over is refused with a reason.
//!
//! Ordinarily some seconds from a fresh seed; `UNDERSTUDY_WORLDS` and `UNDERSTUDY_SEED` as in `differential.rs`.

use std::{
    collections::BTreeMap,
    time::{Instant, SystemTime},
};

use serde_json::{Value as Json, json};
use understudy_core::{
    compile::{Source, compile},
    engine::{Engine, Options},
    eval::{answer::Evaluator, naive::Naive},
    facts::plain::Plain,
    limits::WORK_UNITS_PER_REQUEST,
    model::{Answer, Ask, AskError, Fact, Request},
    rules::rule::Program,
    snapshot::{Contents, Manifest, PolicyText, write},
};
use understudy_tests::{
    ask::answer,
    checks,
    wide::{self, DIMENSIONS, Name, Question, Wide, Width},
    world::World,
};

/// Each dimension at each of its widths.
const N_WORLDS: u64 = wide::N_SEEDS_PER_ROUND;
/// Conditions of a wide policy times its facts: about more the oracle isn't asked, which takes half a second for so many.
const NAIVE_MAX: usize = 40_000;

type Told = Result<Answer, AskError>;

#[derive(Debug, Default)]
struct Counts {
    /// Worlds by what was made wide, how wide, and whether it was over a limit.
    n_reached: BTreeMap<(Name, Width, bool), u64>,
    n_refused: u64,
    n_requests_refused: u64,
    n_answers: u64,
    n_of_the_small: u64,
    n_by_naive: u64,
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number of worlds or a seed"))
}

fn fresh_seed() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock after 1970");
    since.as_millis() as u64 * 1_000
}

fn written(told: &Told) -> Json {
    told.as_ref().map_or_else(|error| json!(error.kind()), answer)
}

fn is_refused(told: &Told) -> bool {
    matches!(told, Err(AskError::Invalid { message }) if message.contains("are allowed"))
}

fn snapshot(policy: &str, facts: Vec<Fact>) -> Result<Vec<u8>, String> {
    let policy = Some(PolicyText { file: None, text: policy.to_owned() });
    let manifest = Manifest { offset: 10, ..Manifest::default() };
    write(&Contents { manifest, policy, keys: None }, facts).map_err(|error| error.to_string())
}

fn request(ask: &Ask, context_facts: &[Fact]) -> Request {
    let context_facts = context_facts.to_vec();
    Request { ask: ask.clone(), context_facts, now_s: World::now_s(), budget: WORK_UNITS_PER_REQUEST }
}

/// What the small world says to the questions that it knows.
fn of_the_small(wide: &Wide) -> Option<Vec<Json>> {
    let program = compile(&[Source { name: "small", text: &wide.small.policy() }]).program?;
    let stored: String = wide.small.stored().iter().map(|fact| format!("{fact};\n")).collect();
    let mut evaluator = Evaluator::new(&program, Plain::new(understudy_tests::case::facts("small", &stored)), 0);
    let context = wide.small.context_facts();
    let known = wide.questions.iter().filter(|question| question.is_of_the_small);
    Some(known.map(|question| written(&evaluator.ask(&request(&question.ask, &context)))).collect())
}

fn is_within_reach_of_naive(program: &Program, n_facts: usize) -> bool {
    let n_conditions: usize = program.rules.iter().map(|rule| 1 + rule.body.len()).sum();
    n_conditions * n_facts <= NAIVE_MAX
}

/// The first thing that is wrong, in a line.
fn failure(wide: &Wide, counts: &mut Counts) -> Option<String> {
    if let Some(wrong) = checks::failure(&wide.small, &mut checks::Counts::default()) {
        return Some(format!("the small world: {wrong}"));
    }
    let expected = of_the_small(wide);
    let compiled = compile(&[Source { name: "wide", text: &wide.policy }]);
    let Some(program) = compiled.program else {
        let told = compiled.diagnostics.first().map_or_else(String::new, ToString::to_string);
        // One that the small policy shares is no news.
        expected.as_ref()?;
        if wide.is_policy_over() == Some(false) || !told.contains(|c: char| c.is_ascii_digit()) {
            return Some(format!("refused: {told}"));
        }
        if let Ok(bytes) = snapshot(&wide.policy, wide.base.clone())
            && Engine::open(&bytes, Options::seeded(3)).is_ok()
        {
            return Some("refused, but not in a snapshot".to_owned());
        }
        counts.n_refused += 1;
        return None;
    };
    let Some(mut expected) = expected.map(Vec::into_iter) else {
        return Some("the small policy is refused, the wide one is not".to_owned());
    };
    if wide.is_policy_over() == Some(true) {
        return Some("over a limit, but not refused".to_owned());
    }
    let stored = wide.stored();
    let base = snapshot(&wide.policy, wide.base.clone()).expect("a world can be written");
    let mut layered = Engine::open(&base, Options::seeded(3)).expect("what was written opens");
    layered.apply(&wide.later, 11);
    // What is widest takes its time: once is enough.
    let is_widest = wide.paddings.iter().any(|padding| padding.width == Width::Half);
    let whole = (!is_widest).then(|| snapshot(&wide.policy, stored.clone()).expect("a world can be written"));
    let open = |bytes| Engine::open(bytes, Options::seeded(5)).expect("what was written opens");
    let mut whole = whole.as_deref().map(open);
    let with_naive = !is_widest && is_within_reach_of_naive(&program, stored.len() + wide.context.len());
    let mut plain = Evaluator::new(&program, Plain::new(stored), 7);
    for question in &wide.questions {
        let expected = if question.is_of_the_small { expected.next() } else { None };
        let asked = request(&question.ask, &wide.context);
        let found = plain.ask(&asked);
        let by_whole = whole.as_mut().map(|whole| ("a new snapshot", whole.ask(&asked)));
        for (how, other) in [("layers", layered.ask(&asked))].into_iter().chain(by_whole) {
            if other != found {
                return Some(format!("{}: {found:?}, by {how} {other:?}", wide::told(question)));
            }
        }
        if with_naive {
            let naive = plain.ask_by::<Naive>(&asked);
            counts.n_by_naive += 1;
            if naive != found {
                return Some(format!("{}: {found:?}, by the oracle {naive:?}", wide::told(question)));
            }
        }
        if let Some(wrong) = wrong(wide, question, &found, expected.as_ref(), counts) {
            return Some(wrong);
        }
    }
    None
}

/// Is the answer another than it has to be?
fn wrong(
    wide: &Wide,
    question: &Question,
    found: &Told,
    expected: Option<&Json>,
    counts: &mut Counts,
) -> Option<String> {
    let told = || format!("{:.300}", format!("{found:?}"));
    if question.is_over || wide.is_context_over() {
        counts.n_requests_refused += 1;
        return (!is_refused(found)).then(|| format!("{}: over a limit, but {}", wide::told(question), told()));
    }
    counts.n_answers += 1;
    if let Some(expected) = expected {
        counts.n_of_the_small += 1;
        if *expected != written(found) {
            return Some(format!("{}: {}, but {expected} in the small world", wide::told(question), told()));
        }
    }
    let n_rows = match found {
        Ok(Answer::Facts(rows)) => Some(rows.len()),
        Ok(Answer::Bindings { rows, .. }) => Some(rows.len()),
        _ => None,
    };
    (question.n_rows.is_some() && n_rows != question.n_rows)
        .then(|| format!("{}: {n_rows:?} rows of {:?}: {}", wide::told(question), question.n_rows, told()))
}

#[test]
fn a_wide_world_is_answered_as_a_small_one_or_refused_with_a_reason() {
    let first = number("UNDERSTUDY_SEED").unwrap_or_else(fresh_seed);
    let n_worlds = number("UNDERSTUDY_WORLDS").unwrap_or(N_WORLDS);
    println!("UNDERSTUDY_SEED={first} UNDERSTUDY_WORLDS={n_worlds}");
    let (begun, mut counts) = (Instant::now(), Counts::default());
    for seed in first..first + n_worlds {
        let wide = wide::world(seed);
        if let Some(wrong) = failure(&wide, &mut counts) {
            panic!("world {seed}, {:?}: {wrong}\n{}", wide.paddings, wide.small.case(&json!("?")));
        }
        for padding in &wide.paddings {
            *counts.n_reached.entry((padding.dimension, padding.width, padding.is_over())).or_default() += 1;
        }
    }
    println!("worlds {first} to {}, {:.1} s", first + n_worlds - 1, begun.elapsed().as_secs_f64());
    println!("{counts:?}");
    if n_worlds < N_WORLDS {
        return;
    }
    // The generator must keep reaching everything.
    let n_rounds = n_worlds / wide::N_SEEDS_PER_ROUND;
    for dimension in &DIMENSIONS {
        let of = dimension.dimension;
        let reached = |width, is_over| counts.n_reached.get(&(of, width, is_over)).copied().unwrap_or_default();
        assert!(reached(Width::Byte, false) + reached(Width::Byte, true) >= 5 * n_rounds, "{of:?}: {counts:#?}");
        if let Some(limit) = dimension.limit {
            assert!(reached(Width::Limit, false) >= n_rounds, "{of:?} below {limit}: {counts:#?}");
            assert!(reached(Width::Limit, true) >= n_rounds, "{of:?} above {limit}: {counts:#?}");
        }
        let n_half = reached(Width::Half, false) + reached(Width::Half, true);
        assert!(n_half >= n_rounds * dimension.n_half_per_round, "{of:?}: {counts:#?}");
    }
    assert!(counts.n_refused > 0 && counts.n_requests_refused > 0 && counts.n_by_naive > 0, "{counts:#?}");
}
