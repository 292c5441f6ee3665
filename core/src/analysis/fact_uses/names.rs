//! Roles, permissions and relations that facts name: which of them a type has, and which of those rules read.

use std::collections::{BTreeMap, BTreeSet};

use super::{Argument, FactUses, FactWarning};
use crate::{
    rules::rule::{ANYTHING, BoundId, Literal, PredicateId, Program, Rule, Term},
    syntax::similar::did_you_mean,
};

/// Names that a hint lists.
const SHOWN_MAX: usize = 6;

/// What a name is called, and where it stands, in facts of this predicate.
pub(super) fn position(predicate: &str) -> Option<(&'static str, usize)> {
    match predicate {
        "has_role" => Some(("role", 1)),
        "has_permission" | "allow" => Some(("permission", 1)),
        "has_relation" => Some(("relation", 1)),
        _ => None,
    }
}

/// Where the type stands that the name is of; `None`: the name is one of `global`.
fn owner(predicate: &str, arity: usize) -> Option<usize> {
    match predicate {
        "has_relation" => Some(0),
        _ => (arity > 2).then_some(2),
    }
}

/// A predicate, its arity.
type Called<'p> = (&'p str, usize);

/// Names in declarations and rules.
pub(super) struct Names<'p> {
    /// By type, its declared names of a kind, those of the types above it among them.
    declared: BTreeMap<(&'p str, &'static str), BTreeSet<&'p str>>,
    /// By predicate and name: sets of types that rules use it with; an empty list where it is `global`.
    used: BTreeMap<(Called<'p>, &'p str), BTreeSet<Option<BoundId>>>,
    /// By predicate: sets of types that rules use with any name.
    any: BTreeMap<Called<'p>, BTreeSet<Option<BoundId>>>,
}

impl<'p> Names<'p> {
    pub(super) fn new(program: &'p Program) -> Self {
        let mut names = Names { declared: BTreeMap::new(), used: BTreeMap::new(), any: BTreeMap::new() };
        for (type_name, block) in &program.metadata {
            let below = if type_name == "global" { None } else { program.below(type_name) };
            for of in below.into_iter().flatten().chain([type_name.as_str()]) {
                let relations = block.relations.iter().map(|(name, _)| name);
                names.declared.entry((of, "role")).or_default().extend(block.roles.iter().map(String::as_str));
                let permissions = names.declared.entry((of, "permission")).or_default();
                permissions.extend(block.permissions.iter().map(String::as_str));
                names.declared.entry((of, "relation")).or_default().extend(relations.map(String::as_str));
            }
        }
        for rule in &program.rules {
            names.read(program, rule, rule.head, &rule.args);
            for literal in &rule.body {
                if let Literal::Call { predicate, args } | Literal::Not { predicate, args } = literal {
                    names.read(program, rule, *predicate, args);
                }
            }
        }
        names
    }

    /// A use of a predicate in a rule: its head, or a condition.
    fn read(&mut self, program: &'p Program, rule: &Rule, predicate: PredicateId, args: &[Term]) {
        let name = program.predicates[predicate.index()].name.as_str();
        let Some((_, at)) = position(name) else { return };
        let called = (name, args.len());
        let of = owner(name, args.len()).and_then(|at| args.get(at)).map(|term| match term {
            Term::Var(at) => rule.variables[usize::from(*at)].bound,
            // A constant: few rules name one, and any type will do for them.
            Term::Const(_) | Term::Now => ANYTHING,
        });
        match args.get(at) {
            Some(Term::Const(id)) => {
                let id = program.constants[id.index()].id.as_str();
                self.used.entry((called, id)).or_default().insert(of);
            }
            // The default `allow`, and heads that stand for every name, say nothing of one name.
            Some(Term::Var(_)) if rule.line > 0 && rule.head != predicate => {
                self.any.entry(called).or_default().insert(of);
            }
            _ => {}
        }
    }

    /// A name that its type doesn't have, or that no rule reads.
    pub(super) fn warning(&self, uses: &FactUses<'_>, predicate: &str, args: &[Argument<'_>]) -> Option<FactWarning> {
        let (kind, at) = position(predicate)?;
        let name = args.get(at).filter(|arg| arg.type_name == Some("String"))?.id?;
        let of = match owner(predicate, args.len()) {
            Some(at) => args.get(at)?.type_name?,
            None => "global",
        };
        let is_of = |bound: &Option<BoundId>| bound.is_none_or(|bound| uses.admits(bound, of));
        let called = (predicate, args.len());
        let is_used = self.used.get(&(called, name)).is_some_and(|bounds| bounds.iter().any(is_of));
        let declared = self.declared.get(&(of, kind));
        let is_declared = declared.is_some_and(|names| names.contains(name));
        if is_used || (is_declared && kind == "permission") {
            return None;
        }
        let mut known: BTreeSet<&str> = declared.cloned().unwrap_or_default();
        let used = self.used.iter().filter(|((other, _), bounds)| *other == called && bounds.iter().any(is_of));
        known.extend(used.map(|((_, name), _)| *name));
        let is_any = self.any.get(&called).is_some_and(|bounds| bounds.iter().any(is_of));
        if is_declared {
            if is_any {
                return None;
            }
            let message = format!("no rule uses {kind} `{name}` of `{of}`");
            let help = "use it in a rule, as in the block `\"permission\" if \"role\";`, or remove it".to_owned();
            return Some(FactWarning { code: "unused-fact", message, help: Some(help), at: Some(at) });
        }
        let meant = did_you_mean(name, known.iter().copied());
        if meant.is_none() && (is_any || known.is_empty()) {
            return None;
        }
        let help = meant.unwrap_or_else(|| {
            let shown: Vec<String> = known.iter().take(SHOWN_MAX).map(|name| format!("`{name}`")).collect();
            let more = if known.len() > SHOWN_MAX { " and others" } else { "" };
            format!("it has {}{more}", shown.join(", "))
        });
        let message = format!("`{of}` has no {kind} `{name}`");
        Some(FactWarning { code: "unknown-name", message, help: Some(help), at: Some(at) })
    }
}
