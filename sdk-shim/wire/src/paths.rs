//! The table of paths: what each is, and who serves it.

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

macro_rules! endpoints {
    ($($(#[$doc:meta])* $name:ident $method:ident $path:literal $writes:literal;)*) => {
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
            /// Does it belong to the primary alone?
            pub const fn is_management(self) -> bool { match self { $(Endpoint::$name => $writes,)* } }
        }
    };
}

endpoints! {
    /// A decision.
    Authorize Post "/api/authorize" false;
    /// Resources an actor may do something to.
    List Post "/api/list" false;
    /// What an actor may do to a resource.
    Actions Post "/api/actions" false;
    /// Which of these resources.
    AuthorizeResources Post "/api/authorize_resources" false;
    /// Many `actions`.
    BulkActions Post "/api/bulk_actions" false;
    /// Solutions of a predicate.
    Query Post "/api/query" false;
    /// A conjunction over variables.
    EvaluateQuery Post "/api/evaluate_query" false;
    /// Stored facts.
    Facts Get "/api/facts" false;
    /// Roles, permissions and relations of the policy.
    PolicyMetadata Get "/api/policy_metadata" false;
    /// An expectation of an earlier answer.
    Expect Post "/api/expect" false;
    /// The policy's text.
    GetPolicy Get "/api/policy" false;
    /// A new policy.
    PostPolicy Post "/api/policy" true;
    /// Writes.
    Batch Post "/api/batch" true;
    /// Removes every fact.
    ClearData Post "/api/clear_data" true;
    /// Deprecated: one insert.
    PostFacts Post "/api/facts" true;
    /// Deprecated: deletes by a pattern.
    DeleteFacts Delete "/api/facts" true;
    /// Deprecated: deletes and inserts.
    Bulk Post "/api/bulk" true;
    /// Deprecated: inserts.
    BulkLoad Post "/api/bulk_load" true;
    /// Deprecated: deletes.
    BulkDelete Post "/api/bulk_delete" true;
    /// AuthZEN: a decision.
    Evaluation Post "/access/v1/evaluation" false;
    /// AuthZEN: several decisions.
    Evaluations Post "/access/v1/evaluations" false;
    /// AuthZEN: who may.
    SearchSubject Post "/access/v1/search/subject" false;
    /// AuthZEN: to what.
    SearchResource Post "/access/v1/search/resource" false;
    /// AuthZEN: what may be done.
    SearchAction Post "/access/v1/search/action" false;
    /// AuthZEN: what is offered where. The path of a service's base URL may follow.
    AuthzenConfiguration Get "/.well-known/authzen-configuration" false;
    /// Is the primary there?
    ApiHealthcheck Get "/api/healthcheck" false;
    /// Is it serving?
    Healthcheck Get "/healthcheck" false;
    /// Metrics in Prometheus' text form.
    Metrics Get "/metrics" false;
}

impl Endpoint {
    /// Those on a path, one per method.
    pub fn on(path: &str) -> impl Iterator<Item = Endpoint> + '_ {
        let takes = move |endpoint: &Endpoint| match endpoint {
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
