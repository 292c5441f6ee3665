//! The wire to its corners, on a real node and its primary: replies byte for byte, what SDKs of every language send.

use std::path::Path;

use serde_json::{Value as Json, json};
use understudy_tests::{
    pair::{Pair, post, send},
    process::KEY,
};

const BINARY: &str = env!("CARGO_BIN_EXE_understudy");
const POLICY: &str = r#"
    actor User {}
    actor Computer {}
    global { roles = ["auditor"]; permissions = ["create"]; "create" if "auditor"; }
    resource Repo {
        roles = ["member", "admin"];
        permissions = ["read", "write", "delete"];
        relations = { parent: Repo };
        "member" if "admin";
        "read" if "member";
        "write" if "admin";
        "delete" if "admin";
        "read" if "read" on "parent";
    }
    hello(friend) if is_friendly(friend);
    allow_any(_: User, "look", _: Repo) if true;
    declare is_weird(Integer, String, Boolean);
"#;

fn facts() -> Vec<Json> {
    vec![
        json!(["has_role", ["User", "1"], ["String", "admin"], ["Repo", "1"]]),
        json!(["has_role", ["User", "1"], ["String", "member"], ["Repo", "2"]]),
        json!(["has_role", ["User", "2"], ["String", "auditor"]]),
        json!(["has_relation", ["Repo", "anvil"], ["String", "parent"], ["Repo", "1"]]),
        json!(["is_friendly", ["User", "sam"]]),
        json!(["is_friendly", ["Computer", "steve"]]),
        json!(["is_weird", ["Integer", "10"], ["String", "yes"], ["Boolean", "true"]]),
    ]
}

/// The examples of §4 to §7, as text: no key more, none less, in this order.
#[test]
fn replies_are_exact() {
    let folder = tempfile::tempdir().expect("a folder");
    let Pair { primary, node } = Pair::start(Path::new(BINARY), folder.path(), POLICY, &facts());
    let admin = r#""actor_type":"User","actor_id":"1""#;
    let context = r#"{"predicate":"has_role","args":[{"type":"User","id":"1"},{"type":"String","id":"member"},{"type":"Repo","id":"3"}]}"#;
    let on = |id: &str, facts: &str| {
        format!(r#"{{{admin},"resource_type":"Repo","resource_id":"{id}","context_facts":[{facts}]}}"#)
    };
    let typed =
        |ids: &[&str]| ids.iter().map(|id| format!(r#"{{"type":"Repo","id":"{id}"}}"#)).collect::<Vec<_>>().join(",");
    let of_all =
        |ids: &[&str]| format!(r#"{{{admin},"action":"read","resources":[{}],"context_facts":[]}}"#, typed(ids));
    let evaluated = r#"{"predicate":["allow",["u","act","r"]],"calls":[["has_relation",["r","p","o"]]],"constraints":{"u":{"type":"User","ids":["1"]},"act":{"type":"String","ids":null},"r":{"type":"Repo","ids":null},"p":{"type":"String","ids":["parent"]},"o":{"type":"Repo"}},"context_facts":[]}"#;
    let cases: Vec<(&str, String, String)> = vec![
        ("/api/authorize", format!(r#"{{{admin},"action":"read","resource_type":"Repo","resource_id":"2","context_facts":[]}}"#), r#"{"allowed":true}"#.into()),
        ("/api/authorize", format!(r#"{{{admin},"action":"frob","resource_type":"Nothing","resource_id":"2","context_facts":[]}}"#), r#"{"allowed":false}"#.into()),
        ("/api/list", format!(r#"{{{admin},"action":"read","resource_type":"Repo","context_facts":[]}}"#), r#"{"results":["1","2","anvil"]}"#.into()),
        ("/api/list", format!(r#"{{{admin},"action":"read","resource_type":"Repo","context_facts":[],"page_size":10000}}"#), r#"{"results":["1","2","anvil"],"next_page_token":null}"#.into()),
        ("/api/list", format!(r#"{{{admin},"action":"frob","resource_type":"Repo","context_facts":[],"page_size":null,"page_token":null}}"#), r#"{"results":[]}"#.into()),
        ("/api/actions", on("1", ""), r#"{"results":["delete","read","write"]}"#.into()),
        ("/api/actions", on("3", context), r#"{"results":["read"]}"#.into()),
        ("/api/authorize_resources", of_all(&["2", "9", "anvil", "2"]), format!(r#"{{"results":[{}]}}"#, typed(&["2", "anvil", "2"]))),
        ("/api/authorize_resources", of_all(&[]), r#"{"results":[]}"#.into()),
        ("/api/bulk_actions", "[]".into(), "[]".into()),
        // Context facts of the first hold for all of them, and those of any other too.
        ("/api/bulk_actions", format!("[{},{},{}]", on("1", context), on("2", ""), on("3", "")), r#"[{"results":["delete","read","write"]},{"results":["read"]},{"results":["read"]}]"#.into()),
        ("/api/bulk_actions", format!("[{},{}]", on("3", ""), on("2", context)), r#"[{"results":["read"]},{"results":["read"]}]"#.into()),
        ("/api/query", r#"{"fact":{"predicate":"hello","args":[{"type":null,"id":null}]},"context_facts":[{"predicate":"hello","args":[{"type":"User","id":"brian"}]}]}"#.into(),
            r#"{"results":[{"predicate":"hello","args":[{"type":"Computer","id":"steve"}]},{"predicate":"hello","args":[{"type":"User","id":"brian"}]},{"predicate":"hello","args":[{"type":"User","id":"sam"}]}]}"#.into()),
        ("/api/query", r#"{"fact":{"predicate":"allow_any","args":[{"type":"User","id":null},{"type":null,"id":null},{}]},"context_facts":[]}"#.into(),
            r#"{"results":[{"predicate":"allow_any","args":[{"type":"User","id":null},{"type":"String","id":"look"},{"type":"Repo","id":null}]}]}"#.into()),
        ("/api/query", r#"{"fact":{"predicate":"foo","args":[{}]},"context_facts":null}"#.into(), r#"{"results":[]}"#.into()),
        ("/api/evaluate_query", evaluated.into(), r#"{"results":[{"act":"read","o":"1","p":"parent","r":"anvil","u":"1"}]}"#.into()),
        ("/api/evaluate_query", r#"{"predicate":["allow",["u","a","r"]],"calls":[],"constraints":{"u":{"type":"User","ids":[]},"a":{"type":"String"},"r":{"type":"Repo"}},"context_facts":[]}"#.into(), r#"{"results":[]}"#.into()),
        // Rows by the values of the variables in the order of their first use.
        ("/api/evaluate_query", r#"{"predicate":["allow",["z","y","x"]],"calls":[],"constraints":{"z":{"type":"User","ids":["1"]},"y":{"type":"String","ids":null},"x":{"type":"Repo","ids":["2","1"]}},"context_facts":[]}"#.into(),
            r#"{"results":[{"x":"1","y":"delete","z":"1"},{"x":"1","y":"read","z":"1"},{"x":"2","y":"read","z":"1"},{"x":"1","y":"write","z":"1"}]}"#.into()),
    ];
    for server in [&primary, &node] {
        for (path, body, expected) in &cases {
            let answer = post(server, path, body);
            assert_eq!((answer.status, &*answer.text()), (200, expected.as_str()), "{path} {body}");
            assert_eq!(answer.header("content-type"), Some("application/json"));
            assert_eq!(post(server, path, body).body, answer.body, "the same again");
        }
        let metadata = r#"{"metadata":{"resources":{"Computer":{"roles":[],"permissions":[],"relations":{}},"Repo":{"roles":["admin","member"],"permissions":["delete","read","write"],"relations":{"parent":"Repo"}},"User":{"roles":[],"permissions":[],"relations":{}},"global":{"roles":["auditor"],"permissions":["create"],"relations":{}}}}}"#;
        for path in ["/api/policy_metadata", "/api/policy_metadata?version=1&id=2", "//api/policy_metadata"] {
            assert_eq!(server.get(path).text(), metadata);
        }
        let weird = r#"[{"predicate":"is_weird","args":[{"type":"Integer","id":"10"},{"type":"String","id":"yes"},{"type":"Boolean","id":"true"}]}]"#;
        for query in [
            "?predicate=is_weird",
            "?args.2.type=Boolean",
            "?args.2.id=true&args.2.type=Boolean&x=y&args.0.id",
            "?args.0.type=Integer&args.0.id=&predicate=",
        ] {
            assert_eq!(server.get(&format!("/api/facts{query}")).text(), weird, "{query}");
        }
        assert_eq!(server.get("/api/facts?args.0.type=Nothing").text(), "[]");
        assert_eq!(server.get("/api/facts?predicate=has_role&args.2.type=User").text(), "[]");
        for all in ["/api/facts", "/api/facts?", "//api/facts"] {
            assert_eq!(server.get(all).json().as_array().map(Vec::len), Some(7), "{all}");
        }
    }
}

/// What each SDK sends around the same check, as http-api.md §2 has it from the wire.
#[test]
fn every_sdks_way_of_sending_is_understood() {
    let folder = tempfile::tempdir().expect("a folder");
    let Pair { primary, node } = Pair::start(Path::new(BINARY), folder.path(), POLICY, &facts());
    let bearer = format!("Bearer {KEY}");
    let plain = r#"{"actor_type":"User","actor_id":"1","action":"read","resource_type":"Repo","resource_id":"2","context_facts":[]}"#;
    let id = "7b0f6c1e-5a5b-4b38-9d3e-2a4f0b1c2d3e";
    let go = [
        ("Authorization", &*bearer),
        ("X-Osoapiversion", "0"),
        ("X-Request-Id", id),
        ("X-Oso-Instance-Id", id),
        ("Accept", "application/json"),
        ("Accept-Encoding", "gzip"),
        ("User-Agent", "Oso Cloud (golang go1.26; rv:2.3.1)"),
    ];
    let node_js = [
        ("Authorization", &*bearer),
        ("X-OsoApiVersion", "0"),
        ("X-Request-ID", id),
        ("OsoOffset", "18446744073709551616"),
        ("X-Oso-Instance-Id", id),
        ("Accept", "application/json"),
        ("Accept-Encoding", "gzip,deflate"),
    ];
    let rust = [
        ("authorization", &*bearer),
        ("x-oso-client-id", "rust"),
        ("x-request-id", id),
        ("user-agent", "Oso Cloud (rust)"),
    ];
    let ruby = [("authorization", &*bearer), ("x-osoapiversion", "0"), ("content-type", "application/json")];
    for server in [&primary, &node] {
        for (sdk, headers) in [("go", &go[..]), ("node", &node_js), ("rust", &rust), ("ruby", &ruby)] {
            for (path, body) in [
                ("/api/authorize", plain.to_owned()),
                ("/api/authorize?", plain.replace(",\"context_facts\":[]", "")),
                ("//api/authorize", plain.replace("[]", "null")),
                ("/api/authorize?x=y", plain.replace("\"1\"", "1").replace('}', ",\"more\":{\"a\":[null]}}")),
                ("/api/authorize", format!(" \r\n\t{plain}\n")),
            ] {
                let answer = send(server, "POST", path, headers, body.as_bytes());
                assert_eq!((answer.status, &*answer.text()), (200, r#"{"allowed":true}"#), "{sdk} {path} {body}");
                let echoed = answer.header("x-request-id").unwrap_or_default();
                assert_eq!(echoed == id, sdk != "ruby", "{echoed}");
                assert_eq!(answer.header("content-encoding"), None);
                let timing = answer.header("server-timing").unwrap_or_default();
                assert!(timing.strip_prefix("oso;dur=").is_some_and(|ms| ms.parse::<u64>().is_ok()), "{timing}");
            }
            assert_eq!(send(server, "GET", "/api/policy_metadata", headers, b"").status, 200);
        }
    }
    // A token of later writes than the node has seen doesn't hold it up and doesn't come back.
    let answer = send(&node, "POST", "/api/authorize", &node_js, plain.as_bytes());
    assert_eq!(answer.header("osooffset"), None);
}
