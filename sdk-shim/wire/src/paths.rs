//! The table of paths: what each is, who serves it, and what a key must be allowed for it.

/// An HTTP method of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// `GET`.
    Get,
    /// `POST`.
    Post,
    /// `DELETE`.
    Delete,
}

impl Method {
    /// As HTTP has it.
    pub const fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Delete => "DELETE",
        }
    }
}

/// Who serves an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Served {
    /// Nodes and the primary.
    Everywhere,
    /// The primary alone; a key that may only read is enough.
    Primary,
    /// The primary alone, to a key that may write.
    PrimaryWrites,
}

/// What an agent may tell: each is a path of [`Endpoint::AgentEvent`].
pub const AGENT_EVENTS: &[&str] =
    &["tool_call_request", "tool_call_response", "tool_call_error", "message_from_user", "message_to_user"];

macro_rules! endpoints {
    ($($(#[$doc:meta])* $name:ident $method:ident $path:literal $served:ident;)*) => {
        /// A method on a path.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Endpoint { $($(#[$doc])* $name,)* }
        impl Endpoint {
            /// Every endpoint.
            pub const ALL: &'static [Endpoint] = &[$(Endpoint::$name,)*];
            /// Its method.
            pub const fn method(self) -> Method { match self { $(Endpoint::$name => Method::$method,)* } }
            /// Its path.
            pub const fn path(self) -> &'static str { match self { $(Endpoint::$name => $path,)* } }
            /// Who serves it.
            pub const fn served(self) -> Served { match self { $(Endpoint::$name => Served::$served,)* } }
        }
    };
}

endpoints! {
    /// A decision.
    Authorize Post "/api/authorize" Everywhere;
    /// Resources an actor may do something to.
    List Post "/api/list" Everywhere;
    /// What an actor may do to a resource.
    Actions Post "/api/actions" Everywhere;
    /// Which of these resources.
    AuthorizeResources Post "/api/authorize_resources" Everywhere;
    /// Many `actions`.
    BulkActions Post "/api/bulk_actions" Everywhere;
    /// Solutions of a predicate.
    Query Post "/api/query" Everywhere;
    /// A conjunction over variables.
    EvaluateQuery Post "/api/evaluate_query" Everywhere;
    /// Why a call is answered as it is.
    Explain Post "/api/explain" Everywhere;
    /// Stored facts.
    Facts Get "/api/facts" Everywhere;
    /// Roles, permissions and relations of the policy.
    PolicyMetadata Get "/api/policy_metadata" Everywhere;
    /// An expectation of an earlier answer.
    Expect Post "/api/expect" Everywhere;
    /// Expectations that were not met. An addition of ours.
    Mismatches Get "/api/expect" PrimaryWrites;
    /// The policy's text.
    GetPolicy Get "/api/policy" Primary;
    /// A new policy.
    PostPolicy Post "/api/policy" PrimaryWrites;
    /// Writes.
    Batch Post "/api/batch" PrimaryWrites;
    /// Removes every fact.
    ClearData Post "/api/clear_data" PrimaryWrites;
    /// Deprecated: one insert.
    PostFacts Post "/api/facts" PrimaryWrites;
    /// Deprecated: deletes by a pattern.
    DeleteFacts Delete "/api/facts" PrimaryWrites;
    /// Deprecated: deletes and inserts.
    Bulk Post "/api/bulk" PrimaryWrites;
    /// Deprecated: inserts.
    BulkLoad Post "/api/bulk_load" PrimaryWrites;
    /// Deprecated: deletes.
    BulkDelete Post "/api/bulk_delete" PrimaryWrites;
    /// AuthZEN: a decision.
    Evaluation Post "/access/v1/evaluation" Everywhere;
    /// AuthZEN: several decisions.
    Evaluations Post "/access/v1/evaluations" Everywhere;
    /// AuthZEN: who may.
    SearchSubject Post "/access/v1/search/subject" Everywhere;
    /// AuthZEN: to what.
    SearchResource Post "/access/v1/search/resource" Everywhere;
    /// AuthZEN: what may be done.
    SearchAction Post "/access/v1/search/action" Everywhere;
    /// AuthZEN: what is offered where. The path of a service's base URL may follow.
    AuthzenConfiguration Get "/.well-known/authzen-configuration" Everywhere;
    /// Deprecated: how many facts.
    Stats Get "/api/stats" Primary;
    /// What an agent tells; `{event}` is one of [`AGENT_EVENTS`].
    AgentEvent Post "/api/agents/event/{event}" Primary;
    /// A new environment that is thrown away later.
    TestEnvironment Post "/test_environment" Primary;
    /// Is the primary there?
    ApiHealthcheck Get "/api/healthcheck" Everywhere;
    /// Is it serving?
    Healthcheck Get "/healthcheck" Everywhere;
    /// Does the process answer at all?
    Livez Get "/livez" Everywhere;
    /// Should it be sent requests?
    Readyz Get "/readyz" Everywhere;
    /// Metrics in Prometheus' text form.
    Metrics Get "/metrics" Everywhere;
}

impl Endpoint {
    /// Those on a path, one per method.
    pub fn on(path: &str) -> impl Iterator<Item = Endpoint> + '_ {
        let takes = move |endpoint: &Endpoint| match endpoint {
            Endpoint::AgentEvent => {
                let event = endpoint.path().split_once("{event}").and_then(|(before, _)| path.strip_prefix(before));
                event.is_some_and(|event| AGENT_EVENTS.contains(&event))
            }
            Endpoint::AuthzenConfiguration => {
                path.strip_prefix(endpoint.path()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            _ => endpoint.path() == path,
        };
        Endpoint::ALL.iter().copied().filter(takes)
    }
}

/// Finds the endpoint of a method and a path. `Err(true)`: the path is known, the method isn't.
pub fn find(method: &str, path: &str) -> Result<Endpoint, bool> {
    let found = Endpoint::on(path).find(|endpoint| endpoint.method().name() == method);
    found.ok_or_else(|| Endpoint::on(path).next().is_some())
}
