//! Where a request ends is never in doubt.

use std::io::{Read, Write};

use super::{Limits, Pace, SHORT, assert_serves, patient, start_with};

#[test]
fn no_request_hides_in_another() {
    let pace = Pace { grace: SHORT, ..patient().pace };
    let server = start_with(Limits { pace, head_wait: SHORT, idle_wait: SHORT, ..patient() }, 1);
    // Everything that comes back until the server has nothing more to wait for.
    let ask = |text: &str| {
        let mut stream = server.connect();
        let _ = stream.write_all(text.as_bytes());
        let mut answers = Vec::new();
        let _ = stream.read_to_end(&mut answers);
        let answers = String::from_utf8_lossy(&answers).into_owned();
        answers.split("HTTP/1.1 ").skip(1).map(|answer| answer[..3].parse().unwrap()).collect::<Vec<u16>>()
    };
    let hidden = "GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n";
    let length = hidden.len();
    let post = "POST /api/expect HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\n";
    // The body is a body and nothing else.
    assert_eq!(ask(&format!("{post}Content-Length: {length}\r\n\r\n{hidden}")), [200]);
    assert_eq!(ask(&format!("{post}Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{hidden}\r\n0\r\n\r\n")), [200]);
    // Chunked wins over a length, wherever it stands; the length is dropped, as RFC 9112 §6.3 has it.
    for both in
        ["Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"]
    {
        assert_eq!(ask(&format!("{post}{both}\r\n{length:x}\r\n{hidden}\r\n0\r\n\r\n")), [200], "{both}");
    }
    for bad in [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: -5\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length : 5\r\n",
        " Content-Length: 5\r\n",
        "Content-Length: 99999999999999999999999\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding:\u{b}chunked\r\n",
        "X: a\rb\r\n",
        "X: a\0b\r\n",
        "X\r\n",
        ": x\r\n",
    ] {
        let answers = ask(&format!("{post}{bad}\r\n{hidden}"));
        assert!(matches!(answers[..], [] | [400]), "{bad:?}: {answers:?}");
    }
    for chunks in ["zz\r\n", "-1\r\n", "ffffffffffffffffff\r\n", "5\r\nhello", "5;x=\n\r\nhello\r\n0\r\n\r\n"] {
        let answers = ask(&format!("{post}Transfer-Encoding: chunked\r\n\r\n{chunks}"));
        assert!(answers.len() <= 1 && !answers.contains(&404), "{chunks:?}: {answers:?}");
    }
    for line in
        ["GET /healthcheck", "GET /healthcheck HTTP/9.9", "GET  /healthcheck HTTP/1.1", "\0", "GET /a b HTTP/1.1"]
    {
        let answers = ask(&format!("{line}\r\nHost: x\r\n\r\n"));
        assert!(matches!(answers[..], [] | [400]), "{line:?}: {answers:?}");
    }
    assert_serves(&server);
    server.stop();
}
