//! What node and primary refuse, and that they say what, where and what to do.

use std::path::Path;

use understudy_tests::{
    pair::{Pair, post, send},
    process::{ENVIRONMENT, KEY},
};

const BINARY: &str = env!("CARGO_BIN_EXE_understudy");
const POLICY: &str =
    "actor User {} resource Repo { roles = [\"member\"]; permissions = [\"read\"]; \"read\" if \"member\"; }";

/// What is refused: never with a status that an SDK takes for "ask again", but where that is true.
#[test]
fn what_is_refused_says_what_and_where() {
    let folder = tempfile::tempdir().expect("a folder");
    let Pair { primary, node } = Pair::start(Path::new(BINARY), folder.path(), POLICY, &[]);
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
        (
            "/api/authorize",
            format!("\u{feff}{plain}").into(),
            400,
            "the body begins with a byte order mark: send UTF-8 without one",
        ),
        ("/api/authorize", b"{".into(), 400, "the body ends before its JSON does (line 1, column 1)"),
        ("/api/authorize", b"{\"actor_type\":\"\xff\xfe\"}".into(), 400, "the body is not UTF-8: look at byte 16"),
        ("/api/authorize", b"actor_type=User".into(), 400, "the body isn't JSON (line 1, column 1)"),
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
            "the body can't be read at `action`: invalid type: array, expected a string",
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
        ("/api/authorize", format!("[{plain}").into(), 400, "the body can't be read: invalid type: array"),
        (
            "/api/list",
            plain.replace("\"resource_id\":\"2\"", "\"page_size\":0").into(),
            400,
            "`page_size` is 0: at least 1",
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
            "`page_token` was not issued here for this query and key",
        ),
        (
            "/api/bulk_actions",
            format!("[{plain},{}]", plain.replace("\"2\"", "{}")).into(),
            400,
            "the body can't be read at `[1].resource_id`: invalid type: object",
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
            "the body can't be read at `constraints.a.ids[0]`: invalid type: object",
        ),
        ("/api/nowhere", b"{}".into(), 404, "not found: POST /api/nowhere"),
        ("/api/authorise", plain.into(), 404, "not found: POST /api/authorise; did you mean /api/authorize?"),
        ("/API/authorize", plain.into(), 404, "not found: POST /API/authorize; did you mean /api/authorize?"),
        ("/api/authorize/", plain.into(), 404, "not found: POST /api/authorize/; did you mean /api/authorize?"),
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
        let get = |path: &str| send(server, "GET", path, &[("authorization", &format!("Bearer {KEY}"))], b"");
        for name in ["args.256.type", "args.-1.type", "args.0.typ", "predicat"] {
            let answer = get(&format!("/api/facts?predicate=has_role&{name}=User"));
            let message = answer.json()["message"].as_str().unwrap_or_default().to_owned();
            assert!(answer.status == 400 && message.contains(&format!("`{name}`")), "{name}: {message}");
        }
        // One SDK leaves values out, another the whole query.
        for path in
            ["/api/facts", "/api/facts?predicate=has_role&args.0.type=User&args.0.id&args.1.id=", "/api/facts?_=1"]
        {
            assert_eq!(get(path).status, 200, "{path}");
        }
    }
    for (query, name) in [("wait=soon", "`wait`"), ("wait=-1", "`wait`"), ("wiat=1", "`wiat`")] {
        let path = format!("/feed/v0/{ENVIRONMENT}/head?{query}");
        let answer = send(&primary, "GET", &path, &[("authorization", &format!("Bearer {KEY}"))], b"");
        assert!(answer.status == 400 && answer.text().contains(name), "{query}: {}", answer.text());
    }
    for query in ["cpy=true", "copy=yes", "copy"] {
        let answer = send(&primary, "POST", &format!("/test_environment?{query}"), &[], b"");
        assert!(answer.status == 400 && answer.text().contains("`copy`"), "{query}: {}", answer.text());
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
        ("PATCH", "/api/authorize"),
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
