//! Bodies: their pace, what they share, who may send large ones, what a refused one is told.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use understudy_calls::limits::BODY_BYTES_MAX;

use super::{
    super::limits::STRANGERS_MAX, AUTHORIZE, GOOD, Limits, Pace, SHORT, assert_serves, exchange, is_closed, patient,
    receive, receive_whole, start, start_with,
};

#[test]
fn a_body_that_trickles_is_refused() {
    let pace = Pace { grace: SHORT, bytes_a_second: 1 << 20 };
    let server = start_with(Limits { pace, ..patient() }, 1);
    let head =
        |length: usize| format!("POST /api/authorize HTTP/1.1\r\nHost: x\r\n{GOOD}Content-Length: {length}\r\n\r\n");
    for sent in ["", "{"] {
        let mut stream = server.connect();
        stream.write_all((head(100) + sent).as_bytes()).unwrap();
        let (head, body) = receive_whole(&mut stream);
        assert!(head.starts_with("http/1.1 408 ") && head.contains("connection: close\r\n"), "{head}");
        assert!(body.contains("send it without pauses"), "{body}");
        assert!(is_closed(&mut stream));
    }
    assert_serves(&server);
    server.stop();
}

#[test]
fn bodies_share_a_bound_and_give_it_back() {
    let server = start_with(Limits { in_flight_bytes_max: 2 * BODY_BYTES_MAX, ..patient() }, 2);
    let length = BODY_BYTES_MAX - 1;
    let half = vec![b' '; length / 2];
    let head = format!("POST /api/authorize HTTP/1.1\r\nHost: x\r\n{GOOD}Content-Length: {length}\r\n\r\n");
    let begin_half = || {
        let mut stream = server.connect();
        stream.write_all(head.as_bytes()).unwrap();
        let _ = stream.write_all(&half);
        stream
    };
    let (mut first, mut second) = (begin_half(), begin_half());
    let rest = vec![b' '; length - half.len() - AUTHORIZE.len()];
    for stream in [&mut first, &mut second] {
        let _ = stream.write_all(&rest);
        let _ = stream.write_all(AUTHORIZE.as_bytes());
    }
    let refused = [&mut first, &mut second].map(|stream| {
        let (head, body) = receive_whole(stream);
        let is_refused = head.starts_with("http/1.1 503 ");
        assert!(is_refused || body == "{\"allowed\":true}", "{head}{body}");
        assert_eq!(is_refused, head.contains("retry-after: 1\r\n"), "{head}");
        is_refused
    });
    assert!(refused.contains(&true), "together they are over the bound");
    // Small ones never were, and large ones have room again.
    assert_serves(&server);
    let padded = " ".repeat(length - AUTHORIZE.len()) + AUTHORIZE;
    assert_eq!(exchange(&mut server.connect(), "POST /api/authorize", GOOD, &padded).0, 200);
    server.stop();
}

#[test]
fn a_large_body_is_taken_of_whom_may_send_it_here() {
    let server = start_with(Limits { in_flight_bytes_max: 2 * BODY_BYTES_MAX, ..patient() }, 1);
    let post = |line: &str, key: &str, length: usize| {
        let mut stream = server.connect();
        write!(stream, "{line} HTTP/1.1\r\nHost: x\r\n{key}Content-Length: {length}\r\n\r\n").unwrap();
        stream
    };
    let bad = "Authorization: Bearer bad\r\n";
    let large = BODY_BYTES_MAX - 1;
    // All of it on its way and none of it complete: more than there is room for, were it kept.
    let mut strangers = [(); 5].map(|()| post("POST /api/authorize", bad, large));
    for stranger in &mut strangers {
        let _ = stranger.write_all(&vec![b' '; large / 2]);
    }
    let padded = " ".repeat(large - AUTHORIZE.len()) + AUTHORIZE;
    assert_eq!(exchange(&mut server.connect(), "POST /api/authorize", GOOD, &padded).0, 200);
    for stranger in &mut strangers {
        assert_eq!(receive(stranger).0, 401);
        assert!(is_closed(stranger));
    }
    // Announced or not, the head decides before the size does, and small ones are read first as ever.
    let cases = [
        ("POST /api/nowhere", GOOD, 404),
        ("DELETE /api/authorize", GOOD, 405),
        ("POST /api/authorize", bad, 401),
        ("POST /access/v1/evaluation", bad, 401),
        ("POST /access/v1/evaluation", GOOD, 413),
        ("POST /api/authorize", GOOD, 413),
    ];
    let mut announced = cases.map(|(line, key, _)| post(line, key, BODY_BYTES_MAX + 1));
    for (stream, (line, key, status)) in announced.iter_mut().zip(cases) {
        assert_eq!(receive(stream).0, status, "{line} {key}");
        let mut chunked = server.connect();
        let head = format!("{line} HTTP/1.1\r\nHost: x\r\n{key}Transfer-Encoding: chunked\r\n\r\n");
        let (length, body) = (BODY_BYTES_MAX + 1, " ".repeat(BODY_BYTES_MAX + 1));
        let _ = chunked.write_all(format!("{head}{length:x}\r\n{body}\r\n0\r\n\r\n").as_bytes());
        assert_eq!(receive(&mut chunked).0, status, "{line} {key}, chunked");
    }
    assert_serves(&server);
    server.stop();
}

#[test]
fn a_client_that_sends_all_before_it_reads_is_told_that_it_was_too_much() {
    let server = start();
    let length = BODY_BYTES_MAX + 1;
    let mut whole = server.connect();
    write!(whole, "POST /api/authorize HTTP/1.1\r\nHost: x\r\n{GOOD}Content-Length: {length}\r\n\r\n").unwrap();
    whole.write_all(&vec![b' '; length]).unwrap();
    let (status, message) = receive(&mut whole);
    assert!(status == 413 && message.contains("10485760 bytes"), "{status} {message}");
    assert!(is_closed(&mut whole));
    // One that asks first is told at once, and not to go on.
    let ask_first = |stream: &mut TcpStream, key: &str| {
        let head = "POST /api/authorize HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n";
        write!(stream, "{head}{key}Content-Length: {length}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(ask_first(&mut server.connect(), GOOD).starts_with("HTTP/1.1 413 "));
    assert!(ask_first(&mut server.connect(), "").starts_with("HTTP/1.1 401 "));
    assert_serves(&server);
    server.stop();
}

#[test]
fn what_takes_no_body_is_answered_without_it() {
    let server = start_with(patient(), 1);
    for line in ["GET /healthcheck", "GET /metrics", "GET /nowhere", "POST /api/authorize"] {
        // More of them than those without a key may read on at a time; what they began to send never ends.
        let mut trickling: Vec<TcpStream> = (0..2 * STRANGERS_MAX)
            .map(|_| {
                let mut stream = server.connect();
                write!(stream, "{line} HTTP/1.1\r\nHost: x\r\nContent-Length: {BODY_BYTES_MAX}\r\n\r\n{{").unwrap();
                stream
            })
            .collect();
        assert_serves(&server);
        assert_eq!(exchange(&mut server.connect(), "GET /healthcheck", "", "").0, 200);
        for stream in &mut trickling {
            let (head, _) = receive_whole(stream);
            assert!(head.contains("connection: close\r\n"), "{line}: {head}");
            assert!(is_closed(stream));
        }
    }
    // One that comes whole leaves the connection as it is.
    let mut stream = server.connect();
    for (line, status) in [("GET /healthcheck", 200), ("POST /api/authorize", 401), ("GET /nowhere", 404)] {
        assert_eq!(exchange(&mut stream, line, "", AUTHORIZE).0, status);
    }
    server.stop();
}
