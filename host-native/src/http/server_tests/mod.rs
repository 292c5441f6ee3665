//! The server at its bounds: what is refused, who is sent away, what goes on meanwhile; several requests at once.
#![allow(clippy::unwrap_used)]

mod bodies;
mod http2;
mod methods;
mod smuggling;

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    sync::atomic::Ordering,
    time::Duration,
};

use understudy_wire::Code;

use super::{
    limits::{HEAD_BYTES_MAX, Limits, Pace},
    state::Lost,
    tally::{Shed, Tally},
    tests::{AUTHORIZE, Server, exchange, receive, receive_whole, send, start, start_with},
};

const GOOD: &str = "Authorization: Bearer good\r\n";
const OTHER: &str = "Authorization: Bearer other\r\n";
const LONG: Duration = Duration::from_secs(3600);
const SHORT: Duration = Duration::from_millis(300);

/// No wait ends a connection.
fn patient() -> Limits {
    let pace = Pace { grace: LONG, bytes_a_second: 8 << 10 };
    Limits { head_wait: LONG, idle_wait: LONG, pace, ..Limits::of_machine() }
}

fn slow() -> String {
    AUTHORIZE.replace("read", "slow")
}

/// A request that waits for as long as its last byte does.
fn begin(server: &Server) -> TcpStream {
    let mut stream = server.connect();
    let (length, part) = (AUTHORIZE.len(), &AUTHORIZE[..AUTHORIZE.len() - 1]);
    write!(
        stream,
        "POST /api/authorize HTTP/1.1\r\nHost: x\r\n{GOOD}Expect: 100-continue\r\nContent-Length: {length}\r\n\r\n"
    )
    .unwrap();
    let mut goes_on = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    stream.read_exact(&mut goes_on).unwrap();
    stream.write_all(part.as_bytes()).unwrap();
    stream
}

/// As many whole requests, none of which is answered before it is let go.
fn hold<const N: usize>(server: &Server) -> [TcpStream; N] {
    let held = [(); N].map(|()| {
        let mut stream = server.connect();
        send(&mut stream, "POST /api/authorize", GOOD, &AUTHORIZE.replace("read", "hold"));
        stream
    });
    while server.straw.held.load(Ordering::Relaxed) < N as u64 {
        std::thread::sleep(Duration::from_millis(5));
    }
    held
}

fn let_go(server: &Server, held: &mut [TcpStream]) {
    server.straw.is_let_go.store(true, Ordering::Relaxed);
    for stream in held {
        assert_eq!(receive(stream), (200, r#"{"allowed":false}"#.into()));
    }
}

/// Waits for the other side to close without a word.
fn is_closed(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    match stream.read(&mut [0]) {
        Ok(n) => n == 0,
        Err(error) => matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe),
    }
}

fn assert_serves(server: &Server) {
    assert_eq!(exchange(&mut server.connect(), "POST /api/authorize", GOOD, AUTHORIZE).0, 200);
}

#[test]
fn several_requests_at_once_are_answered_in_order() {
    let server = start();
    let mut stream = server.connect();
    for (body, id) in [(&slow(), "a"), (&AUTHORIZE.to_owned(), "b"), (&AUTHORIZE.replace("read", "eat"), "c")] {
        send(&mut stream, "POST /api/authorize", &format!("{GOOD}X-Request-ID: {id}\r\n"), body);
    }
    for (id, allowed) in [("a", false), ("b", true), ("c", false)] {
        let (head, body) = receive_whole(&mut stream);
        assert!(head.contains(&format!("x-request-id: {id}\r\n")), "{head}");
        assert_eq!(body, format!("{{\"allowed\":{allowed}}}"));
    }
    server.stop();
}

#[test]
fn every_reply_has_an_id_a_time_and_a_type() {
    let server = start();
    let mut stream = server.connect();
    send(&mut stream, "POST /api/authorize", &format!("{GOOD}x-ReQuest-iD: 7\r\nOsoOffset: 99999\r\n"), &slow());
    let (head, _) = receive_whole(&mut stream);
    let ms = head.split("server-timing: oso;dur=").nth(1).unwrap().split("\r\n").next().unwrap();
    assert!(ms.parse::<u64>().unwrap() >= 300, "{head}");
    assert!(head.contains("x-request-id: 7\r\n") && head.contains("content-type: application/json\r\n"), "{head}");
    assert!(!head.contains("osooffset") && !head.contains("retry-after"), "{head}");
    // None and an empty one are given a new one; of two the first counts.
    let minted = |header: &str| {
        let mut stream = server.connect();
        send(&mut stream, "GET /healthcheck", header, "");
        let (head, _) = receive_whole(&mut stream);
        head.split("x-request-id: ").nth(1).unwrap().split("\r\n").next().unwrap().to_owned()
    };
    for header in ["", "X-Request-ID: \r\n"] {
        let id = minted(header);
        assert!(id.len() == 36 && id.as_bytes()[14] == b'4', "{id}");
    }
    let long = "x".repeat(8_000);
    assert_eq!(minted(&format!("X-Request-ID: {long}\r\n")), long, "whatever a caller takes for one");
    assert_eq!(minted("X-Request-ID: one\r\nX-Request-ID: two\r\n"), "one");
    server.stop();
}

#[test]
fn forms_of_the_key() {
    let server = start();
    let status = |headers: &str| exchange(&mut server.connect(), "POST /api/authorize", headers, AUTHORIZE).0;
    for good in ["Authorization: Bearer good", "AUTHORIZATION: bearer good", "authorization: BEARER   good  "] {
        assert_eq!(status(&format!("{good}\r\n")), 200, "{good}");
    }
    let bad = [
        "Authorization: good",
        "Authorization: Bearer",
        "Authorization: Bearer ",
        "Authorization: Bearergood",
        "Authorization: Basic good",
        "Authorization: Bearer Good",
        "Authorization: Bearer good good",
        "Authorization: Bearer good, Bearer good",
        "Authorization: Bearer good\r\nAuthorization: Bearer good",
        "Authorization: Bearer bad\r\nAuthorization: Bearer good",
        "Authorization: Bearer g\u{f6}od",
        "X-Api-Key: good",
        "Cookie: Authorization=Bearer good",
    ];
    for bad in bad {
        assert_eq!(status(&format!("{bad}\r\n")), 401, "{bad}");
    }
    server.stop();
}

#[test]
fn a_head_that_is_late_or_large_ends_its_connection() {
    let server = start_with(Limits { head_wait: SHORT, ..patient() }, 1);
    let (mut silent, mut slow, mut second) = (server.connect(), server.connect(), server.connect());
    slow.write_all(b"POST /api/authorize HTTP/1.1\r\nHost: x\r\n").unwrap();
    assert_eq!(exchange(&mut second, "GET /healthcheck", "", "").0, 200);
    second.write_all(b"P").unwrap();
    let mut preface = server.connect();
    preface.write_all(b"PR").unwrap();
    for stream in [&mut silent, &mut slow, &mut second, &mut preface] {
        assert!(is_closed(stream));
    }
    server.stop();

    let server = start_with(patient(), 1);
    let long = "x".repeat(HEAD_BYTES_MAX);
    for (line, headers) in [
        ("GET /healthcheck", format!("X: {long}\r\n")),
        (format!("GET /{long}").as_str(), String::new()),
        ("GET /healthcheck", "X: x\r\n".repeat(101)),
    ] {
        let mut stream = server.connect();
        // It may be refused before all of it is written.
        let _ = write!(stream, "{line} HTTP/1.1\r\nHost: x\r\n{headers}\r\n");
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 431 ") || answer.starts_with("HTTP/1.1 414 "),
            "{answer}"
        );
    }
    // As long as an SDK's longest.
    let ids = (0..5).map(|n| format!("&args.{n}.type=User&args.{n}.id={}", "%C3".repeat(512))).collect::<String>();
    assert_eq!(exchange(&mut server.connect(), &format!("GET /api/facts?predicate=p{ids}"), GOOD, "").0, 400);
    assert_serves(&server);
    server.stop();
}

#[test]
fn a_head_may_come_in_pieces_from_its_first_byte_on() {
    let server = start_with(patient(), 1);
    for cut in 1..6 {
        let request =
            format!("POST /api/authorize HTTP/1.1\r\nHost: x\r\n{GOOD}Content-Length: {}\r\n\r\n", AUTHORIZE.len());
        let mut stream = server.connect();
        stream.set_nodelay(true).unwrap();
        for part in [&request[..1], &request[1..cut], &request[cut..], AUTHORIZE] {
            stream.write_all(part.as_bytes()).unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(receive(&mut stream).0, 200, "{cut}");
        // The preface of HTTP/2, by the same pieces: the first frame back is the server's settings.
        let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
        let mut stream = server.connect();
        stream.set_nodelay(true).unwrap();
        for part in [&preface[..1], &preface[1..cut], &preface[cut..]] {
            stream.write_all(part.as_bytes()).unwrap();
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut frame = [0; 9];
        stream.read_exact(&mut frame).unwrap();
        assert_eq!(frame[3], 4, "{cut}: {frame:?}");
    }
    server.stop();
}

#[test]
fn an_idle_connection_is_closed_and_one_that_waits_is_not() {
    let server = start_with(Limits { idle_wait: Duration::from_millis(50), ..patient() }, 1);
    let mut stream = server.connect();
    send(&mut stream, "POST /api/authorize", GOOD, &slow());
    assert_eq!(receive(&mut stream).0, 200);
    assert!(is_closed(&mut stream));
    server.stop();
}

#[test]
fn over_the_bound_of_requests_the_refusal_is_at_once() {
    let server = start_with(Limits { requests_max: 4, ..patient() }, 1);
    // Bodies on their way are none of them.
    let _slow = [(); 20].map(|()| begin(&server));
    assert_serves(&server);
    let mut waiting = hold::<2>(&server);
    let mut third = server.connect();
    send(&mut third, "POST /api/authorize", GOOD, AUTHORIZE);
    let (head, body) = receive_whole(&mut third);
    assert!(head.starts_with("http/1.1 503 ") && head.contains("retry-after: 1\r\n"), "{head}");
    assert_eq!(body, r#"{"message":"too many requests at once: ask again in a moment"}"#);
    // One key has half of all; another one finds room.
    assert_eq!(exchange(&mut server.connect(), "POST /api/authorize", OTHER, AUTHORIZE).0, 200);
    let full = Tally { code: Some(Code::Unavailable), shed: Some(Shed::Requests), ..Tally::default() };
    let tallies = server.straw.tallies.lock().unwrap().clone();
    assert!(tallies.contains(&("/api/authorize", full)), "{tallies:?}");
    assert_eq!(tallies.last(), Some(&("/api/authorize", Tally::decision(true))));
    for vital in ["/healthcheck", "/metrics"] {
        assert_eq!(exchange(&mut server.connect(), &format!("GET {vital}"), "", "").0, 200, "{vital}");
    }
    let_go(&server, &mut waiting);
    assert_serves(&server);
    server.stop();
}

#[test]
fn over_the_bound_of_connections_who_asks_keeps_its_own() {
    let server = start_with(Limits { connections_max: 8, ..patient() }, 1);
    let mut good = server.connect();
    assert_eq!(exchange(&mut good, "POST /api/authorize", GOOD, AUTHORIZE).0, 200);
    let mut flood: Vec<TcpStream> = (0..40).map(|_| server.connect()).collect();
    assert_eq!(exchange(&mut good, "POST /api/authorize", GOOD, AUTHORIZE).0, 200);
    assert!(is_closed(&mut flood[0]), "the oldest made room");
    assert_eq!(exchange(&mut flood[39], "GET /healthcheck", "", "").0, 200, "a new one is served");
    drop(flood);

    // Where all of them wait for answers, a new one is told so.
    // Slow bodies make room as silence does.
    let mut slow = [(); 20].map(|()| begin(&server));
    assert!(is_closed(&mut slow[0]), "the oldest made room");
    assert_serves(&server);
    let mut waiting = hold::<8>(&server);
    let mut refused = server.connect();
    let (head, body) = receive_whole(&mut refused);
    assert!(head.starts_with("http/1.1 503 ") && head.contains("retry-after: 1\r\n"), "{head}");
    assert!(body.contains("too many connections"), "{body}");
    let lost = std::mem::take(&mut *server.straw.lost.lock().unwrap());
    assert!(lost.len() > 40 && lost.ends_with(&[Lost::MadeRoom, Lost::Refused]), "{lost:?}");
    let_go(&server, &mut waiting);
    server.stop();
}
