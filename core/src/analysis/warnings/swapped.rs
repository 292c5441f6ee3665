//! Arguments in another order than blocks and `declare` give them: told only where every kind is known, none of the
//! declared orders can be meant, and one of them fits as soon as two arguments change places.

use std::collections::{BTreeMap, BTreeSet};

use super::{PAIRS_MAX, Warnings, Way, text};
use crate::syntax::{
    ast::{Name, Term},
    diagnostic::{Finding, Span},
};

/// A declared order of kinds; `None`: any.
struct Shape<'w> {
    kinds: Vec<Option<&'w str>>,
    declared: Span,
}

/// Declared orders by predicate, number of arguments and, where the second is its name, that name.
type Shapes<'w> = BTreeMap<(&'w str, usize, Option<&'w str>), Vec<Shape<'w>>>;

impl<'w> Warnings<'w> {
    pub(super) fn arguments_swapped(&mut self) {
        let shapes = self.shapes();
        let mut n_left = PAIRS_MAX;
        for rule in &self.policy.rules {
            let head: Vec<&Term> = rule.head.params.iter().map(|(term, _)| term).collect();
            let mut told: Vec<Span> = Vec::new();
            for way in self.ways(rule, false) {
                let calls = way.calls.iter().map(|call| (&call.name, call.args.iter().collect::<Vec<_>>()));
                for (name, args) in calls.chain([(&rule.head.name, head.clone())]) {
                    let second = args.get(1).and_then(|term| text(term)).map(|literal| literal.id.as_str());
                    let key = (name.text.as_str(), args.len(), second);
                    let Some(known) = shapes.get(&key).or_else(|| shapes.get(&(key.0, key.1, None))) else { continue };
                    if told.contains(&name.span) || n_left < known.len() {
                        continue;
                    }
                    n_left -= known.len();
                    if self.told_of_swapped(name, &args, known, &way) {
                        told.push(name.span);
                    }
                }
            }
        }
    }

    fn told_of_swapped(&mut self, name: &Name, args: &[&Term], known: &[Shape<'w>], way: &Way<'w>) -> bool {
        if known.iter().any(|shape| self.fits(shape, args, way)) {
            return false;
        }
        for shape in known {
            for first in 0..args.len() {
                for second in first + 1..args.len() {
                    let mut swapped = args.to_vec();
                    swapped.swap(first, second);
                    if !self.fits(shape, &swapped, way) {
                        continue;
                    }
                    let kinds: Vec<&str> = shape.kinds.iter().map(|kind| kind.unwrap_or("_")).collect();
                    let message = format!(
                        "arguments {} and {} of `{}` are in another order than declared",
                        first + 1,
                        second + 1,
                        name.text
                    );
                    let finding = Finding::warning("swapped-arguments", name.span, message).help(format!(
                        "write them as `{}({})`",
                        name.text,
                        kinds.join(", ")
                    ));
                    self.tell(finding.related(Some(shape.declared), "declared here"));
                    return true;
                }
            }
        }
        false
    }

    /// May the arguments be of the kinds? What isn't known may be of any.
    fn fits(&mut self, shape: &Shape<'w>, args: &[&Term], way: &Way<'w>) -> bool {
        shape.kinds.iter().zip(args).all(|(kind, term)| {
            let Some(kind) = kind else { return true };
            let (own, wanted) = (self.bound(way, term), self.types.annotation(kind));
            let both = self.types.meet(own, wanted);
            !self.types.is_empty(both)
        })
    }

    /// What `declare` and blocks say of predicates. Who has a role or a permission is an actor of some kind.
    fn shapes(&self) -> Shapes<'w> {
        let mut shapes: Shapes<'w> = BTreeMap::new();
        let policy = self.policy;
        // Rules may give a predicate of the policy's own any other order besides the declared one.
        let defined: BTreeSet<(&str, usize)> =
            policy.rules.iter().map(|rule| (rule.head.name.text.as_str(), rule.head.params.len())).collect();
        for (name, types) in &policy.declarations {
            if defined.contains(&(name.text.as_str(), types.len())) {
                continue;
            }
            let kinds = types.iter().map(|ty| Some(ty.text.as_str())).collect();
            let key = (name.text.as_str(), types.len(), None);
            shapes.entry(key).or_default().push(Shape { kinds, declared: name.span });
        }
        for block in policy.blocks.iter().filter(|block| block.name.text != "global") {
            let of = block.name.text.as_str();
            for (relation, to) in &block.relations {
                let kinds = vec![Some(of), Some("String"), Some(to.text.as_str())];
                let key = ("has_relation", 3, Some(relation.text.as_str()));
                shapes.entry(key).or_default().push(Shape { kinds, declared: relation.span });
            }
            let on = |predicate: &'w str, name: &'w Name| {
                let shape = Shape { kinds: vec![Some("Actor"), Some("String"), Some(of)], declared: name.span };
                ((predicate, 3, Some(name.text.as_str())), shape)
            };
            let roles = block.roles.iter().map(|name| on("has_role", name));
            let permissions = block.permissions.iter().flat_map(|name| [on("has_permission", name), on("allow", name)]);
            for (key, shape) in roles.chain(permissions) {
                shapes.entry(key).or_default().push(shape);
            }
        }
        shapes
    }
}
