//! What a generator must reach: mistakes that engines have made, each with a test of whether a world could show it.

use crate::world::World;

/// Which traps a world holds, by [`NAMES`].
pub fn of(world: &World) -> [bool; NAMES.len()] {
    let policy = world.policy();
    let (base, stored) = (world.facts.join(" "), world.stored().join(" "));
    let later: Vec<&str> = world.later.iter().map(|(_, fact)| fact.as_str()).collect();
    let above = world.context.join(" ") + &later.join(" ");
    let ask = world.ask.to_string();
    let everything = format!("{stored} {above} {ask}");
    let negated = |name: &str| policy.contains(&format!("not {name}("));
    let names = ["s", "t", "num", "has_relation", "has_role", "banned"];
    let calls = |text: &str, name: &str| text.starts_with(&format!("{name}(")) || text.contains(&format!(" {name}("));
    let only_above = |text: &str, name: &str| calls(text, name) && !calls(&base, name);
    let twins = |a: &str, b: &str| everything.contains(a) && everything.contains(b);
    let integers = ["1)", "2)", "3)", "9)"];
    let compares = ["n <", "n >"].iter().any(|op| policy.contains(op));
    let is_cyclic = |facts: &str| facts.contains("t(U{\"a\"}, D{\"1\"})") && facts.contains("t(D{\"1\"}, U{\"a\"})");
    let labels = |name: &str| {
        let pairs = |label: &str| {
            let start = format!("{name}(");
            let facts = world.facts.iter().chain(&world.context).filter(move |f| f.starts_with(&start));
            facts.filter(|f| f.contains(label)).map(|f| f.replace(label, "")).collect::<Vec<_>>()
        };
        pairs("\"m\"").iter().any(|pair| pairs("\"n\"").contains(pair))
            || pairs("\"up\"").iter().any(|pair| pairs("\"own\"").contains(pair))
    };
    let needs_itself = |name: &str| {
        let of_name = |rule: &&crate::world::Rule| rule.head.starts_with(&format!("{name}("));
        let n_calls = |rule: &crate::world::Rule| {
            let calls = |c: &&String| c.starts_with(&format!("{name}("));
            rule.body.iter().filter(calls).count()
        };
        world.rules.iter().filter(of_name).map(n_calls).max().unwrap_or(0)
    };
    [
        names.iter().any(|name| negated(name) && only_above(&world.context.join(" "), name)),
        names.iter().any(|name| negated(name) && later.iter().any(|fact| only_above(fact, name))),
        policy.contains("not ") && above.contains("Foreign") && !base.contains("Foreign"),
        above.contains("unheard_of") && !base.contains("unheard_of"),
        world.later.iter().any(|(is_insert, fact)| !is_insert && world.facts.contains(fact)),
        world.later.iter().any(|(is_insert, fact)| {
            !is_insert && names.iter().any(|name| negated(name) && calls(fact, name)) && world.facts.contains(fact)
        }),
        twins("\"a\"", "\"A\"") || twins("\"b\"", "\"B\"") || twins("\"s\"", "\"S\""),
        everything.contains("\\0"),
        twins("\"1\"", "\"01\""),
        compares && integers.iter().any(|n| above.contains(n) && !base.contains(n)),
        compares && (stored.contains("\"2\")") || above.contains("\"2\")")),
        ask.contains("\"new\""),
        ask.contains("no rule's"),
        is_cyclic(&stored) && needs_itself("r") > 0 && policy.contains("not "),
        labels("has_role") || labels("has_relation"),
        needs_itself("r") > 1,
        policy.contains("p(x) if") && policy.contains("not p(")
            || policy.contains("not q(") && policy.contains("not p("),
        policy.contains("extends"),
        world.blocks.iter().any(|block| block.contains(" if ")),
        policy.contains("not (") || policy.contains(" or "),
    ]
}

/// One line each.
pub const NAMES: [&str; 20] = [
    "a predicate under `not` that only the request knows",
    "a predicate under `not` that only later writes know",
    "a type that only layers know, beside a `not`",
    "a predicate no rule names that only layers know",
    "a tombstone",
    "a tombstone under `not`",
    "ids that differ by case",
    "ids that differ by NUL",
    "ids that differ by leading zeros",
    "Integers new to the snapshot in comparisons",
    "a String where an Integer is compared",
    "an id asked about that nothing names",
    "an action no rule names",
    "a cycle with recursion and negation",
    "two labels between one pair",
    "double recursion",
    "recursion through negation",
    "`extends`",
    "shorthand",
    "`or`, or `not` of a conjunction",
];
