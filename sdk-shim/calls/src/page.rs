//! `/api/list`: everything at once, or page by page without any state here (http-api.md §4.2). A page token is all that the
//! next page needs, signed by the server, kept by the caller: good across generations and restarts, and at every server
//! that signs with the same key.

use std::fmt;

use sha2::{Digest, Sha256};
use understudy_wire::{ListRequest, ListResult};

use crate::{keys::digest, refusal::Unreadable, signer::Signer};

/// A token older than this, or this far in the future, is refused, in seconds.
const AGE_S_MAX: u64 = 600;
/// What tokens of a list are signed for; a new number where their layout changes.
const PURPOSE: &str = "list page v3";

/// Which part of a list is asked for.
#[derive(Debug)]
pub struct Paging<'a> {
    signer: &'a Signer,
    /// Digest of the caller's key: a token is good for who got it.
    caller: [u8; 32],
    query: [u8; 32],
    now_s: i64,
    after: Option<String>,
    size: Option<u64>,
}

impl<'a> Paging<'a> {
    /// Reads page size and token. `signer`: the server's; `key`: the caller's; `now_s`: seconds since 1970-01-01 UTC.
    pub fn read(asked: &ListRequest, signer: &'a Signer, key: &str, now_s: i64) -> Result<Self, Unreadable> {
        let (caller, query) = (digest(key), fingerprint(asked));
        if let Some(text) = &asked.page_token {
            let token = Token::read(text, signer, &[&caller, &query], now_s);
            let token = token.map_err(|error| Unreadable(error.to_string()))?;
            let (now_s, after, size) = (token.now_s, Some(token.last_id), Some(token.size));
            return Ok(Paging { signer, caller, query, now_s, after, size });
        }
        match asked.page_size {
            Some(0) => Err(Unreadable("`page_size` is 0: at least 1, or leave it out".into())),
            size => Ok(Paging { signer, caller, query, now_s, after: None, size }),
        }
    }

    /// When the list is asked as of: the time of its first page, which the server has signed.
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
            let token = Token { now_s: self.now_s, size, last_id };
            next_page_token = Some(Some(token.write(self.signer, &[&self.caller, &self.query])));
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
    /// Not signed by this server for this key and query.
    Foreign,
    /// Too old.
    Expired,
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TokenError::Foreign => {
                "`page_token` was not issued here for this query and key: repeat the query unchanged, or start without it"
            }
            TokenError::Expired => "`page_token` is more than ten minutes old: start again without it",
        })
    }
}

impl Token {
    /// The token's text. `of`: whose it is and of which query.
    pub fn write(&self, signer: &Signer, of: &[&[u8]]) -> String {
        let payload = [&self.now_s.to_le_bytes()[..], &self.size.to_le_bytes(), self.last_id.as_bytes()].concat();
        signer.seal(PURPOSE, of, &payload)
    }

    /// Reads a token back; only one that the same key has signed for the same caller and query.
    pub fn read(text: &str, signer: &Signer, of: &[&[u8]], now_s: i64) -> Result<Self, TokenError> {
        let payload = signer.open(PURPOSE, of, text).ok_or(TokenError::Foreign)?;
        let (made_s, rest) = payload.split_first_chunk::<8>().ok_or(TokenError::Foreign)?;
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_token_is_good_for_its_query_key_and_time_only() {
        let (signer, token) = (Signer::new([9; 32]), Token { now_s: 1_000, size: 5, last_id: "é/7".into() });
        let text = token.write(&signer, &[b"key", &[7; 32]]);
        let read = |text: &str, key: &[u8], query: u8, now_s| Token::read(text, &signer, &[key, &[query; 32]], now_s);
        assert_eq!(read(&text, b"key", 7, 1_600), Ok(token));
        assert_eq!(read(&text, b"key", 7, 1_601), Err(TokenError::Expired));
        assert_eq!(read(&text, b"key", 8, 1_000), Err(TokenError::Foreign));
        assert_eq!(read(&text, b"other", 7, 1_000), Err(TokenError::Foreign));
        assert_eq!(Token::read(&text, &Signer::new([8; 32]), &[b"key", &[7; 32]], 1_000), Err(TokenError::Foreign));
        for bad in ["", "zz", "0", "é", &text[2..]] {
            assert_eq!(read(bad, b"key", 7, 1_000), Err(TokenError::Foreign), "{bad}");
        }
    }

    #[test]
    fn a_caller_cannot_make_a_token_of_what_it_knows() {
        // What a caller has: its key, the query, and the time that it would like it to be.
        let asked: ListRequest = serde_json::from_value(serde_json::json!({
            "actor_type": "User", "actor_id": "ann", "action": "read", "resource_type": "Repo"
        }))
        .unwrap();
        let payload = [&1_500_i64.to_le_bytes()[..], &1_u64.to_le_bytes(), b"a"].concat();
        let guesses = [digest("e_1_k_s"), fingerprint(&asked), [0; 32]];
        for guess in guesses {
            let text = Signer::new(guess).seal(PURPOSE, &[&digest("e_1_k_s"), &fingerprint(&asked)], &payload);
            let asked = ListRequest { page_token: Some(text), ..asked.clone() };
            assert!(Paging::read(&asked, &Signer::new([9; 32]), "e_1_k_s", 1_000).is_err());
        }
    }
}
