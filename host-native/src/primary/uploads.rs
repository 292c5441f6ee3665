//! `POST` and `GET /api/policy`: a policy is compiled, passes its own tests, and serves before it is acknowledged.

use understudy_core::snapshot::PolicyText;
use understudy_wire as wire;
use wire::PolicyRefusal;

use super::{
    facts,
    ledger::Ledger,
    policy::{Checked, PolicyRefused, check},
    writes::{UNDERSTUDY_WARNING, with_offset},
};
use crate::http::{convert, reply::Reply};

/// How the official Python client names itself, which makes a call of the answer's members and fails by a further one.
const TAKES_NO_MORE: &str = "Oso Cloud (python";

/// `POST /api/policy`. The query's `force`, `fail_fast` and `show_suggestions` have nothing to change here: facts that a
/// policy has no place for never stop it, and all tests and hints are told always.
/// Warnings stand in a header, and in the answer too, unless the client takes no member that it doesn't know.
pub fn post(ledger: &Ledger, client: &str, body: &[u8]) -> Result<Reply, Reply> {
    let source: wire::PolicySource =
        convert::body(body).map_err(|error| Reply::json(400, &PolicyRefusal::Generic { message: error.0 }))?;
    let policy = PolicyText { file: source.filename, text: source.src };
    let Checked { program, warnings } = check(&policy, ledger.instances()).map_err(PolicyRefused::reply)?;
    let (status, message, offset) = match ledger.set_policy(&policy, program).map_err(PolicyRefused::reply)? {
        Some(offset) => (200, "the policy is in force", offset),
        None => (202, "this policy was in force already", ledger.offset()?),
    };
    let header = facts::header(&warnings);
    let warnings = if client.starts_with(TAKES_NO_MORE) { Vec::new() } else { warnings };
    let reply = Reply::json(status, &wire::PolicyAccepted { message: message.to_owned(), warnings });
    let reply = header.iter().fold(reply, |reply, warning| reply.with(UNDERSTUDY_WARNING, warning));
    Ok(with_offset(reply, offset))
}

/// `GET /api/policy`. There is one version; a query's `id` is not read.
pub fn get(ledger: &Ledger) -> Result<Reply, Reply> {
    let policy = ledger.policy()?.map(|policy| wire::PolicySource { filename: policy.file, src: policy.text });
    Ok(Reply::ok(&wire::GetPolicyResult { policy }))
}
