//! What is allowed and yet most likely not meant. Only for policies without errors, and apart from compiling: a warning
//! changes neither the program nor an answer.
//!
//! Silent where it can't know: facts may be of any type and name, so nothing is said of what facts could make true.

mod arity;
mod circles;
mod dialect;
mod facts;
mod listing;
mod names;
mod never;
mod swapped;
mod unbound;
mod unused;

use std::collections::HashMap;

use super::{
    blocks::Declarations,
    types::Types,
    ways::{Branch, branches},
};
use crate::{
    limits::FINDINGS_KEPT_MAX,
    rules::rule::{ANYTHING, BoundId, Program},
    syntax::{
        ast::{Call, Expression, Literal, Policy, Rule, Setup, Shorthand, Term},
        diagnostic::{Finding, Span},
        similar::{Effort, nearest_within},
    },
};

/// Pairs that one search may look at: a policy with more is no author's, and goes without that warning.
const PAIRS_MAX: usize = 2_000_000;
/// Questions for near names that a policy's warnings may ask together, of full length.
const QUESTIONS_MAX: usize = 20;
/// Predicates that a policy needs no rule for.
const KNOWN: [&str; 4] = ["allow", "has_permission", "has_relation", "has_role"];

/// A policy without errors, and what it became.
pub struct Checked<'w> {
    /// The tree.
    pub policy: &'w Policy,
    /// The rules that shorthand stands for.
    pub expanded: &'w [Rule],
    /// Names of blocks.
    pub declarations: &'w Declarations,
    /// Its rules.
    pub program: &'w Program,
    /// Line of a span.
    pub line: &'w dyn Fn(Span) -> u32,
}

/// All warnings. `types` is the caller's to throw away: sets are interned in it.
/// Cost: near the length of the policy; where a kind of warning would take more, it is left out.
pub fn find(checked: &Checked<'_>, types: &mut Types, findings: &mut Vec<Finding>) {
    let Checked { policy, expanded, declarations, program, line } = *checked;
    let effort = Effort::of_questions(QUESTIONS_MAX);
    let mut warnings = Warnings { policy, expanded, declarations, types, findings, effort };
    warnings.foreign_items();
    warnings.blocks_of_one_type();
    warnings.arity_of_known_predicates();
    warnings.variables_unbound();
    warnings.rules_that_never_match();
    warnings.arguments_swapped();
    warnings.permissions_nobody_gets();
    warnings.relations_unused();
    warnings.names_alike();
    warnings.star_ids();
    warnings.tests();
    warnings.grants_in_a_circle();
    warnings.negations_in_a_circle();
    warnings.rules_that_cannot_be_listed(program, line);
    warnings.facts_of_tests(program);
}

struct Warnings<'w> {
    policy: &'w Policy,
    expanded: &'w [Rule],
    declarations: &'w Declarations,
    types: &'w mut Types,
    findings: &'w mut Vec<Finding>,
    /// What is left to look for names that were meant.
    effort: Effort,
}

/// One way to satisfy a rule, with what is known of its variables.
struct Way<'w> {
    bounds: HashMap<&'w str, BoundId>,
    calls: Vec<&'w Call>,
}

/// Calls visit on every condition that is no `and`, `or` or `not`, at any depth.
fn each<'a>(expression: &'a Expression, visit: &mut impl FnMut(&'a Expression)) {
    match expression {
        Expression::And(parts) | Expression::Or(parts) => parts.iter().for_each(|part| each(part, visit)),
        Expression::Not(inside) => each(inside, visit),
        other => visit(other),
    }
}

/// Calls visit on every term, inside lists too.
fn terms<'a>(expression: &'a Expression, visit: &mut impl FnMut(&'a Term)) {
    fn inside<'a>(term: &'a Term, visit: &mut impl FnMut(&'a Term)) {
        visit(term);
        if let Term::List(elements) = term {
            elements.iter().for_each(|element| inside(element, visit));
        }
    }
    each(expression, &mut |condition| match condition {
        Expression::Equal(a, b) | Expression::Compare(_, a, b) => {
            inside(a, visit);
            inside(b, visit);
        }
        Expression::In(term, list, _) => {
            inside(term, visit);
            list.iter().for_each(|element| inside(element, visit));
        }
        Expression::Call(call) => call.args.iter().for_each(|arg| inside(arg, visit)),
        _ => {}
    });
}

/// Longhand calls of a shorthand condition.
fn calls_of<'a>(body: &'a Shorthand, found: &mut Vec<&'a Call>) {
    match body {
        Shorthand::And(parts) | Shorthand::Or(parts) => parts.iter().for_each(|part| calls_of(part, found)),
        Shorthand::Not(inside) => calls_of(inside, found),
        Shorthand::Call(call) => found.push(call),
        Shorthand::Global(_) | Shorthand::Name(..) => {}
    }
}

fn text(term: &Term) -> Option<&Literal> {
    match term {
        Term::Literal(literal) if literal.type_name == "String" => Some(literal),
        _ => None,
    }
}

impl<'w> Warnings<'w> {
    fn warn(&mut self, code: &'static str, span: Span, message: String, help: impl Into<String>) {
        self.tell(Finding::warning(code, span, message).help(help));
    }

    fn tell(&mut self, finding: Finding) {
        if !self.is_told() {
            self.findings.push(finding);
        }
    }

    /// Is more found than anybody is told?
    fn is_told(&self) -> bool {
        self.findings.len() >= FINDINGS_KEPT_MAX
    }

    /// The name that was meant, if one is near.
    fn meant<'c>(&mut self, name: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<String> {
        nearest_within(name, candidates, &mut self.effort).map(|meant| format!("did you mean `{meant}`?"))
    }

    fn rules(&self) -> impl Iterator<Item = &'w Rule> + use<'w> {
        self.policy.rules.iter().chain(self.expanded)
    }

    fn ways(&mut self, rule: &'w Rule, tell: bool) -> Vec<Way<'w>> {
        let ways = rule.body.as_ref().map_or_else(|| Some(vec![Branch::default()]), branches).unwrap_or_default();
        let mut possible = Vec::new();
        for Branch { conditions, .. } in ways {
            let mut way = Way { bounds: HashMap::new(), calls: Vec::new() };
            let mut places: HashMap<&str, (&str, Span)> = HashMap::new();
            let head = rule.head.params.iter().filter_map(|(term, annotation)| match (term, annotation) {
                (Term::Variable(name), Some(annotation)) if name.text != "_" => Some((name, annotation, false)),
                _ => None,
            });
            let matched = conditions.iter().filter_map(|condition| match condition {
                Expression::Matches(name, annotation, exact) => Some((name, annotation, *exact)),
                _ => None,
            });
            let mut clash = None;
            for (name, annotation, exact) in head.chain(matched) {
                let text = annotation.text.as_str();
                let own = if exact { self.types.exact(text) } else { self.types.annotation(text) };
                let before = way.bounds.get(name.text.as_str()).copied().unwrap_or(ANYTHING);
                let both = self.types.meet(before, own);
                if self.types.is_empty(both) && !self.types.is_empty(before) && clash.is_none() {
                    clash = Some(self.clash(name, annotation, places.get(name.text.as_str()).copied()));
                }
                way.bounds.insert(&name.text, both);
                places.entry(&name.text).or_insert((text, annotation.span));
            }
            for condition in conditions {
                if let Expression::Call(call) = condition {
                    way.calls.push(call);
                }
                clash = clash.or_else(|| self.impossible(condition, &way, &places, rule.head.name.span));
            }
            match clash {
                None => possible.push(way),
                Some(finding) if tell => self.tell(finding),
                Some(_) => {}
            }
        }
        possible
    }

    fn bound(&mut self, way: &Way<'w>, term: &Term) -> BoundId {
        match term {
            Term::Literal(literal) => self.types.exact(&literal.type_name),
            Term::Variable(name) => way.bounds.get(name.text.as_str()).copied().unwrap_or(ANYTHING),
            Term::Now | Term::List(_) => ANYTHING,
        }
    }

    /// Every step of a setup or a fixture.
    fn steps(&self) -> impl Iterator<Item = &'w Setup> + use<'w> {
        let fixtures = self.policy.fixtures.iter().flat_map(|(_, steps)| steps);
        self.policy.tests.iter().flat_map(|test| &test.setup).chain(fixtures)
    }

    fn stored(&self) -> impl Iterator<Item = (&'w str, &'w [Literal])> + use<'w> {
        let steps = self.steps();
        let facts = steps.filter_map(|step| match step {
            Setup::Fact(fact) => Some(fact),
            Setup::Fixture(_) => None,
        });
        facts.map(|fact| (fact.name.text.as_str(), fact.args.as_slice()))
    }
}
