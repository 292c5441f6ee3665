//! Declared and of no effect: permissions that no rule grants, relations that no rule reads.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::{PAIRS_MAX, Warnings, each, text};
use crate::{
    rules::rule::{ANYTHING, BoundId},
    syntax::ast::{Block, BlockKind, Call, Expression, Name, Term},
};

/// What one way to satisfy a rule grants.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Grant<'w> {
    /// Arguments of the rule's head.
    arity: usize,
    /// Any, if `None`.
    action: Option<&'w str>,
    /// Of which types.
    bound: BoundId,
    /// Permissions that it needs, by name.
    needs: BTreeSet<&'w str>,
}

impl<'w> Warnings<'w> {
    pub(super) fn permissions_nobody_gets(&mut self) {
        if !self.has_actors() && !self.expanded.is_empty() {
            return;
        }
        let grants = self.grants();
        let policy = self.policy;
        let stored: HashSet<&str> = self
            .stored()
            .filter_map(|(name, args)| match name {
                "has_permission" => args.get(1).map(|value| value.id.as_str()),
                _ => None,
            })
            .collect();
        let declared: Vec<(&Block, &Name)> =
            policy.blocks.iter().flat_map(|block| block.permissions.iter().map(move |name| (block, name))).collect();
        let Some(granted) = self.granted(&grants, &declared, &stored) else { return };
        for ((block, name), is_granted) in declared.into_iter().zip(granted) {
            if !is_granted {
                let (text, type_name) = (&name.text, &block.name.text);
                let message = format!("nobody can get permission `{text}` of `{type_name}`");
                self.warn(
                    "permission-nobody-gets",
                    name.span,
                    message,
                    format!("grant it, as `\"{text}\" if \"role\";`, or remove it"),
                );
            }
        }
    }

    /// What each way to satisfy a rule grants.
    fn grants(&mut self) -> HashSet<Grant<'w>> {
        let mut grants = HashSet::new();
        for rule in self.rules() {
            let arity = rule.head.params.len();
            if !matches!(rule.head.name.text.as_str(), "has_permission" | "allow") || !(2..=3).contains(&arity) {
                continue;
            }
            // The plain way from permission to `allow` grants nothing of its own.
            let is_allow = rule.head.name.text == "allow";
            let action = text(&rule.head.params[1].0).map(|literal| literal.id.as_str());
            for way in self.ways(rule, false) {
                let needs = way.calls.iter().filter(|call| call.name.text == "has_permission" && call.args.len() > 1);
                let is_same = |call: &&&Call| match (&call.args[1], &rule.head.params[1].0) {
                    (Term::Variable(asked), Term::Variable(given)) => asked.text == given.text,
                    _ => false,
                };
                if action.is_none() && (is_allow && needs.clone().any(|call| is_same(&call))) {
                    continue;
                }
                let needs = needs.filter_map(|call| text(&call.args[1])).map(|literal| literal.id.as_str()).collect();
                let mut bound = ANYTHING;
                if let Some((term, annotation)) = rule.head.params.get(2) {
                    bound = match (term, annotation) {
                        (Term::Variable(name), Some(annotation)) if name.text == "_" => {
                            self.types.annotation(&annotation.text)
                        }
                        _ => self.bound(&way, term),
                    };
                }
                grants.insert(Grant { arity, action, bound, needs });
            }
        }
        grants
    }

    /// Which of the declared permissions somebody can get: a least fixpoint, so that one that only itself grants is granted
    /// to nobody. Each grant is looked at once, when the last permission it needs is granted. `None`: too much to look at.
    fn granted(
        &mut self,
        grants: &HashSet<Grant<'w>>,
        declared: &[(&'w Block, &'w Name)],
        stored: &HashSet<&str>,
    ) -> Option<Vec<bool>> {
        let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut bounds = Vec::with_capacity(declared.len());
        for (place, (block, name)) in declared.iter().enumerate() {
            by_name.entry(&name.text).or_default().push(place);
            let is_global = block.kind == BlockKind::Global;
            bounds.push((!is_global).then(|| self.types.annotation(&block.name.text)));
        }
        let mut granted: Vec<bool> = declared.iter().map(|(_, name)| stored.contains(name.text.as_str())).collect();
        let mut waiting: HashMap<&str, Vec<usize>> = HashMap::new();
        let mut n_unmet = Vec::with_capacity(grants.len());
        let mut ready = Vec::new();
        let grants: Vec<&Grant<'_>> = grants.iter().collect();
        for (number, grant) in grants.iter().enumerate() {
            let unmet = grant.needs.iter().filter(|need| by_name.contains_key(*need) && !stored.contains(*need));
            n_unmet.push(unmet.clone().count());
            unmet.for_each(|need| waiting.entry(need).or_default().push(number));
            if n_unmet[number] == 0 {
                ready.push(number);
            }
        }
        let every: Vec<usize> = (0..declared.len()).collect();
        let mut n_pairs = 0;
        while let Some(number) = ready.pop() {
            let Grant { arity, action, bound, .. } = grants[number];
            let targets = match action {
                Some(action) => by_name.get(action).map_or(&[][..], Vec::as_slice),
                None => &every,
            };
            n_pairs += targets.len();
            if n_pairs > PAIRS_MAX {
                return None;
            }
            for target in targets {
                let fits = match bounds[*target] {
                    None => *arity == 2,
                    Some(own) => *arity == 3 && self.types.overlap(*bound, own),
                };
                if granted[*target] || !fits {
                    continue;
                }
                granted[*target] = true;
                for grant in waiting.remove(declared[*target].1.text.as_str()).into_iter().flatten() {
                    n_unmet[grant] -= 1;
                    if n_unmet[grant] == 0 {
                        ready.push(grant);
                    }
                }
            }
        }
        Some(granted)
    }

    pub(super) fn relations_unused(&mut self) {
        // By relation, any of them under `None`: the types that it is read of.
        let mut uses: HashMap<Option<&str>, BTreeSet<BoundId>> = HashMap::new();
        for rule in self.rules() {
            let mut calls = Vec::new();
            each(rule.body.as_ref().unwrap_or(&Expression::Constant(true)), &mut |condition| {
                if let Expression::Call(call) = condition
                    && call.name.text == "has_relation"
                    && call.args.len() == 3
                {
                    calls.push(call);
                }
            });
            if calls.is_empty() {
                continue;
            }
            let ways = self.ways(rule, false);
            let mut of_variable: HashMap<&str, (usize, BTreeSet<BoundId>)> = HashMap::new();
            for (name, bound) in ways.iter().flat_map(|way| &way.bounds) {
                let (n_ways, bounds) = of_variable.entry(name).or_default();
                *n_ways += 1;
                bounds.insert(*bound);
            }
            for call in calls.into_iter().filter(|_| !ways.is_empty()) {
                let relation = text(&call.args[1]).map(|literal| literal.id.as_str());
                let own = match &call.args[0] {
                    Term::Variable(name) => of_variable.get(name.text.as_str()),
                    _ => None,
                };
                // Under `not`, or where only some ways give it a type: any type.
                let uses = uses.entry(relation).or_default();
                match own {
                    Some((n_ways, own)) if *n_ways == ways.len() => uses.extend(own),
                    _ => drop(uses.insert(ANYTHING)),
                }
            }
        }
        let (mut unused, mut n_pairs) = (Vec::new(), 0);
        for block in &self.policy.blocks {
            let own = self.types.annotation(&block.name.text);
            for (name, _) in &block.relations {
                let read = [uses.get(&Some(name.text.as_str())), uses.get(&None)];
                let mut read = read.into_iter().flatten().flatten();
                n_pairs += read.clone().count();
                if n_pairs > PAIRS_MAX {
                    return;
                }
                if !read.any(|bound| self.types.overlap(*bound, own)) {
                    unused.push((name, &block.name));
                }
            }
        }
        for (name, of) in unused {
            let message = format!("relation `{}` of `{}` is used by no rule", name.text, of.text);
            let help = format!("use it, as `\"role\" on \"{}\"`, or remove it", name.text);
            self.warn("unused-relation", name.span, message, help);
        }
    }
}
