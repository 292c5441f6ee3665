//! Circles: grants that need each other, and predicates that rest on their own negation.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Warnings, text};
use crate::{
    analysis::circles::circles,
    syntax::{
        ast::{Call, Expression, Name, Rule, Term},
        diagnostic::{Finding, Span},
    },
};

/// Places of a circle that its finding points at.
const SHOWN_MAX: usize = 6;

/// A predicate with its arity, and the name it grants: `has_role/3` of `"owner"`. `None`: any name.
type Node<'w> = (&'w str, usize, Option<&'w str>);

/// An edge: which call leads to it, and whether under a `not`.
struct Edge<'w> {
    to: usize,
    at: &'w Name,
    is_negated: bool,
}

/// Calls visit on every call of a condition with whether it stands under a `not`.
fn calls<'w>(expression: &'w Expression, is_negated: bool, visit: &mut impl FnMut(&'w Call, bool)) {
    match expression {
        Expression::And(parts) | Expression::Or(parts) => parts.iter().for_each(|part| calls(part, is_negated, visit)),
        Expression::Not(inside) => calls(inside, true, visit),
        Expression::Call(call) => visit(call, is_negated),
        _ => {}
    }
}

/// The only condition of a body, if it is a call: what follows from it alone.
fn only_call(expression: &Expression) -> Option<&Call> {
    match expression {
        Expression::Call(call) => Some(call),
        _ => None,
    }
}

impl<'w> Warnings<'w> {
    /// Roles and permissions of one block that grant each other: whoever has one has all.
    pub(super) fn grants_in_a_circle(&mut self) {
        // By type: each name's number, where it is granted, and what alone grants it.
        type Grants<'w> = (Vec<(&'w str, Span)>, HashMap<(&'w str, &'w str), usize>, Vec<Vec<usize>>);
        let mut of_types: BTreeMap<&str, Grants<'w>> = BTreeMap::new();
        let expanded: &'w [Rule] = self.expanded;
        for rule in expanded {
            let name = rule.head.params.get(1).and_then(|(term, _)| text(term));
            let (Some(granted), Some(body)) = (name, &rule.body) else { continue };
            let of = rule.head.params.get(2).and_then(|(_, annotation)| annotation.as_ref());
            let type_name = of.map_or("global", |annotation| annotation.text.as_str());
            let parts = match body {
                Expression::Or(parts) => parts.as_slice(),
                body => std::slice::from_ref(body),
            };
            let (names, numbers, edges) = of_types.entry(type_name).or_default();
            let mut number = |predicate: &'w str, name: &'w str, span: Span| {
                *numbers.entry((predicate, name)).or_insert_with(|| {
                    names.push((name, span));
                    edges.push(Vec::new());
                    names.len() - 1
                })
            };
            let from = number(&rule.head.name.text, &granted.id, granted.span);
            let mut targets = Vec::new();
            for call in parts.iter().filter_map(only_call) {
                let is_own =
                    call.args.get(2).is_none_or(|on| matches!(on, Term::Variable(on) if on.text == "resource"));
                let has_same_arity = call.args.len() == rule.head.params.len();
                if let Some(needed) = call.args.get(1).and_then(text)
                    && matches!(call.name.text.as_str(), "has_role" | "has_permission")
                    && is_own
                    && has_same_arity
                {
                    targets.push(number(&call.name.text, &needed.id, needed.span));
                }
            }
            edges[from].extend(targets);
        }
        for (type_name, (names, _, edges)) in of_types {
            for circle in circles(&edges) {
                let members: Vec<(&str, Span)> = circle.iter().map(|member| names[*member]).collect();
                let [(first, span), others @ ..] = members.as_slice() else { continue };
                let listed: Vec<String> = members.iter().take(SHOWN_MAX).map(|(name, _)| format!("`{name}`")).collect();
                let message = if others.is_empty() {
                    format!("`{first}` of `{type_name}` grants itself, which grants nothing")
                } else {
                    let (listed, last) = (&listed[..listed.len() - 1], &listed[listed.len() - 1]);
                    format!("{} and {last} of `{type_name}` grant each other: who has one has all", listed.join(", "))
                };
                let mut finding = Finding::warning("grant-circle", *span, message);
                for (name, span) in others.iter().take(SHOWN_MAX) {
                    finding = finding.related(Some(*span), format!("by way of `{name}` here"));
                }
                self.tell(finding.help("remove one of these rules"));
            }
        }
    }

    /// Predicates that need their own negation for the same values: nobody can say whether they hold.
    pub(super) fn negations_in_a_circle(&mut self) {
        let (mut numbers, mut nodes): (HashMap<Node<'w>, usize>, Vec<Node<'w>>) = Default::default();
        let mut edges: Vec<Vec<Edge<'w>>> = Vec::new();
        let mut number = |node: Node<'w>, edges: &mut Vec<Vec<Edge<'w>>>| {
            *numbers.entry(node).or_insert_with(|| {
                nodes.push(node);
                edges.push(Vec::new());
                nodes.len() - 1
            })
        };
        let rules: Vec<&'w Rule> = self.rules().collect();
        for rule in rules {
            let Some(body) = &rule.body else { continue };
            let head = &rule.head;
            let granted = head.params.get(1).and_then(|(term, _)| text(term)).map(|name| name.id.as_str());
            let from = number((&head.name.text, head.params.len(), granted), &mut edges);
            let of_head: HashSet<&str> = head
                .params
                .iter()
                .filter_map(|(term, _)| match term {
                    Term::Variable(name) => Some(name.text.as_str()),
                    _ => None,
                })
                .collect();
            let mut n_calls: HashMap<&str, usize> = HashMap::new();
            let mut found = Vec::new();
            calls(body, false, &mut |call, is_negated| {
                let mut own = HashSet::new();
                for arg in &call.args {
                    if let Term::Variable(name) = arg
                        && own.insert(name.text.as_str())
                    {
                        *n_calls.entry(&name.text).or_default() += 1;
                    }
                }
                found.push((call, is_negated));
            });
            for (call, is_negated) in found {
                // The same values go on, and none comes in that another condition chose.
                let is_same = call.args.iter().all(|arg| match arg {
                    Term::Variable(name) => of_head.contains(name.text.as_str()) || n_calls[name.text.as_str()] == 1,
                    _ => true,
                });
                if is_same {
                    let needed = call.args.get(1).and_then(text).map(|name| name.id.as_str());
                    let to = number((&call.name.text, call.args.len(), needed), &mut edges);
                    edges[from].push(Edge { to, at: &call.name, is_negated });
                }
            }
        }
        // A call with a name is answered by rules for any name too.
        let any: Vec<(usize, Option<usize>)> =
            nodes.iter().enumerate().map(|(at, node)| (at, numbers.get(&(node.0, node.1, None)).copied())).collect();
        let plain: Vec<Vec<usize>> = edges
            .iter()
            .zip(any)
            .map(|(edges, (at, any))| {
                let any = any.filter(|any| *any != at);
                edges.iter().map(|edge| edge.to).chain(any).collect()
            })
            .collect();
        for circle in circles(&plain) {
            let inside = circle.iter().flat_map(|from| edges[*from].iter().map(move |edge| (*from, edge)));
            let negated = inside.filter(|(_, edge)| edge.is_negated && circle.contains(&edge.to));
            let Some((from, edge)) = negated.min_by_key(|(_, edge)| edge.at.span) else { continue };
            let shown = |node: &Node<'_>| match node.2 {
                Some(name) => format!("{}(…, {name:?}, …)", node.0),
                None => node.0.to_owned(),
            };
            let (own, other) = (shown(&nodes[from]), shown(&nodes[edge.to]));
            let message = if from == edge.to {
                format!("`{own}` rests on its own negation: where this rule decides, there is no answer")
            } else {
                format!(
                    "`{own}` and `{other}` rest on each other's negation: where these rules decide, there is no answer"
                )
            };
            let mut finding = Finding::warning("negation-circle", edge.at.span, message);
            let back = edges[edge.to].iter().find(|back| circle.contains(&back.to) && back.at.span != edge.at.span);
            if let Some(back) = back {
                finding = finding.related(Some(back.at.span), "and back here");
            }
            self.tell(finding.help("break the circle: let one of them rest on facts alone"));
        }
    }
}
