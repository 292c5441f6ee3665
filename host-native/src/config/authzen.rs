//! What an operator says about AuthZEN, of a node or of a primary.

use std::str::FromStr;

use clap::Args;
use understudy_calls::authzen::{limits::FACTS_MAX, types::TypeMap};

use super::{
    ConfigError,
    values::{Wrong, read, truth},
};

/// Its flags, each with its variable.
#[derive(Args, Clone, Debug, Default)]
pub struct AuthzenFlags {
    /// Base URL as AuthZEN callers know it: its metadata document is served only with it.
    #[arg(long, env = "OSO_AUTHZEN_URL", hide_env_values = true, value_name = "URL")]
    pub authzen_url: Option<String>,
    /// Types as AuthZEN callers name them and as the policy does, as user=User,record=Repository [default: the same].
    #[arg(long, env = "OSO_AUTHZEN_TYPES", hide_env_values = true, value_name = "MAP")]
    pub authzen_types: Option<String>,
    /// Take any facts that AuthZEN callers send as oso:context_facts in a context (true or false) [default: false].
    #[arg(long, env = "OSO_AUTHZEN_CONTEXT_FACTS", hide_env_values = true, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub authzen_context_facts: Option<String>,
    /// Most properties and facts of one AuthZEN evaluation, of those that rules see [default: 100].
    #[arg(long, env = "OSO_AUTHZEN_FACTS_MAX", hide_env_values = true, value_name = "N")]
    pub authzen_facts_max: Option<String>,
}

/// The same, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authzen {
    /// Base URL as callers know it, byte for byte.
    pub url: Option<String>,
    /// Their types and the policy's.
    pub types: TypeMap,
    /// May they send any facts?
    pub takes_context_facts: bool,
    /// Most facts of one evaluation.
    pub facts_max: usize,
}

impl Default for Authzen {
    fn default() -> Self {
        Authzen { url: None, types: TypeMap::default(), takes_context_facts: false, facts_max: FACTS_MAX }
    }
}

impl Authzen {
    /// Reads every value.
    pub fn check(flags: AuthzenFlags) -> Result<Self, ConfigError> {
        let number = |text: &str| text.parse().ok().filter(|max| FACTS_ALLOWED.contains(max));
        let mut wrong = Wrong::default();
        let url = wrong.take(read("OSO_AUTHZEN_URL", flags.authzen_url, URL, url));
        let types = wrong.take(read("OSO_AUTHZEN_TYPES", flags.authzen_types, TYPES, |text| text.parse().ok()));
        let takes_context_facts = wrong.take(truth("OSO_AUTHZEN_CONTEXT_FACTS", flags.authzen_context_facts));
        let facts_max = wrong.take(read("OSO_AUTHZEN_FACTS_MAX", flags.authzen_facts_max, FACTS, number));
        wrong.into_result()?;
        let (types, facts_max) = (types.unwrap_or_default(), facts_max.unwrap_or(FACTS_MAX));
        Ok(Authzen { url, types, takes_context_facts, facts_max })
    }
}

const FACTS: &str = "a number from 0 to 100000";
/// Every one of them is a context fact of the question: more than this is a store, not a request.
const FACTS_ALLOWED: std::ops::RangeInclusive<usize> = 0..=100_000;
const URL: &str = "an https:// address in its normal form, without user, query and fragment, as https://pdp.example";
const TYPES: &str = "callers' types and the policy's, each once, as user=User,record=Repository";

/// The text itself: callers compare it byte for byte with what they started from.
fn url(text: &str) -> Option<String> {
    let url = reqwest::Url::from_str(text).ok()?;
    let is_normal = url.as_str() == text || url.as_str().strip_suffix('/') == Some(text);
    let is_bare = url.query().is_none() && url.fragment().is_none() && !text.contains('@');
    (url.scheme() == "https" && is_normal && is_bare).then(|| text.to_owned())
}
