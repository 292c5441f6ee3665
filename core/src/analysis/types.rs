//! Types of a policy and the order among them (polar.md §4.3, §7), and the interned sets a variable may range over.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::{
    limits::TYPES_MAX,
    rules::rule::{ANYTHING, Bound, BoundId, ProgramType, TypeDecl},
    syntax::{
        ast::{BlockKind, Policy},
        diagnostic::Finding,
    },
};

/// Types by name, with everything below each.
#[derive(Debug)]
pub struct Types {
    /// In order of number.
    pub list: Vec<TypeDecl>,
    /// Interned sets; the first is everything.
    pub bounds: Vec<Bound>,
    numbers: HashMap<String, ProgramType>,
    sets: HashMap<Vec<ProgramType>, BoundId>,
    parents: BTreeMap<String, BTreeSet<String>>,
    /// Concrete types at or below each declared type.
    below: HashMap<String, Vec<ProgramType>>,
}

impl Types {
    /// The built-in types and those of the blocks.
    pub fn new(policy: &Policy, findings: &mut Vec<Finding>) -> Self {
        let everything = Bound { types: Vec::new(), other: true };
        let mut types = Types {
            list: Vec::new(),
            bounds: vec![everything],
            numbers: HashMap::new(),
            sets: HashMap::new(),
            parents: BTreeMap::new(),
            below: HashMap::new(),
        };
        for name in ["String", "Integer", "Boolean", "Actor", "Resource"] {
            types.number(name);
        }
        types.parents.insert("Actor".to_owned(), BTreeSet::from(["Resource".to_owned()]));
        for block in &policy.blocks {
            let root = match block.kind {
                BlockKind::Actor => "Actor",
                BlockKind::Resource => "Resource",
                BlockKind::Global => continue,
            };
            types.number(&block.name.text);
            types.parents.entry(block.name.text.clone()).or_default().insert(root.to_owned());
        }
        if types.is_over_limit() {
            // Said at the end, with those that no block declares; nothing is worked out for so many.
            return types;
        }
        for block in &policy.blocks {
            for parent in &block.parents {
                if !types.numbers.contains_key(&parent.text) {
                    let message = format!("`{}` extends `{}`, which no block declares", block.name.text, parent.text);
                    findings.push(Finding::error("unknown-type", parent.span, message).help("declare it by a block"));
                    continue;
                }
                types.parents.entry(block.name.text.clone()).or_default().insert(parent.text.clone());
            }
        }
        for block in &policy.blocks {
            let name = &block.name;
            if types.is_below_itself(&name.text) {
                let message = format!("`{}` extends itself, by way of others or directly", name.text);
                findings.push(Finding::error("extends-circle", name.span, message));
            }
        }
        types.below = types.find_below();
        types
    }

    /// More types than [`TYPES_MAX`]?
    pub fn is_over_limit(&self) -> bool {
        self.list.len() > TYPES_MAX
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
        self.above(name).into_iter().map(ToOwned::to_owned).collect()
    }

    fn above<'t>(&'t self, name: &'t str) -> Vec<&'t str> {
        let (mut found, mut met) = (vec![name], HashSet::from([name]));
        let mut at = 0;
        while let Some(next) = found.get(at) {
            found.extend(self.parents.get(*next).into_iter().flatten().map(String::as_str).filter(|p| met.insert(*p)));
            at += 1;
        }
        found
    }

    fn is_below_itself(&self, name: &str) -> bool {
        let parents = |name: &str| self.parents.get(name).into_iter().flatten().map(String::as_str);
        let mut met: HashSet<&str> = parents(name).collect();
        let mut next: Vec<&str> = met.iter().copied().collect();
        while let Some(above) = next.pop() {
            next.extend(parents(above).filter(|parent| met.insert(*parent)));
        }
        met.contains(name)
    }

    fn find_below(&self) -> HashMap<String, Vec<ProgramType>> {
        let mut below: HashMap<String, Vec<ProgramType>> = HashMap::new();
        for (number, ty) in self.list.iter().enumerate().filter(|(_, ty)| !ty.is_abstract) {
            for above in self.above(&ty.name) {
                below.entry(above.to_owned()).or_default().push(ProgramType(number as u32));
            }
        }
        below
    }

    /// Names of the concrete types at or below this one.
    pub fn concrete_below(&self, name: &str) -> Vec<String> {
        self.numbers_below(name).iter().map(|number| self.list[number.index()].name.clone()).collect()
    }

    /// A type that no block declares has only itself below it.
    fn numbers_below(&self, name: &str) -> Vec<ProgramType> {
        let itself = || self.numbers.get(name).filter(|number| !self.list[number.index()].is_abstract).copied();
        self.below.get(name).cloned().unwrap_or_else(|| itself().into_iter().collect())
    }

    /// The set of an annotation: every concrete type at or below it.
    pub fn annotation(&mut self, name: &str) -> BoundId {
        self.number(name);
        self.intern(self.numbers_below(name))
    }

    /// Fills in what is below each type; the last step, once every type is known.
    pub fn close(&mut self) {
        for number in 0..self.list.len() {
            let below = self.numbers_below(&self.list[number].name);
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
        if let Some(known) = self.sets.get(&types) {
            return *known;
        }
        let number = BoundId(self.bounds.len() as u32);
        self.sets.insert(types.clone(), number);
        self.bounds.push(Bound { types, other: false });
        number
    }

    /// What both sets hold.
    pub fn meet(&mut self, a: BoundId, b: BoundId) -> BoundId {
        if a == ANYTHING || a == b {
            return b;
        }
        if b == ANYTHING {
            return a;
        }
        let (types, other) = (&self.bounds[a.index()].types, &self.bounds[b.index()].types);
        let common = types.iter().copied().filter(|ty| other.binary_search(ty).is_ok()).collect();
        self.intern(common)
    }

    /// Does no value fit?
    pub fn is_empty(&self, bound: BoundId) -> bool {
        let bound = &self.bounds[bound.index()];
        bound.types.is_empty() && !bound.other
    }
}
