//! Snapshots that no writer makes: sections exchanged, digests right all the same. Reads and writes what FORMAT.md draws,
//! with nothing of the engine, as a stranger would.

use sha2::{Digest, Sha256};

const HEADER_BYTES: usize = 64;
const ENTRY_BYTES: usize = 64;
const ALIGNMENT: usize = 64;

/// Number of the section that holds the policy's text.
pub const POLICY: u32 = 3;
/// Number of the section that holds the compiled program.
pub const PROGRAM: u32 = 4;
/// Bytes of the program's section before the program: version, SHA-256 of the policy's text.
pub const PROGRAM_HEAD_BYTES: usize = 4 + 32;

/// Number and body of every section, in the file's order.
pub fn sections(bytes: &[u8]) -> Vec<(u32, Vec<u8>)> {
    let n_sections = number(bytes, 12) as usize;
    let entries = bytes[HEADER_BYTES..].chunks_exact(ENTRY_BYTES).take(n_sections);
    let section = |entry: &[u8]| {
        let (at, length) = (number(entry, 8) as usize, number(entry, 16) as usize);
        (number(entry, 0), bytes[at..at + length].to_vec())
    };
    entries.map(section).collect()
}

/// Body of one section.
pub fn section(bytes: &[u8], wanted: u32) -> Vec<u8> {
    let found = sections(bytes).into_iter().find(|(number, _)| *number == wanted);
    found.expect("a snapshot has every section").1
}

/// The snapshot with another body for one section, and right digests.
pub fn with_section(bytes: &[u8], exchanged: u32, body: &[u8]) -> Vec<u8> {
    let mut sections = sections(bytes);
    sections.iter_mut().filter(|(number, _)| *number == exchanged).for_each(|section| section.1 = body.to_vec());
    assemble(&bytes[..12], &sections)
}

/// The program of one snapshot in the other, as if it were made of the other's policy. All digests are right.
pub fn forged(policy_of: &[u8], program_of: &[u8]) -> Vec<u8> {
    let mut program = section(program_of, PROGRAM);
    program[..PROGRAM_HEAD_BYTES].copy_from_slice(&section(policy_of, PROGRAM)[..PROGRAM_HEAD_BYTES]);
    with_section(policy_of, PROGRAM, &program)
}

fn assemble(magic_and_version: &[u8], sections: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let bodies_at = HEADER_BYTES + ENTRY_BYTES * sections.len();
    let mut file = vec![0; bodies_at];
    for (place, (number, body)) in sections.iter().enumerate() {
        let at = file.len();
        file.extend(body);
        file.resize(file.len().next_multiple_of(ALIGNMENT), 0);
        let digest = Sha256::digest(&file[at..]);
        let entry = &mut file[HEADER_BYTES + place * ENTRY_BYTES..][..ENTRY_BYTES];
        entry[..4].copy_from_slice(&number.to_le_bytes());
        entry[8..16].copy_from_slice(&(at as u64).to_le_bytes());
        entry[16..24].copy_from_slice(&(body.len() as u64).to_le_bytes());
        entry[32..].copy_from_slice(&digest);
    }
    file[..12].copy_from_slice(magic_and_version);
    file[12..16].copy_from_slice(&u32::try_from(sections.len()).expect("few sections").to_le_bytes());
    let length = file.len() as u64;
    file[16..24].copy_from_slice(&length.to_le_bytes());
    let head = Sha256::new().chain_update(&file[..32]).chain_update(&file[HEADER_BYTES..bodies_at]).finalize();
    file[32..64].copy_from_slice(&head);
    file
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}
