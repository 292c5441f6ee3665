//! `GET /api/policy_metadata`.

use understudy_wire::Code;

use super::{
    convert,
    reply::Reply,
    state::{Asker, State},
};

/// Roles, permissions and relations; 404 while there is no policy.
pub async fn metadata(state: &State, asker: Asker) -> Result<Reply, Reply> {
    match state.answers.metadata(asker).await? {
        Some(blocks) => Ok(Reply::ok(&convert::wire_metadata(blocks))),
        None => Err(Reply::error(Code::NotFound, "this environment has no policy yet: post one to the primary")),
    }
}
