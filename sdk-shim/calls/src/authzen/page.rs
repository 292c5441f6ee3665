//! Pages of a search without any state here: a token says where the page before ended; the server has signed it for that
//! search.

use sha2::{Digest, Sha256};
use understudy_wire::authzen::Page;

use super::{
    json::{Json, Object},
    limits::{PAGE_LIMIT_MAX, PAGE_SIZE_MAX},
    members::{member, object, other_kind, string},
    unreadable,
};
use crate::{refusal::Refusal, signer::Signer};

/// What tokens of a search are signed for; a new number where their layout changes.
const PURPOSE: &str = "search page v2";

/// Which part of the results is asked for.
#[derive(Clone, Debug)]
pub struct Paging {
    signer: Signer,
    /// Of the search, the environment and the page's own properties.
    hash: [u8; 32],
    /// Did the caller ask for pages?
    is_asked: bool,
    limit: u32,
    /// The last result sent; empty at the start.
    after: String,
}

impl Paging {
    /// Reads `page`. `search`: bytes that are the same for the same search alone; `signer`: the server's.
    pub fn read(body: &Object, search: &[u8], signer: &Signer) -> Result<Self, Refusal> {
        let page = object(body, "page", "page")?;
        let properties = page.map(|page| object(page, "properties", "page.properties")).transpose()?.flatten();
        let (signer, hash) = (signer.clone(), hash(search, properties));
        let Some(page) = page else {
            return Ok(Paging { signer, hash, is_asked: false, limit: PAGE_SIZE_MAX as u32, after: String::new() });
        };
        let limit = limit(page)?;
        let token = string(page, "token", "page.token")?.filter(|token| !token.is_empty());
        let Some(token) = token else {
            return Ok(Paging {
                signer,
                hash,
                is_asked: true,
                limit: limit.unwrap_or(PAGE_SIZE_MAX as u32),
                after: String::new(),
            });
        };
        let foreign = || {
            unreadable(
                "`page.token` was not given for this search: repeat the search unchanged, or start without a token",
            )
        };
        let (first_limit, after) = decode(token, &signer, &hash).ok_or_else(foreign)?;
        if limit.is_some_and(|limit| limit != first_limit) {
            return Err(foreign());
        }
        Ok(Paging { signer, hash, is_asked: true, limit: first_limit, after })
    }

    /// The page of all results, which are sorted bytewise and distinct; `None` beside them: they are everything.
    pub fn page(&self, mut results: Vec<String>) -> (Option<Page>, Vec<String>) {
        let total = results.len();
        if !self.is_asked && total <= PAGE_SIZE_MAX {
            return (None, results);
        }
        results.drain(..results.partition_point(|result| *result <= self.after));
        let size = (self.limit as usize).min(PAGE_SIZE_MAX);
        let is_last = results.len() <= size;
        results.truncate(size);
        let next_token =
            if is_last { String::new() } else { self.encode(results.last().map_or(&self.after, |last| last)) };
        (Some(Page { next_token, count: results.len(), total }), results)
    }

    fn encode(&self, after: &str) -> String {
        let payload = [&self.limit.to_le_bytes()[..], after.as_bytes()].concat();
        self.signer.seal(PURPOSE, &[&self.hash], &payload)
    }
}

fn decode(token: &str, signer: &Signer, hash: &[u8; 32]) -> Option<(u32, String)> {
    let payload = signer.open(PURPOSE, &[hash], token)?;
    let (limit, after) = payload.split_first_chunk::<4>()?;
    Some((u32::from_le_bytes(*limit), String::from_utf8(after.to_vec()).ok()?))
}

fn limit(page: &Object) -> Result<Option<u32>, Refusal> {
    match member(page, "limit") {
        None => Ok(None),
        Some(Json::Integer(limit)) if (0..=i64::from(PAGE_LIMIT_MAX)).contains(limit) => Ok(u32::try_from(*limit).ok()),
        Some(Json::Integer(limit)) => {
            Err(unreadable(format!("`page.limit` is {limit}: allowed is a whole number from 0 to {PAGE_LIMIT_MAX}")))
        }
        Some(other) => Err(other_kind("page.limit", other, &format!("a whole number from 0 to {PAGE_LIMIT_MAX}"))),
    }
}

fn hash(search: &[u8], properties: Option<&Object>) -> [u8; 32] {
    let mut digest = Sha256::new_with_prefix((search.len() as u64).to_le_bytes());
    digest.update(search);
    // Members are sorted, so that equal objects are equal bytes.
    digest.update(serde_json::to_vec(&properties).unwrap_or_default());
    digest.finalize().into()
}
