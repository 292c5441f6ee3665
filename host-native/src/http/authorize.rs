//! `/api/authorize` and `/api/authorize_resources`.

use understudy_core::model::{Answer, Ask};
use understudy_wire as wire;

use super::{
    convert, question,
    reply::Reply,
    state::{Asked, Asker, State, mismatch},
    tally::Tally,
};

/// One decision.
pub async fn authorize(state: &State, asker: Asker, body: &[u8]) -> Result<Reply, Reply> {
    let asked: wire::AuthorizeRequest = convert::question(body)?;
    match state.ask(asker, question::authorize(&asked)?, convert::facts(&asked.context_facts)?).await? {
        Answer::Decision(allowed) => {
            Ok(Reply::ok(&wire::AuthorizeResult { allowed }).counted(Tally::decision(allowed)))
        }
        _ => Err(mismatch().into()),
    }
}

/// Those of the resources that are allowed, in the order asked, duplicates kept: one generation, one point in time.
pub async fn authorize_resources(state: &State, asker: Asker, body: &[u8]) -> Result<Reply, Reply> {
    let asked: wire::AuthorizeResourcesRequest = convert::question(body)?;
    convert::questions(asked.resources.len())?;
    let actor = convert::value_at("actor_", &asked.actor_type, &asked.actor_id)?;
    let action = convert::action(&asked.action)?;
    let context_facts = convert::facts(&asked.context_facts)?;
    let mut asks = Vec::with_capacity(asked.resources.len());
    for (n, resource) in asked.resources.iter().enumerate() {
        let resource = convert::value_at(format_args!("resources[{n}]."), &resource.type_name, &resource.id)?;
        asks.push(Ask::Authorize { actor: actor.clone(), action: action.clone(), resource });
    }
    if asks.is_empty() {
        return Ok(Reply::ok(&wire::AuthorizeResourcesResult { results: Vec::new() }));
    }
    let answers = state.answers.ask(asker, Asked::now(asks, context_facts)).await?;
    if answers.len() != asked.resources.len() {
        return Err(mismatch().into());
    }
    let n_asked = answers.len();
    let allowed = asked.resources.into_iter().zip(answers).filter(|(_, answer)| *answer == Answer::Decision(true));
    let results: Vec<_> = allowed.map(|(resource, _)| resource).collect();
    let tally = Tally::decisions(results.len(), n_asked.saturating_sub(results.len()));
    Ok(Reply::ok(&wire::AuthorizeResourcesResult { results }).counted(tally))
}
