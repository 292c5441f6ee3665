//! Requests of the wire as questions to the engine.

use understudy_core::model::Ask;
use understudy_wire as wire;

use crate::{
    convert::{action, patterns, type_name, value_at},
    refusal::Unreadable,
};

/// Of `/api/authorize`.
pub fn authorize(asked: &wire::AuthorizeRequest) -> Result<Ask, Unreadable> {
    Ok(Ask::Authorize {
        actor: value_at("actor_", &asked.actor_type, &asked.actor_id)?,
        action: action(&asked.action)?,
        resource: value_at("resource_", &asked.resource_type, &asked.resource_id)?,
    })
}

/// Of `/api/list`.
pub fn list(asked: &wire::ListRequest) -> Result<Ask, Unreadable> {
    Ok(Ask::List {
        actor: value_at("actor_", &asked.actor_type, &asked.actor_id)?,
        action: action(&asked.action)?,
        resource_type: type_name(asked.resource_type.clone()).map_err(|error| error.at("resource_type"))?,
    })
}

/// Of `/api/query`.
pub fn query(asked: &wire::QueryRequest) -> Result<Ask, Unreadable> {
    Ok(Ask::Query {
        predicate: asked.fact.predicate.clone(),
        args: patterns(&asked.fact.args).map_err(|error| error.at("fact"))?,
    })
}

/// Of `/api/actions`.
pub fn actions(asked: &wire::ActionsRequest) -> Result<Ask, Unreadable> {
    Ok(Ask::Actions {
        actor: value_at("actor_", &asked.actor_type, &asked.actor_id)?,
        resource: value_at("resource_", &asked.resource_type, &asked.resource_id)?,
    })
}
