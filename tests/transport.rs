//! The wire to its corners, on a real node and its primary: replies byte for byte, what SDKs of every language send, what
//! is refused and how, pages over a change of the data.

use std::path::Path;

use serde_json::{Value as Json, json};
use understudy_tests::{
    http::{Exchange, request},
    process::{KEY, Process},
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

struct Servers {
    folder: tempfile::TempDir,
    primary: Process,
    node: Process,
}

fn start(policy: &str, facts: &[Json]) -> Servers {
    let (folder, binary) = (tempfile::tempdir().expect("a folder"), Path::new(BINARY));
    let primary = Process::primary(binary, folder.path(), &[]);
    primary.post_policy(policy);
    primary.write(facts, &[]);
    let node = node(&folder, "node", &primary);
    node.await_that("it has everything", || node.get("/api/facts").body == primary.get("/api/facts").body);
    Servers { folder, primary, node }
}

fn node(folder: &tempfile::TempDir, name: &str, primary: &Process) -> Process {
    let directory = folder.path().join(name);
    let interval = ["--sync-interval", "100ms"];
    let node = Process::node(Path::new(BINARY), folder.path(), &directory, &primary.url(), &interval);
    node.await_serving();
    node
}

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

/// One request with these headers alone, and nothing added.
fn send(server: &Process, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Exchange {
    request(server.address(), method, path, headers, body)
        .unwrap_or_else(|error| panic!("{method} {path}: {error}\n{}", server.printed()))
}

fn post(server: &Process, path: &str, body: &str) -> Exchange {
    send(server, "POST", path, &[("Authorization", &format!("Bearer {KEY}"))], body.as_bytes())
}

/// The examples of §4 to §7, as text: no key more, none less, in this order.
#[test]
fn replies_are_exact() {
    let Servers { folder: _folder, primary, node } = start(POLICY, &facts());
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
    let Servers { folder: _folder, primary, node } = start(POLICY, &facts());
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

/// What is refused: never with a status that an SDK takes for "ask again", but where that is true.
#[test]
fn what_is_refused_says_what_and_where() {
    let Servers { folder: _folder, primary, node } = start(POLICY, &facts());
    let plain = r#"{"actor_type":"User","actor_id":"1","action":"read","resource_type":"Repo","resource_id":"2","context_facts":[]}"#;
    let long = "x".repeat(513);
    let fact = |args: &str| {
        plain.replace(
            "[]",
            &format!(r#"[{{"predicate":"p","args":[{{"type":"A","id":"1"}}]}},{{"predicate":"p","args":[{args}]}}]"#),
        )
    };
    let cases: Vec<(&str, Vec<u8>, u16, &str)> = vec![
        ("/api/authorize", b"".into(), 400, "the body is empty"),
        ("/api/authorize", b"{".into(), 400, "the body is no JSON: EOF while parsing an object at line 1 column 1"),
        ("/api/authorize", b"{\"actor_type\":\"\xff\xfe\"}".into(), 400, "the body is not UTF-8: look at byte 16"),
        ("/api/authorize", b"actor_type=User".into(), 400, "the body is no JSON: "),
        (
            "/api/authorize",
            plain.replace("\"action\":\"read\",", "").into(),
            400,
            "the body can't be read: missing field `action`",
        ),
        (
            "/api/authorize",
            plain.replace("\"read\"", "[\"read\"]").into(),
            400,
            "the body can't be read at `action`: invalid type: sequence, expected a string",
        ),
        ("/api/authorize", plain.replace("\"read\"", "\"\"").into(), 400, "`action`: "),
        ("/api/authorize", plain.replace("\"User\"", "\"\"").into(), 400, "`actor_type`: a type is empty"),
        ("/api/authorize", plain.replace("\"1\"", "\"\"").into(), 400, "`actor_id`: a `User` has an empty id"),
        (
            "/api/authorize",
            plain.replace("\"2\"", &format!("\"{long}\"")).into(),
            400,
            "`resource_id`: a `Repo` has an id of 513 bytes: at most 512",
        ),
        ("/api/authorize", plain.replace("\"2\"", "\"*\"").into(), 400, "`resource_id`: a `Repo` has the id `*`"),
        (
            "/api/authorize",
            fact(r#"{"type":"Integer","id":"one"}"#).into(),
            400,
            "`context_facts[1]`: in a fact of `p`: `args[0].id`: an Integer is not a whole number",
        ),
        (
            "/api/authorize",
            fact(r#"{"type":"A","id":null}"#).into(),
            400,
            "the body can't be read at `context_facts[1].args[0].id`: invalid type: null",
        ),
        ("/api/authorize", fact("").into(), 400, "`context_facts[1]`: `p` has 0 arguments: a fact has 1 to 5"),
        ("/api/authorize", format!("[{plain}").into(), 400, "the body can't be read: invalid type: sequence"),
        (
            "/api/list",
            plain.replace("\"resource_id\":\"2\"", "\"page_size\":9999").into(),
            400,
            "`page_size` is 9999: at least 10000",
        ),
        (
            "/api/list",
            plain.replace("\"resource_id\":\"2\"", "\"page_size\":\"many\"").into(),
            400,
            "the body can't be read at `page_size`: invalid type: string",
        ),
        (
            "/api/list",
            plain.replace("\"resource_id\":\"2\"", "\"page_token\":\"00\"").into(),
            400,
            "`page_token` was not issued for this query",
        ),
        (
            "/api/bulk_actions",
            format!("[{plain},{}]", plain.replace("\"2\"", "{}")).into(),
            400,
            "the body can't be read at `[1].resource_id`: invalid type: map",
        ),
        (
            "/api/bulk_actions",
            format!("[{plain},{}]", plain.replace("\"2\"", "\"\"")).into(),
            400,
            "`[1]`: `resource_id`: a `Repo` has an empty id",
        ),
        (
            "/api/authorize_resources",
            plain
                .replace("\"resource_id\":\"2\"", r#""resources":[{"type":"Repo","id":"1"},{"type":"","id":"1"}]"#)
                .into(),
            400,
            "`resources[1].type`: a type is empty",
        ),
        (
            "/api/query",
            br#"{"fact":{"predicate":"p","args":[{},{"id":"1"}]}}"#.into(),
            400,
            "`fact`: `args[1]`: an argument has an id without a type",
        ),
        (
            "/api/evaluate_query",
            br#"{"predicate":["p",["a"]],"calls":[],"constraints":{"a":{"type":"Actor"}}}"#.into(),
            400,
            "`constraints.a`: `Actor` is abstract",
        ),
        (
            "/api/evaluate_query",
            br#"{"predicate":["p",["a"]],"calls":[],"constraints":{}}"#.into(),
            400,
            "the variable `a` has no entry in `constraints`",
        ),
        (
            "/api/evaluate_query",
            br#"{"predicate":["p",["a"],7],"calls":[],"constraints":{}}"#.into(),
            400,
            "the body can't be read at `predicate`: trailing characters",
        ),
        (
            "/api/evaluate_query",
            br#"{"predicate":["p",["a"]],"calls":[],"constraints":{"a":{"type":"User","ids":[{}]}}}"#.into(),
            400,
            "the body can't be read at `constraints.a.ids[0]`: invalid type: map",
        ),
        ("/api/nowhere", b"{}".into(), 404, "there is no such path here"),
        ("/API/authorize", plain.into(), 404, "there is no such path here"),
        ("/api/authorize/", plain.into(), 404, "there is no such path here"),
        ("/api/authorize_query", b"{}".into(), 404, "local authorization is not served here yet"),
        ("/api/list_query", b"{}".into(), 404, "local authorization is not served here yet"),
        ("/api/actions_query", b"{}".into(), 404, "local authorization is not served here yet"),
        ("/api/evaluate_query_local", b"{}".into(), 404, "local authorization is not served here yet"),
    ];
    for server in [&primary, &node] {
        for (path, body, status, expected) in &cases {
            let answer = send(server, "POST", path, &[("authorization", &format!("Bearer {KEY}"))], body);
            let (json, shown) = (answer.json(), String::from_utf8_lossy(body).into_owned());
            assert_eq!(answer.status, *status, "{path} {shown}: {}", answer.text());
            let message = json["message"].as_str().unwrap_or_default();
            assert!(message.starts_with(expected), "{path} {shown}: {message}");
            assert!(message.len() < 400 && !message.contains('\n'), "{message}");
            assert_eq!(json.as_object().map(serde_json::Map::len), Some(1), "{json}");
            assert!(answer.header("x-request-id").is_some() && answer.header("retry-after").is_none());
        }
    }
    for (method, path) in [
        ("POST", "/api/batch"),
        ("POST", "/api/policy"),
        ("GET", "/api/policy"),
        ("POST", "/api/facts"),
        ("DELETE", "/api/facts"),
        ("POST", "/api/bulk"),
        ("POST", "/api/bulk_load"),
        ("POST", "/api/bulk_delete"),
        ("POST", "/api/clear_data"),
        ("GET", "/api/authorize"),
        ("PUT", "/api/list"),
        ("OPTIONS", "/api/authorize"),
    ] {
        let answer = send(&node, method, path, &[("authorization", &format!("Bearer {KEY}"))], b"");
        assert_eq!(answer.status, 405, "{method} {path}: {}", answer.text());
        assert!(answer.json()["message"].is_string(), "{method} {path}: {}", answer.text());
    }
    assert_eq!(send(&node, "POST", "/api/authorize", &[], plain.as_bytes()).status, 401);
    for body in ["{\"request_id\":\"x\",\"expected\":true}", "", "nonsense"] {
        assert_eq!(post(&node, "/api/expect", body).status, 200, "one SDK ends its process on anything else");
    }
}

/// Follows the pages from a token on: ids of each page.
fn pages(server: &Process, mut token: Option<String>) -> (Vec<Vec<String>>, Option<String>) {
    let mut body = json!({
        "actor_type": "User", "actor_id": "ann", "action": "read", "resource_type": "Repo", "context_facts": [],
        "page_size": 10_000
    });
    let is_first = token.is_none();
    let mut all = Vec::new();
    loop {
        if let Some(token) = &token {
            body["page_token"] = json!(token);
        }
        let answer = server.post("/api/list", &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let page = answer.json();
        let ids = page["results"].as_array().expect("ids").iter().map(|id| id.as_str().expect("text").to_owned());
        all.push(ids.collect());
        token = page["next_page_token"].as_str().map(ToOwned::to_owned);
        if token.is_none() || is_first {
            return (all, token);
        }
    }
}

#[test]
fn pages_go_on_over_changes_restarts_and_nodes() {
    let repo = |n: usize| format!("r{n:05}");
    let role = |n: usize| json!(["has_role", ["User", "ann"], ["String", "member"], ["Repo", repo(n)]]);
    let Servers { folder, primary, mut node } = start(POLICY, &(0..25_000).map(role).collect::<Vec<_>>());
    let (first, token) = pages(&node, None);
    assert_eq!(first[0], (0..10_000).map(repo).collect::<Vec<_>>());

    // Below the token and above it, some go and some come.
    let come: Vec<Json> = ["a", "r00000a", "r12345a", "z"]
        .iter()
        .map(|id| json!(["has_role", ["User", "ann"], ["String", "member"], ["Repo", id]]))
        .collect();
    let before = node.metric("understudy_snapshot_epoch");
    primary.write(&come, &[role(5), role(9_999), role(10_000), role(20_000)]);
    node.await_that("the change arrives", || {
        node.metric("understudy_snapshot_epoch") > before
            && node.get("/api/facts?args.2.type=Repo&args.2.id=z").text() != "[]"
    });
    let mut expected: Vec<String> = (10_001..25_000).filter(|n| *n != 20_000).map(repo).collect();
    expected.extend(["r12345a".to_owned(), "z".to_owned()]);
    expected.sort();
    let rest = |server: &Process| pages(server, token.clone()).0.concat();
    assert_eq!(rest(&node), expected, "none twice, none left out, those that came since are there");
    assert_eq!(rest(&primary), expected, "the primary takes the node's token");

    let other = self::node(&folder, "other", &primary);
    assert_eq!(rest(&other), expected);
    node.kill();
    let node = self::node(&folder, "node", &primary);
    assert_eq!(rest(&node), expected);
}
