//! Methods besides those of the API: HEAD, OPTIONS, calls of web pages; where a method is not taken, which are.

use std::io::Read;

use super::{super::cors::Origins, AUTHORIZE, GOOD, Server, receive_whole, send, start};
use crate::http::tests::start_for_pages;

/// The head of a reply, in lower case; after it nothing may come.
fn head_alone(server: &Server, line: &str, headers: &str) -> String {
    let mut stream = server.connect();
    send(&mut stream, line, &format!("{headers}Connection: close\r\n"), "");
    let mut all = String::new();
    stream.read_to_string(&mut all).unwrap();
    let (head, body) = all.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "", "{line}");
    head.to_lowercase()
}

fn length(head: &str) -> Option<usize> {
    head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
}

#[test]
fn what_answers_get_answers_head_with_the_same_but_the_body() {
    let server = start();
    for path in
        ["/healthcheck", "/api/healthcheck", "/livez", "/readyz", "/api/facts?predicate=p", "/api/policy_metadata"]
    {
        let head = head_alone(&server, &format!("HEAD {path}"), GOOD);
        let mut stream = server.connect();
        send(&mut stream, &format!("GET {path}"), GOOD, "");
        let (whole, body) = receive_whole(&mut stream);
        assert_eq!(head.lines().next().unwrap(), whole.lines().next().unwrap(), "{path}");
        assert_eq!(length(&head), Some(body.len()), "{path}: {head}");
    }
    assert!(head_alone(&server, "HEAD /metrics", "").starts_with("http/1.1 200 "));
    assert!(head_alone(&server, "HEAD /api/facts", "").starts_with("http/1.1 401 "));
    assert!(head_alone(&server, "HEAD /api/authorize", GOOD).starts_with("http/1.1 405 "));
    assert!(head_alone(&server, "HEAD /nowhere", GOOD).starts_with("http/1.1 404 "));
    server.stop();
}

#[test]
fn a_path_tells_which_methods_it_takes_here() {
    let server = start();
    for (path, allowed) in [
        ("/api/authorize", "post"),
        ("/api/facts", "get, head"),
        ("/healthcheck", "get, head"),
        // A node takes no writes.
        ("/api/batch", ""),
        ("/api/policy", ""),
    ] {
        for (method, status) in [("PUT", "405"), ("OPTIONS", "204")] {
            let asked = if method == "OPTIONS" || allowed.is_empty() { "options" } else { "" };
            let all: Vec<&str> = [allowed, asked].into_iter().filter(|some| !some.is_empty()).collect();
            let allow = format!("\r\nallow: {}\r\n", all.join(", "));
            let mut stream = server.connect();
            send(&mut stream, &format!("{method} {path}"), &format!("{GOOD}Connection: close\r\n"), "");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{method} {path}: {answer}");
            assert!(answer.to_lowercase().contains(&allow), "{method} {path}: {answer}");
            assert!(!answer.contains("access-control"), "{answer}");
        }
    }
    let mut stream = server.connect();
    send(&mut stream, "POST /api/batch", GOOD, "[]");
    let (head, _) = receive_whole(&mut stream);
    assert!(head.starts_with("http/1.1 405 ") && head.contains("\r\nallow: options\r\n"), "{head}");
    assert!(head_alone(&server, "OPTIONS /api/authorize", "").starts_with("http/1.1 204 "), "it needs no key");
    server.stop();
}

#[test]
fn pages_of_named_origins_may_ask() {
    let server = start_for_pages(Origins::parse("https://app.example"));
    let preflight = "Origin: https://app.example\r\nAccess-Control-Request-Method: POST\r\n\
                     Access-Control-Request-Headers: authorization,content-type\r\n";
    let told = head_alone(&server, "OPTIONS /api/authorize", preflight);
    assert!(
        told.starts_with("http/1.1 204 ") && told.contains("access-control-allow-methods: post, options"),
        "{told}"
    );
    assert!(told.contains("access-control-allow-origin: https://app.example\r\n"), "{told}");
    // Refusals too, or the page could not tell why.
    for (key, status) in [(GOOD, "200"), ("", "401")] {
        let mut stream = server.connect();
        send(&mut stream, "POST /api/authorize", &format!("{key}Origin: https://app.example\r\n"), AUTHORIZE);
        let (head, _) = receive_whole(&mut stream);
        assert!(head.starts_with(&format!("http/1.1 {status} ")), "{head}");
        assert!(head.contains("access-control-allow-origin: https://app.example\r\n"), "{head}");
    }
    let other = head_alone(
        &server,
        "OPTIONS /api/authorize",
        "Origin: https://evil.example\r\nAccess-Control-Request-Method: POST\r\n",
    );
    assert!(!other.contains("access-control"), "{other}");
    server.stop();
}
