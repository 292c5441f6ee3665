//! What a policy can use a fact for, and what most likely is a slip in one that it can't use. Nothing is refused here: a fact
//! that no rule uses is stored, and matches nothing.
//!
//! Enters: a program; facts, or assertions over them. Leaves: warnings. Never: knows which facts there are.

mod names;

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashMap},
};

use self::names::Names;
use crate::{
    model::Fact,
    rules::rule::{ANYTHING, BoundId, Program},
    syntax::similar::did_you_mean,
};

/// Answers that are remembered: facts of one shape are warned of alike. Beyond, each is looked at anew.
const REMEMBERED_MAX: usize = 10_000;
/// Types that a hint names.
const SHOWN_MAX: usize = 6;

/// What most likely is a slip in a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactWarning {
    /// Stable short name of the kind: `unknown-predicate`, `arity`, `unknown-type`, `unknown-name`, `unused-fact`.
    pub code: &'static str,
    /// What is wrong: lower case, no full stop, names in backticks.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Which argument it is about, from 0; `None`: the predicate.
    pub at: Option<usize>,
}

/// An argument as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Argument<'a> {
    /// Its type, if that is known.
    pub type_name: Option<&'a str>,
    /// Its id, if that is known.
    pub id: Option<&'a str>,
}

/// Predicate, types of the arguments, the name of a role, permission or relation among them.
type Key = (String, Vec<String>, Option<String>);

/// What a program's rules can use. Made once, then asked for each fact.
pub struct FactUses<'p> {
    program: &'p Program,
    /// By predicate: types of the arguments of each use.
    shapes: BTreeMap<&'p str, Vec<&'p [BoundId]>>,
    /// Predicates whose every fact is used: the default `allow` reads them.
    open: BTreeMap<&'p str, BTreeSet<usize>>,
    types: HashMap<&'p str, u32>,
    names: Names<'p>,
    known: RefCell<HashMap<Key, Vec<FactWarning>>>,
}

/// What most likely is a slip in the fact. For many facts make [`FactUses`] once.
pub fn warnings(program: &Program, fact: &Fact) -> Vec<FactWarning> {
    FactUses::new(program).warnings(fact)
}

impl<'p> FactUses<'p> {
    /// Cost: linear in the program.
    pub fn new(program: &'p Program) -> Self {
        let mut shapes: BTreeMap<&str, Vec<&[BoundId]>> = BTreeMap::new();
        for shape in &program.fact_types {
            shapes.entry(&shape.predicate).or_default().push(&shape.args);
        }
        let mut open: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        for rule in program.rules.iter().filter(|rule| rule.line == 0) {
            for name in ["allow", "has_permission"] {
                open.entry(name).or_default().insert(rule.args.len());
            }
        }
        let types = program.types.iter().zip(0..).map(|(ty, number)| (ty.name.as_str(), number)).collect();
        let (names, known) = (Names::new(program), RefCell::default());
        FactUses { program, shapes, open, types, names, known }
    }

    /// What most likely is a slip in the fact; empty: a rule can use it. Cost: a look-up for facts of a shape seen before.
    pub fn warnings(&self, fact: &Fact) -> Vec<FactWarning> {
        let args: Vec<Argument<'_>> = fact
            .args
            .iter()
            .map(|value| Argument { type_name: Some(value.type_name()), id: Some(value.id()) })
            .collect();
        let types = fact.args.iter().map(|value| value.type_name().to_owned()).collect();
        let name = names::position(&fact.predicate).and_then(|(_, at)| fact.args.get(at));
        let key = (fact.predicate.clone(), types, name.map(|value| value.id().to_owned()));
        if let Some(known) = self.known.borrow().get(&key) {
            return known.clone();
        }
        let found = self.of(&fact.predicate, &args);
        let mut known = self.known.borrow_mut();
        if known.len() < REMEMBERED_MAX {
            known.insert(key, found.clone());
        }
        found
    }

    /// The same of arguments that are partly known: a variable of an assertion may be anything of its type.
    pub fn of(&self, predicate: &str, args: &[Argument<'_>]) -> Vec<FactWarning> {
        let is_open = self.open.get(predicate).is_some_and(|arities| arities.contains(&args.len()));
        let uses = self.shapes.get(predicate).map_or(&[][..], Vec::as_slice);
        if uses.is_empty() && !is_open {
            return vec![self.unknown_predicate(predicate)];
        }
        let fitting: Vec<&[BoundId]> = uses.iter().copied().filter(|use_| use_.len() == args.len()).collect();
        if fitting.is_empty() && !is_open {
            return vec![self.wrong_arity(predicate, args.len())];
        }
        let mut found: Vec<FactWarning> = (0..args.len()).filter_map(|at| self.unknown_type(args, at)).collect();
        if found.is_empty() {
            found.extend(self.names.warning(self, predicate, args));
        }
        if found.is_empty() && !is_open {
            found.extend(self.unused(predicate, args, &fitting));
        }
        found
    }

    fn unknown_predicate(&self, predicate: &str) -> FactWarning {
        let known = self.shapes.keys().chain(self.open.keys()).copied();
        let help = did_you_mean(predicate, known)
            .unwrap_or_else(|| format!("use it in a rule, or declare it, as `declare {predicate}(Type, …);`"));
        let message = format!("no rule uses `{predicate}`");
        FactWarning { code: "unknown-predicate", message, help: Some(help), at: None }
    }

    fn wrong_arity(&self, predicate: &str, n_args: usize) -> FactWarning {
        let mut arities: BTreeSet<usize> = self.open.get(predicate).cloned().unwrap_or_default();
        arities.extend(self.shapes.get(predicate).into_iter().flatten().map(|use_| use_.len()));
        let wanted: Vec<String> = arities.iter().map(ToString::to_string).collect();
        let message = format!("`{predicate}` has {n_args} arguments here, and {} in the rules", wanted.join(" or "));
        let help = match predicate {
            "has_role" if arities.contains(&3) => "write actor, role and resource",
            "has_permission" | "allow" if arities.contains(&3) => "write actor, action and resource",
            "has_relation" if arities.contains(&3) => "write resource, relation and the related object",
            _ => "predicates of one name and different arity have nothing in common",
        };
        FactWarning { code: "arity", message, help: Some(help.to_owned()), at: None }
    }

    /// A type that the policy doesn't name. Silent where any type will do and no name is near.
    fn unknown_type(&self, args: &[Argument<'_>], at: usize) -> Option<FactWarning> {
        let type_name = args[at].type_name?;
        if self.types.contains_key(type_name) || matches!(type_name, "Actor" | "Resource") {
            return None;
        }
        let help = did_you_mean(type_name, self.types.keys().copied())?;
        let message = format!("the policy has no type `{type_name}`");
        Some(FactWarning { code: "unknown-type", message, help: Some(help), at: Some(at) })
    }

    /// No use takes these types.
    fn unused(&self, predicate: &str, args: &[Argument<'_>], uses: &[&[BoundId]]) -> Option<FactWarning> {
        let takes = |use_: &[BoundId], at: usize| args[at].type_name.is_none_or(|ty| self.admits(use_[at], ty));
        if uses.iter().any(|use_| (0..args.len()).all(|at| takes(use_, at))) {
            return None;
        }
        let at = (0..args.len()).find(|at| !uses.iter().any(|use_| takes(use_, *at)));
        let Some((at, type_name)) = at.and_then(|at| Some((at, args[at].type_name?))) else {
            let types: Vec<&str> = args.iter().map(|arg| arg.type_name.unwrap_or("_")).collect();
            let message = format!("no rule uses `{predicate}({})` with these types together", types.join(", "));
            let help = "use it in a rule, or declare it with `declare`".to_owned();
            return Some(FactWarning { code: "unused-fact", message, help: Some(help), at: None });
        };
        let mut taken: BTreeSet<&str> = BTreeSet::new();
        for use_ in uses {
            let members = &self.program.bounds[use_[at].index()].types;
            taken.extend(members.iter().map(|ty| self.program.types[ty.index()].name.as_str()));
        }
        let n_more = taken.len().saturating_sub(SHOWN_MAX);
        let shown: Vec<String> = taken.iter().take(SHOWN_MAX).map(|name| format!("`{name}`")).collect();
        let more = if n_more > 0 { " and others" } else { "" };
        let message = format!("no rule uses `{predicate}` with a `{type_name}` as argument {}", at + 1);
        let help = format!("the rules take {}{more} there", shown.join(", "));
        let help = if shown.is_empty() { "use it in a rule, or declare it with `declare`".to_owned() } else { help };
        Some(FactWarning { code: "unused-fact", message, help: Some(help), at: Some(at) })
    }

    /// Is a value of the type in the set?
    fn admits(&self, bound: BoundId, type_name: &str) -> bool {
        let set = &self.program.bounds[bound.index()];
        match self.types.get(type_name) {
            _ if bound == ANYTHING => true,
            Some(number) => set.types.binary_search_by_key(number, |ty| ty.0).is_ok(),
            None => set.other,
        }
    }
}

#[cfg(test)]
mod tests;
