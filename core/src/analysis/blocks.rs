//! What the names in blocks mean: declarations merged by type, shorthand written out as longhand (polar.md §5, §6).

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    lookup::{Kind, Lookup, places},
    types::Types,
};
use crate::{
    limits::{FINDINGS_MAX, NAME_STEPS_MAX},
    rules::rule::BlockMetadata,
    syntax::{
        ast::{Block, BlockKind, Call, Expression, Head, Literal, Name, Policy, Rule, Short, Shorthand, Term},
        diagnostic::{Finding, Span},
        similar::did_you_mean,
    },
};

/// Declarations by type, `global` among them.
pub type Declarations = BTreeMap<String, BlockMetadata>;

/// Merges the declarations of all blocks of a type (U21); a name stands once in a type.
pub fn declarations(policy: &Policy, types: &Types, findings: &mut Vec<Finding>) -> Declarations {
    let mut all = Declarations::from([("global".to_owned(), BlockMetadata::default())]);
    let mut first: HashMap<(&str, &str), (&'static str, Span)> = HashMap::new();
    for block in &policy.blocks {
        let type_name = block.name.text.as_str();
        let own = all.entry(type_name.to_owned()).or_default();
        let roles = block.roles.iter().map(|name| ("role", name, None));
        let permissions = block.permissions.iter().map(|name| ("permission", name, None));
        let relations = block.relations.iter().map(|(name, target)| ("relation", name, Some(target)));
        for (kind, name, target) in roles.chain(permissions).chain(relations) {
            if let Some((before, span)) = first.get(&(type_name, name.text.as_str())) {
                let (text, what) = (&name.text, if *before == kind { "twice" } else { "with two meanings" });
                let finding = Finding::error(
                    "duplicate-name",
                    name.span,
                    format!("`{text}` is declared {what} in `{type_name}`"),
                );
                let help = if *before == kind { "remove one of them" } else { "give one of them another name" };
                findings.push(finding.help(help).related(Some(*span), format!("declared here as a {before}")));
                continue;
            }
            first.insert((type_name, &name.text), (kind, name.span));
            match (kind, target) {
                ("role", _) => own.roles.push(name.text.clone()),
                ("permission", _) => own.permissions.push(name.text.clone()),
                (_, Some(target)) => {
                    if !types.is_known(&target.text) {
                        let message =
                            format!("relation `{}` leads to `{}`, which no block declares", name.text, target.text);
                        let help = types.declare_or_mean(&target.text);
                        findings.push(Finding::error("unknown-type", target.span, message).help(help));
                    }
                    own.relations.push((name.text.clone(), target.text.clone()));
                }
                (_, None) => {}
            }
        }
    }
    for own in all.values_mut() {
        own.roles.sort_unstable();
        own.permissions.sort_unstable();
        own.relations.sort_unstable();
    }
    all
}

/// Every shorthand rule as the longhand rule it stands for.
pub fn expand(policy: &Policy, types: &Types, all: &Declarations, findings: &mut Vec<Finding>) -> Vec<Rule> {
    let (mut rules, mut told) = (Vec::new(), HashSet::new());
    let mut lookup = Lookup::new(types, all);
    for block in &policy.blocks {
        let (lookup, findings, told) = (&mut lookup, &mut *findings, &mut told);
        let mut expander = Expander { policy, block, types, all, lookup, findings, told, n_fresh: 0 };
        for rule in &block.rules {
            // Both, so that a mistake in the head doesn't hide one in the body.
            let (head, body) = (expander.head(&rule.head), expander.body(&rule.body));
            if expander.lookup.is_spent() {
                let message = format!(
                    "the names of shorthand are looked up through too many `extends`: the limit is \
                     {NAME_STEPS_MAX} steps"
                );
                let finding = Finding::error("extends-depth", rule.head.name.span, message);
                expander.findings.push(finding.help("declare the names in the types that use them"));
                return rules;
            }
            if let (Some(head), Some(body)) = (head, body) {
                rules.push(Rule { head, body: Some(body) });
            }
        }
    }
    rules
}

fn names_of(block: &Block) -> impl Iterator<Item = &Name> {
    block.roles.iter().chain(&block.permissions).chain(block.relations.iter().map(|(name, _)| name))
}

/// Names for a hint: the first few.
fn listed(names: &[&str]) -> String {
    const SHOWN: usize = 6;
    let more = if names.len() > SHOWN { " and others" } else { "" };
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    shown.join(", ") + more
}

fn words(kinds: &[Kind]) -> &'static str {
    if kinds.contains(&Kind::Relation) { "role, permission or relation" } else { "role or permission" }
}

struct Expander<'e, 'p> {
    policy: &'p Policy,
    block: &'p Block,
    types: &'p Types,
    all: &'p Declarations,
    lookup: &'e mut Lookup<'p>,
    findings: &'e mut Vec<Finding>,
    /// Names told to be missing in a type: one forgotten declaration is one mistake.
    told: &'e mut HashSet<(String, String)>,
    n_fresh: usize,
}

fn name(text: &str, span: Span) -> Name {
    Name { text: text.to_owned(), span }
}

fn variable(text: &str, span: Span) -> Term {
    Term::Variable(name(text, span))
}

fn quoted(short: &Short) -> Term {
    Term::Literal(Literal { type_name: "String".to_owned(), id: short.name.text.clone(), span: short.name.span })
}

fn call(predicate: &str, span: Span, args: Vec<Term>) -> Expression {
    Expression::Call(Call { name: name(predicate, span), args })
}

impl<'p> Expander<'_, 'p> {
    fn is_global(&self) -> bool {
        self.block.kind == BlockKind::Global
    }

    fn report<T>(&mut self, code: &'static str, span: Span, message: String, help: &str) -> Option<T> {
        self.findings.push(Finding::error(code, span, message).help(help));
        None
    }

    /// Names of a type and of those above it (below the abstract ones) that are of one of the kinds.
    fn names(&self, type_name: &str, kinds: &[Kind]) -> Vec<&'p str> {
        let all = self.all;
        let mut names = Vec::new();
        for own in places(self.types, type_name).into_iter().filter_map(|place| all.get(place)) {
            for kind in kinds {
                match kind {
                    Kind::Role => names.extend(own.roles.iter().map(String::as_str)),
                    Kind::Permission => names.extend(own.permissions.iter().map(String::as_str)),
                    Kind::Relation => names.extend(own.relations.iter().map(|(name, _)| name.as_str())),
                }
            }
        }
        names
    }

    /// Is a part of the type unreadable or unknown? Then what it lacks may stand there.
    fn is_open(&self, type_name: &str) -> bool {
        let places: HashSet<&str> = places(self.types, type_name).into_iter().collect();
        let mut blocks = self.policy.blocks.iter().filter(|block| places.contains(block.name.text.as_str()));
        let is_unknown = !self.types.is_known(type_name) && type_name != "global";
        let unknown_parent = |block: &Block| block.parents.iter().any(|parent| !self.types.is_known(&parent.text));
        is_unknown || blocks.any(|block| block.is_damaged || unknown_parent(block))
    }

    /// Where the type is declared.
    fn declared(&self, type_name: &str) -> Option<Span> {
        self.policy.blocks.iter().find(|block| block.name.text == type_name).map(|block| block.name.span)
    }

    /// Where the name is declared in the type or above it.
    fn declared_name(&self, type_name: &str, name: &str) -> Option<Span> {
        let places: HashSet<&str> = places(self.types, type_name).into_iter().collect();
        let blocks = self.policy.blocks.iter().filter(|block| places.contains(block.name.text.as_str()));
        blocks.flat_map(names_of).find(|declared| declared.text == name).map(|declared| declared.span)
    }

    fn kind(&mut self, type_name: &'p str, name: &'p str) -> Option<Kind> {
        self.lookup.find(type_name, name).map(|declared| declared.kind)
    }

    /// Is enough wrong already? Then what a mistake may have meant is no longer looked for.
    fn is_told(&self) -> bool {
        self.findings.len() > FINDINGS_MAX || self.lookup.is_spent()
    }

    fn head(&mut self, head: &'p Short) -> Option<Head> {
        let span = head.name.span;
        let text = head.name.text.as_str();
        let (predicate, term, annotation) = match (head.quoted, text) {
            (false, "role") => ("has_role", variable("role", span), Some(name("String", span))),
            (false, "permission") => ("has_permission", variable("permission", span), Some(name("String", span))),
            (false, _) => {
                let help = format!("write it in quotes: `\"{text}\"`");
                return self.report("shorthand", span, format!("`{text}` can't be granted"), &help);
            }
            (true, _) => {
                let block = self.block;
                let predicate = match self.kind(&block.name.text, text) {
                    Some(Kind::Role) => "has_role",
                    Some(Kind::Permission) => "has_permission",
                    Some(Kind::Relation) => {
                        let finding =
                            Finding::error("shorthand", span, format!("`{text}` is a relation: it can't be granted"));
                        let declared = self.declared_name(&self.block.name.text, text);
                        let help = "grant a role or a permission; relations are stored as facts";
                        self.findings.push(finding.help(help).related(declared, "declared here"));
                        return None;
                    }
                    None => {
                        return self.unknown(head, &block.name.text, &[Kind::Role, Kind::Permission]);
                    }
                };
                (predicate, quoted(head), None)
            }
        };
        let mut params = vec![(variable("actor", span), Some(name("Actor", span))), (term, annotation)];
        if !self.is_global() {
            params.push((variable("resource", span), Some(self.block.name.clone())));
        }
        Some(Head { name: name(predicate, span), params })
    }

    fn unknown<T>(&mut self, short: &'p Short, type_name: &'p str, kinds: &[Kind]) -> Option<T> {
        let text = short.name.text.as_str();
        let message = format!("`{type_name}` has no {} `{text}`", words(kinds));
        if self.is_told() {
            self.findings.push(Finding::error("unknown-name", short.name.span, message));
            return None;
        }
        if self.is_open(type_name) {
            return None;
        }
        let candidates = self.names(type_name, kinds);
        let meant = did_you_mean(text, candidates.iter().copied());
        if meant.is_none() && !self.told.insert((type_name.to_owned(), text.to_owned())) {
            return None;
        }
        let all = self.all;
        let owns = self.types.supertypes(&self.block.name.text).into_iter().filter_map(|place| all.get(place));
        let related = owns.flat_map(|own| &own.relations).find_map(|(relation, target)| {
            self.kind(target, text).is_some_and(|kind| kinds.contains(&kind)).then_some(relation)
        });
        let help = meant.unwrap_or_else(|| match related {
            Some(relation) if type_name == self.block.name.text => {
                format!("did you mean `\"{text}\" on \"{relation}\"`?")
            }
            _ if candidates.is_empty() => format!("declare it in the block: `roles = [\"{text}\"];`"),
            _ => format!("declare it in the block of `{type_name}`, which has {}", listed(&candidates)),
        });
        let finding = Finding::error("unknown-name", short.name.span, message).help(help);
        let declared = self.declared(type_name).filter(|_| type_name != self.block.name.text);
        self.findings.push(finding.related(declared, format!("`{type_name}` is declared here")));
        None
    }

    fn body(&mut self, body: &'p Shorthand) -> Option<Expression> {
        Some(match body {
            Shorthand::And(parts) => Expression::And(self.bodies(parts)?),
            Shorthand::Or(parts) => Expression::Or(self.bodies(parts)?),
            Shorthand::Not(inside) => Expression::Not(Box::new(self.body(inside)?)),
            Shorthand::Call(inside) => Expression::Call(inside.clone()),
            Shorthand::Global(short) => self.global(short)?,
            Shorthand::Name(short, relation) => match relation {
                Some(on) if on.quoted => return self.related(short, on),
                Some(on) if on.name.text != "resource" => {
                    let (span, text) = (on.name.span, &on.name.text);
                    let help = format!("write it in quotes: `\"{text}\"`");
                    return self.report("shorthand", span, format!("`{text}` can't follow `on`"), &help);
                }
                _ if self.is_global() => self.global(short)?,
                _ => {
                    let block = self.block;
                    self.held(short, &block.name.text, "resource")?
                }
            },
        })
    }

    /// All of them, so that a mistake in one doesn't hide one in the next.
    fn bodies(&mut self, parts: &'p [Shorthand]) -> Option<Vec<Expression>> {
        let all: Vec<_> = parts.iter().map(|part| self.body(part)).collect();
        all.into_iter().collect()
    }

    fn global(&mut self, short: &'p Short) -> Option<Expression> {
        let span = short.name.span;
        let predicate = match (short.quoted, short.name.text.as_str()) {
            (false, "role") => {
                return Some(call("has_role", span, vec![variable("actor", span), variable("role", span)]));
            }
            (false, "permission") => {
                let args = vec![variable("actor", span), variable("permission", span)];
                return Some(call("has_permission", span, args));
            }
            _ => match self.kind("global", &short.name.text) {
                Some(Kind::Role) => "has_role",
                Some(Kind::Permission) => "has_permission",
                _ => return self.unknown(short, "global", &[Kind::Role, Kind::Permission]),
            },
        };
        Some(call(predicate, span, vec![variable("actor", span), quoted(short)]))
    }

    /// `"n"`, looked up in `type_name`, with `on` for the resource.
    fn held(&mut self, short: &'p Short, type_name: &'p str, on: &str) -> Option<Expression> {
        let span = short.name.span;
        let (actor, resource) = (variable("actor", span), variable(on, span));
        if !short.quoted {
            return match short.name.text.as_str() {
                "role" => Some(call("has_role", span, vec![actor, variable("role", span), resource])),
                "permission" => Some(call("has_permission", span, vec![actor, variable("permission", span), resource])),
                other => {
                    let help = format!("write it in quotes: `\"{other}\"`");
                    self.report("shorthand", span, format!("`{other}` isn't expected here"), &help)
                }
            };
        }
        Some(match self.kind(type_name, &short.name.text) {
            Some(Kind::Role) => call("has_role", span, vec![actor, quoted(short), resource]),
            Some(Kind::Permission) => call("has_permission", span, vec![actor, quoted(short), resource]),
            Some(Kind::Relation) => call("has_relation", span, vec![resource, quoted(short), actor]),
            None => return self.unknown(short, type_name, &[Kind::Role, Kind::Permission, Kind::Relation]),
        })
    }

    fn unknown_relation<T>(&mut self, on: &'p Short) -> Option<T> {
        let block = self.block;
        let (text, type_name) = (on.name.text.as_str(), block.name.text.as_str());
        let message = format!("`{type_name}` has no relation `{text}`");
        let finding = Finding::error("unknown-relation", on.name.span, message);
        if self.is_told() {
            self.findings.push(finding);
            return None;
        }
        if self.is_open(type_name) {
            return None;
        }
        let relations = self.names(type_name, &[Kind::Relation]);
        let meant = did_you_mean(text, relations.iter().copied());
        if meant.is_none() && !self.told.insert((type_name.to_owned(), text.to_owned())) {
            return None;
        }
        let help = meant.unwrap_or_else(|| match relations.as_slice() {
            _ if self.kind(type_name, text).is_some() => "`on` is followed by a relation".to_owned(),
            [] => format!("declare it in the block: `relations = {{ {text}: Type }};`"),
            some => format!("declare it in the block of `{type_name}`, which has {}", listed(some)),
        });
        let declared = self.declared_name(type_name, text);
        self.findings.push(finding.help(help).related(declared, "declared here"));
        None
    }

    /// `"n" on "rel"`.
    fn related(&mut self, short: &'p Short, on: &'p Short) -> Option<Expression> {
        let block = self.block;
        let Some(target) = self.lookup.relation(&block.name.text, &on.name.text) else {
            return self.unknown_relation(on);
        };
        self.n_fresh += 1;
        let span = on.name.span;
        // A policy can't write this name, so it clashes with none.
        let fresh = format!("{}@{}", on.name.text, self.n_fresh);
        let held = self.held(short, target, &fresh)?;
        Some(Expression::And(vec![
            Expression::Matches(name(&fresh, span), name(target, span), false),
            call("has_relation", span, vec![variable("resource", span), quoted(on), variable(&fresh, span)]),
            held,
        ]))
    }
}
