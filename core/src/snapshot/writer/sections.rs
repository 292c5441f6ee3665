//! Sections → file: header, table with digests, aligned bodies.

use sha2::{Digest, Sha256};

use crate::snapshot::layout::{ALIGNMENT, ENTRY_BYTES, HEADER_BYTES, MAGIC, Section, VERSION};

/// A section of records (8-byte words) at the front and what they point to behind, everything aligned to 8 bytes.
pub(super) struct Arena(Vec<u8>);

impl Arena {
    pub(super) fn with_records(n_words: usize) -> Self {
        Arena(vec![0; n_words * 8])
    }

    /// Sets a word of the records.
    pub(super) fn set(&mut self, word: usize, value: u64) {
        self.0[word * 8..word * 8 + 8].copy_from_slice(&value.to_le_bytes());
    }

    /// Appends bytes; where they begin.
    pub(super) fn put(&mut self, bytes: &[u8]) -> u64 {
        let at = self.0.len() as u64;
        self.0.extend(bytes);
        self.0.resize(self.0.len().next_multiple_of(8), 0);
        at
    }

    pub(super) fn put_words(&mut self, words: &[u32]) -> u64 {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.put(&bytes)
    }

    pub(super) fn put_halves(&mut self, halves: &[u16]) -> u64 {
        let bytes: Vec<u8> = halves.iter().flat_map(|half| half.to_le_bytes()).collect();
        self.put(&bytes)
    }

    pub(super) fn bytes(self) -> Vec<u8> {
        self.0
    }
}

/// The whole file.
pub(in crate::snapshot) fn assemble<const N: usize>(sections: [(Section, Vec<u8>); N]) -> Vec<u8> {
    let bodies_at = (HEADER_BYTES + N * ENTRY_BYTES).next_multiple_of(ALIGNMENT);
    let mut file = vec![0; bodies_at];
    for (number, (section, body)) in sections.into_iter().enumerate() {
        let at = file.len();
        let length = body.len();
        file.extend(body);
        file.resize(file.len().next_multiple_of(ALIGNMENT), 0);
        // The digest covers the padding too: no byte of the file is outside of some digest.
        let digest = Sha256::digest(&file[at..]);
        let entry = &mut file[HEADER_BYTES + number * ENTRY_BYTES..][..ENTRY_BYTES];
        entry[..4].copy_from_slice(&section.number().to_le_bytes());
        entry[8..16].copy_from_slice(&(at as u64).to_le_bytes());
        entry[16..24].copy_from_slice(&(length as u64).to_le_bytes());
        entry[32..].copy_from_slice(&digest);
    }
    let length = file.len() as u64;
    file[..8].copy_from_slice(&MAGIC);
    file[8..12].copy_from_slice(&VERSION.to_le_bytes());
    file[12..16].copy_from_slice(&crate::model::number(N).to_le_bytes());
    file[16..24].copy_from_slice(&length.to_le_bytes());
    let whole = Sha256::new().chain_update(&file[..32]).chain_update(&file[HEADER_BYTES..bodies_at]).finalize();
    file[32..64].copy_from_slice(&whole);
    file
}
