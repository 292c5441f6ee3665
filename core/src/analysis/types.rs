//! Types of a policy and the order among them (polar.md §4.3, §7), and the interned sets a variable may range over.

use std::collections::{BTreeMap, HashMap};

use super::circles::circles;
use crate::{
    limits::{SET_BITS_MAX, SET_MEMBERS_MAX},
    rules::rule::{ANYTHING, Bound, BoundId, ProgramType, TypeDecl},
    syntax::{
        ast::{Block, BlockKind, Policy},
        diagnostic::{Finding, Span},
        similar::did_you_mean,
    },
};

/// Types that are there without a block; the first three in the numbers that `rules` gives them.
const BUILT_IN: [&str; 5] = ["String", "Integer", "Boolean", "Actor", "Resource"];
/// Ways of a circle that its finding points at: more explain no more.
const WAYS_SHOWN: usize = 8;

/// Types by name, with what is above and below each.
///
/// INVARIANT: `parents` and `children` are as long as `list`. A type named later than the blocks changes no set: it is below
/// itself alone.
#[derive(Clone, Debug)]
pub struct Types {
    /// In order of number.
    pub list: Vec<TypeDecl>,
    /// Interned sets; the first is everything.
    pub bounds: Vec<Bound>,
    numbers: HashMap<String, ProgramType>,
    by_set: HashMap<Bound, BoundId>,
    /// Sets of annotations.
    annotations: HashMap<ProgramType, BoundId>,
    met: HashMap<(BoundId, BoundId), BoundId>,
    /// In order of name, without duplicates.
    parents: Vec<Vec<usize>>,
    children: Vec<Vec<usize>>,
    n_members: usize,
    is_full: bool,
}

impl Types {
    /// The built-in types and those of the blocks, and everything below each.
    /// Cost: linear in the sets, which [`SET_MEMBERS_MAX`] bounds.
    pub fn new(policy: &Policy, findings: &mut Vec<Finding>) -> Self {
        let everything = Bound { types: Vec::new(), other: true };
        let mut types = Types {
            list: Vec::new(),
            by_set: HashMap::from([(everything.clone(), ANYTHING)]),
            bounds: vec![everything],
            numbers: HashMap::new(),
            annotations: HashMap::new(),
            met: HashMap::new(),
            parents: Vec::new(),
            children: Vec::new(),
            n_members: 0,
            is_full: false,
        };
        for name in BUILT_IN {
            types.number(name);
        }
        // By number, then by name: what several blocks of one type say is one list.
        let mut parents: BTreeMap<usize, BTreeMap<&str, usize>> = BTreeMap::new();
        let roots = [types.number("Actor").index(), types.number("Resource").index()];
        parents.entry(roots[0]).or_default().insert("Resource", roots[1]);
        for block in &policy.blocks {
            let (root, at) = match block.kind {
                BlockKind::Actor => ("Actor", roots[0]),
                BlockKind::Resource => ("Resource", roots[1]),
                BlockKind::Global => continue,
            };
            if BUILT_IN.contains(&block.name.text.as_str()) {
                let message = format!("`{}` is built in: no block declares it", block.name.text);
                findings
                    .push(Finding::error("reserved-type", block.name.span, message).help("give the type another name"));
                continue;
            }
            let number = types.number(&block.name.text).index();
            parents.entry(number).or_default().insert(root, at);
        }
        for block in &policy.blocks {
            for parent in &block.parents {
                let Some(above) = types.numbers.get(&parent.text) else {
                    let message = format!("`{}` extends `{}`, which no block declares", block.name.text, parent.text);
                    let help = types.declare_or_mean(&parent.text);
                    findings.push(Finding::error("unknown-type", parent.span, message).help(help));
                    continue;
                };
                let own = types.numbers.get(&block.name.text).filter(|_| block.kind != BlockKind::Global);
                if let Some(own) = own {
                    parents.entry(own.index()).or_default().insert(&parent.text, above.index());
                }
            }
        }
        for (number, above) in parents {
            types.parents[number] = above.into_values().collect();
            for above in types.parents[number].clone() {
                types.children[above].push(number);
            }
        }
        types.tell_circles(policy, findings);
        types.tell_size(policy, findings);
        types
    }

    /// Types that extend themselves: one finding a circle, at its first block.
    fn tell_circles(&self, policy: &Policy, findings: &mut Vec<Finding>) {
        let number = |name: &str| self.numbers.get(name).map(|number| number.index());
        let mut of_type: Vec<Option<usize>> = vec![None; self.list.len()];
        let mut circles = circles(&self.parents);
        for (circle, members) in circles.iter().enumerate() {
            members.iter().for_each(|member| of_type[*member] = Some(circle));
        }
        for block in &policy.blocks {
            let name = &block.name.text;
            let Some(circle) = number(name).and_then(|number| of_type[number]) else { continue };
            let members = std::mem::take(&mut circles[circle]);
            if members.is_empty() {
                continue;
            }
            let is_member = |name: &str| number(name).is_some_and(|number| members.contains(&number));
            let mut finding = Finding::error("extends-circle", block.name.span, format!("`{name}` extends itself"));
            let others = policy.blocks.iter().filter(|other| is_member(&other.name.text));
            let ways = others.flat_map(|other| &other.parents).filter(|parent| is_member(&parent.text));
            for parent in ways.take(WAYS_SHOWN) {
                finding = finding.related(Some(parent.span), format!("by way of `{}` here", parent.text));
            }
            findings.push(finding.help("remove one of them after `extends`"));
        }
    }

    /// Makes the set of every block's type; one finding where they hold too much.
    fn tell_size(&mut self, policy: &Policy, findings: &mut Vec<Finding>) {
        for Block { name, kind, .. } in &policy.blocks {
            if *kind != BlockKind::Global {
                self.annotation(&name.text);
            }
            if self.is_full {
                return findings.push(Self::too_many(name.span));
            }
        }
    }

    /// What is said where [`Types::is_full`].
    pub fn too_many(span: Span) -> Finding {
        let message =
            format!("the sets of types below others have more than {SET_MEMBERS_MAX} members, or are too many");
        Finding::error("types", span, message).help("make the chains of `extends` shorter, or declare fewer types")
    }

    /// Did the sets reach a limit? Then they are wrong, and the policy must be refused.
    pub fn is_full(&self) -> bool {
        self.is_full
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
        let number = ProgramType(crate::model::number(self.list.len()));
        self.list.push(TypeDecl {
            name: name.to_owned(),
            is_abstract: matches!(name, "Actor" | "Resource"),
            below: ANYTHING,
        });
        self.numbers.insert(name.to_owned(), number);
        self.parents.push(Vec::new());
        self.children.push(Vec::new());
        number
    }

    /// The type itself, then what is above it, nearest first; of a name that no block declares, the name alone.
    /// Cost: linear in what is above and the `extends` between.
    pub fn supertypes<'t>(&'t self, name: &'t str) -> Vec<&'t str> {
        let Some(number) = self.numbers.get(name) else { return vec![name] };
        let reached = self.reached(number.index(), &self.parents);
        reached.into_iter().map(|number| self.list[number].name.as_str()).collect()
    }

    /// Names of the concrete types at or below this one, in order of number.
    pub fn concrete_below(&self, name: &str) -> Vec<&str> {
        let Some(number) = self.numbers.get(name) else { return Vec::new() };
        let mut below = self.reached(number.index(), &self.children);
        below.sort_unstable();
        let concrete = below.into_iter().map(|number| &self.list[number]).filter(|ty| !ty.is_abstract);
        concrete.map(|ty| ty.name.as_str()).collect()
    }

    /// A type and what its edges lead to, nearest first.
    fn reached(&self, from: usize, edges: &[Vec<usize>]) -> Vec<usize> {
        let mut is_met = vec![false; self.list.len()];
        is_met[from] = true;
        let (mut found, mut at) = (vec![from], 0);
        while let Some(next) = found.get(at).copied() {
            let new = edges[next].iter().filter(|to| !std::mem::replace(&mut is_met[**to], true));
            found.extend(new);
            at += 1;
        }
        found
    }

    /// The set of an annotation: every concrete type at or below it.
    pub fn annotation(&mut self, name: &str) -> BoundId {
        let number = self.number(name);
        if let Some(known) = self.annotations.get(&number) {
            return *known;
        }
        if self.is_full {
            return ANYTHING;
        }
        let below = self.reached(number.index(), &self.children).into_iter();
        let concrete =
            below.filter(|below| !self.list[*below].is_abstract).map(|below| ProgramType(crate::model::number(below)));
        let bound = self.intern(concrete.collect());
        self.annotations.insert(number, bound);
        bound
    }

    /// Fills in what is below each type; the last step, once every type is known.
    pub fn close(&mut self) {
        for number in 0..self.list.len() {
            let name = self.list[number].name.clone();
            self.list[number].below = self.annotation(&name);
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
        if let Some(known) = self.by_set.get(&bound) {
            return *known;
        }
        self.n_members += bound.types.len();
        // Evaluation keeps a set as a bit for each type.
        if self.n_members > SET_MEMBERS_MAX || (self.bounds.len() + 1) * self.list.len() > SET_BITS_MAX {
            self.is_full = true;
            return ANYTHING;
        }
        let id = BoundId(crate::model::number(self.bounds.len()));
        self.bounds.push(bound.clone());
        self.by_set.insert(bound, id);
        id
    }

    /// What both sets hold. Cost: linear in both, once for each pair.
    pub fn meet(&mut self, a: BoundId, b: BoundId) -> BoundId {
        if a == ANYTHING || a == b {
            return b;
        }
        if b == ANYTHING {
            return a;
        }
        let pair = (a.min(b), a.max(b));
        if let Some(known) = self.met.get(&pair) {
            return *known;
        }
        let common = self.common(a, b).collect();
        let met = self.intern(common);
        self.met.insert(pair, met);
        met
    }

    /// Is there a type in both sets?
    pub fn overlap(&self, a: BoundId, b: BoundId) -> bool {
        let is_everything = |id: BoundId| self.bounds[id.index()].other;
        match (is_everything(a), is_everything(b)) {
            (true, _) => !self.is_empty(b),
            (_, true) => !self.is_empty(a),
            _ => a == b && !self.is_empty(a) || self.common(a, b).next().is_some(),
        }
    }

    /// Members of both, ascending: each of the smaller set is looked for in what is left of the larger.
    fn common(&self, a: BoundId, b: BoundId) -> impl Iterator<Item = ProgramType> {
        let (a, b) = (&self.bounds[a.index()].types, &self.bounds[b.index()].types);
        let (few, mut many) = if a.len() < b.len() { (a, &b[..]) } else { (b, &a[..]) };
        few.iter().copied().filter(move |ty| {
            many = &many[many.partition_point(|other| other < ty)..];
            many.first() == Some(ty)
        })
    }

    /// Does no value fit?
    pub fn is_empty(&self, bound: BoundId) -> bool {
        let bound = &self.bounds[bound.index()];
        bound.types.is_empty() && !bound.other
    }
}
