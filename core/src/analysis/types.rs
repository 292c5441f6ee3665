//! Types of a policy and the order among them (polar.md §4.3, §7), and the interned sets a variable may range over.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::{
    rules::rule::{ANYTHING, Bound, BoundId, ProgramType, TypeDecl},
    syntax::{
        ast::{BlockKind, Policy},
        diagnostic::Finding,
        similar::did_you_mean,
    },
};

/// Types that are there without a block; the first three in the numbers that `rules` gives them.
const BUILT_IN: [&str; 5] = ["String", "Integer", "Boolean", "Actor", "Resource"];

/// Types by name, with everything below each.
#[derive(Clone, Debug)]
pub struct Types {
    /// In order of number.
    pub list: Vec<TypeDecl>,
    /// Interned sets; the first is everything.
    pub bounds: Vec<Bound>,
    numbers: HashMap<String, ProgramType>,
    by_set: HashMap<Bound, BoundId>,
    /// Sets of annotations. A type named later changes none: it is below itself alone.
    annotations: HashMap<String, BoundId>,
    parents: BTreeMap<String, BTreeSet<String>>,
}

impl Types {
    /// The built-in types and those of the blocks.
    pub fn new(policy: &Policy, findings: &mut Vec<Finding>) -> Self {
        let everything = Bound { types: Vec::new(), other: true };
        let mut types = Types {
            list: Vec::new(),
            by_set: HashMap::from([(everything.clone(), ANYTHING)]),
            bounds: vec![everything],
            numbers: HashMap::new(),
            annotations: HashMap::new(),
            parents: BTreeMap::new(),
        };
        for name in BUILT_IN {
            types.number(name);
        }
        types.parents.insert("Actor".to_owned(), BTreeSet::from(["Resource".to_owned()]));
        for block in &policy.blocks {
            let root = match block.kind {
                BlockKind::Actor => "Actor",
                BlockKind::Resource => "Resource",
                BlockKind::Global => continue,
            };
            if BUILT_IN.contains(&block.name.text.as_str()) {
                let message = format!("`{}` is built in: no block declares it", block.name.text);
                findings
                    .push(Finding::error("reserved-type", block.name.span, message).help("give the type another name"));
                continue;
            }
            types.number(&block.name.text);
            types.parents.entry(block.name.text.clone()).or_default().insert(root.to_owned());
        }
        for block in &policy.blocks {
            for parent in &block.parents {
                if !types.numbers.contains_key(&parent.text) {
                    let message = format!("`{}` extends `{}`, which no block declares", block.name.text, parent.text);
                    let help = types.declare_or_mean(&parent.text);
                    findings.push(Finding::error("unknown-type", parent.span, message).help(help));
                    continue;
                }
                types.parents.entry(block.name.text.clone()).or_default().insert(parent.text.clone());
            }
        }
        types.circles(policy, findings);
        types
    }

    /// Types that extend themselves: one finding a circle, at its first block.
    fn circles(&self, policy: &Policy, findings: &mut Vec<Finding>) {
        let mut told = BTreeSet::new();
        for block in &policy.blocks {
            let name = &block.name.text;
            let above: BTreeSet<String> =
                self.parents.get(name).into_iter().flatten().flat_map(|parent| self.supertypes(parent)).collect();
            if told.contains(name) || !above.contains(name) {
                continue;
            }
            let circle: BTreeSet<_> = above.iter().filter(|other| self.supertypes(other).contains(name)).collect();
            told.extend(circle.iter().map(|other| (*other).clone()));
            let mut finding = Finding::error("extends-circle", block.name.span, format!("`{name}` extends itself"));
            let others = policy.blocks.iter().filter(|other| circle.contains(&other.name.text));
            for parent in others.flat_map(|other| &other.parents).filter(|parent| circle.contains(&parent.text)) {
                finding = finding.related(Some(parent.span), format!("by way of `{}` here", parent.text));
            }
            findings.push(finding.help("remove one of them after `extends`"));
        }
    }

    /// What to do about a type that nothing declares.
    pub fn declare_or_mean(&self, name: &str) -> String {
        let names = self.list.iter().map(|ty| ty.name.as_str());
        did_you_mean(name, names)
            .unwrap_or_else(|| format!("declare it, as `resource {name} {{}}` or `actor {name} {{}}`"))
    }

    /// Has a block declared it, or is it built in?
    pub fn is_known(&self, name: &str) -> bool {
        self.numbers.contains_key(name)
    }

    /// The number of a type; a name nothing declares is a type of its own, below nothing (U16).
    pub fn number(&mut self, name: &str) -> ProgramType {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = ProgramType(self.list.len() as u32);
        self.list.push(TypeDecl {
            name: name.to_owned(),
            is_abstract: matches!(name, "Actor" | "Resource"),
            below: ANYTHING,
        });
        self.numbers.insert(name.to_owned(), number);
        number
    }

    /// The type itself, then what is above it, nearest first.
    pub fn supertypes(&self, name: &str) -> Vec<String> {
        let mut found = vec![name.to_owned()];
        let mut at = 0;
        while let Some(next) = found.get(at).cloned() {
            for parent in self.parents.get(&next).into_iter().flatten() {
                if !found.contains(parent) {
                    found.push(parent.clone());
                }
            }
            at += 1;
        }
        found
    }

    /// Names of the concrete types at or below this one.
    pub fn concrete_below(&self, name: &str) -> Vec<String> {
        let below = self.list.iter().filter(|t| !t.is_abstract);
        below.filter(|t| self.supertypes(&t.name).iter().any(|above| above == name)).map(|t| t.name.clone()).collect()
    }

    /// The set of an annotation: every concrete type at or below it.
    pub fn annotation(&mut self, name: &str) -> BoundId {
        self.number(name);
        if let Some(known) = self.annotations.get(name) {
            return *known;
        }
        let names = self.concrete_below(name);
        let types = names.iter().map(|n| self.number(n)).collect();
        let bound = self.intern(types);
        self.annotations.insert(name.to_owned(), bound);
        bound
    }

    /// Fills in what is below each type; the last step, once every type is known.
    pub fn close(&mut self) {
        let mut below: Vec<Vec<ProgramType>> = vec![Vec::new(); self.list.len()];
        for (number, ty) in self.list.iter().enumerate().filter(|(_, ty)| !ty.is_abstract) {
            for above in self.supertypes(&ty.name) {
                below[self.numbers[&above].index()].push(ProgramType(number as u32));
            }
        }
        for (number, below) in below.into_iter().enumerate() {
            self.list[number].below = self.intern(below);
        }
    }

    /// The set of exactly this type.
    pub fn exact(&mut self, name: &str) -> BoundId {
        let number = self.number(name);
        if self.list[number.index()].is_abstract { self.intern(Vec::new()) } else { self.intern(vec![number]) }
    }

    /// Number of a set.
    pub fn intern(&mut self, mut types: Vec<ProgramType>) -> BoundId {
        types.sort_unstable();
        types.dedup();
        let bound = Bound { types, other: false };
        *self.by_set.entry(bound).or_insert_with_key(|bound| {
            self.bounds.push(bound.clone());
            BoundId(self.bounds.len() as u32 - 1)
        })
    }

    /// What both sets hold.
    pub fn meet(&mut self, a: BoundId, b: BoundId) -> BoundId {
        if a == ANYTHING || a == b {
            return b;
        }
        if b == ANYTHING {
            return a;
        }
        let other = self.bounds[b.index()].types.clone();
        let common = self.bounds[a.index()].types.iter().copied().filter(|t| other.contains(t)).collect();
        self.intern(common)
    }

    /// Does no value fit?
    pub fn is_empty(&self, bound: BoundId) -> bool {
        let bound = &self.bounds[bound.index()];
        bound.types.is_empty() && !bound.other
    }
}
