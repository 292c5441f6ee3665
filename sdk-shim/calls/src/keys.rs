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
    /// SHA-256 of the key's text.
    pub digest: [u8; 32],
    /// What it may do.
    pub right: Right,
}

/// SHA-256 of a key's text.
pub fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

/// Looks a key up: every entry is compared in full, so that the time tells only how many there are.
pub fn look_up(keys: &[AcceptedKey], bearer: &str) -> Option<Right> {
    let digest = digest(bearer);
    let (mut found, mut write) = (Choice::from(0), Choice::from(0));
    for key in keys {
        let equal = key.digest.ct_eq(&digest);
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
