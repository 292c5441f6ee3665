//! `/api/list`: everything at once, or page by page without any state here (http-api.md §4.2). A page token is all that the
//! next page needs, signed, kept by the caller: good across generations, restarts and nodes that take the same key.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use understudy_wire::{ListRequest, ListResult};

use crate::{convert::Unreadable, keys::hex};

/// A token older than this, or this far in the future, is refused, in seconds.
const AGE_S_MAX: u64 = 600;
const VERSION: u8 = 2;
const MAC_BYTES: usize = 32;

/// Which part of a list is asked for.
#[derive(Debug)]
pub struct Paging<'a> {
    /// The caller's, under which tokens are signed.
    key: &'a str,
    query: [u8; 32],
    now_s: i64,
    after: Option<String>,
    size: Option<u64>,
}

impl<'a> Paging<'a> {
    /// Reads page size and token. `now_s`: seconds since 1970-01-01 UTC.
    pub fn read(asked: &ListRequest, key: &'a str, now_s: i64) -> Result<Self, Unreadable> {
        let query = fingerprint(asked);
        if let Some(text) = &asked.page_token {
            let token = Token::read(text, key, &query, now_s).map_err(|error| Unreadable(error.to_string()))?;
            let (now_s, after, size) = (token.now_s, Some(token.last_id), Some(token.size));
            return Ok(Paging { key, query, now_s, after, size });
        }
        match asked.page_size {
            Some(0) => Err(Unreadable("`page_size` is 0: at least 1, or leave it out".into())),
            size => Ok(Paging { key, query, now_s, after: None, size }),
        }
    }

    /// When the list is asked as of: the time of its first page.
    pub fn now_s(&self) -> i64 {
        self.now_s
    }

    /// The page of a whole list.
    pub fn page(self, mut results: Vec<String>) -> ListResult {
        if let Some(after) = &self.after {
            // `*` was on the first page; ids come in bytewise order, so what follows the last one sent is the rest.
            results.retain(|id| id != "*" && id > after);
        }
        let mut next_page_token = self.size.map(|_| None);
        if let Some(size) = self.size
            && let Ok(n_most) = usize::try_from(size)
            && results.len() > n_most
        {
            results.truncate(n_most);
            let last_id = results.last().cloned().unwrap_or_default();
            next_page_token = Some(Some(Token { now_s: self.now_s, size, last_id }.write(self.key, &self.query)));
        }
        ListResult { results, next_page_token }
    }
}

/// Where a list goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Time of the first page, in seconds since 1970-01-01 UTC: every page is asked as of then.
    pub now_s: i64,
    /// Most ids of a page.
    pub size: u64,
    /// Last id sent.
    pub last_id: String,
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// Not made by this service for this key and query.
    Foreign,
    /// Too old.
    Expired,
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TokenError::Foreign => {
                "`page_token` was not issued for this query and key: repeat the query unchanged, or start without it"
            }
            TokenError::Expired => "`page_token` is more than ten minutes old: start again without it",
        })
    }
}

impl Token {
    /// The token's text.
    pub fn write(&self, key: &str, query: &[u8; 32]) -> String {
        let mut payload = vec![VERSION];
        payload.extend(self.now_s.to_le_bytes());
        payload.extend(self.size.to_le_bytes());
        payload.extend(self.last_id.as_bytes());
        let mac = mac(key, query, &payload);
        hex(&payload) + &hex(&mac)
    }

    /// Reads a token back; only one written with the same key for the same query.
    pub fn read(text: &str, key: &str, query: &[u8; 32], now_s: i64) -> Result<Self, TokenError> {
        let bytes = unhex(text).ok_or(TokenError::Foreign)?;
        let (payload, signed) = bytes.split_last_chunk::<MAC_BYTES>().ok_or(TokenError::Foreign)?;
        if !bool::from(mac(key, query, payload).ct_eq(signed)) {
            return Err(TokenError::Foreign);
        }
        let (made_s, rest) =
            payload.strip_prefix(&[VERSION]).and_then(<[u8]>::split_first_chunk::<8>).ok_or(TokenError::Foreign)?;
        let made_s = i64::from_le_bytes(*made_s);
        if made_s.abs_diff(now_s) > AGE_S_MAX {
            return Err(TokenError::Expired);
        }
        let (size, last_id) = rest.split_first_chunk::<8>().ok_or(TokenError::Foreign)?;
        let last_id = String::from_utf8(last_id.to_vec()).map_err(|_| TokenError::Foreign)?;
        Ok(Token { now_s: made_s, size: u64::from_le_bytes(*size), last_id })
    }
}

/// Digest of everything that makes the query, paging left out.
fn fingerprint(asked: &ListRequest) -> [u8; 32] {
    let mut digest = Sha256::new();
    let mut add = |text: &str| {
        digest.update((text.len() as u64).to_le_bytes());
        digest.update(text.as_bytes());
    };
    for text in [&asked.actor_type, &asked.actor_id, &asked.action, &asked.resource_type] {
        add(text);
    }
    for fact in &asked.context_facts {
        add(&fact.predicate);
        add(&fact.args.len().to_string());
        for arg in &fact.args {
            add(&arg.type_name);
            add(&arg.id);
        }
    }
    digest.finalize().into()
}

fn mac(key: &str, query: &[u8; 32], payload: &[u8]) -> [u8; 32] {
    let key = hmac_sha256(key.as_bytes(), &[b"list page v1"]);
    hmac_sha256(&key, &[query, payload])
}

/// HMAC with SHA-256 (RFC 2104).
fn hmac_sha256(key: &[u8], message: &[&[u8]]) -> [u8; 32] {
    const BLOCK_BYTES: usize = 64;
    let mut block = [0; BLOCK_BYTES];
    if key.len() > BLOCK_BYTES {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let mut inner = Sha256::new_with_prefix(block.map(|byte| byte ^ 0x36));
    for part in message {
        inner.update(part);
    }
    Sha256::new_with_prefix(block.map(|byte| byte ^ 0x5c)).chain_update(inner.finalize()).finalize().into()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.chars().map(|c| c.to_digit(16).map(|digit| digit as u8)).collect::<Option<_>>()?;
    digits.len().is_multiple_of(2).then(|| digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_token_is_good_for_its_query_key_and_time_only() {
        let token = Token { now_s: 1_000, size: 5, last_id: "é/7".into() };
        let text = token.write("e_1_k_s", &[7; 32]);
        assert_eq!(Token::read(&text, "e_1_k_s", &[7; 32], 1_600), Ok(token));
        assert_eq!(Token::read(&text, "e_1_k_s", &[7; 32], 1_601), Err(TokenError::Expired));
        assert_eq!(Token::read(&text, "e_1_k_s", &[8; 32], 1_000), Err(TokenError::Foreign));
        assert_eq!(Token::read(&text, "e_1_k_t", &[7; 32], 1_000), Err(TokenError::Foreign));
        for bad in ["", "zz", "0", "é", &text[2..]] {
            assert_eq!(Token::read(bad, "e_1_k_s", &[7; 32], 1_000), Err(TokenError::Foreign), "{bad}");
        }
    }

    #[test]
    fn pages_of_any_size_make_the_whole_list() {
        let ids: Vec<String> = (0..7).map(|n| format!("r{n}")).collect();
        for size in [1, 2, 6, 7, 8, u64::MAX] {
            let mut asked: ListRequest = serde_json::from_value(serde_json::json!({"actor_type": "U", "actor_id": "a",
                "action": "read", "resource_type": "R", "page_size": size}))
            .unwrap();
            let mut all = Vec::new();
            loop {
                let page = Paging::read(&asked, "e_1_k_s", 1_000).unwrap().page(ids.clone());
                assert!(page.results.len() as u64 <= size);
                all.extend(page.results);
                match page.next_page_token.unwrap() {
                    // The token says the size, whatever is asked beside it.
                    Some(token) => (asked.page_token, asked.page_size) = (Some(token), Some(10_000)),
                    None => break,
                }
            }
            assert_eq!(all, ids, "{size}");
        }
    }

    #[test]
    fn the_hmac_is_the_standard_one() {
        // RFC 4231, case 2.
        let mac = hmac_sha256(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
        assert_eq!(hex(&mac), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}
