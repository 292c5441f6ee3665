//! Round trips on the examples of the contract.
#![allow(clippy::unwrap_used)]

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value as Json, json};

use crate::*;

fn same<T: Serialize + DeserializeOwned>(text: &Json) {
    let read: T = serde_json::from_str(&text.to_string()).unwrap();
    assert_eq!(&serde_json::to_value(&read).unwrap(), text);
}

#[test]
fn the_examples_read_and_write_back() {
    same::<AuthorizeRequest>(
        &json!({"actor_type":"User","actor_id":"1","action":"read","resource_type":"Repo","resource_id":"2","context_facts":[]}),
    );
    same::<AuthorizeResult>(&json!({"allowed": true}));
    same::<ListRequest>(
        &json!({"actor_type":"User","actor_id":"1","action":"read","resource_type":"Repo","context_facts":[],"page_size":10000,"page_token":"t"}),
    );
    same::<ListResult>(&json!({"results":["a","b"],"next_page_token":null}));
    same::<ListResult>(&json!({"results":["a","b"]}));
    same::<ListResult>(&json!({"results":["a"],"next_page_token":"t"}));
    same::<QueryResult>(
        &json!({"results":[{"predicate":"hello","args":[{"type":"User","id":null},{"type":null,"id":null}]}]}),
    );
    same::<Vec<Changeset>>(&json!([
        {"inserts":[{"predicate":"a","args":[{"type":"User","id":"1"}]}]},
        {"deletes":[{"predicate":"b","args":[{"type":null,"id":null}]}]},
        {"inserts":[{"predicate":"c","args":[{"type":"Integer","id":"1"},{"type":"Boolean","id":"true"}]}]}]));
    same::<EvaluateRequest>(&json!({
        "predicate": ["allow", ["var_a", "var_b", "var_c"]],
        "calls": [["has_relation", ["var_c", "var_d", "var_e"]]],
        "constraints": {"var_a": {"type":"User","ids":["1"]}, "var_b": {"type":"String","ids":null}},
        "context_facts": [{"predicate":"has_role","args":[{"type":"User","id":"1"}]}]}));
    same::<EvaluateResult>(&json!({"results":[{"var_a":"1","var_b":null}]}));
    same::<PolicyMetadataResult>(&json!({"metadata":{"resources":{
        "Repository":{"roles":["admin","member"],"permissions":["delete","read"],"relations":{"organization":"Organization"}},
        "global":{"roles":[],"permissions":[],"relations":{}}}}}));
    same::<GetPolicyResult>(&json!({"policy": null}));
    same::<Stats>(&json!({"num_roles":2,"num_relations":1,"num_facts":4}));
    same::<TestEnvironment>(&json!({"token": "e_1_k_s"}));
    same::<PolicyRefusal>(&json!({"error_type":"TestsFailed","message":"m","test_results":
        {"success":false,"errors":[{"error_type":"AssertionFailed","message":"x"}],"tests":[{"name":"t","passed":1,"total":2}]}}));
}

#[test]
fn requests_are_read_leniently() {
    let request: ListRequest = serde_json::from_value(json!({"actor_type":"User","actor_id":7,"action":"read",
        "resource_type":"Repo","context_facts":null,"page_size":null,"page_token":null,"more":{}}))
    .unwrap();
    assert_eq!((request.actor_id.as_str(), request.page_size), ("7", None));
    let pattern: FactPattern =
        serde_json::from_value(json!({"predicate":"p","args":[{}, {"type":"Repo"}, {"type":"Integer","id":-3}]}))
            .unwrap();
    assert_eq!(pattern.args[2].id.as_deref(), Some("-3"));
    let constraint: Constraint = serde_json::from_value(json!({"type":"Repo"})).unwrap();
    assert_eq!(constraint.ids, None);
    assert!(serde_json::from_value::<TypedId>(json!({"type":"Repo","id":null})).is_err());
    let evaluate = |constraints: &str| {
        let text = format!(r#"{{"predicate":["p",["x"]],"constraints":{constraints}}}"#);
        objects::from_slice::<EvaluateRequest>(text.as_bytes()).map(|request| request.constraints.len())
    };
    assert_eq!(evaluate("null").ok(), Some(0));
    assert_eq!(evaluate(r#"{"x":{"type":"A"},"y":{"type":"A"}}"#).ok(), Some(2));
    let twice = evaluate(r#"{"x":{"type":"A","ids":["1"]},"y":{"type":"A"},"x":{"type":"A"}}"#);
    assert!(twice.is_err_and(|error| error.to_string().contains("`x` stands there twice")));
    assert!(serde_json::from_value::<Changeset>(json!({"inserts":[],"deletes":[]})).is_err());
}

#[test]
fn an_array_is_no_object_however_deep() {
    let pattern = r#"{"predicate":"p","args":[{"type":null,"id":null},{}]}"#;
    assert_eq!(
        objects::from_slice::<FactPattern>(pattern.as_bytes()).unwrap().args,
        [Value::default(), Value::default()]
    );
    for text in [r#"{"predicate":"p","args":[[null,null]]}"#, r#"["p",[{}]]"#, r#"{"predicate":"p","args":[{}]} {}"#] {
        assert!(objects::from_slice::<FactPattern>(text.as_bytes()).is_err(), "{text}");
    }
    let deletes = |pattern: &str| format!(r#"[{{"deletes":[{pattern}]}}]"#);
    assert!(objects::from_slice::<Vec<Changeset>>(deletes(pattern).as_bytes()).is_ok());
    assert!(objects::from_slice::<Vec<Changeset>>(deletes(r#"["p",[]]"#).as_bytes()).is_err());
    let query = |fact: &str| format!(r#"{{"fact":{pattern},"context_facts":[{fact}]}}"#);
    let fact = r#"{"predicate":"p","args":[{"type":"A","id":7}]}"#;
    assert!(objects::from_slice::<QueryRequest>(query(fact).as_bytes()).is_ok());
    assert!(objects::from_slice::<QueryRequest>(query(r#"["p",[["A","1"]]]"#).as_bytes()).is_err());
    let evaluate = |entry: &str| format!(r#"{{"predicate":["p",["a"]],"constraints":{{"a":{entry}}}}}"#);
    assert!(objects::from_slice::<EvaluateRequest>(evaluate(r#"{"type":"A","ids":["1",2]}"#).as_bytes()).is_ok());
    assert!(objects::from_slice::<EvaluateRequest>(evaluate(r#"["A",null]"#).as_bytes()).is_err());
}

#[test]
fn facts_are_asked_by_query_string() {
    let parse = |query: &str| FactsQuery::parse(query);
    let text = "predicate=has_role&args.2.type=Repo&args.0.type=User&args.0.id=a%20b&args.1.id&args.7.id=&x=y&_=1";
    let query = parse(text).unwrap();
    assert_eq!(query.predicate.as_deref(), Some("has_role"));
    assert_eq!(query.args[0], Value { type_name: Some("User".into()), id: Some("a b".into()) });
    assert_eq!(query.args[1], Value::default());
    assert_eq!(query.args.len(), 3);
    assert_eq!(parse(""), Ok(FactsQuery::default()));
    assert_eq!(parse("predicate=%zz+").unwrap().predicate.as_deref(), Some("%zz "));
    assert!(parse("predicate=a&predicate=a").is_ok());
}

/// Whatever narrows an answer and is left out gives facts that were not asked for.
#[test]
fn a_misspelt_parameter_of_facts_is_named() {
    for name in [
        "args.256.type",
        "args.32.id",
        "args.-1.id",
        "args.+1.id",
        "args.0.typ",
        "args.0",
        "args..id",
        "args.0x1.id",
        "arg.0.id",
        "args.0.type.x",
        "args.99999999999999999999.id",
        "Args.0.id",
        "predicat",
        "Predicate",
        "args[0].id",
    ] {
        let escaped = name.replace('+', "%2B");
        for query in [format!("{escaped}=x"), format!("predicate=p&{escaped}")] {
            let error = FactsQuery::parse(&query).unwrap_err();
            assert!(error.starts_with(&format!("`{name}` isn't a parameter of this path: ")), "{query}: {error}");
        }
    }
    for twice in ["predicate=a&predicate=b", "args.0.id=1&args.0.id=2"] {
        assert!(FactsQuery::parse(twice).unwrap_err().ends_with("stands there twice: give it once"), "{twice}");
    }
}

#[test]
fn paths_and_codes_are_one_table() {
    assert_eq!(paths::find("POST", "/api/facts"), Ok(paths::Endpoint::PostFacts));
    assert_eq!(paths::find("PUT", "/api/facts"), Err(true));
    assert_eq!(paths::find("GET", "/nowhere"), Err(false));
    assert_eq!(paths::find("POST", "/api/agents/event/message_to_user"), Ok(paths::Endpoint::AgentEvent));
    for unknown in ["/api/agents/event/", "/api/agents/event/other", "/api/agents/event/message_to_user/x"] {
        assert_eq!(paths::find("POST", unknown), Err(false), "{unknown}");
    }
    assert!(Code::ALL.iter().all(|code| code.status() >= 400));
}

#[test]
fn a_head_names_its_snapshot() {
    let head = Head {
        format: feed::FORMAT,
        environment: "e_1".into(),
        store: "s".into(),
        epoch: 3,
        created_ms: 4,
        snapshot: Blob { sha256: "a".repeat(64), bytes: 5 },
    };
    let text = serde_json::to_value(&head).unwrap();
    assert_eq!(text["snapshot"]["bytes"], 5);
    assert_eq!(serde_json::from_value::<Head>(text).unwrap(), head);
    assert!(head.snapshot.is_well_formed());
}
