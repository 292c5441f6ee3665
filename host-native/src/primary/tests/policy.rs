//! Policies uploaded and refused.

use super::*;

#[test]
fn a_policy_serves_before_it_is_acknowledged_and_a_bad_one_never() {
    let folder = tempfile::tempdir().unwrap();
    let primary = start(&config(folder.path()));
    assert_eq!(primary.post("/api/batch", &inserts(&[role("ann", "reader")])).status, 200);
    assert!(!primary.may("ann", "read"));
    let body = serde_json::json!({"src": POLICY, "filename": "repo.polar"}).to_string();
    let accepted = primary.post("/api/policy?force=true&fail_fast=false", &body);
    assert_eq!((accepted.status, accepted.offset()), (200, 2));
    assert!(primary.may("ann", "read"));
    let head = primary.head();
    assert_eq!(
        primary.get("/api/policy").json(),
        serde_json::json!({"policy": serde_json::from_str::<serde_json::Value>(&body).unwrap()})
    );
    let metadata = primary.get("/api/policy_metadata").json();
    assert_eq!(metadata["metadata"]["resources"]["Repo"]["roles"], serde_json::json!(["reader", "writer"]));

    let unchanged = primary.policy(POLICY);
    assert_eq!((unchanged.status, unchanged.offset()), (202, 2));
    assert_eq!(unchanged.json().as_object().unwrap().len(), 1);

    let invalid = primary.policy("resource Repo { permissions = [");
    assert_eq!((invalid.status, invalid.json()["error_type"].as_str()), (400, Some("Validation")));
    assert_eq!(invalid.json()["errors"][0]["error_type"], "ValidationFailed");
    assert!(invalid.json()["errors"][0]["message"].as_str().unwrap().starts_with("policy:1:"), "{}", invalid.text());

    let failing = primary.policy(&POLICY.replace("assert allow", "assert_not allow"));
    let told = failing.json();
    assert_eq!((failing.status, told["error_type"].as_str()), (400, Some("TestsFailed")));
    // SDKs show the message alone: the test and its line stand in it.
    let message = told["message"].as_str().unwrap();
    assert!(
        message.starts_with("1 of 1 assertions of the policy's tests failed: test \"writers read\": "),
        "{message}"
    );
    let line = POLICY.lines().position(|line| line.contains("assert allow")).unwrap() + 1;
    assert!(message.contains(&format!("policy:{line}")), "{message}");
    assert_eq!(told["test_results"]["success"], false);
    assert_eq!(told["test_results"]["tests"], serde_json::json!([{"name": "writers read", "passed": 0, "total": 1}]));
    assert_eq!(told["test_results"]["errors"][0]["error_type"], "AssertionFailed");
    for body in ["", "{}", "{", r#"{"src":1}"#] {
        let unreadable = primary.post("/api/policy", body);
        assert_eq!((unreadable.status, unreadable.json()["error_type"].as_str()), (400, Some("Generic")), "{body}");
    }
    assert!(primary.may("ann", "read"));
    assert_eq!(primary.head(), head, "nothing new to follow");
    // Facts that the next policy has no place for don't stop it.
    assert_eq!(primary.policy("actor User {}").status, 200);
    assert!(!primary.may("ann", "read"));
    assert_eq!(primary.get("/api/facts").json().as_array().unwrap().len(), 1);
    primary.stop();
}

#[test]
fn a_policy_that_the_instances_refuse_leaves_the_one_before_in_force_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path());
    let primary = start(&config);
    assert_eq!(primary.policy(POLICY).status, 200);
    assert_eq!(primary.post("/api/batch", &inserts(&[role("ann", "reader")])).status, 200);
    let head = primary.head();
    primary.native.0.lock().unwrap().refuses = true;
    let refused = primary.policy("actor User {}");
    assert_eq!((refused.status, refused.json()["error_type"].as_str()), (500, Some("Generic")), "{}", refused.text());
    assert!(refused.message().contains("the policy before stays in force"));
    assert_eq!(primary.get("/api/policy").json()["policy"]["src"], POLICY);
    assert!(primary.may("ann", "read"));
    assert_eq!(primary.head().epoch, head.epoch);
    primary.native.0.lock().unwrap().refuses = false;
    assert_eq!(primary.post("/api/batch", &inserts(&[role("bob", "reader")])).status, 200);
    primary.stop();
    let primary = start(&config);
    assert!(primary.may("ann", "read") && primary.may("bob", "read"));
    assert!(primary.head().epoch > head.epoch);
    primary.stop();
}
