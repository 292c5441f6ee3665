//! Explanations as bytes: an answer, then goals in one list, told apart by their places.

use std::collections::BTreeMap;

use super::{
    Malformed, solutions,
    words::{Reader, Writer, count, length},
};
use crate::{
    limits::EXPLAIN_STEPS_MAX,
    model::{
        Explanation, Reasons,
        explanation::{Arg, Atom, By, Condition, Outcome, SIGNS, Step, Way, What},
    },
};

/// What a way goes by. Numbers are never given twice, here and below.
const STORED_FACT: u32 = 0;
const LATER_FACT: u32 = 1;
const CONTEXT_FACT: u32 = 2;
const QUESTION: u32 = 3;
const RULE: u32 = 4;

/// What a condition says.
const GOAL: u32 = 0;
const NOT: u32 = 1;
const COMPARE: u32 = 2;
const IN: u32 = 3;
const NEVER: u32 = 4;

/// How a condition went.
const MET: u32 = 0;
const FAILED: u32 = 1;
const OPEN: u32 = 2;

pub(super) fn write(writer: &mut Writer<'_>, explanation: &Explanation) {
    let Explanation { answer, roots, steps, nearest, is_cut } = explanation;
    writer.words([u32::from(*is_cut), count(roots), count(steps), u32::from(nearest.is_some())]);
    let (step, way) = nearest.unwrap_or_default();
    writer.words([place(step), place(way)]);
    solutions::write(writer, answer);
    roots.iter().for_each(|root| writer.words([place(*root)]));
    writer.pad();
    for Step { goal, holds, ways } in steps {
        writer.words([u32::from(*holds), count(ways)]);
        write_atom(writer, goal);
        ways.iter().for_each(|way| write_way(writer, way));
    }
}

/// Without the number of lines, which goes before it.
pub(super) fn write_reasons(writer: &mut Writer<'_>, Reasons { lines, rules, explanation }: &Reasons) {
    writer.words([place(rules.len()), 0]);
    lines.iter().for_each(|line| writer.text(line));
    for (number, text) in rules {
        writer.words([*number, 0]);
        writer.text(text);
    }
    write(writer, explanation);
}

/// Rules come in the order of their numbers, each once.
pub(super) fn read_reasons(n_lines: u32, reader: &mut Reader<'_>) -> Result<Reasons, Malformed> {
    let [n_rules, zero] = reader.words()?;
    reader.zero(zero)?;
    let lines = reader.items(n_lines, Reader::text)?;
    let mut rules = BTreeMap::new();
    let mut last = None;
    reader.items(n_rules, |reader| {
        let [number, zero] = reader.words()?;
        reader.zero(zero)?;
        if last.is_some_and(|last| number <= last) {
            return reader.expected("rules in the order of their numbers before this");
        }
        last = Some(number);
        rules.insert(number, reader.text()?);
        Ok(())
    })?;
    Ok(Reasons { lines, rules, explanation: read(reader)? })
}

/// A place in a list as a word.
fn place(at: usize) -> u32 {
    u32::try_from(at).expect("an explanation's lists are far shorter than 2^32")
}

fn write_way(writer: &mut Writer<'_>, Way { by, conditions }: &Way) {
    let (kind, number, file, line) = match by {
        By::StoredFact => (STORED_FACT, 0, "", 0),
        By::LaterFact => (LATER_FACT, 0, "", 0),
        By::ContextFact => (CONTEXT_FACT, 0, "", 0),
        By::Question => (QUESTION, 0, "", 0),
        By::Rule { number, file, line } => (RULE, *number, file.as_str(), *line),
    };
    writer.words([kind, count(conditions), number, line]);
    writer.text(file);
    for Condition { what, outcome, step } in conditions {
        let outcome = match outcome {
            Outcome::Met => MET,
            Outcome::Failed => FAILED,
            Outcome::Open => OPEN,
        };
        let kind = match what {
            What::Goal(_) => GOAL,
            What::Not(_) => NOT,
            What::Compare(..) => COMPARE,
            What::In(..) => IN,
            What::Never => NEVER,
        };
        writer.words([kind, outcome, u32::from(step.is_some()), step.map_or(0, place)]);
        match what {
            What::Goal(atom) | What::Not(atom) => write_atom(writer, atom),
            What::Compare(sign, left, right) => {
                let sign = SIGNS.iter().position(|known| known == sign);
                writer.words([place(sign.expect("a comparison has one of the signs")), 0]);
                [left, right].into_iter().for_each(|arg| write_arg(writer, arg));
            }
            What::In(arg, elements) => {
                writer.words([count(elements), 0]);
                std::iter::once(arg).chain(elements).for_each(|arg| write_arg(writer, arg));
            }
            What::Never => {}
        }
    }
}

fn write_atom(writer: &mut Writer<'_>, Atom { predicate, args }: &Atom) {
    writer.words([length(predicate), count(args)]);
    writer.padded(predicate.as_bytes());
    args.iter().for_each(|arg| write_arg(writer, arg));
}

fn write_arg(writer: &mut Writer<'_>, arg: &Arg) {
    match arg {
        Arg::Any { number, type_name: None } => writer.typed(0, *number, "", ""),
        Arg::Any { number, type_name: Some(type_name) } => writer.typed(1, *number, type_name, ""),
        Arg::Exact { type_name, id } => writer.typed(2, 0, type_name, id),
    }
}

/// Every place lies in the list it is a place of, so that what is read can be followed and printed.
pub(super) fn read(reader: &mut Reader<'_>) -> Result<Explanation, Malformed> {
    let [is_cut, n_roots, n_steps, has_nearest, step, way] = reader.words()?;
    let (is_cut, has_nearest) = (reader.flag(is_cut)?, reader.flag(has_nearest)?);
    if n_steps as usize > EXPLAIN_STEPS_MAX {
        return reader.expected("no more goals than an explanation shows before this");
    }
    let nearest = if has_nearest {
        Some((read_place(reader, step, n_steps)?, way as usize))
    } else {
        [step, way].into_iter().try_for_each(|word| reader.zero(word))?;
        None
    };
    let [kind, second] = reader.words()?;
    let answer = solutions::read(kind, second, reader)?;
    let lengths = reader.lengths(n_roots)?.as_chunks().0.iter();
    let roots = lengths.map(|root| read_place(reader, u32::from_le_bytes(*root), n_steps));
    let roots = roots.collect::<Result<_, _>>()?;
    let steps = reader.items(n_steps, |reader| {
        let [holds, n_ways] = reader.words()?;
        let holds = reader.flag(holds)?;
        let goal = read_atom(reader)?;
        Ok(Step { goal, holds, ways: reader.items(n_ways, |reader| read_way(reader, n_steps))? })
    })?;
    Ok(Explanation { answer, roots, steps, nearest, is_cut })
}

fn read_place(reader: &Reader<'_>, at: u32, n: u32) -> Result<usize, Malformed> {
    if at < n { Ok(at as usize) } else { reader.expected("a goal's place among the goals before this") }
}

fn read_way(reader: &mut Reader<'_>, n_steps: u32) -> Result<Way, Malformed> {
    let [kind, n_conditions, number, line] = reader.words()?;
    let file = reader.text()?;
    if kind != RULE && (number, line, file.as_str()) != (0, 0, "") {
        return reader.expected("a rule's number, line and file with rules alone before this");
    }
    let by = match kind {
        STORED_FACT => By::StoredFact,
        LATER_FACT => By::LaterFact,
        CONTEXT_FACT => By::ContextFact,
        QUESTION => By::Question,
        RULE => By::Rule { number, file, line },
        _ => return reader.expected("a known kind of way before this"),
    };
    Ok(Way { by, conditions: reader.items(n_conditions, |reader| read_condition(reader, n_steps))? })
}

fn read_condition(reader: &mut Reader<'_>, n_steps: u32) -> Result<Condition, Malformed> {
    let [kind, outcome, has_step, step] = reader.words()?;
    let step = if reader.flag(has_step)? {
        Some(read_place(reader, step, n_steps)?)
    } else {
        reader.zero(step)?;
        None
    };
    let outcome = match outcome {
        MET => Outcome::Met,
        FAILED => Outcome::Failed,
        OPEN => Outcome::Open,
        _ => return reader.expected("a known outcome before this"),
    };
    let what = match kind {
        GOAL => What::Goal(read_atom(reader)?),
        NOT => What::Not(read_atom(reader)?),
        COMPARE => {
            let [sign, zero] = reader.words()?;
            reader.zero(zero)?;
            let Some(sign) = SIGNS.get(sign as usize) else { return reader.expected("a known sign before this") };
            What::Compare(sign, read_arg(reader)?, read_arg(reader)?)
        }
        IN => {
            let [n_elements, zero] = reader.words()?;
            reader.zero(zero)?;
            What::In(read_arg(reader)?, reader.items(n_elements, read_arg)?)
        }
        NEVER => What::Never,
        _ => return reader.expected("a known kind of condition before this"),
    };
    Ok(Condition { what, outcome, step })
}

fn read_atom(reader: &mut Reader<'_>) -> Result<Atom, Malformed> {
    let [predicate_bytes, n_args] = reader.words()?;
    let predicate = reader.string(predicate_bytes)?;
    Ok(Atom { predicate, args: reader.items(n_args, read_arg)? })
}

fn read_arg(reader: &mut Reader<'_>) -> Result<Arg, Malformed> {
    let (kind, number, type_name, id) = reader.typed()?;
    match kind {
        0 | 1 => Ok(Arg::Any { number, type_name: (kind == 1).then_some(type_name) }),
        _ if number == 0 => Ok(Arg::Exact { type_name, id }),
        _ => reader.expected("no number of a value before this"),
    }
}
