//! The short form as lines of plain English: the verdict first, one kind of grant a line.

use super::{Grant, Named, Objection, Proof, Summary, Unknown};
use crate::model::explanation::{Arg, Atom, By, What};

/// Items that one line lists; the rest is counted.
const LISTED_MAX: usize = 6;
/// Grants that are listed; the rest is counted.
const GRANTS_MAX: usize = 6;

impl Summary {
    /// The lines, without line ends. About five for an ordinary refusal.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.verdict()];
        lines.extend(self.unknown.iter().map(unknown));
        if self.holds {
            self.proofs.iter().for_each(|proof| self.proof(proof, &mut lines));
            if self.n_more_proofs > 0 {
                lines.push(format!("and {} more", self.n_more_proofs));
            }
            return lines;
        }
        self.facts_of_asker(&mut lines);
        self.ways_in(&mut lines);
        self.objections(&mut lines);
        if self.is_cut {
            lines.push("(more ways exist than were looked at)".to_owned());
        }
        lines
    }

    fn verdict(&self) -> String {
        let goal = &self.goal;
        let said = |verdict: &str| format!("{verdict}: {}", fact(goal));
        let [actor, action, resource] = goal.args.as_slice() else {
            return said(if self.holds { "yes" } else { "no" });
        };
        if goal.predicate != "allow" {
            return said(if self.holds { "yes" } else { "no" });
        }
        let (who, what) = (value(actor), word(action));
        match (action, resource, self.holds) {
            (Arg::Any { .. }, _, true) => format!("allowed: {who} may do something to {}", value(resource)),
            (Arg::Any { .. }, _, false) => format!("denied: {who} may do nothing to {}", value(resource)),
            (_, Arg::Any { type_name, .. }, holds) => {
                let type_name = type_name.as_deref().unwrap_or("resource");
                if holds {
                    format!("allowed: {who} may {what} some {type_name}")
                } else {
                    format!("denied: {who} may {what} no {type_name}")
                }
            }
            (_, _, true) => format!("allowed: {who} may {what} {}", value(resource)),
            (_, _, false) => format!("denied: {who} may not {what} {}", value(resource)),
        }
    }

    fn proof(&self, proof: &Proof, lines: &mut Vec<String>) {
        let because = list(proof.because.iter().map(condition), "and");
        let because = if because.is_empty() { "it needs no fact".to_owned() } else { because };
        if self.proofs.len() + self.n_more_proofs > 1 || proof.goal != self.goal {
            lines.push(format!("{}: {because}", self.answered(&proof.goal)));
        } else {
            lines.push(format!("because {because}"));
        }
        let rules = list(proof.rules.iter().map(place), "and");
        if !rules.is_empty() {
            lines.push(format!("by the rules at {rules}"));
        }
    }

    /// What the question left open, as this answer has it.
    fn answered(&self, goal: &Atom) -> String {
        let open = self.goal.args.iter().zip(&goal.args).filter(|(asked, _)| matches!(asked, Arg::Any { .. }));
        let open: Vec<String> = open.map(|(_, found)| value(found)).collect();
        if goal.predicate == "allow" && !open.is_empty() { open.join(", ") } else { fact(goal) }
    }

    fn facts_of_asker(&self, lines: &mut Vec<String>) {
        let Some(asker) = asker(&self.goal) else { return };
        let has = self.has.iter().take(LISTED_MAX).map(|atom| held(atom, asker));
        let n_more = self.n_more_facts + self.has.len().saturating_sub(LISTED_MAX);
        let more = (n_more > 0).then(|| format!("{n_more} more"));
        let has = list_all(has.chain(more).collect(), "and");
        let has = if has.is_empty() { "nothing that a rule asks for".to_owned() } else { has };
        lines.push(format!("{} has: {has}", value(asker)));
    }

    fn ways_in(&self, lines: &mut Vec<String>) {
        if self.grants.is_empty() {
            lines.push(format!("nothing grants {}", self.refused()));
            return;
        }
        let with_facts = self.grants.iter().filter(|grant| !grant.facts.is_empty()).count();
        match with_facts {
            0 => {}
            1 => lines.push("would give it:".to_owned()),
            _ => lines.push("any one of these would give it:".to_owned()),
        }
        let mut number = 0;
        for grant in self.grants.iter().filter(|grant| !grant.facts.is_empty()).take(GRANTS_MAX) {
            number += 1;
            lines.push(format!("  {number}. {}", grant_line(grant, asker(&self.goal))));
        }
        if with_facts > GRANTS_MAX {
            lines.push(format!("  and {} more kinds", with_facts - GRANTS_MAX));
        }
    }

    fn objections(&self, lines: &mut Vec<String>) {
        for (at, objection) in self.against.iter().enumerate() {
            let mut numbers = Vec::new();
            let (mut is_all, mut is_own, mut number) = (true, false, 0);
            for grant in &self.grants {
                let is_against = grant.against.contains(&at);
                if grant.facts.is_empty() {
                    is_own |= is_against;
                    continue;
                }
                number += 1;
                is_all &= is_against;
                if is_against && number <= GRANTS_MAX {
                    numbers.push(number.to_string());
                }
            }
            let whom = match (is_own, is_all && number > 0, numbers.as_slice()) {
                (true, _, _) => "stands against it:".to_owned(),
                (_, true, _) => "would still stand against it:".to_owned(),
                (false, false, _) => format!("would still stand against {}:", list_all(numbers, "and")),
            };
            lines.push(format!("{whom} {}", objection_text(objection)));
        }
    }

    /// `"delete" on Repository`.
    fn refused(&self) -> String {
        match (self.goal.predicate.as_str(), self.goal.args.as_slice()) {
            ("allow", [_, action @ Arg::Exact { .. }, resource]) => {
                format!("{action} on {}", type_of(resource).unwrap_or("any resource"))
            }
            ("allow", [_, _, resource]) => format!("anything on {}", type_of(resource).unwrap_or("any resource")),
            _ => fact(&self.goal),
        }
    }
}

/// Who asks: the first argument, if it is a value of a type of the policy.
fn asker(goal: &Atom) -> Option<&Arg> {
    let is_entity = |type_name: &str| !matches!(type_name, "String" | "Integer" | "Boolean");
    goal.args.first().filter(|arg| matches!(arg, Arg::Exact { type_name, .. } if is_entity(type_name)))
}

fn type_of(arg: &Arg) -> Option<&str> {
    match arg {
        Arg::Any { type_name, .. } => type_name.as_deref(),
        Arg::Exact { type_name, .. } => Some(type_name),
    }
}

/// `User:bob`, `any Organization`, `"text"`, `3`.
fn value(arg: &Arg) -> String {
    match arg {
        Arg::Any { type_name: Some(type_name), .. } => format!("any {type_name}"),
        Arg::Any { type_name: None, .. } => "anything".to_owned(),
        Arg::Exact { type_name, id } => match type_name.as_str() {
            "String" => format!("{id:?}"),
            "Integer" | "Boolean" => id.clone(),
            _ if id.chars().any(|c| c.is_whitespace() || c.is_control()) => format!("{type_name}:{id:?}"),
            _ => format!("{type_name}:{id}"),
        },
    }
}

/// A String as a word of the sentence.
fn word(arg: &Arg) -> String {
    match arg {
        Arg::Exact { type_name, id }
            if type_name == "String" && id.chars().all(|c| c.is_alphanumeric() || "_-.:".contains(c)) =>
        {
            id.clone()
        }
        Arg::Any { .. } => "anything".to_owned(),
        _ => value(arg),
    }
}

/// `is_public(File:plan)`.
fn fact(atom: &Atom) -> String {
    let name = match atom.predicate.strip_prefix("not@").and_then(|place| place.split_once('.')) {
        Some((line, _)) => format!("what line {line} negates"),
        None => atom.predicate.clone(),
    };
    format!("{name}({})", atom.args.iter().map(value).collect::<Vec<_>>().join(", "))
}

/// Role and place of a role.
fn role(atom: &Atom) -> Option<(&Arg, &Arg, Option<&Arg>)> {
    match (atom.predicate.as_str(), atom.args.as_slice()) {
        ("has_role", [whose, role]) => Some((whose, role, None)),
        ("has_role", [whose, role, place]) => Some((whose, role, Some(place))),
        _ => None,
    }
}

/// A fact of the asker, who is not named again.
fn held(atom: &Atom, asker: &Arg) -> String {
    match role(atom) {
        Some((whose, role, Some(place))) if whose == asker => format!("{} of {}", word(role), value(place)),
        Some((whose, role, None)) if whose == asker => format!("the global role {}", word(role)),
        _ => fact(atom),
    }
}

/// The same within a sentence that names nobody yet.
fn condition(what: &What) -> String {
    let goal = |atom: &Atom| match role(atom) {
        Some((whose, role, Some(place))) => format!("{} is {} of {}", value(whose), word(role), value(place)),
        Some((whose, role, None)) => format!("{} has the global role {}", value(whose), word(role)),
        None => match (atom.predicate.as_str(), atom.args.as_slice()) {
            ("has_relation", [of, name, to]) => format!("{} of {} is {}", word(name), value(of), value(to)),
            _ => fact(atom),
        },
    };
    match what {
        What::Goal(atom) => goal(atom),
        What::Not(atom) => format!("not {}", fact(atom)),
        What::Compare(sign, left, right) => format!("{} {sign} {}", value(left), value(right)),
        What::In(arg, elements) => {
            format!("{} in [{}]", value(arg), elements.iter().map(value).collect::<Vec<_>>().join(", "))
        }
        What::Never => "false".to_owned(),
    }
}

/// `policy.polar:7`.
fn place(by: &By) -> String {
    match by {
        By::Rule { line: 0, .. } => "the built-in rule".to_owned(),
        By::Rule { file, line, .. } if file.is_empty() => format!("line {line}"),
        By::Rule { file, line, .. } => format!("{file}:{line}"),
        other => other.to_string(),
    }
}

fn grant_line(grant: &Grant, asker: Option<&Arg>) -> String {
    let mut text = alternatives(grant, asker);
    for besides in &grant.besides {
        let besides = match besides {
            What::Goal(atom) => asker.map_or_else(|| fact(atom), |asker| held(atom, asker)),
            other => format!("where {}", condition(other)),
        };
        text.push_str(", with ");
        text.push_str(&besides);
    }
    if let Some(by @ By::Rule { line: 1.., .. }) = &grant.by {
        text.push_str(&format!("  ({})", place(by)));
    }
    text
}

/// `viewer or editor of File:plan, or of a Folder above it (Folder:q3, Folder:root)`.
fn alternatives(grant: &Grant, asker: Option<&Arg>) -> String {
    let roles: Option<Vec<_>> = grant.facts.iter().map(role).collect();
    let Some(roles) = roles else {
        return list(grant.facts.iter().map(fact), "or");
    };
    let (mut names, mut places): (Vec<String>, Vec<&Arg>) = (Vec::new(), Vec::new());
    for (_, role, at) in &roles {
        let name = match role {
            Arg::Any { .. } => "any role".to_owned(),
            role => word(role),
        };
        if !names.contains(&name) {
            names.push(name);
        }
        if let Some(at) = at
            && !places.contains(at)
        {
            places.push(at);
        }
    }
    let whose = roles.first().map(|(whose, ..)| *whose).filter(|whose| Some(*whose) != asker);
    let mut text = whose.map_or(String::new(), |whose| format!("{} as ", value(whose)));
    if places.is_empty() {
        text.push_str("the global role ");
    }
    text.push_str(&list_all(names, "or"));
    let Some((first, rest)) = places.split_first() else { return text };
    text.push_str(&format!(" of {}", value(first)));
    if rest.is_empty() {
        return text;
    }
    let type_name = rest.first().and_then(|place| type_of(place)).unwrap_or_default();
    let is_one_type = rest.iter().all(|place| type_of(place) == Some(type_name));
    let listed = list(rest.iter().map(|place| value(place)), "or");
    if grant.is_inherited && is_one_type {
        text.push_str(&format!(", or of a {type_name} above it ({listed})"));
    } else {
        text.push_str(&format!(", or of {listed}"));
    }
    text
}

fn objection_text(objection: &Objection) -> String {
    let Objection { what, because, unless, by } = objection;
    let because: Vec<String> = because.iter().map(condition).collect();
    let mut text = match what {
        What::Not(_) if !because.is_empty() => list_all(because, "and"),
        What::Not(atom) => fact(atom),
        other => format!("{} isn't so", condition(other)),
    };
    let unless = list(unless.iter().map(fact), "or");
    if !unless.is_empty() {
        text.push_str(&format!(", unless {unless}"));
    }
    format!("{text}  ({})", place(by))
}

fn unknown(unknown: &Unknown) -> String {
    let Unknown { named, name, type_name, nearest } = unknown;
    let entity = |id: &str| value(&Arg::Exact { type_name: type_name.clone(), id: id.to_owned() });
    let (subject, meant) = match named {
        Named::Type => (format!("neither the policy nor a fact knows the type `{name}`"), nearest.clone()),
        Named::Predicate => (format!("neither the policy nor a fact knows the predicate `{name}`"), nearest.clone()),
        Named::Action => (format!("`{type_name}` has no action `{name}`"), nearest.clone()),
        Named::Entity => (format!("no fact names `{}`", entity(name)), nearest.as_deref().map(entity)),
    };
    match meant {
        Some(meant) => format!("{subject}: did you mean `{meant}`?"),
        None => subject,
    }
}

/// The first items, the last of them joined by `last`; what is left out is counted.
fn list(items: impl Iterator<Item = String>, last: &str) -> String {
    let mut items: Vec<String> = items.collect();
    let n_more = items.len().saturating_sub(LISTED_MAX);
    if n_more > 0 {
        items.truncate(LISTED_MAX);
        items.push(format!("{n_more} more"));
    }
    list_all(items, last)
}

fn list_all(mut items: Vec<String>, last: &str) -> String {
    let Some(final_item) = items.pop() else { return String::new() };
    if items.is_empty() { final_item } else { format!("{} {last} {final_item}", items.join(", ")) }
}
