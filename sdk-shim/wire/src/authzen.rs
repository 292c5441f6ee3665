//! Answers of the AuthZEN Authorization API 1.0. Its requests are read member by member (`understudy-calls`): what is wrong
//! with one item of a batch is no error of the others.

use serde::{Deserialize, Serialize};

use crate::paths::Endpoint;

/// Answer of an evaluation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// May it be done?
    pub decision: bool,
    /// Of an item that couldn't be decided: why. Of one that was: its reasons, where the caller asks for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<DecisionContext>,
}

/// What is said beside a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionContext {
    /// Why there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ItemError>,
    /// Why it is as it is, on a few lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Why an item couldn't be decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemError {
    /// HTTP status that it would have had alone.
    pub status: u16,
    /// What is wrong and what to do.
    pub message: String,
}

/// Answer of several evaluations, in their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evaluations {
    /// One each, up to the one that ended it.
    pub evaluations: Vec<Decision>,
}

/// Answer of a search. The order of its members is the one the standard asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchResult<T> {
    /// Which part it is; absent: everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page: Option<Page>,
    /// How to read the results.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<SearchContext>,
    /// Sorted bytewise, distinct.
    pub results: Vec<T>,
}

/// A part of the results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// For the next page; empty: there is none.
    pub next_token: String,
    /// Results of this page.
    pub count: usize,
    /// Results of all pages, as of now.
    pub total: usize,
}

/// How to read the results of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchContext {
    /// Any would fit, also those that nobody has named yet: the results are the known ones.
    pub wildcard: bool,
}

/// An action that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActionName {
    /// Its name.
    pub name: String,
}

/// The metadata document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Configuration {
    /// The base URL, byte for byte as it was given.
    pub policy_decision_point: String,
    /// Where one decision is asked for.
    pub access_evaluation_endpoint: String,
    /// Where several are.
    pub access_evaluations_endpoint: String,
    /// Where subjects are searched.
    pub search_subject_endpoint: String,
    /// Where resources are.
    pub search_resource_endpoint: String,
    /// Where actions are.
    pub search_action_endpoint: String,
}

impl Configuration {
    /// That of a service with this base URL.
    pub fn new(base_url: &str) -> Self {
        let at = |endpoint: Endpoint| base_url.trim_end_matches('/').to_owned() + endpoint.path();
        Configuration {
            policy_decision_point: base_url.to_owned(),
            access_evaluation_endpoint: at(Endpoint::Evaluation),
            access_evaluations_endpoint: at(Endpoint::Evaluations),
            search_subject_endpoint: at(Endpoint::SearchSubject),
            search_resource_endpoint: at(Endpoint::SearchResource),
            search_action_endpoint: at(Endpoint::SearchAction),
        }
    }
}
