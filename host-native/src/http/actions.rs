//! `/api/actions` and `/api/bulk_actions`.

use understudy_calls::limits::CONTEXT_FACTS_MAX;
use understudy_core::model::Answer;
use understudy_wire as wire;

use super::{
    convert, question,
    refusal::Unreadable,
    reply::Reply,
    state::{Asked, Asker, State, mismatch},
};

/// What the actor may do to the resource.
pub async fn actions(state: &State, asker: Asker, body: &[u8]) -> Result<Reply, Reply> {
    let asked: wire::ActionsRequest = convert::question(body)?;
    match state.ask(asker, question::actions(&asked)?, convert::facts(&asked.context_facts)?).await? {
        Answer::Ids(results) => Ok(Reply::ok(&wire::ActionsResult { results })),
        _ => Err(mismatch().into()),
    }
}

/// Many of them; every element's context facts hold for all (SDKs put them into the first only).
pub async fn bulk_actions(state: &State, asker: Asker, body: &[u8]) -> Result<Reply, Reply> {
    let asked: Vec<wire::ActionsRequest> = convert::question(body)?;
    if asked.is_empty() {
        return Ok(Reply::ok(&Vec::<wire::ActionsResult>::new()));
    }
    convert::questions(asked.len())?;
    convert::count(asked.iter().map(|element| element.context_facts.len()).sum(), "context facts", CONTEXT_FACTS_MAX)?;
    let mut pooled = Vec::new();
    for (n, element) in asked.iter().enumerate() {
        let at = |error: Unreadable| error.at(&format!("[{n}]"));
        pooled.extend(convert::facts(&element.context_facts).map_err(at)?);
    }
    let asks = asked
        .iter()
        .enumerate()
        .map(|(n, element)| question::actions(element).map_err(|error| error.at(&format!("[{n}]"))));
    let asks = asks.collect::<Result<_, Unreadable>>()?;
    let answers = state.answers.ask(asker, Asked::now(asks, pooled)).await?;
    let results = answers.into_iter().map(|answer| match answer {
        Answer::Ids(results) => Ok(wire::ActionsResult { results }),
        _ => Err(mismatch()),
    });
    Ok(Reply::ok(&results.collect::<Result<Vec<_>, _>>()?))
}
