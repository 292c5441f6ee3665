//! Writes of facts: every endpoint becomes one list of edits, and all of them take the same walk.

use hyper::header::HeaderName;
use understudy_wire::{self as wire, Code, paths::Endpoint};

use super::{
    changes::{Counted, WriteError},
    environment::Environment,
    facts,
    store::{Edit, StoreError},
};
use crate::http::{convert, refusal::Unreadable, reply::Reply};

/// Names the offset of a write; callers send it back with later calls, where it is not read: this primary's answers
/// contain every acknowledged write anyway.
const OSO_OFFSET: HeaderName = HeaderName::from_static("osooffset");

/// Names what most likely is a slip in the facts of a write. An addition of ours.
pub(super) const UNDERSTUDY_WARNING: HeaderName = HeaderName::from_static("understudy-warning");

/// Answers a write endpoint. Blocks until it is on disk.
pub fn write(environment: &Environment, endpoint: Endpoint, body: &[u8]) -> Result<Reply, Reply> {
    let Environment { ledger, limits, .. } = environment;
    if let Some(max) = limits.body_bytes_max.filter(|max| body.len() > *max) {
        return Err(Reply::error(
            Code::TooLarge,
            format!("the body of a write has more than {max} bytes: send less at once"),
        ));
    }
    let edits = edits(endpoint, body)?;
    if let Some(max) = limits.entries_max.filter(|max| edits.len() > *max) {
        let message = format!("{} facts and patterns in one write: at most {max}, send fewer at once", edits.len());
        return Err(Reply::error(Code::TooLarge, message));
    }
    environment.count_entries(edits.len())?;
    let counted = ledger.write(&edits, limits)?;
    let warning = facts::header(&counted.warnings);
    let reply = match (endpoint, edits.into_iter().next()) {
        (Endpoint::PostFacts, Some(Edit::Insert(fact))) => Reply::ok(&convert::wire_fact(fact)),
        _ => {
            let Counted { n_inserted, n_deleted, .. } = &counted;
            Reply::message(200, &format!("{n_inserted} inserted, {n_deleted} deleted"))
        }
    };
    let reply = warning.iter().fold(reply, |reply, warning| reply.with(UNDERSTUDY_WARNING, warning));
    Ok(with_offset(reply, counted.offset))
}

/// The reply with its offset.
pub fn with_offset(reply: Reply, offset: u64) -> Reply {
    reply.with(OSO_OFFSET, &offset.to_string())
}

fn edits(endpoint: Endpoint, body: &[u8]) -> Result<Vec<Edit>, Unreadable> {
    match endpoint {
        Endpoint::ClearData => Ok(vec![Edit::Clear]),
        Endpoint::PostFacts => Ok(vec![insert(&convert::body(body)?)?]),
        Endpoint::DeleteFacts => Ok(vec![delete(&convert::body(body)?)?]),
        Endpoint::BulkLoad => convert::body::<Vec<wire::Fact>>(body)?.iter().map(insert).collect(),
        Endpoint::BulkDelete => convert::body::<Vec<wire::FactPattern>>(body)?.iter().map(delete).collect(),
        Endpoint::Bulk => {
            let wire::BulkRequest { delete: deleted, tell } = convert::body(body)?;
            deleted.iter().map(delete).chain(tell.iter().map(insert)).collect()
        }
        _ => {
            let mut edits = Vec::new();
            for changeset in convert::body::<Vec<wire::Changeset>>(body)? {
                match changeset {
                    wire::Changeset::Inserts(facts) => {
                        for fact in &facts {
                            edits.push(insert(fact)?);
                        }
                    }
                    wire::Changeset::Deletes(patterns) => {
                        for pattern in &patterns {
                            edits.push(delete(pattern)?);
                        }
                    }
                }
            }
            Ok(edits)
        }
    }
}

fn insert(fact: &wire::Fact) -> Result<Edit, Unreadable> {
    convert::fact(fact).map(Edit::Insert)
}

fn delete(pattern: &wire::FactPattern) -> Result<Edit, Unreadable> {
    convert::delete(pattern).map(|(predicate, args)| Edit::Delete { predicate, args })
}

impl From<WriteError> for Reply {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Unfit(message) => Reply::error(Code::BadRequest, format!("{message}; nothing was written")),
            WriteError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Reply {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::TooManyMatches { .. } => Reply::error(Code::TooLarge, format!("{error}; nothing was written")),
            error => {
                tracing::error!("the store failed: {error}");
                Reply::error(Code::Internal, error.to_string())
            }
        }
    }
}
