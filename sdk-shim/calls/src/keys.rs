//! API keys by their digests. Never: prints a key; compares in a time that tells how much was right.

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Ask.
    Read,
    /// Ask and change.
    Write,
}

/// A key's digest and right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AcceptedKey {
    /// SHA-256 of the key's text, or that [`salted`].
    pub digest: [u8; 32],
    /// What it may do.
    pub right: Right,
}

/// SHA-256 of a key's text.
pub fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

/// What stands for a key in what leaves a primary: a digest that is good with one store only, so that nobody finds keys by
/// the digests of other places, or by a table made before.
pub fn salted(store: &str, digest: &[u8; 32]) -> [u8; 32] {
    let salt = Sha256::new_with_prefix(b"understudy key\0").chain_update((store.len() as u64).to_le_bytes());
    salt.chain_update(store).chain_update(digest).finalize().into()
}

/// Looks a key up: every entry is compared in full, so that the time tells only how many there are.
pub fn look_up(keys: &[AcceptedKey], bearer: &str) -> Option<Right> {
    let digest = digest(bearer);
    compare(keys, [&digest, &digest])
}

/// The same among the keys of a snapshot. Those of earlier versions are not salted.
pub fn look_up_salted(keys: &[AcceptedKey], store: &str, bearer: &str) -> Option<Right> {
    let digest = digest(bearer);
    compare(keys, [&salted(store, &digest), &digest])
}

fn compare(keys: &[AcceptedKey], digests: [&[u8; 32]; 2]) -> Option<Right> {
    let (mut found, mut write) = (Choice::from(0), Choice::from(0));
    for key in keys {
        let equal = key.digest.ct_eq(digests[0]) | key.digest.ct_eq(digests[1]);
        found |= equal;
        write |= equal & Choice::from(u8::from(key.right == Right::Write));
    }
    match (bool::from(found), bool::from(write)) {
        (false, _) => None,
        (true, false) => Some(Right::Read),
        (true, true) => Some(Right::Write),
    }
}

/// 32 bytes from 64 hexadecimal digits.
pub fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let bytes: Vec<u8> = digits?.chunks(2).map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit)).collect();
    if text.len() == 64 { bytes.try_into().ok() } else { None }
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
