//! What is allowed and yet most likely not meant. Only for policies without errors, and apart from compiling: a warning
//! changes neither the program nor an answer.
//!
//! Silent where it can't know: facts may be of any type and name, so nothing is said of what facts could make true.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    blocks::Declarations,
    types::Types,
    ways::{Branch, branches},
};
use crate::{
    limits::FINDINGS_MAX,
    rules::rule::{ANYTHING, BoundId},
    syntax::{
        ast::{Block, BlockKind, Call, Expression, Literal, Name, Policy, Rule, Setup, Shorthand, Term},
        diagnostic::{Finding, Span},
        similar::did_you_mean,
    },
};

/// Predicates that a policy needs no rule for.
const KNOWN: [&str; 4] = ["allow", "has_permission", "has_relation", "has_role"];

/// All warnings. `written`, `expanded`: the longhand rules, and those that shorthand stands for. `types` is the caller's
/// to throw away: sets are interned in it.
pub fn find(
    policy: &Policy,
    expanded: &[Rule],
    declarations: &Declarations,
    types: &mut Types,
    findings: &mut Vec<Finding>,
) {
    let mut warnings = Warnings { policy, expanded, declarations, types, findings };
    warnings.variables_used_once();
    warnings.rules_that_never_match();
    warnings.permissions_nobody_gets();
    warnings.relations_unused();
    warnings.names_alike();
    warnings.star_ids();
    warnings.tests();
}

struct Warnings<'w> {
    policy: &'w Policy,
    expanded: &'w [Rule],
    declarations: &'w Declarations,
    types: &'w mut Types,
    findings: &'w mut Vec<Finding>,
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

/// Calls visit on every variable of an expression.
fn variables<'a>(expression: &'a Expression, visit: &mut impl FnMut(&'a Name)) {
    each(expression, &mut |condition| {
        if let Expression::Matches(name, ..) = condition {
            visit(name);
        }
    });
    terms(expression, &mut |term| {
        if let Term::Variable(name) = term {
            visit(name);
        }
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
        self.findings.push(Finding::warning(code, span, message).help(help));
    }

    fn rules(&self) -> impl Iterator<Item = &'w Rule> + use<'w> {
        self.policy.rules.iter().chain(self.expanded)
    }

    fn variables_used_once(&mut self) {
        let policy = self.policy;
        let mut told = |found: &[&Name], exempt: &[&str]| {
            let mut n_uses: HashMap<&str, usize> = HashMap::new();
            found.iter().for_each(|name| *n_uses.entry(&name.text).or_default() += 1);
            for name in found {
                let text = name.text.as_str();
                if n_uses[text] == 1 && !text.starts_with('_') && !exempt.contains(&text) {
                    let message = format!("variable `{text}` is used once");
                    self.warn(
                        "variable-used-once",
                        name.span,
                        message,
                        format!("write `_{text}` if any value will do"),
                    );
                }
            }
        };
        for rule in &policy.rules {
            let mut found = Vec::new();
            for (term, _) in &rule.head.params {
                if let Term::Variable(name) = term {
                    found.push(name);
                }
            }
            if let Some(body) = &rule.body {
                variables(body, &mut |name| found.push(name));
            }
            told(&found, &[]);
        }
        for rule in policy.blocks.iter().flat_map(|block| &block.rules) {
            let (mut calls, mut found) = (Vec::new(), Vec::new());
            calls_of(&rule.body, &mut calls);
            for arg in calls.into_iter().flat_map(|call| &call.args) {
                if let Term::Variable(name) = arg {
                    found.push(name);
                }
            }
            told(&found, &["actor", "resource", "role", "permission"]);
        }
    }

    /// Every way to satisfy a rule; what contradicts itself is told, and is no way.
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
                Some(finding) if tell => self.findings.push(finding),
                Some(_) => {}
            }
        }
        possible
    }

    fn clash(&self, name: &Name, annotation: &Name, before: Option<(&str, Span)>) -> Finding {
        let (variable, wanted) = (&name.text, &annotation.text);
        let Some((before, span)) = before else {
            let message = format!("no type is a `{wanted}`, so this never matches");
            return Finding::warning("never-matches", annotation.span, message)
                .help(format!("declare one, as `{} Name {{}}`", wanted.to_lowercase()));
        };
        let message = format!("`{variable}` can't be a `{wanted}` and a `{before}`, so this never matches");
        Finding::warning("never-matches", annotation.span, message)
            .help("make one a type below the other by `extends`, or use another variable")
            .related(Some(span), format!("`{variable}` is a `{before}` here"))
    }

    /// A condition that nothing satisfies, whatever the facts.
    fn impossible(
        &mut self,
        condition: &Expression,
        way: &Way<'w>,
        places: &HashMap<&str, (&str, Span)>,
        rule: Span,
    ) -> Option<Finding> {
        let never = |span, message: String, help: &str| {
            Some(Finding::warning("never-matches", span, format!("{message}, so this never matches")).help(help))
        };
        match condition {
            Expression::Constant(false) => never(rule, "a condition is `false`".to_owned(), "remove the rule"),
            Expression::In(Term::Variable(name), list, false) if list.is_empty() => {
                never(name.span, "the list is empty".to_owned(), "write a value into it, or remove the rule")
            }
            Expression::Equal(Term::Literal(a), Term::Literal(b)) if (&a.type_name, &a.id) != (&b.type_name, &b.id) => {
                never(b.span, "these values are different".to_owned(), "remove the rule")
            }
            Expression::Equal(Term::Variable(name), Term::Literal(value))
            | Expression::Equal(Term::Literal(value), Term::Variable(name)) => {
                let bound = *way.bounds.get(name.text.as_str())?;
                let own = self.types.exact(&value.type_name);
                let both = self.types.meet(bound, own);
                if self.types.is_empty(bound) || !self.types.is_empty(both) {
                    return None;
                }
                let (type_name, span) = *places.get(name.text.as_str())?;
                let message = format!("`{}` is a `{type_name}` and never a `{}`", name.text, value.type_name);
                never(value.span, message, "compare it with a value of its type")
                    .map(|finding| finding.related(Some(span), format!("`{}` is a `{type_name}` here", name.text)))
            }
            Expression::Compare(op, left, right) if *op != "!=" => {
                let integer = self.types.exact("Integer");
                for side in [left, right] {
                    let (bound, span, shown) = match side {
                        Term::Literal(value) => {
                            (self.types.exact(&value.type_name), value.span, format!("a `{}`", value.type_name))
                        }
                        Term::Variable(name) => {
                            let Some(bound) = way.bounds.get(name.text.as_str()) else { continue };
                            (*bound, name.span, format!("`{}`", name.text))
                        }
                        Term::Now | Term::List(_) => continue,
                    };
                    let both = self.types.meet(bound, integer);
                    if self.types.is_empty(both) && !self.types.is_empty(bound) {
                        let message = format!("`{op}` compares Integers and {shown} is none");
                        return never(span, message, "store the value as an Integer");
                    }
                }
                None
            }
            _ => None,
        }
    }

    fn has_actors(&self) -> bool {
        self.policy.blocks.iter().any(|block| block.kind == BlockKind::Actor)
    }

    fn rules_that_never_match(&mut self) {
        let has_actors = self.has_actors();
        for rule in self.rules() {
            // Without an actor nothing in shorthand matches: that is one finding.
            let is_expanded = rule.head.params.iter().any(|(term, annotation)| match (term, annotation) {
                (Term::Variable(name), Some(annotation)) => annotation.span == name.span && annotation.text == "Actor",
                _ => false,
            });
            self.ways(rule, has_actors || !is_expanded);
        }
        if let (false, Some(rule)) = (has_actors, self.expanded.first()) {
            let message = "no block declares an actor, so no shorthand rule ever matches".to_owned();
            self.warn("never-matches", rule.head.name.span, message, "declare one, as `actor User {}`");
            return;
        }
        // A relation that leads to no actor, where the one who asks is meant.
        let actors = self.types.annotation("Actor");
        for rule in self.expanded {
            let mut leads = Vec::new();
            each(rule.body.as_ref().unwrap_or(&Expression::Constant(true)), &mut |condition| {
                if let Expression::Call(call) = condition
                    && call.name.text == "has_relation"
                    && let [Term::Variable(on), Term::Literal(name), Term::Variable(actor)] = call.args.as_slice()
                    && actor.text == "actor"
                    && call.name.span == name.span
                {
                    leads.push((on.text.clone(), name));
                }
            });
            for (on, name) in leads {
                let targets = self.targets(&on, rule, &name.id);
                let reaches = |warnings: &mut Self, target: &String| {
                    let bound = warnings.types.annotation(target);
                    let both = warnings.types.meet(bound, actors);
                    !warnings.types.is_empty(both)
                };
                if let Some(target) = targets.first().cloned()
                    && !targets.iter().any(|target| reaches(self, target))
                {
                    let message =
                        format!("relation `{}` leads to `{target}`, which is no actor, so this never matches", name.id);
                    let help = format!("name what the actor has there, as `\"role\" on \"{}\"`", name.id);
                    let declared = self.relation_span(&name.id, &target);
                    let finding = Finding::warning("never-matches", name.span, message).help(help);
                    self.findings.push(finding.related(declared, "declared here"));
                }
            }
        }
    }

    /// Types that a relation of a shorthand rule leads to.
    fn targets(&self, on: &str, rule: &Rule, relation: &str) -> Vec<String> {
        let mut of = None;
        let params = rule.head.params.iter();
        for (term, annotation) in params {
            if let (Term::Variable(name), Some(annotation)) = (term, annotation)
                && name.text == on
            {
                of = Some(annotation.text.clone());
            }
        }
        each(rule.body.as_ref().unwrap_or(&Expression::Constant(true)), &mut |condition| {
            if let Expression::Matches(name, annotation, _) = condition
                && name.text == on
            {
                of = Some(annotation.text.clone());
            }
        });
        let places = of.map(|of| self.types.supertypes(&of)).unwrap_or_default();
        let owns = places.iter().filter_map(|place| self.declarations.get(place));
        owns.flat_map(|own| &own.relations).filter(|(name, _)| name == relation).map(|(_, to)| to.clone()).collect()
    }

    fn relation_span(&self, relation: &str, target: &str) -> Option<Span> {
        let all = self.policy.blocks.iter().flat_map(|block| &block.relations);
        all.filter(|(name, to)| name.text == relation && to.text == target).map(|(name, _)| name.span).next()
    }

    /// The types of a call's argument, as far as the rule says.
    fn bound(&mut self, way: &Way<'w>, term: &Term) -> BoundId {
        match term {
            Term::Literal(literal) => self.types.exact(&literal.type_name),
            Term::Variable(name) => way.bounds.get(name.text.as_str()).copied().unwrap_or(ANYTHING),
            Term::Now | Term::List(_) => ANYTHING,
        }
    }

    fn permissions_nobody_gets(&mut self) {
        if !self.has_actors() && !self.expanded.is_empty() {
            return;
        }
        // What each way grants: predicate arity, permission (any if `None`), types; and which permissions it needs.
        let mut grants: Vec<(usize, Option<&str>, BoundId, Vec<&str>)> = Vec::new();
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
                let is_same = |call: &&&Call| matches!((&call.args[1], &rule.head.params[1].0), (Term::Variable(a), Term::Variable(b)) if a.text == b.text);
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
                grants.push((arity, action, bound, needs));
            }
        }
        let stored: BTreeSet<&str> = self
            .stored()
            .filter_map(|(name, args)| match name {
                "has_permission" => args.get(1).map(|value| value.id.as_str()),
                _ => None,
            })
            .collect();
        let policy = self.policy;
        let declared: Vec<(&Block, &Name)> =
            policy.blocks.iter().flat_map(|block| block.permissions.iter().map(move |name| (block, name))).collect();
        let names: BTreeSet<&str> = declared.iter().map(|(_, name)| name.text.as_str()).collect();
        // Least fixpoint: a permission that only itself grants is granted to nobody.
        let mut granted: BTreeSet<(&str, &str)> = BTreeSet::new();
        loop {
            let mut new = Vec::new();
            for (block, name) in &declared {
                let key = (block.name.text.as_str(), name.text.as_str());
                if granted.contains(&key) {
                    continue;
                }
                let arity = if block.kind == BlockKind::Global { 2 } else { 3 };
                let own = if arity == 2 { ANYTHING } else { self.types.annotation(&block.name.text) };
                let gets = stored.contains(key.1)
                    || grants.iter().any(|(n_args, action, bound, needs)| {
                        let both = self.types.meet(*bound, own);
                        let met = |need: &&str| {
                            !names.contains(need) || stored.contains(need) || granted.iter().any(|(_, n)| n == need)
                        };
                        *n_args == arity
                            && action.is_none_or(|action| action == key.1)
                            && (arity == 2 || !self.types.is_empty(both))
                            && needs.iter().all(met)
                    });
                if gets {
                    new.push(key);
                }
            }
            if new.is_empty() {
                break;
            }
            granted.extend(new);
        }
        for (block, name) in declared {
            if !granted.contains(&(block.name.text.as_str(), name.text.as_str())) {
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

    /// Facts of setups and fixtures.
    fn stored(&self) -> impl Iterator<Item = (&'w str, &'w [Literal])> + use<'w> {
        let setups = self.policy.tests.iter().flat_map(|test| &test.setup).filter_map(|step| match step {
            Setup::Fact(fact) => Some(fact),
            Setup::Fixture(_) => None,
        });
        let fixtures = self.policy.fixtures.iter().flat_map(|(_, facts)| facts);
        setups.chain(fixtures).map(|fact| (fact.name.text.as_str(), fact.args.as_slice()))
    }

    fn relations_unused(&mut self) {
        let mut uses: Vec<(Option<&str>, BoundId)> = Vec::new();
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
            let bounds: Vec<_> = self.ways(rule, false).into_iter().map(|way| way.bounds).collect();
            for call in calls {
                let relation = text(&call.args[1]).map(|literal| literal.id.as_str());
                // Under `not`, or where ways differ: any type.
                let mut own = bounds.iter().map(|bounds| match &call.args[0] {
                    Term::Variable(name) => bounds.get(name.text.as_str()).copied().unwrap_or(ANYTHING),
                    _ => ANYTHING,
                });
                uses.extend(own.next().map(|bound| (relation, bound)));
                uses.extend(own.map(|bound| (relation, bound)));
            }
        }
        for block in &self.policy.blocks {
            let own = self.types.annotation(&block.name.text);
            for (name, _) in &block.relations {
                let is_used = uses.iter().any(|(relation, bound)| {
                    let both = self.types.meet(*bound, own);
                    relation.is_none_or(|relation| relation == name.text) && !self.types.is_empty(both)
                });
                if !is_used {
                    let (relation, type_name) = (&name.text, &block.name.text);
                    let message = format!("relation `{relation}` of `{type_name}` is used by no rule");
                    self.warn(
                        "unused-relation",
                        name.span,
                        message,
                        format!("use it, as `\"role\" on \"{relation}\"`, or remove it"),
                    );
                }
            }
        }
    }

    /// Names that longhand rules may invent, but that are spelled much like a declared one.
    fn names_alike(&mut self) {
        let policy = self.policy;
        let declared: Vec<&str> = policy.blocks.iter().map(|block| block.name.text.as_str()).collect();
        let built_in = ["String", "Integer", "Boolean", "Actor", "Resource"];
        let known_types: BTreeSet<&str> = declared.iter().copied().chain(built_in).collect();
        let heads = policy.rules.iter().map(|rule| (rule.head.name.text.as_str(), rule.head.params.len()));
        let declares = policy.declarations.iter().map(|(name, types)| (name.text.as_str(), types.len()));
        let facts = self.stored().map(|(name, args)| (name, args.len()));
        let known: BTreeSet<(&str, usize)> = heads.chain(declares).chain(facts).collect();
        let own = |kind: &str| -> BTreeSet<&str> {
            let lists = policy.blocks.iter().flat_map(|block| match kind {
                "has_role" => block.roles.iter().collect::<Vec<_>>(),
                "has_permission" | "allow" => block.permissions.iter().collect(),
                _ => block.relations.iter().map(|(name, _)| name).collect(),
            });
            lists.map(|name| name.text.as_str()).collect()
        };
        let by_kind: BTreeMap<&str, BTreeSet<&str>> = KNOWN.iter().map(|kind| (*kind, own(kind))).collect();
        let stored_names: BTreeSet<&str> =
            self.stored().flat_map(|(_, args)| args).map(|arg| arg.id.as_str()).collect();
        let mut types_named: Vec<&Name> = Vec::new();
        let mut called: Vec<(&Name, usize)> = Vec::new();
        let mut strings: Vec<(&str, &Literal)> = Vec::new();
        for rule in &policy.rules {
            types_named.extend(rule.head.params.iter().filter_map(|(_, annotation)| annotation.as_ref()));
            let second = rule.head.params.get(1).and_then(|(term, _)| text(term));
            strings.extend(second.map(|literal| (rule.head.name.text.as_str(), literal)));
            each(rule.body.as_ref().unwrap_or(&Expression::Constant(true)), &mut |condition| match condition {
                Expression::Matches(_, annotation, _) => types_named.push(annotation),
                Expression::Call(call) => {
                    called.push((&call.name, call.args.len()));
                    let second = call.args.get(1).and_then(text);
                    strings.extend(second.map(|literal| (call.name.text.as_str(), literal)));
                }
                _ => {}
            });
        }
        for rule in policy.blocks.iter().flat_map(|block| &block.rules) {
            let mut calls = Vec::new();
            calls_of(&rule.body, &mut calls);
            called.extend(calls.into_iter().map(|call| (&call.name, call.args.len())));
        }
        types_named.extend(policy.declarations.iter().flat_map(|(_, types)| types));
        for name in types_named {
            if !known_types.contains(name.text.as_str()) && self.findings.len() < FINDINGS_MAX {
                let help = did_you_mean(&name.text, known_types.iter().copied());
                if let Some(help) = help {
                    self.warn("unknown-type", name.span, format!("no block declares `{}`", name.text), help);
                }
            }
        }
        for (name, arity) in called {
            let text = name.text.as_str();
            if KNOWN.contains(&text) || known.contains(&(text, arity)) || self.findings.len() >= FINDINGS_MAX {
                continue;
            }
            let alike = known.iter().filter(|(_, n)| *n == arity).map(|(known, _)| *known).chain(KNOWN);
            if let Some(help) = did_you_mean(text, alike) {
                self.warn("unknown-predicate", name.span, format!("no rule defines `{text}`"), help);
            } else if let Some((_, other)) = known.iter().find(|(known, _)| *known == text) {
                let message = format!("`{text}` is called with {arity} arguments, and defined with {other}");
                self.warn(
                    "unknown-predicate",
                    name.span,
                    message,
                    "predicates of one name and different arity have nothing in common",
                );
            }
        }
        for (predicate, literal) in strings {
            let Some(declared) = by_kind.get(predicate) else { continue };
            let text = literal.id.as_str();
            if declared.contains(text) || stored_names.contains(text) || self.findings.len() >= FINDINGS_MAX {
                continue;
            }
            if let Some(help) = did_you_mean(text, declared.iter().copied()) {
                let what = match predicate {
                    "has_role" => "role",
                    "has_relation" => "relation",
                    _ => "permission",
                };
                self.warn("unknown-name", literal.span, format!("no block declares a {what} `{text}`"), help);
            }
        }
    }

    /// An id `*` in an answer would mean every value (polar.md §13).
    fn star_ids(&mut self) {
        let mut found = Vec::new();
        let mut see = |term: &Term| {
            if let Term::Literal(literal) = term
                && literal.id == "*"
                && literal.type_name != "String"
            {
                found.push(literal.span);
            }
        };
        for rule in &self.policy.rules {
            rule.head.params.iter().for_each(|(term, _)| see(term));
            terms(rule.body.as_ref().unwrap_or(&Expression::Constant(true)), &mut see);
        }
        for span in found {
            let message = "the id `*` stands for no value: an answer with it is an error".to_owned();
            self.warn("star-id", span, message, "write `_: Type` for every value of a type");
        }
    }

    fn tests(&mut self) {
        let known: BTreeSet<&str> = self.policy.fixtures.iter().map(|(name, _)| name.text.as_str()).collect();
        let policy = self.policy;
        for step in policy.tests.iter().flat_map(|test| &test.setup) {
            let Setup::Fixture(name) = step else { continue };
            if !known.contains(name.text.as_str()) {
                let help = did_you_mean(&name.text, known.iter().copied())
                    .unwrap_or_else(|| format!("write it, as `test fixture {} {{ … }}`", name.text));
                self.warn("unknown-fixture", name.span, format!("there is no fixture `{}`", name.text), help);
            }
        }
    }
}
