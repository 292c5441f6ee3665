//! `/api/list`: everything at once, or page by page without any state here (http-api.md §4.2).

use sha2::{Digest, Sha256};
use understudy_core::model::{Answer, Ask};
use understudy_wire as wire;

use super::{
    convert::{self, Unreadable},
    page::{Token, TokenError},
    reply::Reply,
    state::{State, mismatch, now_s},
};

/// Ids of the resources that the actor may do this to. `key`: the caller's, under which page tokens are signed.
pub async fn list(state: &State, worker: usize, key: &str, body: &[u8]) -> Result<Reply, Reply> {
    let asked: wire::ListRequest = convert::body(body)?;
    let query = fingerprint(&asked);
    let token = asked.page_token.as_deref().map(|text| Token::read(text, key, &query, now_s())).transpose();
    let token = token.map_err(|error: TokenError| Unreadable(error.to_string()))?;
    let page_size = match (&token, asked.page_size) {
        (Some(_), _) => Some(wire::PAGE_SIZE_MIN),
        (None, Some(size)) if size < wire::PAGE_SIZE_MIN => {
            let least = wire::PAGE_SIZE_MIN;
            return Err(Unreadable(format!("`page_size` is {size}: at least {least}, or leave it out")).into());
        }
        (None, size) => size,
    };
    let ask = Ask::List {
        actor: convert::value(&asked.actor_type, &asked.actor_id)?,
        action: convert::action(&asked.action)?,
        resource_type: convert::type_name(asked.resource_type)?,
    };
    let now_s = token.as_ref().map_or_else(now_s, |token| token.now_s);
    let answer = state.ask_at(worker, ask, convert::facts(&asked.context_facts)?, now_s).await?;
    let Answer::Ids(mut results) = answer else { return Err(mismatch().into()) };
    if let Some(token) = &token {
        // `*` was on the first page; ids come in bytewise order, so what follows the last one sent is the rest.
        results.retain(|id| id != "*" && *id > token.last_id);
    }
    let mut next_page_token = page_size.map(|_| None);
    if let Some(size) = page_size.and_then(|size| usize::try_from(size).ok())
        && results.len() > size
    {
        results.truncate(size);
        let last_id = results.last().cloned().unwrap_or_default();
        next_page_token = Some(Some(Token { now_s, last_id }.write(key, &query)));
    }
    Ok(Reply::ok(&wire::ListResult { results, next_page_token }))
}

/// Digest of everything that makes the query, paging left out.
fn fingerprint(asked: &wire::ListRequest) -> [u8; 32] {
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
