//! Several environments by key, and those that are thrown away.

use std::time::{Duration, Instant};

use super::*;
use crate::primary::limits::TEST_ENVIRONMENTS_MAX;

const OTHER_KEY: &str = "e_other_1_write";

fn two(folder: &Path) -> PrimaryConfig {
    let mut config = config(folder);
    let keys = vec![AcceptedKey { digest: digest(OTHER_KEY), right: Right::Write }];
    config.environments.push(Accepted { environment: "e_other".into(), keys });
    config
}

impl Started {
    fn with(&self, key: &str, line: &str, body: &str) -> Exchange {
        self.exchange(line, Some(key), "", body)
    }
    fn test_environment(&self, query: &str) -> String {
        let made = self.exchange(&format!("POST /test_environment{query}"), None, "", "");
        assert_eq!(made.status, 200, "{}", made.text());
        assert_eq!(made.json().as_object().unwrap().len(), 1);
        made.json()["token"].as_str().unwrap().to_owned()
    }
    fn n_facts(&self, key: &str) -> usize {
        self.with(key, "GET /api/facts", "").json().as_array().unwrap().len()
    }
}

#[test]
fn each_environment_has_its_own_policy_facts_offsets_and_feed_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let config = two(folder.path());
    let primary = start(&config);
    assert_eq!(primary.policy(POLICY).status, 200);
    assert_eq!(primary.post("/api/batch", &inserts(&[role("ann", "reader")])).offset(), 2);
    let refused = primary.with(
        OTHER_KEY,
        "POST /api/batch",
        &inserts(&[])
            .replace("[]", r#"[{"predicate":"seats","args":[{"type":"Repo","id":"a"},{"type":"Integer","id":"7"}]}]"#),
    );
    assert!(refused.message().contains("not used in policy"), "{}", refused.text());
    assert_eq!(
        primary.with(OTHER_KEY, "POST /api/batch", &inserts(&[role("bob", "reader"), role("cyd", "reader")])).offset(),
        1
    );
    assert_eq!((primary.n_facts(DEVELOPMENT_KEY), primary.n_facts(OTHER_KEY)), (1, 2));
    assert_eq!(primary.with(OTHER_KEY, "GET /api/policy", "").text(), r#"{"policy":null}"#);

    let head = |key: &str, environment: &str| primary.with(key, &format!("GET {}", head_path(environment)), "");
    let [ours, theirs]: [Head; 2] = [(DEVELOPMENT_KEY, DEVELOPMENT_ENVIRONMENT), (OTHER_KEY, "e_other")]
        .map(|(key, environment)| serde_json::from_slice(&head(key, environment).body).unwrap());
    assert_eq!((ours.environment.as_str(), theirs.environment.as_str()), (DEVELOPMENT_ENVIRONMENT, "e_other"));
    assert_ne!(ours.store, theirs.store);
    assert_eq!(
        head(OTHER_KEY, DEVELOPMENT_ENVIRONMENT).status,
        404,
        "another environment's feed is none of its business"
    );
    let blob = blob_path("e_other", &ours.snapshot.sha256);
    assert_eq!(primary.with(OTHER_KEY, &format!("GET {blob}"), "").status, 404);
    let cleared = primary.with(OTHER_KEY, "POST /api/clear_data", "");
    assert_eq!((cleared.status, primary.n_facts(DEVELOPMENT_KEY), primary.n_facts(OTHER_KEY)), (200, 1, 0));
    assert_eq!(primary.with(OTHER_KEY, "POST /api/batch", &inserts(&[role("bob", "reader")])).status, 200);
    primary.stop();

    let primary = start(&config);
    assert_eq!((primary.n_facts(DEVELOPMENT_KEY), primary.n_facts(OTHER_KEY)), (1, 1));
    primary.stop();

    // The single environment goes on as it was; another first one is refused with what to do.
    let mut single = config.clone();
    single.environments.truncate(1);
    let primary = start(&single);
    assert_eq!(primary.n_facts(DEVELOPMENT_KEY), 1);
    assert_eq!(primary.with(OTHER_KEY, "GET /api/facts", "").status, 401);
    primary.stop();
    let mut turned = config;
    turned.environments.reverse();
    let message = start::open_main(&turned, &turned.environments[0], Arc::new(Native::default())).err().unwrap();
    assert!(message.contains("give a key of e_0123456789 first"), "{message}");
}

#[test]
fn a_test_environment_is_empty_or_a_copy_and_nobody_elses() {
    let folder = tempfile::tempdir().unwrap();
    let primary = start(&config(folder.path()));
    assert_eq!(primary.policy(POLICY).status, 200);
    assert_eq!(primary.post("/api/batch", &inserts(&[role("ann", "reader")])).status, 200);

    let (empty, copy) = (primary.test_environment(""), primary.test_environment("?copy=true"));
    for token in [&empty, &copy] {
        let parts: Vec<&str> = token.split('_').collect();
        assert!(parts.len() == 4 && parts[0] == "e" && parts.iter().all(|part| !part.is_empty()), "{token}");
    }
    assert_eq!((primary.n_facts(&empty), primary.n_facts(&copy)), (0, 1));
    assert_eq!(primary.with(&empty, "GET /api/policy_metadata", "").status, 404);
    assert_eq!(primary.with(&copy, "GET /api/policy", "").json()["policy"]["src"], POLICY);
    // Its key works like any: writes, checks, its own feed.
    assert_eq!(primary.with(&copy, "POST /api/batch", &inserts(&[role("bob", "reader")])).status, 200);
    let ask = r#"{"actor_type":"User","actor_id":"bob","action":"read","resource_type":"Repo","resource_id":"web"}"#;
    assert_eq!(primary.with(&copy, "POST /api/authorize", ask).text(), r#"{"allowed":true}"#);
    assert!(!primary.may("bob", "read"));
    let environment = copy.rsplitn(3, '_').last().unwrap();
    let head: Head =
        serde_json::from_slice(&primary.with(&copy, &format!("GET {}", head_path(environment)), "").body).unwrap();
    assert_eq!(head.environment, environment);
    assert_eq!(primary.with(&empty, &format!("GET {}", head_path(environment)), "").status, 404);
    assert_eq!(primary.with(&format!("{copy}x"), "GET /api/facts", "").status, 401);
    assert_eq!(primary.exchange("POST /test_environment?copy=maybe", None, "", "").status, 400);
    primary.stop();

    let left = folder.path().join("data/test-environments");
    assert!(!left.exists(), "nothing is left of them");
    let primary = start(&config(folder.path()));
    assert_eq!(primary.with(&copy, "GET /api/facts", "").status, 401);
    primary.stop();
}

#[test]
fn where_not_everybody_may_write_a_test_environment_needs_a_key_that_may() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.environments[0].keys[0].digest = digest("e_0123456789_1_write");
    let primary = start(&config);
    let post = |key: Option<&str>| primary.exchange("POST /test_environment?copy=true", key, "", "").status;
    assert_eq!(post(None), 401);
    assert_eq!(post(Some(DEVELOPMENT_KEY)), 401);
    assert_eq!(post(Some(READ_KEY)), 403);
    assert_eq!(post(Some("e_0123456789_1_write")), 200);
    primary.stop();
}

#[test]
fn an_hour_after_its_last_use_a_test_environment_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let primary = start(&config(folder.path()));
    let (token, made) = (primary.test_environment(""), Instant::now());
    let is_there = |minutes: u64| {
        let now = made + Duration::from_secs(60 * minutes);
        primary.environments.tests.of(&token, now).is_some()
    };
    assert!(is_there(59) && is_there(118), "each is a use");
    assert!(!is_there(178) && !is_there(179));
    primary.stop();
}

#[test]
fn there_are_so_many_and_the_longest_unused_goes() {
    let folder = tempfile::tempdir().unwrap();
    let primary = start(&config(folder.path()));
    let tokens: Vec<String> = (0..TEST_ENVIRONMENTS_MAX).map(|_| primary.test_environment("")).collect();
    assert_eq!(primary.n_facts(&tokens[0]), 0, "used just now");
    let newest = primary.test_environment("");
    let status = |token: &str| primary.with(token, "GET /api/facts", "").status;
    assert_eq!((status(&tokens[0]), status(&tokens[1]), status(&tokens[2]), status(&newest)), (200, 401, 200, 200));
    assert_eq!(primary.environments.tests.len(), TEST_ENVIRONMENTS_MAX);
    let folders = std::fs::read_dir(folder.path().join("data/test-environments")).unwrap().count();
    assert_eq!(folders, TEST_ENVIRONMENTS_MAX);
    primary.stop();
}
