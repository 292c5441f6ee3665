//! `/api/list`.

use understudy_core::model::Answer;
use understudy_wire as wire;

use super::{
    convert,
    page::Paging,
    question,
    reply::Reply,
    state::{Asker, State, mismatch, now_s},
};

/// Ids of the resources that the actor may do this to. `key`: the caller's, for which page tokens are good.
pub async fn list(state: &State, asker: Asker, key: &str, body: &[u8]) -> Result<Reply, Reply> {
    let asked: wire::ListRequest = convert::question(body)?;
    if let Some(size) = asked.page_size.filter(|size| state.strict_pages && *size < wire::PAGE_SIZE_MIN) {
        let message = format!("`page_size` is {size}: at least {}, or leave it out", wire::PAGE_SIZE_MIN);
        return Err(Reply::error(wire::Code::BadRequest, message));
    }
    let paging = Paging::read(&asked, &state.pages, key, now_s())?;
    let (ask, context_facts) = (question::list(&asked)?, convert::facts(&asked.context_facts)?);
    match state.ask_at(asker, ask, context_facts, paging.now_s()).await? {
        Answer::Ids(results) => Ok(Reply::ok(&paging.page(results))),
        _ => Err(mismatch().into()),
    }
}
