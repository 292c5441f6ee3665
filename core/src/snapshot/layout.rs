//! The file's fixed parts: magic, version, header, section table. FORMAT.md draws them.

use serde::Serialize;

/// First bytes of every snapshot.
pub const MAGIC: [u8; 8] = *b"UNDRSTDY";
/// The format's version.
pub const VERSION: u32 = 0;
/// Bytes of the header.
pub const HEADER_BYTES: usize = 64;
/// Bytes of one entry of the section table.
pub const ENTRY_BYTES: usize = 64;
/// Sections begin at multiples of this.
pub const ALIGNMENT: usize = 64;
/// Most sections a file may have: a stop for damaged counts.
pub const SECTIONS_MAX: usize = 64;

/// What a section holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// [`super::Manifest`], postcard.
    Manifest,
    /// Digests of API keys, postcard.
    Keys,
    /// Policy text, postcard.
    Policy,
    /// Compiled program, a cache: its version, the policy's digest, postcard.
    Program,
    /// Types and their ids.
    Dictionary,
    /// Relations and their rows.
    Relations,
}

impl Section {
    /// In the order they are written.
    pub const ALL: [Section; 6] =
        [Section::Manifest, Section::Keys, Section::Policy, Section::Program, Section::Dictionary, Section::Relations];

    /// The number that stands for it. Numbers from 16 are kept for signatures; readers skip what they don't know.
    pub fn number(self) -> u32 {
        match self {
            Section::Manifest => 1,
            Section::Keys => 2,
            Section::Policy => 3,
            Section::Program => 4,
            Section::Dictionary => 5,
            Section::Relations => 6,
        }
    }

    /// Its name, for messages.
    pub fn name(self) -> &'static str {
        match self {
            Section::Manifest => "manifest",
            Section::Keys => "keys",
            Section::Policy => "policy",
            Section::Program => "program",
            Section::Dictionary => "dictionary",
            Section::Relations => "relations",
        }
    }
}

/// Words of one type's record in the dictionary section.
pub const TYPE_RECORD_WORDS: usize = 9;
/// Words of one relation's record in the relations section: 14 of its own, 6 per direction.
pub const RELATION_RECORD_WORDS: usize = 14 + 6 * crate::facts::FACT_ARITY_MAX;
/// In a record: nothing there.
pub const NONE: u64 = u64::MAX;

/// Seed of the dictionary's hash: differs from snapshot to snapshot, so that no one can prepare ids that collide.
pub fn hash_seed(store: &str, epoch: u64, offset: u64) -> u64 {
    use sha2::{Digest, Sha256};
    let digest: [u8; 32] = Sha256::new()
        .chain_update(store.as_bytes())
        .chain_update(epoch.to_le_bytes())
        .chain_update(offset.to_le_bytes())
        .finalize()
        .into();
    digest[..8].iter().rev().fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}

/// Postcard of plain data into memory, which can't fail.
pub(super) fn to_bytes(value: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(value).expect("plain data with known lengths always serialises")
}
