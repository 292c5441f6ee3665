//! `/access/v1/search/{subject,resource,action}`.

use std::sync::Arc;

use understudy_calls::authzen::search::{Found, Search, Sought};
use understudy_wire::{
    TypedId,
    authzen::{ActionName, SearchContext, SearchResult},
};

use super::{converse, read};
use crate::http::{
    reply::Reply,
    service::Arrived,
    state::{State, now_s},
};

/// Who may do it.
pub async fn subjects(state: &State, arrived: &Arrived) -> Result<Reply, Reply> {
    search(state, arrived, Search::subjects(&read(arrived)?, &state.authzen.terms, &state.pages, now_s())?).await
}

/// To what it may be done.
pub async fn resources(state: &State, arrived: &Arrived) -> Result<Reply, Reply> {
    search(state, arrived, Search::resources(&read(arrived)?, &state.authzen.terms, &state.pages, now_s())?).await
}

/// What may be done.
pub async fn actions(state: &State, arrived: &Arrived) -> Result<Reply, Reply> {
    search(state, arrived, Search::actions(&read(arrived)?, &state.authzen.terms, &state.pages, now_s())?).await
}

async fn search(state: &State, arrived: &Arrived, search: Search) -> Result<Reply, Reply> {
    let search = Arc::new(search);
    let told = converse(state, arrived.asker, search.clone()).await?;
    let Found { page, results, is_wildcard } = search.found(&told)?;
    let context = is_wildcard.then_some(SearchContext { wildcard: true });
    Ok(match search.sought() {
        Sought::Subjects(kind, ..) | Sought::Resources(kind, ..) => {
            // Named as the caller names the type.
            let entity = |id| TypedId { type_name: kind.caller_type.clone(), id };
            Reply::ok(&SearchResult { page, context, results: results.into_iter().map(entity).collect() })
        }
        Sought::Actions(..) => {
            let action = |name| ActionName { name };
            Reply::ok(&SearchResult { page, context, results: results.into_iter().map(action).collect() })
        }
    })
}
