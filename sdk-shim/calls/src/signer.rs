//! Texts that a server gives to callers to bring back, signed with a key of its own: what comes back is what was given.
//!
//! A token is a payload, then its HMAC. What it was made for (its purpose, and everything that it depends on) is under the
//! HMAC without being in the token, so that a token for one thing is none for another.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::keys::unhex;

const MAC_BYTES: usize = 32;

/// The server's own key for tokens. No caller has it; printing it shows nothing.
#[derive(Clone)]
pub struct Signer {
    key: [u8; 32],
}

impl Signer {
    /// `key`: random, and nobody else's.
    pub fn new(key: [u8; 32]) -> Self {
        Signer { key }
    }

    /// Of a key's text: 64 hexadecimal digits, with or without space around them.
    pub fn read(text: &str) -> Option<Self> {
        unhex(text.trim()).map(Signer::new)
    }

    /// The token of a payload. `purpose` and `of`: what it is good for.
    pub fn seal(&self, purpose: &str, of: &[&[u8]], payload: &[u8]) -> String {
        let mac = self.mac(purpose, of, payload);
        URL_SAFE_NO_PAD.encode([payload, &mac].concat())
    }

    /// The payload of a token that this key has signed for the same purpose and the same things; `None`: of any other.
    pub fn open(&self, purpose: &str, of: &[&[u8]], token: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (payload, signed) = bytes.split_last_chunk::<MAC_BYTES>()?;
        bool::from(self.mac(purpose, of, payload).ct_eq(signed)).then(|| payload.to_vec())
    }

    /// Each part goes in with its length, so that no two lists of parts are the same bytes.
    fn mac(&self, purpose: &str, of: &[&[u8]], payload: &[u8]) -> [u8; MAC_BYTES] {
        let parts = [purpose.as_bytes()].into_iter().chain(of.iter().copied()).chain([payload]);
        let lengths: Vec<([u8; 8], &[u8])> = parts.map(|part| ((part.len() as u64).to_le_bytes(), part)).collect();
        let message: Vec<&[u8]> = lengths.iter().flat_map(|(length, part)| [&length[..], part]).collect();
        hmac_sha256(&self.key, &message)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(..)")
    }
}

/// HMAC with SHA-256 (RFC 2104), of a key that fits a block.
fn hmac_sha256(key: &[u8], message: &[&[u8]]) -> [u8; 32] {
    const BLOCK_BYTES: usize = 64;
    let mut block = [0; BLOCK_BYTES];
    for (place, byte) in block.iter_mut().zip(key) {
        *place = *byte;
    }
    let mut inner = Sha256::new_with_prefix(block.map(|byte| byte ^ 0x36));
    for part in message {
        inner.update(part);
    }
    Sha256::new_with_prefix(block.map(|byte| byte ^ 0x5c)).chain_update(inner.finalize()).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::hex;

    #[test]
    fn a_token_is_good_for_its_key_purpose_and_things_only() {
        let signer = Signer::new([1; 32]);
        let token = signer.seal("list", &[b"ab", b"c"], b"payload");
        assert_eq!(signer.open("list", &[b"ab", b"c"], &token).as_deref(), Some(&b"payload"[..]));
        assert_eq!(Signer::new([2; 32]).open("list", &[b"ab", b"c"], &token), None);
        assert_eq!(signer.open("search", &[b"ab", b"c"], &token), None);
        assert_eq!(signer.open("list", &[b"a", b"bc"], &token), None, "the same bytes, divided otherwise");
        assert_eq!(signer.open("list", &[b"abc"], &token), None);
        for bad in ["", "?", "é", &token[1..], &token[..token.len() - 1]] {
            assert_eq!(signer.open("list", &[b"ab", b"c"], bad), None, "{bad}");
        }
        assert!(!format!("{signer:?}").contains('1'));
    }

    #[test]
    fn a_key_is_64_hexadecimal_digits() {
        assert!(Signer::read(&format!(" {}\n", "0f".repeat(32))).is_some());
        assert!(Signer::read("0f").is_none() && Signer::read(&"x".repeat(64)).is_none());
    }

    #[test]
    fn the_hmac_is_the_standard_one() {
        // RFC 4231, case 2.
        let mac = hmac_sha256(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
        assert_eq!(hex(&mac), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}
