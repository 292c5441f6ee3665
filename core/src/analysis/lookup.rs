//! What a name means in a type: its own declaration, else that of the nearest type above (polar.md §6.2, §7). Each question
//! is asked once, and the steps of all are counted: a name declared at the top of a long chain of `extends` is far away from
//! each of its types.

use std::collections::HashMap;

use super::{blocks::Declarations, types::Types};
use crate::limits::NAME_STEPS_MAX;

/// What a name of a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Of `roles`.
    Role,
    /// Of `permissions`.
    Permission,
    /// Of `relations`.
    Relation,
}

/// A declaration found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Declared<'l> {
    /// What it is.
    pub(super) kind: Kind,
    /// Of a relation: the type it leads to.
    pub(super) target: Option<&'l str>,
}

/// Declarations by type and name.
pub(super) struct Lookup<'l> {
    types: &'l Types,
    own: HashMap<&'l str, HashMap<&'l str, Declared<'l>>>,
    /// By type, name, and whether only a relation was looked for.
    known: HashMap<(&'l str, &'l str, bool), Option<Declared<'l>>>,
    /// The last type asked about, and where its names may stand.
    last: Option<(&'l str, Vec<&'l str>)>,
    n_steps: usize,
}

impl<'l> Lookup<'l> {
    /// All declarations, by name. Where a name has two meanings (an error of its own) a role goes first.
    pub(super) fn new(types: &'l Types, declarations: &'l Declarations) -> Self {
        let mut own: HashMap<&str, HashMap<&str, Declared<'_>>> = HashMap::new();
        for (type_name, block) in declarations {
            let names = own.entry(type_name).or_default();
            let mut add = |name: &'l String, kind, target| {
                names.entry(name.as_str()).or_insert(Declared { kind, target });
            };
            block.roles.iter().for_each(|name| add(name, Kind::Role, None));
            block.permissions.iter().for_each(|name| add(name, Kind::Permission, None));
            block.relations.iter().for_each(|(name, target)| add(name, Kind::Relation, Some(target.as_str())));
        }
        Lookup { types, own, known: HashMap::new(), last: None, n_steps: 0 }
    }

    /// Were more steps taken than [`NAME_STEPS_MAX`]? Then nothing more is found.
    pub(super) fn is_spent(&self) -> bool {
        self.n_steps > NAME_STEPS_MAX
    }

    /// The declaration of a name in a type, or in one of its places.
    pub(super) fn find(&mut self, type_name: &'l str, name: &'l str) -> Option<Declared<'l>> {
        self.nearest(type_name, name, false)
    }

    /// The relation of a type, or of one above: where it leads. What else has its name is passed over.
    pub(super) fn relation(&mut self, type_name: &'l str, name: &'l str) -> Option<&'l str> {
        self.nearest(type_name, name, true).and_then(|declared| declared.target)
    }

    fn nearest(&mut self, type_name: &'l str, name: &'l str, is_relation: bool) -> Option<Declared<'l>> {
        let fits = |declared: &&Declared<'l>| !is_relation || declared.target.is_some();
        if let Some(own) = self.own.get(type_name).and_then(|names| names.get(name)).filter(fits) {
            return Some(*own);
        }
        if let Some(known) = self.known.get(&(type_name, name, is_relation)) {
            return *known;
        }
        if self.is_spent() {
            return None;
        }
        if self.last.as_ref().is_none_or(|(last, _)| *last != type_name) {
            let places = places(self.types, type_name);
            self.n_steps += places.len();
            self.last = Some((type_name, places));
        }
        let places = self.last.as_ref().map_or(&[][..], |(_, places)| places);
        let mut n_steps = 0;
        let found = places.iter().find_map(|place| {
            n_steps += 1;
            self.own.get(place)?.get(name).filter(fits).copied()
        });
        self.n_steps += n_steps;
        self.known.insert((type_name, name, is_relation), found);
        found
    }
}

/// The type and those above it; what is below it for the abstract ones (U28).
pub(super) fn places<'t>(types: &'t Types, type_name: &'t str) -> Vec<&'t str> {
    match type_name {
        "Actor" | "Resource" => types.concrete_below(type_name),
        _ => types.supertypes(type_name),
    }
}
