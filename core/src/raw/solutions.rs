//! Answers to questions as bytes: decisions, ids, rows, bindings.

use super::{
    Malformed,
    words::{Reader, Writer, count, length},
};
use crate::model::{Answer, Row, Value};

/// First words. Numbers are never given twice.
pub(super) const DECISION: u32 = 1;
pub(super) const IDS: u32 = 2;
pub(super) const ROWS: u32 = 3;
pub(super) const BINDINGS: u32 = 4;

/// Writes an answer, its two first words included.
pub(super) fn write(writer: &mut Writer<'_>, answer: &Answer) {
    match answer {
        Answer::Decision(allowed) => writer.words([DECISION, u32::from(*allowed)]),
        Answer::Ids(ids) => {
            let n_bytes: usize = ids.iter().map(String::len).sum();
            let n_bytes = u32::try_from(n_bytes).expect("a list of ids fits a 32-bit memory");
            writer.words([IDS, count(ids), n_bytes, 0]);
            ids.iter().for_each(|id| writer.words([length(id)]));
            writer.pad();
            ids.iter().for_each(|id| writer.bytes(id.as_bytes()));
            writer.pad();
        }
        Answer::Facts(rows) => {
            writer.words([ROWS, count(rows)]);
            for row in rows {
                writer.words([count(row), 0]);
                for argument in row {
                    let (kind, type_name, id) = match argument {
                        Row::Any => (0, "", ""),
                        Row::AnyOf(type_name) => (1, type_name.as_str(), ""),
                        Row::Exact(value) => (2, value.type_name(), value.id()),
                    };
                    writer.typed(kind, 0, type_name, id);
                }
            }
        }
        Answer::Bindings { variables, rows } => {
            writer.words([BINDINGS, count(variables), count(rows), 0]);
            variables.iter().for_each(|name| writer.text(name));
            for row in rows {
                writer.words([count(row), 0]);
                row.iter().for_each(|id| writer.optional(id.as_deref()));
            }
        }
    }
}

/// Reads an answer behind its two first words.
pub(super) fn read(kind: u32, second: u32, reader: &mut Reader<'_>) -> Result<Answer, Malformed> {
    match kind {
        DECISION => Ok(Answer::Decision(reader.flag(second)?)),
        IDS => Ok(Answer::Ids(ids(second, reader)?)),
        ROWS => Ok(Answer::Facts(reader.items(second, row)?)),
        BINDINGS => {
            let [n_rows, zero] = reader.words()?;
            reader.zero(zero)?;
            let variables = reader.items(second, Reader::text)?;
            let rows = reader.items(n_rows, |reader| {
                let [n_ids, zero] = reader.words()?;
                reader.zero(zero)?;
                reader.items(n_ids, Reader::optional)
            })?;
            Ok(Answer::Bindings { variables, rows })
        }
        _ => reader.expected("a known kind of answer to a question before this"),
    }
}

fn ids(n: u32, reader: &mut Reader<'_>) -> Result<Vec<String>, Malformed> {
    let [n_bytes, zero] = reader.words()?;
    reader.zero(zero)?;
    let lengths = reader.lengths(n)?;
    let Ok(mut text) = std::str::from_utf8(reader.padded(n_bytes)?) else {
        return reader.expected("UTF-8 before this");
    };
    let mut ids = Vec::with_capacity(lengths.len() / 4);
    for length in lengths.as_chunks().0 {
        let length = u32::from_le_bytes(*length) as usize;
        let Some((id, rest)) = text.split_at_checked(length) else {
            return reader.expected("lengths of ids that end where ids do");
        };
        ids.push(id.to_owned());
        text = rest;
    }
    if text.is_empty() { Ok(ids) } else { reader.expected("lengths of ids that add up") }
}

fn row(reader: &mut Reader<'_>) -> Result<Vec<Row>, Malformed> {
    let [n_args, zero] = reader.words()?;
    reader.zero(zero)?;
    reader.items(n_args, |reader| {
        let (kind, zero, type_name, id) = reader.typed()?;
        reader.zero(zero)?;
        Ok(match kind {
            0 => Row::Any,
            1 => Row::AnyOf(type_name),
            _ => Row::Exact(Value::new(type_name, id)?),
        })
    })
}
