//! The short form as lines of plain English: the verdict first, one kind of grant a line.

use super::{
    Grant, Named, Objection, Proof, Summary, Unknown,
    phrases::{LISTED_MAX, any_of, condition, fact, held, list, list_all, more, place, role, type_of, value, word},
};
use crate::model::explanation::{Arg, Atom, By, QUERY, What};

/// Grants that are listed; the rest is counted.
const GRANTS_MAX: usize = 6;
const ANY_ROLE: &str = "any role";

impl Summary {
    /// The lines, without line ends. About five for an ordinary refusal.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.verdict()];
        lines.extend(self.unknown.iter().map(Unknown::sentence));
        if self.holds {
            self.proofs.iter().for_each(|proof| self.proof(proof, &mut lines));
            if self.n_more_proofs > 0 {
                lines.push(format!("and {}", more(self.n_more_proofs, false)));
            }
            if self.is_cut {
                lines.push("(cut: it rests on more than is told here)".to_owned());
            }
            return lines;
        }
        self.facts_of_asker(&mut lines);
        self.ways_in(&mut lines);
        self.objections(&mut lines);
        if self.is_cut {
            lines.push("(cut: more ways may exist than were looked at)".to_owned());
        }
        lines
    }

    fn verdict(&self) -> String {
        let goal = &self.goal;
        if goal.predicate == QUERY {
            return (if self.holds { "yes: the query has an answer" } else { "no: the query has no answer" })
                .to_owned();
        }
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
        let because = list(proof.because.iter().map(condition), "and", self.is_cut);
        let because = match because.as_str() {
            "" if self.is_cut => "the facts it rests on were left out".to_owned(),
            "" => "it needs no fact".to_owned(),
            _ => because,
        };
        if self.proofs.len() + self.n_more_proofs > 1 || proof.goal != self.goal {
            lines.push(format!("{}: {because}", self.answered(&proof.goal)));
        } else {
            lines.push(format!("because {because}"));
        }
        let rules = list(proof.rules.iter().map(place), "and", self.is_cut);
        if !rules.is_empty() {
            lines.push(format!("by the rules at {rules}"));
        }
    }

    /// What the question left open, as this answer has it.
    fn answered(&self, goal: &Atom) -> String {
        let open = self.goal.args.iter().zip(&goal.args).filter(|(asked, _)| matches!(asked, Arg::Any { .. }));
        let open: Vec<String> = open.map(|(_, found)| value(found)).collect();
        if matches!(goal.predicate.as_str(), "allow" | QUERY) && !open.is_empty() {
            open.join(", ")
        } else {
            fact(goal)
        }
    }

    fn facts_of_asker(&self, lines: &mut Vec<String>) {
        let Some(asker) = asker(&self.goal) else { return };
        let has = self.has.iter().take(LISTED_MAX).map(|atom| held(atom, asker));
        let n_more = self.n_more_facts + self.has.len().saturating_sub(LISTED_MAX);
        let rest = (n_more > 0).then(|| more(n_more, self.are_more_facts));
        let has = list_all(has.chain(rest).collect(), "and");
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
            lines.push(format!("  {number}. {}", grant_line(grant, asker(&self.goal), self.is_cut)));
        }
        if with_facts > GRANTS_MAX {
            let n_more = with_facts - GRANTS_MAX;
            lines.push(format!("  and {} kind{}", more(n_more, self.is_cut), if n_more == 1 { "" } else { "s" }));
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
            (QUERY, _) => "it".to_owned(),
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

fn grant_line(grant: &Grant, asker: Option<&Arg>, is_cut: bool) -> String {
    let mut text = alternatives(grant, asker, is_cut);
    let mut wheres = Vec::new();
    for besides in &grant.besides {
        match besides {
            What::Goal(atom) => {
                text.push_str(", with ");
                text.push_str(&asker.map_or_else(|| fact(atom), |asker| held(atom, asker)));
            }
            other => wheres.push(condition(other)),
        }
    }
    if !wheres.is_empty() {
        text.push_str(&format!(", where {}", list_all(wheres, "and")));
    }
    if let Some(by @ By::Rule { line: 1.., .. }) = &grant.by {
        text.push_str(&format!("  ({})", place(by)));
    }
    text
}

/// `viewer or editor of File:plan, or of a Folder above it (Folder:q3, Folder:root)`.
fn alternatives(grant: &Grant, asker: Option<&Arg>, is_cut: bool) -> String {
    let roles: Option<Vec<_>> = grant.facts.iter().map(role).collect();
    let Some(roles) = roles else {
        return any_of(&grant.facts, is_cut);
    };
    let (mut names, mut places): (Vec<String>, Vec<&Arg>) = (Vec::new(), Vec::new());
    for (_, role, at) in &roles {
        let name = match role {
            Arg::Any { .. } => ANY_ROLE.to_owned(),
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
    // Any role is enough: that some role is needs no telling.
    if names.iter().any(|name| name == ANY_ROLE) {
        names = vec![ANY_ROLE.to_owned()];
    }
    let whose = roles.first().map(|(whose, ..)| *whose).filter(|whose| Some(*whose) != asker);
    let mut text = whose.map_or(String::new(), |whose| format!("{} as ", value(whose)));
    if places.is_empty() {
        text.push_str("the global role ");
    }
    text.push_str(&list_all(names, "or"));
    let Some((first, rest)) = places.split_first() else { return text };
    text.push_str(&format!(" of {}", on(first)));
    if rest.is_empty() {
        return text;
    }
    let type_name = rest.first().and_then(|place| type_of(place)).unwrap_or_default();
    let is_one_type = rest.iter().all(|place| type_of(place) == Some(type_name));
    let listed = list(rest.iter().map(|place| on(place)), "or", is_cut);
    if grant.is_inherited && is_one_type {
        text.push_str(&format!(", or of a {type_name} above it ({listed})"));
    } else {
        text.push_str(&format!(", or of {listed}"));
    }
    text
}

/// What a role is on: `anything` would read as everything.
fn on(place: &Arg) -> String {
    match place {
        Arg::Any { type_name: None, number: 0 } => "some resource".to_owned(),
        place => value(place),
    }
}

fn objection_text(objection: &Objection) -> String {
    let Objection { what, because, unless, by } = objection;
    let because: Vec<String> = because.iter().map(condition).collect();
    let mut text = match what {
        What::Not(_) if !because.is_empty() => list_all(because, "and"),
        What::Not(atom) => fact(atom),
        other => format!("{} isn't so", condition(other)),
    };
    let unless = list(unless.iter().map(fact), "or", false);
    if !unless.is_empty() {
        text.push_str(&format!(", unless {unless}"));
    }
    format!("{text}  ({})", place(by))
}

impl Unknown {
    /// What is told of it, with what may be meant.
    pub fn sentence(&self) -> String {
        let Unknown { named, name, nearest } = self;
        let what = match named {
            Named::Type => format!("policy and facts have no type `{name}`"),
            Named::Predicate { arity, others } => {
                let s = if *arity == 1 { "" } else { "s" };
                let what = format!("policy and facts have no predicate `{name}` of {arity} argument{s}");
                if others.is_empty() {
                    what
                } else {
                    let others = others.iter().map(usize::to_string).collect();
                    return format!("{what}: `{name}` has {}", list_all(others, "or"));
                }
            }
            Named::Action { .. } if name.is_empty() => return "the action is empty: name one".to_owned(),
            Named::Action { on } => format!("`{on}` has no action `{name}`"),
            Named::Argument { of, at } => {
                format!("policy and facts have no {name:?} as argument {at} of `{of}`")
            }
            Named::Entity { type_name } => format!("no fact names `{}`", entity(type_name, name)),
        };
        let meant = nearest.as_deref().map(|nearest| match named {
            Named::Entity { type_name } => entity(type_name, nearest),
            Named::Argument { .. } => format!("{nearest:?}"),
            _ => nearest.to_owned(),
        });
        match meant {
            Some(meant) => format!("{what}: did you mean `{meant}`?"),
            None => what,
        }
    }
}

fn entity(type_name: &str, id: &str) -> String {
    value(&Arg::Exact { type_name: type_name.to_owned(), id: id.to_owned() })
}
