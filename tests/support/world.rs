//! Small random worlds: a policy, facts, context facts and a question, as text, so that a failing one is a case.
//!
//! Few types, ids and predicates, so that everything meets everything: recursion, negation of stored and derived goals,
//! comparisons, `or`, `in`, wildcards, types and ids that only a request knows.

use serde_json::{Value as Json, json};

use crate::random::Random;

/// A rule: its head, and conditions that are joined by `and`.
#[derive(Clone, Debug)]
pub struct Rule {
    /// As written.
    pub head: String,
    /// As written; none for a policy fact.
    pub body: Vec<String>,
}

/// A world.
#[derive(Clone, Debug)]
pub struct World {
    /// Blocks.
    pub blocks: Vec<String>,
    /// Rules.
    pub rules: Vec<Rule>,
    /// Stored facts, as written.
    pub facts: Vec<String>,
    /// Facts of the request.
    pub context: Vec<String>,
    /// The question, as in a case.
    pub ask: Json,
}

const NOW_S: i64 = 2;
const VARIABLES: [&str; 4] = ["x", "y", "z", "n"];
const TYPES: [&str; 9] = ["U", "D", "E", "Actor", "Resource", "String", "Integer", "X", "Boolean"];
const CONCRETE: [&str; 8] = ["U", "D", "E", "V", "String", "Integer", "X", "Foreign"];
/// Name, arity; the first few have rules, the others are only stored.
const PREDICATES: [(&str, usize); 9] = [
    ("p", 1),
    ("q", 1),
    ("r", 2),
    ("has_permission", 3),
    ("k", 0),
    ("s", 1),
    ("t", 2),
    ("num", 2),
    ("has_relation", 3),
];
const N_DERIVED: usize = 5;

impl World {
    /// The world of a seed.
    pub fn new(seed: u64) -> World {
        let mut random = Random::new(seed);
        let random = &mut random;
        let mut blocks = vec!["actor U {}".to_owned(), "resource D {}".to_owned()];
        blocks.push(random.pick(&["resource E extends D {}", "resource E {}", "actor E extends U, D {}"]).to_string());
        let mut rules: Vec<Rule> = (0..2 + random.below(6)).map(|_| rule(random)).collect();
        match random.below(4) {
            0 => rules.push(Rule { head: "allow(x: U, \"r\", d: D)".to_owned(), body: body_over(random, &["x", "d"]) }),
            1 => rules.push(Rule { head: "allow(x, \"r\", d)".to_owned(), body: body_over(random, &["x", "d"]) }),
            2 => rules.push(Rule {
                head: "has_permission(x: U, \"r\", d: D)".to_owned(),
                body: body_over(random, &["x", "d"]),
            }),
            _ => rules.push(Rule {
                head: "has_permission(x, a: String, d)".to_owned(),
                body: body_over(random, &["x", "d", "a"]),
            }),
        }
        let facts = (0..random.below(9)).map(|_| fact(random)).collect();
        let context = if random.chance(30) { (0..1 + random.below(2)).map(|_| fact(random)).collect() } else { vec![] };
        let ask = ask(random);
        World { blocks, rules, facts, context, ask }
    }

    /// `@current_unix_time` of every world.
    pub fn now_s() -> i64 {
        NOW_S
    }

    /// Its policy's text.
    pub fn policy(&self) -> String {
        let mut text = self.blocks.join(" ") + "\n";
        for Rule { head, body } in &self.rules {
            text += head;
            if !body.is_empty() {
                text = text + " if " + &body.join(" and ");
            }
            text += ";\n";
        }
        text
    }

    /// As a case file, `expect` being what the oracle says.
    pub fn case(&self, expect: &Json) -> String {
        // The reader takes a section to be absent, not empty.
        let section = |name: &str, facts: &[String]| match facts {
            [] => String::new(),
            facts => format!("--- {name}\n{};\n", facts.join(";\n")),
        };
        format!(
            "--- policy\n{}{}{}--- now\n{NOW_S}\n--- ask\n{}\n--- expect\n{expect}\n",
            self.policy(),
            section("facts", &self.facts),
            section("context", &self.context),
            self.ask
        )
    }

    /// The smallest world found by leaving things out that still `fails`.
    pub fn shrunk(mut self, fails: impl Fn(&World) -> bool) -> World {
        loop {
            let smaller = self.smaller().into_iter().find(&fails);
            match smaller {
                Some(world) => self = world,
                None => return self,
            }
        }
    }

    fn smaller(&self) -> Vec<World> {
        let mut worlds = Vec::new();
        let mut less = |change: &dyn Fn(&mut World)| {
            let mut world = self.clone();
            change(&mut world);
            worlds.push(world);
        };
        for at in 0..self.rules.len() {
            less(&|world| drop(world.rules.remove(at)));
        }
        for at in 0..self.facts.len() {
            less(&|world| drop(world.facts.remove(at)));
        }
        for at in 0..self.context.len() {
            less(&|world| drop(world.context.remove(at)));
        }
        for at in 0..self.rules.len() {
            for condition in 0..self.rules[at].body.len() {
                less(&|world| drop(world.rules[at].body.remove(condition)));
            }
        }
        for at in 0..self.blocks.len() {
            less(&|world| drop(world.blocks.remove(at)));
        }
        worlds
    }
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
            ("has_relation" | "has_permission", 1) => random.pick(&["\"r\"", "\"s\""]).to_string(),
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
    (0..random.below(4)).map(|_| condition(random, &all, 2)).collect()
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
    match random.below(8) {
        0 | 1 => json!({"kind": "authorize", "actor": actor(random), "action": "r", "resource": resource(random)}),
        2 => json!({"kind": "list", "actor": actor(random), "action": "r", "resource_type": random.pick(&CONCRETE)}),
        3 => json!({"kind": "actions", "actor": actor(random), "resource": resource(random)}),
        4..=6 => {
            let (name, arity) = *random.pick(&PREDICATES);
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
