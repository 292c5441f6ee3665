//! Replies and refusals as bytes.

use super::{
    Malformed, Note, Refusal, Reply, Status, explanation, report, solutions,
    solutions::{BINDINGS, DECISION, IDS, ROWS},
    words::{Reader, Writer, count, length},
};
use crate::{
    model::AskError,
    pages::Page,
    rules::rule::BlockMetadata,
    snapshot::{Counts, Manifest},
    syntax::diagnostic::Severity,
};

/// First words; those of answers to questions stand in `solutions`. Numbers are never given twice.
const REFUSED: u32 = 0;
const FACTS: u32 = 5;
const METADATA: u32 = 6;
const STATUS: u32 = 7;
const APPLIED: u32 = 8;
const DIAGNOSTICS: u32 = 9;
const SNAPSHOT: u32 = 10;
const EXPLANATION: u32 = 11;
const REPORT: u32 = 12;
const FACT_CHECK: u32 = 13;
const NAMES: u32 = 14;
const PAGE: u32 = 15;
const UNKNOWN_NAMES: u32 = 16;
const SPENT: u32 = 17;
const REASONS: u32 = 18;

/// Second words of what is refused. Numbers are never given twice.
const NEGATION: u32 = 1;
const RECURSION: u32 = 2;
const COMPARISON: u32 = 3;
const UNRENDERABLE: u32 = 4;
const BUDGET: u32 = 5;
const INVALID: u32 = 6;
const MEMORY: u32 = 7;
const MALFORMED: u32 = 16;
const NOT_OPEN: u32 = 17;
const UNUSABLE: u32 = 18;

/// Writes what came of a call over what `out` held.
pub fn encode(outcome: &Result<Reply, Refusal>, out: &mut Vec<u8>) {
    out.clear();
    let mut writer = Writer::new(out);
    match outcome {
        Err(refusal) => refused(&mut writer, refusal),
        Ok(Reply::Answer(answer)) => solutions::write(&mut writer, answer),
        Ok(Reply::Facts(facts)) => {
            writer.words([FACTS, count(facts)]);
            facts.iter().for_each(|fact| writer.fact(fact));
        }
        Ok(Reply::Metadata(metadata)) => {
            let blocks = metadata.as_deref().unwrap_or_default();
            writer.words([METADATA, count(blocks), u32::from(metadata.is_some()), 0]);
            blocks.iter().for_each(|(name, block)| write_block(&mut writer, name, block));
        }
        Ok(Reply::Status(Status { manifest, offset })) => {
            writer.words([STATUS, 0]);
            let Counts { facts, types, values, relations } = manifest.counts;
            for number in
                [*offset, manifest.epoch, manifest.created_ms, manifest.offset, facts, types, values, relations]
            {
                writer.u64(number);
            }
            for text in [&manifest.environment, &manifest.tenant, &manifest.store] {
                writer.text(text);
            }
        }
        Ok(Reply::Applied { offset }) => {
            writer.words([APPLIED, 0]);
            writer.u64(*offset);
        }
        Ok(Reply::Spent { units }) => {
            writer.words([SPENT, 0]);
            writer.u64(*units);
        }
        Ok(Reply::Diagnostics(notes)) => {
            writer.words([DIAGNOSTICS, count(notes)]);
            for note in notes {
                let severity = match note.severity {
                    Severity::Error => 0,
                    Severity::Warning => 1,
                };
                writer.words([severity, 0, note.line, note.column]);
                writer.text(&note.code);
                writer.text(&note.file);
                writer.text(&note.message);
                writer.optional(note.help.as_deref());
            }
        }
        Ok(Reply::Snapshot(bytes)) => {
            writer.words([SNAPSHOT, count(bytes)]);
            writer.padded(bytes);
        }
        Ok(Reply::Explanation(explained)) => {
            writer.words([EXPLANATION, 0]);
            explanation::write(&mut writer, explained);
        }
        Ok(Reply::Reasons(reasons)) => {
            writer.words([REASONS, count(&reasons.lines)]);
            explanation::write_reasons(&mut writer, reasons);
        }
        Ok(Reply::Report(tests)) => {
            writer.words([REPORT, count(tests)]);
            tests.iter().for_each(|test| report::write(&mut writer, test));
        }
        Ok(Reply::Names(names)) => {
            let texts = names.as_deref().unwrap_or_default();
            writer.words([NAMES, u32::from(names.is_some()), count(texts), 0]);
            texts.iter().for_each(|text| writer.text(text));
        }
        Ok(Reply::Page(Page { answer, total })) => {
            writer.words([PAGE, 0]);
            writer.u64(*total);
            solutions::write(&mut writer, answer);
        }
        Ok(Reply::UnknownNames(sentences)) => {
            writer.words([UNKNOWN_NAMES, count(sentences)]);
            sentences.iter().for_each(|sentence| writer.text(sentence));
        }
        Ok(Reply::FactCheck(unfit)) => {
            writer.words([FACT_CHECK, u32::from(unfit.is_none())]);
            writer.text(unfit.as_deref().unwrap_or_default());
        }
    }
}

fn refused(writer: &mut Writer<'_>, refusal: &Refusal) {
    let (kind, units, detail) = match refusal {
        Refusal::Ask(AskError::Negation { place, compared }) => (NEGATION, u64::from(*compared), place.as_str()),
        Refusal::Ask(AskError::Recursion { place }) => (RECURSION, 0, place.as_str()),
        Refusal::Ask(AskError::Comparison { place }) => (COMPARISON, 0, place.as_str()),
        Refusal::Ask(AskError::Unrenderable { place }) => (UNRENDERABLE, 0, place.as_str()),
        Refusal::Ask(AskError::Budget { units }) => (BUDGET, *units, ""),
        Refusal::Ask(AskError::Memory { bytes }) => (MEMORY, *bytes, ""),
        Refusal::Ask(AskError::Invalid { message }) => (INVALID, 0, message.as_str()),
        // A value that is none, or too much of something, is the asker's mistake, not the encoding's.
        Refusal::Malformed(Malformed::Value(_) | Malformed::TooMany(_)) => (INVALID, 0, ""),
        Refusal::Malformed(Malformed::At { at, .. }) => (MALFORMED, *at as u64, ""),
        Refusal::NotOpen => (NOT_OPEN, 0, ""),
        Refusal::Snapshot(message) => (UNUSABLE, 0, message.as_str()),
    };
    writer.words([REFUSED, kind]);
    writer.u64(units);
    let message = refusal.to_string();
    writer.text(if kind == INVALID { &message } else { detail });
    writer.text(&message);
}

fn write_block(writer: &mut Writer<'_>, name: &str, block: &BlockMetadata) {
    let BlockMetadata { roles, permissions, relations } = block;
    writer.words([length(name), count(roles), count(permissions), count(relations)]);
    writer.padded(name.as_bytes());
    roles.iter().chain(permissions).for_each(|name| writer.text(name));
    for (name, type_name) in relations {
        writer.text(name);
        writer.text(type_name);
    }
}

/// Reads what came of a call: the outer error says that the bytes are no answer, the inner one is the guest's.
/// Total: never a panic.
pub fn decode(bytes: &[u8]) -> Result<Result<Reply, Refusal>, Malformed> {
    let mut reader = Reader::new(bytes);
    let [kind, second] = reader.words()?;
    let outcome = match kind {
        REFUSED => Err(refusal(second, &mut reader)?),
        DECISION | IDS | ROWS | BINDINGS => Ok(Reply::Answer(solutions::read(kind, second, &mut reader)?)),
        FACTS => Ok(Reply::Facts(reader.items(second, Reader::fact)?)),
        METADATA => {
            let [has_policy, zero] = reader.words()?;
            reader.zero(zero)?;
            let has_policy = reader.flag(has_policy)?;
            let blocks = reader.items(second, block)?;
            Ok(Reply::Metadata(has_policy.then_some(blocks)))
        }
        STATUS => Ok(Reply::Status(status(&mut reader)?)),
        APPLIED => Ok(Reply::Applied { offset: reader.u64()? }),
        SPENT => {
            reader.zero(second)?;
            Ok(Reply::Spent { units: reader.u64()? })
        }
        DIAGNOSTICS => Ok(Reply::Diagnostics(reader.items(second, note)?)),
        SNAPSHOT => Ok(Reply::Snapshot(reader.padded(second)?.to_vec())),
        EXPLANATION => {
            reader.zero(second)?;
            Ok(Reply::Explanation(explanation::read(&mut reader)?))
        }
        REASONS => Ok(Reply::Reasons(explanation::read_reasons(second, &mut reader)?)),
        REPORT => Ok(Reply::Report(reader.items(second, report::read)?)),
        NAMES => {
            let is_listed = reader.flag(second)?;
            let [n_names, zero] = reader.words()?;
            reader.zero(zero)?;
            let names = reader.items(n_names, Reader::text)?;
            if !is_listed && !names.is_empty() {
                return reader.expected("no names beside any before this");
            }
            Ok(Reply::Names(is_listed.then_some(names)))
        }
        PAGE => {
            reader.zero(second)?;
            let total = reader.u64()?;
            let [kind, second] = reader.words()?;
            Ok(Reply::Page(Page { answer: solutions::read(kind, second, &mut reader)?, total }))
        }
        UNKNOWN_NAMES => Ok(Reply::UnknownNames(reader.items(second, Reader::text)?)),
        FACT_CHECK => {
            let (fits, unfit) = (reader.flag(second)?, reader.text()?);
            if fits && !unfit.is_empty() {
                return reader.expected("no reason against a fact that fits before this");
            }
            Ok(Reply::FactCheck((!fits).then_some(unfit)))
        }
        _ => return reader.expected("a known kind of answer before this"),
    };
    reader.end()?;
    Ok(outcome)
}

fn refusal(kind: u32, reader: &mut Reader<'_>) -> Result<Refusal, Malformed> {
    let units = reader.u64()?;
    let detail = reader.text()?;
    let message = reader.text()?;
    Ok(match kind {
        NEGATION => {
            let compared = u32::try_from(units).unwrap_or(0);
            Refusal::Ask(AskError::Negation { place: detail, compared })
        }
        RECURSION => Refusal::Ask(AskError::Recursion { place: detail }),
        COMPARISON => Refusal::Ask(AskError::Comparison { place: detail }),
        UNRENDERABLE => Refusal::Ask(AskError::Unrenderable { place: detail }),
        BUDGET => Refusal::Ask(AskError::Budget { units }),
        MEMORY => Refusal::Ask(AskError::Memory { bytes: units }),
        INVALID => Refusal::Ask(AskError::Invalid { message: detail }),
        MALFORMED => {
            let at = usize::try_from(units).unwrap_or(usize::MAX);
            Refusal::Malformed(Malformed::At { at, expected: "what the guest's message says" })
        }
        NOT_OPEN => Refusal::NotOpen,
        UNUSABLE => Refusal::Snapshot(message),
        _ => return reader.expected("a known kind of refusal before this"),
    })
}

fn block(reader: &mut Reader<'_>) -> Result<(String, BlockMetadata), Malformed> {
    let [name_bytes, n_roles, n_permissions, n_relations] = reader.words()?;
    let name = reader.string(name_bytes)?;
    let roles = reader.items(n_roles, Reader::text)?;
    let permissions = reader.items(n_permissions, Reader::text)?;
    let relations = reader.items(n_relations, |reader| Ok((reader.text()?, reader.text()?)))?;
    Ok((name, BlockMetadata { roles, permissions, relations }))
}

fn status(reader: &mut Reader<'_>) -> Result<Status, Malformed> {
    let offset = reader.u64()?;
    let (epoch, created_ms, snapshot_offset) = (reader.u64()?, reader.u64()?, reader.u64()?);
    let counts = Counts { facts: reader.u64()?, types: reader.u64()?, values: reader.u64()?, relations: reader.u64()? };
    let (environment, tenant, store) = (reader.text()?, reader.text()?, reader.text()?);
    let manifest = Manifest { environment, tenant, store, epoch, created_ms, offset: snapshot_offset, counts };
    Ok(Status { manifest, offset })
}

fn note(reader: &mut Reader<'_>) -> Result<Note, Malformed> {
    let [severity, zero, line, column] = reader.words()?;
    reader.zero(zero)?;
    let severity = if reader.flag(severity)? { Severity::Warning } else { Severity::Error };
    let (code, file, message) = (reader.text()?, reader.text()?, reader.text()?);
    Ok(Note { severity, code, file, line, column, message, help: reader.optional()? })
}
