//! Messages, and the one table of error codes and HTTP statuses.

use serde::{Deserialize, Serialize};

/// Body of a success that has nothing to tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiResult {
    /// For people.
    pub message: String,
}

/// Body of every error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiError {
    /// What is wrong and what to do.
    pub message: String,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $text:literal $status:literal;)*) => {
        /// Why a request was refused. SDKs retry on 400, 429 and 5xx, and go on to a fallback on 400 and 5xx.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $name,)* }
        impl Code {
            /// Every code.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];
            /// Its HTTP status.
            pub const fn status(self) -> u16 { match self { $(Code::$name => $status,)* } }
            /// Its stable name.
            pub const fn name(self) -> &'static str { match self { $(Code::$name => $text,)* } }
        }
    };
}

codes! {
    /// Not JSON, a field is missing, a value can't be read.
    BadRequest "bad_request" 400;
    /// The policy or the query has no answer for this request.
    Unanswerable "unanswerable" 400;
    /// The work units of the request are spent.
    Budget "budget" 400;
    /// No key, or none that is known.
    Unauthorized "unauthorized" 401;
    /// The key may not do this.
    Forbidden "forbidden" 403;
    /// No such path, or nothing there.
    NotFound "not_found" 404;
    /// A known path that doesn't take this method here.
    MethodNotAllowed "method_not_allowed" 405;
    /// The body came too slowly.
    TooSlow "too_slow" 408;
    /// A body or a list over its limit.
    TooLarge "too_large" 413;
    /// A `Range` that the blob doesn't have.
    RangeNotSatisfiable "range_not_satisfiable" 416;
    /// More in a time than a plan allows.
    TooMany "too_many" 429;
    /// The server is at fault.
    Internal "internal" 500;
    /// Not serving.
    Unavailable "unavailable" 503;
}
