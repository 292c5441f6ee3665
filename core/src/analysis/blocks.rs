//! What the names in blocks mean: declarations merged by type, shorthand written out as longhand (polar.md §5, §6).

use std::collections::BTreeMap;

use super::types::Types;
use crate::{
    rules::rule::BlockMetadata,
    syntax::{
        ast::{Block, BlockKind, Call, Expression, Head, Literal, Name, Policy, Rule, Short, Shorthand, Term},
        diagnostic::{Finding, Span},
    },
};

/// What a name of a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Role,
    Permission,
    Relation,
}

/// Declarations by type, `global` among them.
pub type Declarations = BTreeMap<String, BlockMetadata>;

/// Merges the declarations of all blocks of a type (U21); a name stands once in a type.
pub fn declarations(policy: &Policy, types: &Types, findings: &mut Vec<Finding>) -> Declarations {
    let mut all = Declarations::from([("global".to_owned(), BlockMetadata::default())]);
    for block in &policy.blocks {
        let own = all.entry(block.name.text.clone()).or_default();
        let relations = block.relations.iter().map(|(name, _)| name);
        for name in block.roles.iter().chain(&block.permissions).chain(relations) {
            if kind_in(own, &name.text).is_some() {
                let message = format!("`{}` is declared twice in `{}`", name.text, block.name.text);
                findings
                    .push(Finding::error("duplicate-name", name.span, message).help("give one of them another name"));
                continue;
            }
            if block.roles.contains(name) {
                own.roles.push(name.text.clone());
            } else if block.permissions.contains(name) {
                own.permissions.push(name.text.clone());
            } else if let Some((_, target)) = block.relations.iter().find(|(n, _)| n == name) {
                if !types.is_known(&target.text) {
                    let message =
                        format!("relation `{}` leads to `{}`, which no block declares", name.text, target.text);
                    findings.push(Finding::error("unknown-type", target.span, message).help("declare it by a block"));
                }
                own.relations.push((name.text.clone(), target.text.clone()));
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

fn kind_in(own: &BlockMetadata, name: &str) -> Option<Kind> {
    if own.roles.iter().any(|n| n == name) {
        Some(Kind::Role)
    } else if own.permissions.iter().any(|n| n == name) {
        Some(Kind::Permission)
    } else if own.relations.iter().any(|(n, _)| n == name) {
        Some(Kind::Relation)
    } else {
        None
    }
}

/// Every shorthand rule as the longhand rule it stands for.
pub fn expand(policy: &Policy, types: &Types, all: &Declarations, findings: &mut Vec<Finding>) -> Vec<Rule> {
    let mut rules = Vec::new();
    for block in &policy.blocks {
        let mut expander = Expander { block, types, all, findings: &mut *findings, n_fresh: 0 };
        rules.extend(block.rules.iter().filter_map(|rule| {
            let head = expander.head(&rule.head)?;
            let body = expander.body(&rule.body)?;
            Some(Rule { head, body: Some(body) })
        }));
    }
    rules
}

struct Expander<'e> {
    block: &'e Block,
    types: &'e Types,
    all: &'e Declarations,
    findings: &'e mut Vec<Finding>,
    n_fresh: usize,
}

fn name(text: &str, span: Span) -> Name {
    Name { text: text.to_owned(), span }
}

fn variable(text: &str, span: Span) -> Term {
    Term::Variable(name(text, span))
}

fn quoted(short: &Short) -> Term {
    Term::Literal(Literal { type_name: "String".to_owned(), id: short.name.text.clone() })
}

fn call(predicate: &str, span: Span, args: Vec<Term>) -> Expression {
    Expression::Call(Call { name: name(predicate, span), args })
}

impl Expander<'_> {
    fn is_global(&self) -> bool {
        self.block.kind == BlockKind::Global
    }

    fn report<T>(&mut self, code: &'static str, span: Span, message: String) -> Option<T> {
        self.findings.push(Finding::error(code, span, message));
        None
    }

    /// The declaration of a name in a type, or in a type above it; below it for the abstract ones (U28).
    fn kind(&self, type_name: &str, name: &str) -> Option<Kind> {
        let mut places = self.types.supertypes(type_name);
        if matches!(type_name, "Actor" | "Resource") {
            places = self.types.concrete_below(type_name);
        }
        places.iter().find_map(|place| kind_in(self.all.get(place)?, name))
    }

    fn head(&mut self, head: &Short) -> Option<Head> {
        let span = head.name.span;
        let text = head.name.text.as_str();
        let (predicate, term, annotation) = match (head.quoted, text) {
            (false, "role") => ("has_role", variable("role", span), Some(name("String", span))),
            (false, "permission") => ("has_permission", variable("permission", span), Some(name("String", span))),
            (false, _) => {
                return self.report("shorthand", span, format!("`{text}` can't be granted: write it in quotes"));
            }
            (true, _) => {
                let predicate = match self.kind(&self.block.name.text, text) {
                    Some(Kind::Role) => "has_role",
                    Some(Kind::Permission) => "has_permission",
                    Some(Kind::Relation) => {
                        return self.report("shorthand", span, format!("`{text}` is a relation: it can't be granted"));
                    }
                    None => return self.unknown(head, &self.block.name.text.clone()),
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

    fn unknown<T>(&mut self, short: &Short, type_name: &str) -> Option<T> {
        let message = format!("`{}` is no role, permission or relation of `{type_name}`", short.name.text);
        self.report("unknown-name", short.name.span, message)
    }

    fn body(&mut self, body: &Shorthand) -> Option<Expression> {
        Some(match body {
            Shorthand::And(parts) => Expression::And(parts.iter().map(|p| self.body(p)).collect::<Option<_>>()?),
            Shorthand::Or(parts) => Expression::Or(parts.iter().map(|p| self.body(p)).collect::<Option<_>>()?),
            Shorthand::Not(inside) => Expression::Not(Box::new(self.body(inside)?)),
            Shorthand::Call(inside) => Expression::Call(inside.clone()),
            Shorthand::Global(short) => self.global(short)?,
            Shorthand::Name(short, relation) => match relation {
                Some(on) if on.quoted => return self.related(short, on),
                Some(on) if on.name.text != "resource" => {
                    return self.report(
                        "shorthand",
                        on.name.span,
                        "`on` is followed by a relation in quotes".to_owned(),
                    );
                }
                _ if self.is_global() => self.global(short)?,
                _ => {
                    let type_name = self.block.name.text.clone();
                    self.held(short, &type_name, "resource")?
                }
            },
        })
    }

    fn global(&mut self, short: &Short) -> Option<Expression> {
        let span = short.name.span;
        let predicate = match (short.quoted, short.name.text.as_str()) {
            (false, "role") => {
                return Some(call("has_role", span, vec![variable("actor", span), variable("role", span)]));
            }
            (false, "permission") => {
                let args = vec![variable("actor", span), variable("permission", span)];
                return Some(call("has_permission", span, args));
            }
            _ => match self.all.get("global").and_then(|own| kind_in(own, &short.name.text)) {
                Some(Kind::Role) => "has_role",
                Some(Kind::Permission) => "has_permission",
                _ => return self.unknown(short, "global"),
            },
        };
        Some(call(predicate, span, vec![variable("actor", span), quoted(short)]))
    }

    /// `"n"`, looked up in `type_name`, with `on` for the resource.
    fn held(&mut self, short: &Short, type_name: &str, on: &str) -> Option<Expression> {
        let span = short.name.span;
        let (actor, resource) = (variable("actor", span), variable(on, span));
        if !short.quoted {
            return match short.name.text.as_str() {
                "role" => Some(call("has_role", span, vec![actor, variable("role", span), resource])),
                "permission" => Some(call("has_permission", span, vec![actor, variable("permission", span), resource])),
                other => self.report("shorthand", span, format!("`{other}` means nothing here: write it in quotes")),
            };
        }
        Some(match self.kind(type_name, &short.name.text) {
            Some(Kind::Role) => call("has_role", span, vec![actor, quoted(short), resource]),
            Some(Kind::Permission) => call("has_permission", span, vec![actor, quoted(short), resource]),
            Some(Kind::Relation) => call("has_relation", span, vec![resource, quoted(short), actor]),
            None => return self.unknown(short, type_name),
        })
    }

    /// `"n" on "rel"`.
    fn related(&mut self, short: &Short, on: &Short) -> Option<Expression> {
        let places = self.types.supertypes(&self.block.name.text);
        let relation = places.iter().find_map(|place| {
            self.all.get(place)?.relations.iter().find(|(n, _)| *n == on.name.text).map(|(_, target)| target.clone())
        });
        let Some(target) = relation else {
            let message = format!("`{}` is no relation of `{}`", on.name.text, self.block.name.text);
            return self.report("unknown-relation", on.name.span, message);
        };
        self.n_fresh += 1;
        let span = on.name.span;
        // A policy can't write this name, so it clashes with none.
        let fresh = format!("{}@{}", on.name.text, self.n_fresh);
        let held = self.held(short, &target, &fresh)?;
        Some(Expression::And(vec![
            Expression::Matches(name(&fresh, span), name(&target, span), false),
            call("has_relation", span, vec![variable("resource", span), quoted(on), variable(&fresh, span)]),
            held,
        ]))
    }
}
