//! Everything that must hold of a world. A check that fails says so in a line; the world is then made small and printed.

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};
use understudy_core::{
    compile::{Source, compile},
    engine::{Engine, Options},
    eval::{answer::Evaluator, naive::Naive, search::Search},
    facts::plain::Plain,
    limits::WORK_UNITS_PER_REQUEST,
    model::{Answer, Ask, AskError, Constraint, Fact, Pattern, Request, Row, Value},
    rules::rule::Program,
    snapshot::{Contents, Manifest, PolicyText, write},
    syntax::printer,
};

use crate::{
    ask::{answer, ask, items},
    case::facts,
    ground::{self, Grounded, Worth},
    random::Random,
    tree::tree,
    world::World,
};

/// What became of the worlds checked.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Policies that don't compile.
    pub n_refused: u64,
    /// Answers that tell something.
    pub n_told: u64,
    /// Of them, with a wildcard.
    pub n_wildcards: u64,
    /// Empty or denied.
    pub n_empty: u64,
    /// Errors, by kind.
    pub errors: std::collections::BTreeMap<&'static str, u64>,
    /// Worlds with more ground instances than are looked at.
    pub n_too_large: u64,
    /// Worlds compared with the ground model.
    pub n_grounded: u64,
    /// Errors of wildcards (U12) where the ground model has an answer: their own outcome.
    pub n_inexpressible: u64,
    /// Facts added to negation-free worlds.
    pub n_added: u64,
    /// Lists compared with checks, one by one.
    pub n_lists: u64,
    /// Checks made for that.
    pub n_checks: u64,
    /// Of these lists, those with a wildcard.
    pub n_wildcard_lists: u64,
    /// Of these lists, those that are errors.
    pub n_error_lists: u64,
    /// Time taken by each check: oracle, ground model, layers, printing, order, more facts, lists.
    pub took: [Duration; 7],
}

/// Types that lists are asked for.
const TYPES: [&str; 7] = ["U", "D", "E", "X", "String", "Foreign", "Never named"];

type Told = Result<Answer, AskError>;

/// A world made ready.
struct Ready<'w> {
    world: &'w World,
    program: Program,
    stored: Vec<Fact>,
    context: Vec<Fact>,
    ask: Ask,
}

impl Ready<'_> {
    fn request(&self, ask: Ask) -> Request {
        let context_facts = self.context.clone();
        Request { ask, context_facts, now_s: World::now_s(), budget: WORK_UNITS_PER_REQUEST }
    }

    fn evaluator(&self) -> Evaluator<Plain> {
        Evaluator::new(&self.program, Plain::new(self.stored.clone()), 0)
    }
}

fn written(told: &Told) -> Json {
    told.as_ref().map_or_else(|error| json!(error.kind()), answer)
}

fn compiled(policy: &str) -> Option<Program> {
    compile(&[Source { name: "world", text: policy }]).program
}

/// The first check that fails, in a line.
pub fn failure(world: &World, counts: &mut Counts) -> Option<String> {
    let Some(program) = compiled(&world.policy()) else {
        counts.n_refused += 1;
        return None;
    };
    let stored: String = world.stored().iter().map(|fact| format!("{fact};\n")).collect();
    let (stored, ask) = (facts("world", &stored), ask(&world.ask).expect("a world asks for rows"));
    let ready = Ready { world, program, stored, context: world.context_facts(), ask };
    let mut evaluator = ready.evaluator();
    let request = ready.request(ready.ask.clone());
    let found = evaluator.ask(&request);
    count(&found, counts);
    let checks = [by_naive, by_ground, by_layers, by_print, by_order, by_more_facts, by_lists];
    for (number, check) in checks.iter().enumerate() {
        let begun = Instant::now();
        let failure = check(&ready, &mut evaluator, &found, counts);
        counts.took[number] += begun.elapsed();
        if failure.is_some() {
            return failure;
        }
    }
    None
}

fn count(found: &Told, counts: &mut Counts) {
    match found {
        Err(error) => *counts.errors.entry(error.kind()).or_default() += 1,
        Ok(answer) => {
            let text = written(&Ok(answer.clone())).to_string();
            counts.n_wildcards += u64::from(text.contains("null") || text.contains('*'));
            let is_empty = matches!(text.as_str(), "false" | "[]");
            *(if is_empty { &mut counts.n_empty } else { &mut counts.n_told }) += 1;
        }
    }
}

fn by_naive(ready: &Ready<'_>, evaluator: &mut Evaluator<Plain>, found: &Told, _: &mut Counts) -> Option<String> {
    let naive = evaluator.ask_by::<Naive>(&ready.request(ready.ask.clone()));
    let told = |told: &Told| told.as_ref().map_or_else(|error| format!("{error:?}"), |_| written(told).to_string());
    (*found != naive).then(|| format!("naive: the search says {}, the oracle {}", told(found), told(&naive)))
}

fn by_ground(ready: &Ready<'_>, evaluator: &mut Evaluator<Plain>, found: &Told, counts: &mut Counts) -> Option<String> {
    let facts: Vec<Fact> = ready.stored.iter().chain(&ready.context).cloned().collect();
    let Some(grounded) = ground::ground(&ready.program, &facts, &ready.ask, World::now_s()) else {
        counts.n_too_large += 1;
        return None;
    };
    counts.n_grounded += 1;
    let errors = grounded.of_worth(Worth::Error);
    match found {
        Err(AskError::Unrenderable { .. }) => return None,
        Err(error) => {
            if errors.is_empty() {
                counts.n_inexpressible += 1;
            }
            let is_circle = error.kind() == "recursion";
            return (is_circle && errors.is_empty())
                .then(|| format!("ground: {}, but the well-founded model decides it", written(found)));
        }
        Ok(_) => {}
    }
    let types: Vec<&str> = grounded.universe.types.iter().map(String::as_str).collect();
    let rows = match evaluator.rows_by::<Search>(&ready.request(ready.ask.clone()), &types) {
        Ok(rows) => rows,
        Err(error) => return Some(format!("ground: an answer once, then {}", error.kind())),
    };
    let (said, meant) = (grounded.expanded(&rows), grounded.of_worth(Worth::True));
    let tell = |what: &str, row: &[ground::Constant], grounded: &Grounded| {
        Some(format!("ground: {} {what}: ({})", written(found), grounded.text(row)))
    };
    if let Some(row) = errors.iter().next() {
        return tell("says nothing of an error", row, &grounded);
    }
    if let Some(row) = said.difference(&meant).next() {
        return tell("says too much", row, &grounded);
    }
    meant.difference(&said).next().and_then(|row| tell("says too little", row, &grounded))
}

/// A snapshot of this.
fn snapshot(policy: &str, facts: Vec<Fact>) -> Vec<u8> {
    let policy = Some(PolicyText { file: None, text: policy.to_owned() });
    let manifest = Manifest { offset: 10, ..Manifest::default() };
    write(&Contents { manifest, policy, keys: None }, facts).expect("a world can be written")
}

fn by_layers(ready: &Ready<'_>, _: &mut Evaluator<Plain>, found: &Told, _: &mut Counts) -> Option<String> {
    let policy = ready.world.policy();
    let asked = ready.request(ready.ask.clone());
    let base = snapshot(&policy, ready.world.base());
    let mut engine = Engine::open(&base, Options::seeded(3)).expect("what was written opens");
    for (number, change) in ready.world.changes().into_iter().enumerate() {
        engine.apply(&[change], 11 + number as u64);
    }
    let layered = engine.ask(&asked);
    if layered != *found {
        return Some(format!("layers: {} by layers, {} plainly", written(&layered), written(found)));
    }
    let again = engine.ask(&asked);
    if again != layered {
        return Some(format!("layers: {}, then {}", written(&layered), written(&again)));
    }
    let rebuilt = snapshot(&policy, ready.stored.clone());
    let rebuilt = Engine::open(&rebuilt, Options::seeded(5)).expect("what was written opens").ask(&asked);
    (rebuilt != *found).then(|| format!("layers: {} by a new snapshot, {} plainly", written(&rebuilt), written(found)))
}

/// What `understudy fmt` prints is the same policy.
fn by_print(ready: &Ready<'_>, _: &mut Evaluator<Plain>, found: &Told, _: &mut Counts) -> Option<String> {
    let text = ready.world.policy();
    let Ok(printed) = printer::format(&text) else {
        return Some("print: it compiles, but is not printed".to_owned());
    };
    if tree(&text) != tree(&printed) {
        return Some(format!("print: another tree\n{printed}"));
    }
    let Some(program) = compiled(&printed) else { return Some("print: what is printed does not compile".to_owned()) };
    let other = Evaluator::new(&program, Plain::new(ready.stored.clone()), 0).ask(&ready.request(ready.ask.clone()));
    (written(&other) != written(found)).then(|| format!("print: {}, but {} printed", written(found), written(&other)))
}

fn shuffle<T>(list: &mut [T], random: &mut Random) {
    for at in (1..list.len()).rev() {
        list.swap(at, random.below(at + 1));
    }
}

fn by_order(ready: &Ready<'_>, _: &mut Evaluator<Plain>, found: &Told, _: &mut Counts) -> Option<String> {
    let random = &mut Random::new(ready.stored.len() as u64 * 31 + ready.program.rules.len() as u64);
    for _ in 0..2 {
        let mut world = ready.world.clone();
        shuffle(&mut world.rules, random);
        world.rules.iter_mut().for_each(|rule| shuffle(&mut rule.body, random));
        shuffle(&mut world.context, random);
        let mut stored = ready.stored.clone();
        shuffle(&mut stored, random);
        let program = compiled(&world.policy()).expect("it compiled in another order");
        let request = Request { context_facts: world.context_facts(), ..ready.request(ready.ask.clone()) };
        let other = Evaluator::new(&program, Plain::new(stored), random.below(99) as u64).ask(&request);
        if written(&other) != written(found) {
            return Some(format!("order: {}, but {} in another", written(found), written(&other)));
        }
    }
    None
}

/// Facts that may be added.
const MORE: [&str; 6] = [
    "s(U{\"a\"})",
    "t(U{\"a\"}, D{\"1\"})",
    "has_relation(D{\"1\"}, \"up\", D{\"2\"})",
    "has_role(U{\"a\"}, \"m\", D{\"2\"})",
    "p(D{\"1\"})",
    "num(U{\"a\"}, 9)",
];

fn by_more_facts(ready: &Ready<'_>, _: &mut Evaluator<Plain>, found: &Told, counts: &mut Counts) -> Option<String> {
    let Ok(before) = found else { return None };
    if !ready.world.is_negation_free() {
        return None;
    }
    for more in MORE {
        let mut stored = ready.stored.clone();
        stored.extend(facts("more", &format!("{more};")));
        let after = Evaluator::new(&ready.program, Plain::new(stored), 0).ask(&ready.request(ready.ask.clone()));
        counts.n_added += 1;
        let Ok(after) = after else { continue };
        let is_lost = match (before, &after) {
            (Answer::Decision(before), Answer::Decision(after)) => *before && !after,
            (Answer::Ids(before), Answer::Ids(after)) => before.iter().any(|id| !after.contains(id)),
            (Answer::Facts(before), Answer::Facts(after)) => before.iter().any(|row| !after.contains(row)),
            (Answer::Bindings { rows: before, .. }, Answer::Bindings { rows: after, .. }) => {
                before.iter().any(|row| !after.contains(row))
            }
            _ => true,
        };
        if is_lost {
            let after = written(&Ok(after));
            return Some(format!("more: {}, but {after} with {more} added", written(found)));
        }
    }
    None
}

/// Ids of a type that a world may name, and one that none does.
fn ids(world: &World, ty: &str) -> Vec<String> {
    let mut ids: Vec<String> =
        ["a", "b", "A", "B", "a\0", "1", "2", "01", "new", "f", "never named"].map(str::to_owned).into();
    if ty == "String" {
        ids.extend(["r", "s", "S", "m", "n", "up", "own", "no rule's"].map(str::to_owned));
    }
    if !world.facts.iter().chain(&world.context).any(|fact| fact.contains("\\0")) {
        ids.retain(|id| id != "a\0");
    }
    ids
}

fn by_lists(ready: &Ready<'_>, evaluator: &mut Evaluator<Plain>, _: &Told, counts: &mut Counts) -> Option<String> {
    let value = |json: &Json| Value::new(json["type"].as_str()?, json["id"].as_str()?).ok();
    let world_ask = &ready.world.ask;
    let actor = value(&world_ask["actor"]).or_else(|| value(&items(&world_ask["args"]).first()?.clone()));
    let actor = actor.unwrap_or_else(|| Value::new("U", "a").expect("a value"));
    let action = world_ask["action"].as_str().unwrap_or("r").to_owned();
    for ty in TYPES {
        let list = Ask::List { actor: actor.clone(), action: action.clone(), resource_type: ty.to_owned() };
        let listed = evaluator.ask(&ready.request(list));
        counts.n_lists += 1;
        let check = |id: &str, evaluator: &mut Evaluator<Plain>| {
            let resource = Value::new(ty, id).expect("a value");
            let ask = Ask::Authorize { actor: actor.clone(), action: action.clone(), resource };
            evaluator.ask(&ready.request(ask))
        };
        let name = format!("list of {ty} for {} {}", actor.type_name(), actor.id());
        if let Some(wrong) = compared(&name, &listed, &ids(ready.world, ty), counts, |id| check(id, evaluator)) {
            return Some(wrong);
        }
        // The same by `query` and by `evaluate_query`.
        let exact = |value: &Value| Pattern::Exact(value.clone());
        let string = Value::new("String", action.as_str()).expect("a value");
        let args = vec![exact(&actor), exact(&string), Pattern::Type(ty.to_owned())];
        let queried = evaluator.ask(&ready.request(Ask::Query { predicate: "allow".to_owned(), args }));
        let only = |value: &Value| {
            let ids = Some(vec![value.id().to_owned()]);
            Constraint { type_name: value.type_name().to_owned(), ids }
        };
        let constraints = vec![
            ("a".to_owned(), only(&actor)),
            ("r".to_owned(), Constraint { type_name: ty.to_owned(), ids: None }),
            ("x".to_owned(), only(&string)),
        ];
        let calls = vec![("allow".to_owned(), ["a", "x", "r"].map(str::to_owned).to_vec())];
        let evaluated = evaluator.ask(&ready.request(Ask::Evaluate { calls, constraints }));
        for (how, other) in [("query", as_ids(&queried, 2)), ("evaluate", as_ids(&evaluated, 1))] {
            let listed = as_ids(&listed, 0);
            if other.as_ref().ok() != listed.as_ref().ok() {
                return Some(format!("lists: {name}: {listed:?}, but by {how} {other:?}"));
            }
        }
    }
    for ty in ["D", "E", "Never named"] {
        let resource = Value::new(ty, "1").expect("a value");
        let ask = Ask::Actions { actor: actor.clone(), resource: resource.clone() };
        let listed = evaluator.ask(&ready.request(ask));
        let name = format!("actions on {ty} 1 for {} {}", actor.type_name(), actor.id());
        let wrong = compared(&name, &listed, &ids(ready.world, "String"), counts, |action| {
            let (actor, resource) = (actor.clone(), resource.clone());
            evaluator.ask(&ready.request(Ask::Authorize { actor, action: action.to_owned(), resource }))
        });
        if wrong.is_some() {
            return wrong;
        }
    }
    None
}

/// Ids, `*` for a wildcard, sorted; the kind of an error.
fn as_ids(told: &Told, place: usize) -> Result<Vec<String>, &'static str> {
    let mut ids: Vec<String> = match told.as_ref().map_err(AskError::kind)? {
        Answer::Ids(ids) => ids.clone(),
        Answer::Facts(rows) => rows
            .iter()
            .map(|row| match &row[place] {
                Row::Exact(value) => value.id().to_owned(),
                Row::Any | Row::AnyOf(_) => "*".to_owned(),
            })
            .collect(),
        Answer::Bindings { rows, .. } => {
            rows.iter().map(|row| row[place].clone().unwrap_or_else(|| "*".to_owned())).collect()
        }
        Answer::Decision(_) => return Err("a decision"),
    };
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// A list without `*` is exactly the ids allowed; with it, everything is.
fn compared(
    name: &str,
    listed: &Told,
    ids: &[String],
    counts: &mut Counts,
    mut check: impl FnMut(&str) -> Told,
) -> Option<String> {
    let listed = match listed {
        Ok(Answer::Ids(listed)) => listed,
        Ok(_) => return Some(format!("lists: {name}: no list")),
        Err(_) => {
            counts.n_error_lists += 1;
            return None;
        }
    };
    let is_everything = listed.first().is_some_and(|id| id == "*");
    counts.n_wildcard_lists += u64::from(is_everything);
    let concrete = listed.iter().filter(|id| *id != "*");
    for id in ids.iter().chain(concrete.clone().filter(|id| !ids.contains(id))) {
        counts.n_checks += 1;
        let allowed = check(id);
        let is_listed = is_everything || concrete.clone().any(|known| known == id);
        if allowed != Ok(Answer::Decision(is_listed)) {
            return Some(format!("lists: {name}: {listed:?}, but the check of {id:?} says {}", written(&allowed)));
        }
    }
    None
}
