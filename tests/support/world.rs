//! Small random worlds: a policy, facts, context facts and a question, as text, so that a failing one is a case.
//!
//! `generate` makes them.

use serde_json::Value as Json;
use understudy_core::model::{Change, Fact};

use crate::case::facts;

/// A rule: its head, and conditions that are joined by `and`.
#[derive(Clone, Debug)]
pub struct Rule {
    /// As written.
    pub head: String,
    /// As written; none for a policy fact.
    pub body: Vec<String>,
}

/// A world: snapshot, later writes, a request.
#[derive(Clone, Debug)]
pub struct World {
    /// Blocks.
    pub blocks: Vec<String>,
    /// Rules.
    pub rules: Vec<Rule>,
    /// Facts of the snapshot, as written.
    pub facts: Vec<String>,
    /// Writes since: inserted (or else deleted), fact as written.
    pub later: Vec<(bool, String)>,
    /// Facts of the request.
    pub context: Vec<String>,
    /// The question, as in a case.
    pub ask: Json,
}

const NOW_S: i64 = 2;

impl World {
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

    /// Facts of the snapshot.
    pub fn base(&self) -> Vec<Fact> {
        facts("world", &written(&self.facts))
    }

    /// Writes since, in order.
    pub fn changes(&self) -> Vec<Change> {
        let change = |(is_insert, fact): &(bool, String)| {
            let fact = facts("world", &format!("{fact};")).remove(0);
            if *is_insert { Change::Insert(fact) } else { Change::Delete(fact) }
        };
        self.later.iter().map(change).collect()
    }

    /// Facts of the request.
    pub fn context_facts(&self) -> Vec<Fact> {
        facts("world", &written(&self.context))
    }

    /// What is stored when the request comes, as written.
    pub fn stored(&self) -> Vec<String> {
        let mut stored = self.facts.clone();
        for (is_insert, fact) in &self.later {
            stored.retain(|known| known != fact);
            if *is_insert {
                stored.push(fact.clone());
            }
        }
        stored
    }

    /// Has the policy neither `not` nor shorthand that stands for one?
    pub fn is_negation_free(&self) -> bool {
        !self.policy().contains("not ")
    }

    /// As a case file, `expect` being what the oracle says. Its facts are what is stored in the end; how they came is told
    /// before.
    pub fn case(&self, expect: &Json) -> String {
        // The reader takes a section to be absent, not empty.
        let section = |name: &str, facts: &[String]| match facts {
            [] => String::new(),
            facts => format!("--- {name}\n{};\n", facts.join(";\n")),
        };
        let told: String = self
            .later
            .iter()
            .map(|(is_insert, fact)| format!("# {}: {fact}\n", if *is_insert { "later" } else { "deleted" }))
            .collect();
        format!(
            "{told}--- policy\n{}{}{}--- now\n{NOW_S}\n--- ask\n{}\n--- expect\n{expect}\n",
            self.policy(),
            section("facts", &self.stored()),
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
        for at in 0..self.later.len() {
            less(&|world| drop(world.later.remove(at)));
        }
        for at in 0..self.later.len() {
            less(&|world| {
                let (is_insert, fact) = world.later.remove(at);
                world.facts.retain(|known| *known != fact);
                if is_insert {
                    world.facts.push(fact);
                }
            });
        }
        for at in 0..self.rules.len() {
            for condition in 0..self.rules[at].body.len() {
                less(&|world| drop(world.rules[at].body.remove(condition)));
            }
        }
        for at in 0..self.blocks.len() {
            less(&|world| drop(world.blocks.remove(at)));
            // A block without one of its shorthand rules, or of its declarations.
            let items: Vec<&str> = self.blocks[at].split_inclusive([';', '{', '}']).collect();
            for item in 0..items.len() {
                less(&|world| world.blocks[at] = [&items[..item], &items[item + 1..]].concat().concat());
            }
        }
        worlds
    }
}

fn written(facts: &[String]) -> String {
    facts.iter().map(|fact| format!("{fact};\n")).collect()
}
