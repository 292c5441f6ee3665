//! How an operator has set it up.

use understudy_calls::authzen::Terms;
use understudy_wire::{authzen::Configuration, paths::Endpoint};

use crate::config::Authzen;

/// Everything that its endpoints go by.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// How requests are read.
    pub terms: Terms,
    /// The metadata document, and the path it is at.
    pub(super) configuration: Option<(String, Configuration)>,
}

impl Settings {
    /// Those of an environment, as the operator has said. `gives_reasons`: to callers who ask for them.
    pub fn of(environment: &str, said: &Authzen, gives_reasons: bool) -> Self {
        let terms = Terms {
            environment: environment.to_owned(),
            types: said.types.clone(),
            takes_context_facts: said.takes_context_facts,
            facts_max: said.facts_max,
            gives_reasons,
        };
        Settings::new(terms, said.url.as_deref())
    }

    /// `base_url`: what callers know the service by, with its own path, if it has one; checked. Without it there is no
    /// metadata document.
    fn new(terms: Terms, base_url: Option<&str>) -> Self {
        let configuration = base_url.map(|base_url| {
            let after_scheme = base_url.split_once("://").map_or(base_url, |(_, rest)| rest);
            let path = after_scheme.find('/').map_or("", |at| &after_scheme[at..]);
            // The well-known segment comes between host and path.
            let at = Endpoint::AuthzenConfiguration.path().to_owned() + path.trim_end_matches('/');
            (at, Configuration::new(base_url))
        });
        Settings { terms, configuration }
    }

    /// What a refused caller is asked for, as `WWW-Authenticate` has it.
    pub fn challenge(&self) -> String {
        let realm = self.configuration.as_ref().map_or("understudy", |(_, at)| &at.policy_decision_point);
        format!("Bearer realm=\"{realm}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_is_at_the_path_of_the_base_url() {
        let at = |base_url| Settings::new(Terms::default(), Some(base_url)).configuration.map(|(at, _)| at);
        assert_eq!(at("https://pdp.example").as_deref(), Some("/.well-known/authzen-configuration"));
        assert_eq!(at("https://pdp.example/").as_deref(), Some("/.well-known/authzen-configuration"));
        assert_eq!(at("https://h:8443/t1/").as_deref(), Some("/.well-known/authzen-configuration/t1"));
        let document = Configuration::new("https://h/t1/");
        assert_eq!(document.policy_decision_point, "https://h/t1/", "byte for byte");
        assert_eq!(document.search_subject_endpoint, "https://h/t1/access/v1/search/subject");
    }
}
