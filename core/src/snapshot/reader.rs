//! Bytes → what is in them, total on any input.

use std::fmt;

use sha2::{Digest, Sha256};

use super::{
    layout::{
        ALIGNMENT, ENTRY_BYTES, HEADER_BYTES, MAGIC, NONE, RELATION_RECORD_WORDS, SECTIONS_MAX, Section,
        TYPE_RECORD_WORDS, VERSION, hash_seed,
    },
    manifest::{Key, Manifest, PolicyText},
};
use crate::{
    facts::{
        FACT_ARITY_MAX, Row, RowPattern, Shape,
        stored::{Base, Class, Dictionary, Direction, DirectionKind, Halves, LabelColumn, Longs, Stored, Words},
    },
    model::{Fact, Sym, TypeId, Value},
};

/// Why bytes are no snapshot that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError {
    /// The bytes don't begin as a snapshot does.
    NotASnapshot,
    /// A format of another version.
    Version {
        /// Version found.
        found: u32,
    },
    /// Fewer or more bytes than the header says.
    Truncated {
        /// Bytes expected.
        expected: u64,
        /// Bytes there are.
        found: u64,
    },
    /// Bytes that are not what their digest says, or a section that contradicts itself.
    Damaged {
        /// Name of the section or part.
        part: &'static str,
    },
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::NotASnapshot => write!(f, "this isn't a snapshot: its first bytes are another format's"),
            ReadError::Version { found } => {
                write!(f, "the snapshot has format version {found}, this build reads version {VERSION}")
            }
            ReadError::Truncated { expected, found } => {
                write!(f, "the snapshot is cut off or has a tail: {found} bytes, {expected} expected")
            }
            ReadError::Damaged { part } => {
                write!(f, "the snapshot is damaged: what it has as {part} is not what was written")
            }
        }
    }
}

impl std::error::Error for ReadError {}

fn damaged<T>(part: &'static str) -> Result<T, ReadError> {
    Err(ReadError::Damaged { part })
}

/// Checks every digest and everything that [`Snapshot::open`] checks. Cost: reads every byte once.
pub fn verify(bytes: &[u8]) -> Result<Manifest, ReadError> {
    check_digests(bytes)?;
    Snapshot::open(bytes).map(|snapshot| snapshot.manifest)
}

/// Checks every digest: all bytes are those that were written. Cost: reads every byte once.
pub fn check_digests(bytes: &[u8]) -> Result<(), ReadError> {
    let table = table(bytes)?;
    let bodies_at = table.iter().map(|entry| entry.at).min().unwrap_or(bytes.len());
    let head = [bytes.get(..32), bytes.get(HEADER_BYTES..bodies_at), bytes.get(32..HEADER_BYTES)];
    let [Some(header), Some(entries), Some(announced)] = head else { return damaged("header") };
    if Sha256::new().chain_update(header).chain_update(entries).finalize()[..] != *announced {
        return damaged("header");
    }
    for entry in &table {
        let padded = bytes.get(entry.at..entry.end).unwrap_or_default();
        if Sha256::digest(padded)[..] != entry.digest {
            return damaged(entry.section.map_or("extension", Section::name));
        }
    }
    Ok(())
}

/// Where a section lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Name of the section; `extension` for one that this version doesn't know.
    pub name: &'static str,
    /// Bytes before it.
    pub at: u64,
    /// Bytes of it, without padding.
    pub bytes: u64,
}

/// Where every section lies, in the file's order. Checks the table alone.
pub fn sections(bytes: &[u8]) -> Result<Vec<Place>, ReadError> {
    let name = |entry: &Entry| entry.section.map_or("extension", Section::name);
    let place = |entry: &Entry| Place { name: name(entry), at: entry.at as u64, bytes: entry.length as u64 };
    Ok(table(bytes)?.iter().map(place).collect())
}

struct Entry {
    section: Option<Section>,
    at: usize,
    length: usize,
    /// Where its padding ends and the next section begins.
    end: usize,
    digest: [u8; 32],
}

/// The section table. The sections follow each other and fill the file.
fn table(bytes: &[u8]) -> Result<Vec<Entry>, ReadError> {
    let found = bytes.len() as u64;
    let cut = |expected| ReadError::Truncated { expected, found };
    let magic = bytes
        .get(..8)
        .ok_or_else(|| if MAGIC.starts_with(bytes) { cut(HEADER_BYTES as u64) } else { ReadError::NotASnapshot })?;
    if magic != MAGIC {
        return Err(ReadError::NotASnapshot);
    }
    let header = bytes.get(..HEADER_BYTES).ok_or_else(|| cut(HEADER_BYTES as u64))?;
    let half = |at: usize| Words::new(header).get(at / 4).unwrap_or_default();
    if half(8) != VERSION {
        return Err(ReadError::Version { found: half(8) });
    }
    let expected = Longs::new(header).get(2).unwrap_or_default();
    if expected != found {
        return Err(cut(expected));
    }
    let n_sections = half(12) as usize;
    let entries_end = HEADER_BYTES + n_sections.min(SECTIONS_MAX) * ENTRY_BYTES;
    let Some(entries) = bytes.get(HEADER_BYTES..entries_end).filter(|_| n_sections <= SECTIONS_MAX) else {
        return damaged("section table");
    };
    let mut next = entries_end.next_multiple_of(ALIGNMENT);
    let mut table = Vec::with_capacity(n_sections);
    for entry in entries.chunks_exact(ENTRY_BYTES) {
        let number = Words::new(entry).get(0).unwrap_or_default();
        let section = Section::ALL.into_iter().find(|section| section.number() == number);
        // One of two sections of a number would be read, and another reader might read the other.
        if section.is_some() && table.iter().any(|before: &Entry| before.section == section) {
            return damaged("section table");
        }
        let words = Longs::new(entry);
        let (at, length) = (words.get(1).unwrap_or(NONE), words.get(2).unwrap_or(NONE));
        let end = at.checked_add(length).and_then(|end| end.checked_next_multiple_of(ALIGNMENT as u64));
        let (Ok(at), Ok(length), Some(Ok(end))) =
            (usize::try_from(at), usize::try_from(length), end.map(usize::try_from))
        else {
            return damaged("section table");
        };
        if at != next || end > bytes.len() {
            return damaged("section table");
        }
        next = end;
        let digest = entry.last_chunk().copied().unwrap_or_default();
        table.push(Entry { section, at, length, end, digest });
    }
    if next == bytes.len() { Ok(table) } else { damaged("section table") }
}

/// A snapshot's sections, where they lie.
#[derive(Clone, Debug)]
pub struct Snapshot<'a> {
    manifest: Manifest,
    policy: Option<PolicyText>,
    keys: Option<Vec<Key>>,
    program: &'a [u8],
    base: Base<'a>,
}

impl<'a> Snapshot<'a> {
    /// Reads everything but ids and rows. Checks structure, not digests: any bytes are safe, only verified ones are right.
    pub fn open(bytes: &'a [u8]) -> Result<Self, ReadError> {
        let table = table(bytes)?;
        let body = |section: Section| {
            let entry = table.iter().find(|entry| entry.section == Some(section));
            entry
                .and_then(|entry| bytes.get(entry.at..entry.at + entry.length))
                .ok_or(ReadError::Damaged { part: section.name() })
        };
        let part = |section: Section| move |_| ReadError::Damaged { part: section.name() };
        let manifest: Manifest = postcard::from_bytes(body(Section::Manifest)?).map_err(part(Section::Manifest))?;
        let keys = postcard::from_bytes(body(Section::Keys)?).map_err(part(Section::Keys))?;
        let policy = postcard::from_bytes(body(Section::Policy)?).map_err(part(Section::Policy))?;
        let seed = hash_seed(&manifest.store, manifest.epoch, manifest.offset);
        let types = types(body(Section::Dictionary)?, seed).ok_or(ReadError::Damaged { part: "dictionary" })?;
        let relations = relations(body(Section::Relations)?, &types).ok_or(ReadError::Damaged { part: "relations" })?;
        Ok(Snapshot { manifest, policy, keys, program: body(Section::Program)?, base: Base { types, relations } })
    }

    /// What it says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The policy.
    pub fn policy(&self) -> Option<&PolicyText> {
        self.policy.as_ref()
    }

    /// Digests of the environment's keys; `None`: the maker doesn't know them.
    pub fn keys(&self) -> Option<&[Key]> {
        self.keys.as_deref()
    }

    /// The program's section: [`super::program::load`] reads it.
    pub fn program(&self) -> &'a [u8] {
        self.program
    }

    /// The index.
    pub fn base(&self) -> &Base<'a> {
        &self.base
    }

    /// Every fact, by relation and row.
    pub fn facts(&self) -> impl Iterator<Item = Fact> + '_ {
        let everything = RowPattern::default();
        self.base.relations.iter().flat_map(move |relation| {
            let mut cursor = relation.open(&everything);
            let mut row = Row::default();
            std::iter::from_fn(move || {
                relation.next(&mut cursor, &everything, &mut row, &mut 0).then(|| self.fact(relation, &row))
            })
            .flatten()
        })
    }

    /// `None` for a row of damaged bytes.
    fn fact(&self, relation: &Stored<'_>, row: &Row) -> Option<Fact> {
        let args = relation.shape.types.iter().zip(row).map(|(ty, id)| {
            let dictionary = self.base.types.get(ty.0 as usize)?;
            let mut text = String::new();
            dictionary.write(*id, &mut text);
            Value::new(dictionary.name, text).ok()
        });
        Some(Fact { predicate: relation.predicate.to_owned(), args: args.collect::<Option<_>>()? })
    }
}

/// Bytes of a section from an offset.
fn slice(section: &[u8], at: u64, length: u64) -> Option<&[u8]> {
    let from = usize::try_from(at).ok()?;
    section.get(from..from.checked_add(usize::try_from(length).ok()?)?)
}

fn text(section: &[u8], at: u64, length: u64) -> Option<&str> {
    std::str::from_utf8(slice(section, at, length)?).ok()
}

/// Records of a section: the first word is how many.
fn records(section: &[u8], n_words: usize) -> Option<impl Iterator<Item = Longs<'_>>> {
    let n_records = usize::try_from(Longs::new(section).get(0)?).ok()?;
    let bytes = section.get(8..8 + n_records.checked_mul(n_words * 8)?)?;
    Some(bytes.chunks_exact(n_words * 8).map(Longs::new))
}

fn types(section: &[u8], seed: u64) -> Option<Vec<Dictionary<'_>>> {
    let mut types: Vec<Dictionary<'_>> = Vec::new();
    for record in records(section, TYPE_RECORD_WORDS)? {
        let word = |at| record.get(at);
        let class = Class::of_number(word(2)?)?;
        let n_ids = u32::try_from(word(3)?).ok()?;
        let n_entry_bytes = match class {
            Class::Inline | Class::Integer => u64::from(n_ids) * 8,
            Class::Uuid => u64::from(n_ids) * 16,
            Class::Text => (u64::from(n_ids) + 1) * 4,
        };
        let dictionary = Dictionary {
            name: text(section, word(0)?, word(1)?)?,
            class,
            n_ids,
            entries: slice(section, word(4)?, n_entry_bytes)?,
            text: slice(section, word(5)?, word(6)?)?,
            slots: Words::new(slice(section, word(7)?, word(8)?.checked_mul(4)?)?),
            seed,
        };
        // Ascending, so distinct.
        if types.last().is_some_and(|last| last.name >= dictionary.name) {
            return None;
        }
        types.push(dictionary);
    }
    Some(types)
}

fn relations<'a>(section: &'a [u8], types: &[Dictionary<'a>]) -> Option<Vec<Stored<'a>>> {
    records(section, RELATION_RECORD_WORDS)?.map(|record| relation(section, record, types)).collect()
}

#[expect(
    clippy::indexing_slicing,
    reason = "positions are below the arity, types below their number: both are checked here"
)]
fn relation<'a>(section: &'a [u8], record: Longs<'a>, types: &[Dictionary<'a>]) -> Option<Stored<'a>> {
    let word = |at| record.get(at);
    let words = |at: u64, n: u64| Some(Words::new(slice(section, at, n.checked_mul(4)?)?));
    let arity = usize::try_from(word(2)?).ok().filter(|arity| (1..=FACT_ARITY_MAX).contains(arity))?;
    let mut shape = Shape { types: Vec::with_capacity(arity), literal: None };
    for position in 0..arity {
        let ty = u32::try_from(word(3 + position)?).ok().filter(|ty| (*ty as usize) < types.len())?;
        shape.types.push(TypeId(ty));
    }
    let position = |at: usize| -> Option<Option<usize>> {
        match word(at)? {
            NONE => Some(None),
            position => usize::try_from(position).ok().filter(|position| *position < arity).map(Some),
        }
    };
    if let Some(position) = position(8)? {
        shape.literal = Some((position, Sym { ty: shape.types[position], id: u32::try_from(word(9)?).ok()? }));
    }
    let label = match position(10)? {
        None => None,
        Some(position) => Some(LabelColumn { position, ids: words(word(13)?, word(12)?)? }),
    };
    let is_end = |position: &usize| {
        shape.literal.is_none_or(|(literal, _)| literal != *position)
            && label.is_none_or(|label| label.position != *position)
    };
    let ends: Vec<usize> = (0..arity).filter(is_end).collect();
    let n_rows = u32::try_from(word(11)?).ok()?;
    if ends.is_empty() || (label.is_some() && ends.len() != 2) {
        return None;
    }
    let mut directions = Vec::with_capacity(ends.len());
    for (number, end) in ends.iter().enumerate() {
        let word = |at| record.get(14 + number * 6 + at);
        let kind = DirectionKind::of_number(word(0)?)?;
        let n_keys = u64::from(types[shape.types[*end].0 as usize].n_ids);
        let n_used = word(2)?;
        let rows = u64::from(n_rows);
        let (n_ends, n_offsets, n_targets) = match (kind, ends.len()) {
            (DirectionKind::List, 1) => (1, 0, rows),
            (DirectionKind::Dense, 2) => (2, n_keys + 1, rows),
            (DirectionKind::Sparse, 2) => (2, n_used.checked_add(1)?, rows),
            (DirectionKind::Functional, 2) => (2, 0, n_keys),
            (DirectionKind::Table, n) if n > 2 => (n, 0, rows.checked_mul(n as u64)?),
            _ => return None,
        };
        let n_labels = if label.is_some() && n_ends == 2 { n_targets } else { 0 };
        directions.push(Direction {
            kind,
            keys: words(word(1)?, n_used)?,
            offsets: words(word(3)?, n_offsets)?,
            targets: words(word(4)?, n_targets)?,
            labels: Halves::new(slice(section, word(5)?, n_labels.checked_mul(2)?)?),
        });
    }
    let predicate = text(section, word(0)?, word(1)?)?;
    Some(Stored { predicate, shape, ends, label, n_rows, directions })
}
