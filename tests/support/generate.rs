//! Random worlds, from a seed.
//!
//! Few types, ids and predicates, so that everything meets everything: recursion, negation of stored and derived goals,
//! comparisons, `or`, `in`, wildcards, shorthand, types, ids and relations that only later writes or a request know. What
//! chance alone would rarely bring is put in on purpose; `traps` counts that it comes.

use serde_json::{Value as Json, json};

use crate::{
    random::Random,
    world::{Rule, World},
};

const VARIABLES: [&str; 4] = ["x", "y", "z", "n"];
const TYPES: [&str; 9] = ["U", "D", "E", "Actor", "Resource", "String", "Integer", "X", "Boolean"];
const CONCRETE: [&str; 8] = ["U", "D", "E", "V", "String", "Integer", "X", "Foreign"];
/// Name, arity; the first few have rules, the others are only stored.
const PREDICATES: [(&str, usize); 11] = [
    ("p", 1),
    ("q", 1),
    ("r", 2),
    ("has_permission", 3),
    ("k", 0),
    ("s", 1),
    ("t", 2),
    ("num", 2),
    ("has_relation", 3),
    ("has_role", 3),
    ("banned", 1),
];
const N_DERIVED: usize = 5;
/// Shorthand for `D`, whose roles are `m` and `n`, its permissions `r` and `s`, its relations `up` and `own`.
const SHORTHAND: [&str; 12] = [
    "\"m\" if \"n\";",
    "\"r\" if \"m\";",
    "\"s\" if \"n\" or \"own\";",
    "\"r\" if \"m\" on \"up\";",
    "role if role on \"up\";",
    "permission if permission on \"up\";",
    "\"m\" if \"own\";",
    "\"s\" if \"r\";",
    "\"r\" if not \"m\";",
    "\"s\" if \"r\" and not banned(actor);",
    "\"n\" if role on \"up\" and s(resource);",
    "\"r\" if \"s\" on \"up\" and not \"n\";",
];
/// Rules that chance would hardly put together: double recursion, recursion with guards and through negation.
const RECURSIVE: [(&str, &[&str]); 15] = [
    ("r(x, z)", &["r(x, y)", "r(y, z)"]),
    ("r(x, y)", &["t(x, y)"]),
    ("r(x, z)", &["r(x, y)", "t(y, z)", "not banned(y)"]),
    ("r(x, z)", &["t(x, y)", "r(y, z)", "s(y)"]),
    ("p(x)", &["t(x, y)", "not p(y)"]),
    ("p(x)", &["s(x)", "not q(x)"]),
    ("q(x)", &["s(x)", "not p(x)"]),
    ("p(x)", &["q(x)"]),
    ("q(x)", &["r(x, x)", "not r(x, y)", "s(y)"]),
    ("has_permission(x: U, \"r\", d: D)", &["has_permission(x, \"r\", e)", "t(d, e)"]),
    ("has_permission(x: U, \"r\", d: D)", &["p(x)"]),
    ("has_permission(x, \"r\", d)", &["t(x, d)", "not p(d)"]),
    ("has_permission(x: U, \"s\", d: D)", &["r(x, d)"]),
    ("has_permission(x: U, \"r\", d: D)", &["not q(x)", "s(x)"]),
    ("q(x: U)", &["has_permission(x, \"s\", d)", "not has_permission(x, \"r\", d)"]),
];
/// An id and another that a careless encoding would take for it, in facts and questions.
const TWINS: [(&str, &str); 5] = [
    ("U{\"a\"}", "U{\"A\"}"),
    ("U{\"a\"}", "U{\"a\\0\"}"),
    ("D{\"1\"}", "D{\"01\"}"),
    ("U{\"b\"}", "U{\"B\"}"),
    ("\"s\"", "\"S\""),
];

/// The world of a seed.
pub fn world(seed: u64) -> World {
    let random = &mut Random::new(seed);
    let mut blocks = vec!["actor U {}".to_owned()];
    if random.chance(35) {
        let declared = "roles = [\"m\", \"n\"]; permissions = [\"r\", \"s\"]; relations = { up: D, own: U };";
        let rules: Vec<&str> = (0..1 + random.below(4)).map(|_| *random.pick(&SHORTHAND)).collect();
        blocks.push(format!("resource D {{ {declared} {} }}", rules.join(" ")));
    } else {
        blocks.push("resource D {}".to_owned());
    }
    blocks.push(random.pick(&["resource E extends D {}", "resource E {}", "actor E extends U, D {}"]).to_string());
    let mut rules: Vec<Rule> = (0..1 + random.below(6)).map(|_| rule(random)).collect();
    while random.chance(45) {
        let (head, body) = *random.pick(&RECURSIVE);
        rules.push(Rule { head: head.to_owned(), body: body.iter().map(|c| (*c).to_owned()).collect() });
    }
    let (head, over): (_, &[&str]) = *random.pick(&[
        ("allow(x: U, \"r\", d: D)", &["x", "d"] as &[&str]),
        ("allow(x, \"r\", d)", &["x", "d"]),
        ("has_permission(x: U, \"r\", d: D)", &["x", "d"]),
        ("has_permission(x, a: String, d)", &["x", "d", "a"]),
    ]);
    rules.push(Rule { head: head.to_owned(), body: body_over(random, over) });
    let mut facts: Vec<String> = (0..random.below(15)).map(|_| fact(random)).collect();
    if random.chance(5) {
        facts.extend(["has_role(U{\"a\"}, \"m\", D{\"1\"})", "has_role(U{\"a\"}, \"n\", D{\"1\"})"].map(str::to_owned));
    }
    if random.chance(15) {
        facts.extend(["t(U{\"a\"}, D{\"1\"})", "t(D{\"1\"}, U{\"a\"})"].map(str::to_owned));
    }
    let mut later = Vec::new();
    if random.chance(40) {
        for _ in 0..1 + random.below(4) {
            match random.below(3) {
                0 if !facts.is_empty() => later.push((false, random.pick(&facts).clone())),
                1 if !later.is_empty() => {
                    let (is_insert, fact): &(bool, String) = random.pick(&later);
                    later.push((!is_insert, fact.clone()));
                }
                _ => later.push((random.chance(80), fact(random))),
            }
        }
    }
    let context = if random.chance(35) { (0..1 + random.below(3)).map(|_| fact(random)).collect() } else { vec![] };
    let mut world = World { blocks, rules, facts, later, context, ask: ask(random) };
    if random.chance(12) {
        let (one, other) = random.pick(&TWINS);
        let (base, later) = (world.facts.iter_mut(), world.later.iter_mut().map(|(_, fact)| fact));
        for fact in base.chain(later).chain(&mut world.context) {
            if random.chance(50) {
                *fact = fact.replace(one, other);
            }
        }
    }
    world
}

fn value(random: &mut Random) -> String {
    let text = match random.below(16) {
        0..=2 => "U{\"a\"}",
        3 | 4 => "U{\"b\"}",
        5..=7 => "D{\"1\"}",
        8 => "D{\"2\"}",
        9 => "E{\"1\"}",
        10 => "\"r\"",
        11 => "\"s\"",
        12 => "1",
        13 => "3",
        14 => "X{\"a\"}",
        _ => "true",
    };
    text.to_owned()
}

fn fact(random: &mut Random) -> String {
    let (name, arity) = match random.below(10) {
        0 => *random.pick(&PREDICATES),
        1 => ("unheard_of", 1),
        _ => *random.pick(&PREDICATES[N_DERIVED..]),
    };
    if arity == 0 {
        return "s(U{\"a\"})".to_owned();
    }
    let args: Vec<String> = (0..arity)
        .map(|at| match (name, at) {
            ("num", 1) => random.pick(&["1", "2", "3", "9", "\"2\""]).to_string(),
            ("has_permission", 1) => random.pick(&["\"r\"", "\"s\""]).to_string(),
            ("has_relation", 1) => random.pick(&["\"r\"", "\"up\"", "\"own\"", "\"up\""]).to_string(),
            ("has_role", 1) => random.pick(&["\"m\"", "\"n\"", "\"other\""]).to_string(),
            // Wildcards have no place in a fact; types that only a request knows do.
            _ if random.chance(4) => "Foreign{\"f\"}".to_owned(),
            _ => value(random),
        })
        .collect();
    format!("{name}({})", args.join(", "))
}

fn term(random: &mut Random, variables: &[&str]) -> String {
    match random.below(10) {
        0 => value(random),
        1 => "_".to_owned(),
        _ => random.pick(variables).to_string(),
    }
}

fn call(random: &mut Random, variables: &[&str]) -> String {
    let (name, arity) = *random.pick(&PREDICATES);
    let args: Vec<String> = (0..arity)
        .map(|at| match (name, at) {
            ("num", 1) => "n".to_owned(),
            ("has_relation" | "has_permission", 1) if random.chance(70) => random.pick(&["\"r\"", "\"s\""]).to_string(),
            ("has_role", 1) if random.chance(70) => random.pick(&["\"m\"", "\"n\""]).to_string(),
            _ => term(random, variables),
        })
        .collect();
    format!("{name}({})", args.join(", "))
}

fn condition(random: &mut Random, variables: &[&str], depth: usize) -> String {
    match random.below(24) {
        0..=8 => call(random, variables),
        9..=12 => format!("not {}", call(random, variables)),
        13 if depth > 0 => {
            let (a, b) = (condition(random, variables, depth - 1), condition(random, variables, depth - 1));
            format!("not ({a} and {b})")
        }
        14 if depth > 0 => {
            let (a, b) = (condition(random, variables, depth - 1), condition(random, variables, depth - 1));
            format!("({a} or {b})")
        }
        15 => format!("{} = {}", random.pick(variables), term(random, variables).replace('_', "x")),
        16 => format!("{} != {}", random.pick(variables), term(random, variables).replace('_', "x")),
        17 => format!(
            "n {} {}",
            random.pick(&["<", "<=", ">", ">="]),
            random.pick(&["2", "1", "@current_unix_time", "y"])
        ),
        18 => {
            format!("{} in [{}, {}]", random.pick(variables), value(random), term(random, variables).replace('_', "x"))
        }
        19 | 20 => format!("{} matches {}", random.pick(variables), random.pick(&TYPES)),
        21 => format!("{} matches! {}", random.pick(variables), random.pick(&TYPES)),
        _ => call(random, variables),
    }
}

fn body_over(random: &mut Random, variables: &[&str]) -> Vec<String> {
    let all: Vec<&str> = variables.iter().chain(variables).chain(&["z", "n"]).copied().collect();
    (0..random.below(3)).map(|_| condition(random, &all, 2)).collect()
}

fn rule(random: &mut Random) -> Rule {
    let (name, arity) = PREDICATES[random.below(N_DERIVED)];
    let args: Vec<String> = (0..arity)
        .map(|at| match random.below(12) {
            0 => value(random),
            1 => format!("_: {}", random.pick(&TYPES)),
            2 => "_".to_owned(),
            3..=5 => VARIABLES[at].to_owned(),
            6 => "x".to_owned(),
            _ if name == "has_permission" && at == 1 => random.pick(&["\"r\"", "\"s\""]).to_string(),
            _ => format!("{}: {}", VARIABLES[at], random.pick(&TYPES)),
        })
        .collect();
    let n_conditions = random.below(4);
    let mut body: Vec<String> = (0..n_conditions).map(|_| condition(random, &VARIABLES[..3], 2)).collect();
    if body.iter().any(|c| c.contains("n ") || c.contains("n)")) && random.chance(80) {
        body.push(format!("num({}, n)", random.pick(&VARIABLES[..2])));
    }
    Rule { head: format!("{name}({})", args.join(", ")), body }
}

fn ask(random: &mut Random) -> Json {
    let actor = |random: &mut Random| match random.below(8) {
        0 => json!({"type": "E", "id": "1"}),
        1 => json!({"type": "U", "id": "new"}),
        2 => json!({"type": "U", "id": "b"}),
        3 => json!({"type": "Foreign", "id": "f"}),
        _ => json!({"type": "U", "id": "a"}),
    };
    let resource = |random: &mut Random| match random.below(8) {
        0 => json!({"type": "E", "id": "1"}),
        1 => json!({"type": "D", "id": "new"}),
        2 => json!({"type": "D", "id": "2"}),
        3 => json!({"type": "U", "id": "a"}),
        4 => json!({"type": "X", "id": "a"}),
        _ => json!({"type": "D", "id": "1"}),
    };
    let action = |random: &mut Random| *random.pick(&["r", "r", "r", "r", "r", "s", "s", "no rule's"]);
    match random.below(8) {
        0 | 1 => {
            json!({"kind": "authorize", "actor": actor(random), "action": action(random), "resource": resource(random)})
        }
        2 => {
            json!({"kind": "list", "actor": actor(random), "action": action(random), "resource_type": random.pick(&CONCRETE)})
        }
        3 => json!({"kind": "actions", "actor": actor(random), "resource": resource(random)}),
        4..=6 => {
            let derived = if random.chance(60) { N_DERIVED - 1 } else { PREDICATES.len() };
            let (name, arity) = *random.pick(&PREDICATES[..derived]);
            let args: Json = (0..arity)
                .map(|_| match random.below(6) {
                    0 | 1 => json!({"type": null, "id": null}),
                    2 | 3 => json!({"type": random.pick(&CONCRETE), "id": null}),
                    4 => actor(random),
                    _ => resource(random),
                })
                .collect();
            json!({"kind": "query", "predicate": name, "args": args})
        }
        _ => {
            let call = |random: &mut Random| {
                let (name, arity) = *random.pick(&PREDICATES);
                let variables: Json = (0..arity).map(|_| json!(random.pick(&["a", "b", "c"]))).collect();
                json!([name, variables])
            };
            let first = call(random);
            let calls: Json = (0..random.below(3)).map(|_| call(random)).collect();
            let constraint = |random: &mut Random| match random.below(4) {
                0 => json!({"type": "U", "ids": ["a", "new"]}),
                1 => json!({"type": "D", "ids": ["1"]}),
                _ => json!({"type": random.pick(&CONCRETE), "ids": null}),
            };
            let constraints = json!({"a": constraint(random), "b": constraint(random), "c": constraint(random)});
            json!({"kind": "evaluate", "predicate": first, "calls": calls, "constraints": constraints})
        }
    }
}
