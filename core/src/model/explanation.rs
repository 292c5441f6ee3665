//! Why an answer is as it is: goals, the facts and rules behind them, or what they lack.

use std::{collections::BTreeMap, fmt};

use super::answer::Answer;

/// An answer with its reasons. Each goal stands once, however often it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The same answer as without reasons.
    pub answer: Answer,
    /// Goals asked for, as places in `steps`: one per row of the answer in the answer's order; where there is none, the
    /// goals that failed.
    pub roots: Vec<usize>,
    /// Goals, each before what it needs first.
    pub steps: Vec<Step>,
    /// Of a refusal: what is missing at the end of the nearest way, as a place in `steps` and in its ways.
    pub nearest: Option<(usize, usize)>,
    /// Were goals left out, for there were more than `limits::EXPLAIN_STEPS_MAX`?
    pub is_cut: bool,
}

/// A goal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What is asked.
    pub goal: Atom,
    /// Does it hold?
    pub holds: bool,
    /// If it holds: the one way it was found by. If not: ways that come near, nearest first; none where no rule has such
    /// a head, so that only a fact could give it.
    pub ways: Vec<Way>,
}

/// A way to a goal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// Fact or rule.
    pub by: By,
    /// The rule's conditions in the order written, with the bindings of this way.
    pub conditions: Vec<Condition>,
}

/// What a way goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// A fact of the snapshot or the facts given.
    StoredFact,
    /// A write since the snapshot.
    LaterFact,
    /// A context fact.
    ContextFact,
    /// The conjunction of an `evaluate_query`.
    Question,
    /// A rule.
    Rule {
        /// Its number in the program.
        number: u32,
        /// Its source; empty for the default `allow`.
        file: String,
        /// Line from 1; 0 for the default `allow`.
        line: u32,
    },
}

/// A condition of a rule for some bindings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// What it says.
    pub what: What,
    /// How it went.
    pub outcome: Outcome,
    /// The goal that says why, as a place in `steps`: of a goal that holds or fails, of the goal under a `not` that holds.
    pub step: Option<usize>,
}

/// How a condition went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is met.
    Met,
    /// It is not met; no more than one of a way.
    Failed,
    /// Never looked at, for another one failed.
    Open,
}

/// A condition's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A goal.
    Goal(Atom),
    /// Not this goal. Its predicate may be one that stands for the inside of a `not` (`not@LINE.N`).
    Not(Atom),
    /// One of [`SIGNS`].
    Compare(&'static str, Arg, Arg),
    /// `in`.
    In(Arg, Vec<Arg>),
    /// `false`, or a type that no value has.
    Never,
}

/// Signs of comparisons.
pub const SIGNS: [&str; 6] = ["=", "!=", "<", "<=", ">", ">="];

/// A predicate with arguments.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Atom {
    /// Name of the predicate.
    pub predicate: String,
    /// Its arguments.
    pub args: Vec<Arg>,
}

/// An argument.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Arg {
    /// Any value, of this type if one is given; equal numbers in one atom are the same value.
    Any {
        /// Counts the atom's variables.
        number: u32,
        /// Its one type.
        type_name: Option<String>,
    },
    /// This value.
    Exact {
        /// Its type.
        type_name: String,
        /// Its id.
        id: String,
    },
}

impl fmt::Display for Arg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Arg::Any { number, type_name } => {
                if *number == 0 {
                    f.write_str("_")?;
                } else {
                    write!(f, "_{number}")?;
                }
                type_name.as_ref().map_or(Ok(()), |type_name| write!(f, ": {type_name}"))
            }
            Arg::Exact { type_name, id } => match type_name.as_str() {
                "String" => write!(f, "{id:?}"),
                "Integer" | "Boolean" => f.write_str(id),
                _ => write!(f, "{type_name}{{{id:?}}}"),
            },
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, args: &[Arg]) -> fmt::Result {
    for (place, arg) in args.iter().enumerate() {
        let comma = if place > 0 { ", " } else { "" };
        write!(f, "{comma}{arg}")?;
    }
    Ok(())
}

/// Predicate of a goal that is all conditions of a question with several.
pub const QUERY: &str = "the query";

impl fmt::Display for Atom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.predicate.strip_prefix("not@").and_then(|place| place.split_once('.')) {
            Some((line, _)) => write!(f, "what line {line} negates, for (")?,
            None if self.predicate == QUERY => f.write_str("the query for (")?,
            None => write!(f, "{}(", self.predicate)?,
        }
        list(f, &self.args)?;
        f.write_str(")")
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Goal(atom) => atom.fmt(f),
            What::Not(atom) => write!(f, "not {atom}"),
            What::Compare(op, left, right) => write!(f, "{left} {op} {right}"),
            What::In(arg, elements) => {
                write!(f, "{arg} in [")?;
                list(f, elements)?;
                f.write_str("]")
            }
            What::Never => f.write_str("false"),
        }
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            By::StoredFact => f.write_str("stored fact"),
            By::LaterFact => f.write_str("fact written later"),
            By::ContextFact => f.write_str("context fact"),
            By::Question => f.write_str("the question"),
            By::Rule { line: 0, .. } => f.write_str("built-in rule: allow if has_permission"),
            By::Rule { file, line, .. } if file.is_empty() => write!(f, "rule at line {line}"),
            By::Rule { file, line, .. } => write!(f, "rule at {file}:{line}"),
        }
    }
}

/// An indented tree; a goal that stands above already isn't written out again.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.tree(&BTreeMap::new()))
    }
}

#[expect(clippy::indexing_slicing, reason = "who makes or reads an explanation checks the places in it")]
impl Explanation {
    /// The indented tree, with the text of each rule beside its place. `rules`: by their numbers.
    pub fn tree(&self, rules: &BTreeMap<u32, String>) -> String {
        Tree { explanation: self, rules, is_told: vec![false; self.steps.len()], text: String::new() }.written()
    }

    /// Leaves out a goal that only asks for another: the roots are what it needs.
    pub fn leave_out_first(&mut self, predicate: &str) {
        let mut roots = Vec::new();
        for root in &self.roots {
            let Step { goal, ways, .. } = &self.steps[*root];
            let below = ways.iter().flat_map(|way| way.conditions.iter().filter_map(|condition| condition.step));
            if goal.predicate == predicate { roots.extend(below) } else { roots.push(*root) }
        }
        self.roots = roots;
    }

    /// What the nearest way lacks, in one line: `needs has_role(..) (rule at policy.polar:7)`.
    pub fn nearest_miss(&self) -> Option<String> {
        let (step, way) = self.nearest?;
        let Step { goal, ways, .. } = self.steps.get(step)?;
        let Some(way) = ways.get(way) else { return Some(format!("no fact `{goal}`")) };
        let failed = way.conditions.iter().find(|condition| condition.outcome == Outcome::Failed)?;
        Some(match &failed.what {
            What::Goal(atom) if goal.predicate.contains('@') => format!("no fact `{atom}`"),
            What::Goal(atom) => format!("no fact `{atom}` ({} needs it)", way.by),
            what => format!("`{what}` is not met ({})", way.by),
        })
    }
}

/// A line of the tree to come, with its indentation.
enum Line<'e> {
    Step(usize, usize),
    /// With what is told of a condition that was skipped.
    Condition(&'e Condition, &'static str, usize),
    Way(&'e Way, usize),
}

/// A tree that is being written.
struct Tree<'e> {
    explanation: &'e Explanation,
    rules: &'e BTreeMap<u32, String>,
    is_told: Vec<bool>,
    text: String,
}

impl<'e> Tree<'e> {
    fn written(mut self) -> String {
        // Lines to come, the next one last: trees may be deep.
        let mut lines: Vec<Line<'e>> = self.explanation.roots.iter().rev().map(|step| Line::Step(*step, 0)).collect();
        while let Some(line) = lines.pop() {
            match line {
                Line::Step(number, depth) => self.step(number, depth, &mut lines),
                Line::Condition(condition, skipped, depth) => {
                    let mark = match condition.outcome {
                        Outcome::Met => "",
                        Outcome::Failed => ": no",
                        Outcome::Open => skipped,
                    };
                    self.line(depth, &format!("{}{mark}", condition.what));
                    if let Some(step) = condition.step {
                        lines.push(Line::Step(step, depth + 2));
                    }
                }
                Line::Way(way, depth) => {
                    let by = self.by(way);
                    self.line(depth, &by);
                    lines.extend(conditions(way, depth + 2));
                }
            }
        }
        if self.explanation.is_cut {
            self.line(0, "(cut: there is more)");
        }
        self.text
    }

    fn line(&mut self, depth: usize, text: &str) {
        self.text.extend(std::iter::repeat_n(' ', depth));
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// Where the rule stands, and its text.
    fn by(&self, way: &Way) -> String {
        match &way.by {
            By::Rule { number, .. } => match self.rules.get(number) {
                Some(text) => format!("{}: {text}", way.by),
                None => way.by.to_string(),
            },
            by => by.to_string(),
        }
    }

    fn step(&mut self, number: usize, depth: usize, lines: &mut Vec<Line<'e>>) {
        // A number that names no step, of an explanation made elsewhere, is left out.
        let (Some(step), Some(is_told)) = (self.explanation.steps.get(number), self.is_told.get_mut(number)) else {
            return;
        };
        let Step { goal, holds, ways } = step;
        let was_told = std::mem::replace(is_told, true);
        let told = match (holds, ways.as_slice()) {
            (_, [_, ..]) if was_told => format!("{goal}{}, see above", if *holds { "" } else { ": no" }),
            (true, [way]) => {
                lines.extend(conditions(way, depth + 2));
                format!("{goal}  <- {}", self.by(way))
            }
            (true, _) => goal.to_string(),
            (false, []) => format!("{goal}: no such fact, and no rule grants it"),
            (false, ways) => {
                lines.extend(ways.iter().rev().map(|way| Line::Way(way, depth + 2)));
                format!("{goal}: no such fact; the rules that could grant it:")
            }
        };
        self.line(depth, &told);
    }
}

/// Conditions of a way, last first.
fn conditions(way: &Way, depth: usize) -> impl Iterator<Item = Line<'_>> {
    let failed = way.conditions.iter().position(|condition| condition.outcome == Outcome::Failed);
    way.conditions.iter().enumerate().rev().map(move |(at, condition)| match (&condition.what, condition.step) {
        (What::Goal(_), Some(step)) => Line::Step(step, depth),
        _ if failed.is_some_and(|failed| failed < at) => {
            Line::Condition(condition, ": skipped: the condition above already failed", depth)
        }
        _ => Line::Condition(condition, ": skipped: a condition below already failed", depth),
    })
}
