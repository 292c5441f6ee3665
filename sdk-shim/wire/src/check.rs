//! The check API: authorize, list, actions, authorize_resources, bulk_actions, query, evaluate_query.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    lenient,
    value::{Fact, FactPattern, TypedId},
};

/// Body of `POST /api/authorize`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizeRequest {
    /// Type of the actor.
    pub actor_type: String,
    /// Id of the actor.
    #[serde(deserialize_with = "lenient::id")]
    pub actor_id: String,
    /// The action.
    pub action: String,
    /// Type of the resource.
    pub resource_type: String,
    /// Id of the resource.
    #[serde(deserialize_with = "lenient::id")]
    pub resource_id: String,
    /// Facts for this request only.
    #[serde(default, deserialize_with = "lenient::null_as_default")]
    pub context_facts: Vec<Fact>,
}

/// Answer of `POST /api/authorize`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizeResult {
    /// The decision.
    pub allowed: bool,
}

/// Body of `POST /api/list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListRequest {
    /// Type of the actor.
    pub actor_type: String,
    /// Id of the actor.
    #[serde(deserialize_with = "lenient::id")]
    pub actor_id: String,
    /// The action.
    pub action: String,
    /// Exact type of the resources.
    pub resource_type: String,
    /// Facts for this request only.
    #[serde(default, deserialize_with = "lenient::null_as_default")]
    pub context_facts: Vec<Fact>,
    /// Ids a page may have; not read when there is a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_size: Option<u64>,
    /// Where the page before ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_token: Option<String>,
}

/// Least page size that `/api/list` takes, and the one of a request that has only a token.
pub const PAGE_SIZE_MIN: u64 = 10_000;

/// Answer of `POST /api/list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListResult {
    /// Distinct ids, `"*"` first.
    pub results: Vec<String>,
    /// `None`: the key is left out (a caller that doesn't page); `Some(None)`: null, the last page.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub next_page_token: Option<Option<String>>,
}

fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(deserializer).map(Some)
}

/// Body of `POST /api/actions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionsRequest {
    /// Type of the actor.
    pub actor_type: String,
    /// Id of the actor.
    #[serde(deserialize_with = "lenient::id")]
    pub actor_id: String,
    /// Type of the resource.
    pub resource_type: String,
    /// Id of the resource.
    #[serde(deserialize_with = "lenient::id")]
    pub resource_id: String,
    /// Facts for this request only.
    #[serde(default, deserialize_with = "lenient::null_as_default")]
    pub context_facts: Vec<Fact>,
}

/// Answer of `POST /api/actions`; `POST /api/bulk_actions` answers an array of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionsResult {
    /// Distinct actions, sorted; `"*"` stands for every action.
    pub results: Vec<String>,
}

/// Body of `POST /api/authorize_resources`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizeResourcesRequest {
    /// Type of the actor.
    pub actor_type: String,
    /// Id of the actor.
    #[serde(deserialize_with = "lenient::id")]
    pub actor_id: String,
    /// The action.
    pub action: String,
    /// The resources asked for.
    pub resources: Vec<TypedId>,
    /// Facts for this request only.
    #[serde(default, deserialize_with = "lenient::null_as_default")]
    pub context_facts: Vec<Fact>,
}

/// Answer of `POST /api/authorize_resources`: those allowed, in the order asked, duplicates kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizeResourcesResult {
    /// The allowed ones.
    pub results: Vec<TypedId>,
}

/// Body of `POST /api/query` (v1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryRequest {
    /// What is asked.
    pub fact: FactPattern,
    /// Facts for this request only.
    #[serde(default, deserialize_with = "lenient::null_as_default")]
    pub context_facts: Vec<Fact>,
}

/// Answer of `POST /api/query`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryResult {
    /// One per solution; what stays free is null.
    pub results: Vec<FactPattern>,
}

/// A predicate and its variables: `["allow", ["a", "b", "c"]]`.
pub type Call = (String, Vec<String>);

/// Body of `POST /api/evaluate_query`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvaluateRequest {
    /// The first call.
    pub predicate: Call,
    /// Calls joined to it.
    #[serde(default, deserialize_with = "lenient::null_as_default")]
    pub calls: Vec<Call>,
    /// One per variable.
    #[serde(default, deserialize_with = "lenient::unique")]
    pub constraints: BTreeMap<String, Constraint>,
    /// Facts for this request only.
    #[serde(default, deserialize_with = "lenient::null_as_default")]
    pub context_facts: Vec<Fact>,
}

/// What a variable may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraint {
    /// Exact, concrete type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Null or absent: any value; a list: one of these.
    #[serde(default, deserialize_with = "lenient::optional_ids")]
    pub ids: Option<Vec<String>>,
}

/// Answer of `POST /api/evaluate_query`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvaluateResult {
    /// Every variable in every row; null: any value of its type.
    pub results: Vec<BTreeMap<String, Option<String>>>,
}

/// Answer of `POST /api/explain`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExplainResult {
    /// The decision; of a list, of actions and of a query: is there any result?
    pub allowed: bool,
    /// The reasons in a few lines.
    pub summary: Vec<String>,
    /// The long form, where it is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explanation: Option<serde_json::Value>,
}

/// An expectation that was not met.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mismatch {
    /// Id of the request that was answered.
    pub request_id: String,
    /// Actor, action, resource.
    pub question: String,
    /// What was answered.
    pub answered: bool,
    /// What the caller expected.
    pub expected: bool,
    /// When the expectation was told, in milliseconds since 1970-01-01 UTC.
    pub at_ms: u64,
}

/// Answer of `GET /api/expect`, an addition of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mismatches {
    /// The last ones, newest first.
    pub mismatches: Vec<Mismatch>,
}

/// Body of `POST /api/expect`. A primary compares it with what it answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectRequest {
    /// Id of an earlier request.
    pub request_id: String,
    /// What the caller expected of it.
    pub expected: bool,
}
