//! A node with TLS: certificates made here, changed while it serves; both versions of HTTP; client certificates.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::Command,
    sync::Arc,
    time::{Duration, SystemTime},
};

use rustls::{ClientConfig, HandshakeKind};
use serde_json::json;
use understudy_tests::{
    certificates::{Authority, Secured, client, connect, resuming},
    process::{KEY, Process},
};

const BINARY: &str = env!("CARGO_BIN_EXE_understudy");
const POLICY: &str = "actor User {} resource Repo { permissions = [\"read\"]; \"read\" if is_public(resource); }";

struct Secure {
    folder: tempfile::TempDir,
    primary: Process,
    node: Process,
}

/// A node that serves, with these further arguments and TLS from `node.crt` and `node.key` in its folder.
fn start(folder: tempfile::TempDir, more: &[&str]) -> Secure {
    let binary = Path::new(BINARY);
    let primary = Process::primary(binary, folder.path(), &[]);
    primary.post_policy(POLICY);
    let files = ["node.crt", "node.key"].map(|name| folder.path().join(name).to_str().expect("UTF-8").to_owned());
    let args = [&["--tls-cert", &files[0], "--tls-key", &files[1]], more].concat();
    let node = Process::node(binary, folder.path(), &folder.path().join("node"), &primary.url(), &args);
    assert!(node.url().starts_with("https://"), "{}", node.printed());
    node.await_that("it serves", || health(&node, &[]).0 == Some(0));
    Secure { folder, primary, node }
}

/// Exit code and output of `understudy health`.
fn health(node: &Process, more: &[&str]) -> (Option<i32>, String) {
    let url = node.url();
    let args = if more.is_empty() { vec!["--url", &url] } else { more.to_vec() };
    let output = Command::new(BINARY).arg("health").args(args).env_clear().output().expect("the binary starts");
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

/// Status and body of one check.
fn ask(stream: &mut Secured) -> std::io::Result<(u16, String)> {
    let body = json!({
        "actor_type": "User", "actor_id": "ann", "action": "read", "resource_type": "Repo", "resource_id": "web"
    });
    exchange(stream, "POST /api/authorize", &body.to_string())
}

fn exchange(stream: &mut Secured, line: &str, body: &str) -> std::io::Result<(u16, String)> {
    let length = body.len();
    write!(
        stream,
        "{line} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\nconnection: close\r\n\
         content-length: {length}\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    // It ends with the connection, which not every server says in TLS.
    let _ = stream.read_to_string(&mut answer);
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| std::io::Error::other(format!("no answer: {answer}")))?;
    Ok((status, answer.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned()))
}

#[test]
fn it_answers_with_its_certificate_and_takes_a_new_one_while_it_serves() {
    let (folder, first, second) = (tempfile::tempdir().expect("a folder"), Authority::new(), Authority::new());
    first.certify().write(folder.path(), "node");
    let Secure { folder, primary: _primary, node } = start(folder, &[]);
    let [trusts_first, trusts_second] = [&first, &second].map(|authority| client(authority, &["http/1.1"], None));
    let speaks = |config: &Arc<ClientConfig>| connect(node.address(), config).and_then(|mut stream| ask(&mut stream));
    assert_eq!(speaks(&trusts_first).expect("an answer"), (200, r#"{"allowed":false}"#.into()));
    assert!(speaks(&trusts_second).is_err());
    // A client without TLS gets a word, and no harm is done.
    let plain = node.try_send("GET", "/healthcheck", &serde_json::Value::Null).expect("an answer");
    assert!(plain.status == 400 && plain.text().contains("use https://"), "{}", plain.text());

    // A key of another certificate, and no certificate at all, are told and change nothing.
    let mut kept = connect(node.address(), &trusts_first).expect("a connection");
    let next = second.certify();
    let [cert, key] = ["node.crt", "node.key"].map(|name| folder.path().join(name));
    std::fs::write(&cert, &next.cert).expect("the folder is ours");
    node.await_that("it tells that they don't go together", || node.printed().contains("does not go with the key"));
    assert_eq!(speaks(&trusts_first).expect("an answer").0, 200);
    std::fs::write(&cert, "nothing").expect("the folder is ours");
    node.await_that("it tells that there is none", || node.printed().contains("has no certificate in PEM"));
    assert_eq!(speaks(&trusts_first).expect("an answer").0, 200);
    std::fs::remove_file(&cert).expect("the folder is ours");
    node.await_that("it tells that the file is gone", || node.printed().contains("can't be read"));
    assert_eq!(speaks(&trusts_first).expect("an answer").0, 200);
    std::fs::write(&key, &next.key).expect("the folder is ours");
    std::fs::write(&cert, &next.cert).expect("the folder is ours");
    node.await_that("the new one is shown", || speaks(&trusts_second).is_ok_and(|(status, _)| status == 200));
    assert!(speaks(&trusts_first).is_err());
    assert_eq!(ask(&mut kept).expect("an answer").0, 200, "a connection keeps what it began with");
    assert!(!node.printed().contains("PRIVATE"));
}

#[test]
fn http2_is_chosen_in_the_handshake() {
    let (folder, authority) = (tempfile::tempdir().expect("a folder"), Authority::new());
    authority.certify().write(folder.path(), "node");
    let Secure { folder: _folder, primary: _primary, mut node } = start(folder, &[]);
    for (offered, chosen) in [
        (&["h2", "http/1.1"][..], Some(&b"h2"[..])),
        (&["http/1.1"], Some(b"http/1.1")),
        (&["h2"], Some(b"h2")),
        (&[], None),
    ] {
        let stream = connect(node.address(), &client(&authority, offered, None)).expect("a connection");
        assert_eq!(stream.conn.alpn_protocol(), chosen, "{offered:?}");
    }
    let config = client(&authority, &["h2"], None);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(node.address()).await.expect("a connection");
        let name = rustls::pki_types::ServerName::try_from("localhost").expect("a name");
        let stream = tokio_rustls::TlsConnector::from(config).connect(name, stream).await.expect("a handshake");
        let io = hyper_util::rt::TokioIo::new(stream);
        let executor = hyper_util::rt::TokioExecutor::new();
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(executor, io).await.expect("a connection of HTTP/2");
        let connection = tokio::spawn(connection);
        let body = json!({
            "actor_type": "User", "actor_id": "ann", "action": "read", "resource_type": "Repo", "resource_id": "web"
        });
        for _ in 0..20 {
            let request = hyper::Request::post("https://localhost/api/authorize")
                .header("authorization", format!("Bearer {KEY}"))
                .body(http_body_util::Full::new(hyper::body::Bytes::from(body.to_string())))
                .expect("a request");
            let answer = sender.send_request(request).await.expect("an answer");
            assert_eq!((answer.status().as_u16(), answer.version()), (200, hyper::Version::HTTP_2));
        }
        // Asked to stop, it says so on the open connection and ends.
        node.signal("TERM");
        connection.await.expect("no panic").expect("an end without an error");
    });
    assert_eq!(node.await_exit(Duration::from_secs(5)).code(), Some(0));
}

#[test]
fn client_certificates_are_asked_for_where_a_key_is() {
    let (folder, authority, clients) = (tempfile::tempdir().expect("a folder"), Authority::new(), Authority::new());
    authority.certify().write(folder.path(), "node");
    let ca = folder.path().join("clients.crt");
    std::fs::write(&ca, clients.pem()).expect("the folder is ours");
    let Secure { folder: _folder, primary: _primary, node } =
        start(folder, &["--tls-client-ca", ca.to_str().expect("a path in UTF-8")]);
    let speaks = |shown: Option<&_>, line: &str| {
        let mut stream = connect(node.address(), &client(&authority, &[], shown))?;
        exchange(&mut stream, line, "{}")
    };
    let ours = clients.certify();
    let mut stream = connect(node.address(), &client(&authority, &[], Some(&ours))).expect("a connection");
    assert_eq!(ask(&mut stream).expect("an answer"), (200, r#"{"allowed":false}"#.into()));
    // Without one: what needs no key, and a plain word for the rest, though the key is right.
    assert_eq!(speaks(None, "GET /healthcheck").expect("an answer").0, 200);
    assert_eq!(speaks(None, "GET /metrics").expect("an answer").0, 200);
    let (status, message) = speaks(None, "POST /api/authorize").expect("an answer");
    assert!(status == 401 && message.contains("no client certificate"), "{status} {message}");
    // Somebody else's gets no answer.
    assert!(speaks(Some(&authority.certify()), "GET /healthcheck").is_err());
}

#[test]
fn a_client_certificate_is_good_until_its_end_and_no_session_outlives_it() {
    let (folder, authority, clients) = (tempfile::tempdir().expect("a folder"), Authority::new(), Authority::new());
    authority.certify().write(folder.path(), "node");
    let ca = folder.path().join("clients.crt");
    std::fs::write(&ca, clients.pem()).expect("the folder is ours");
    let Secure { folder: _folder, primary: _primary, node } =
        start(folder, &["--tls-client-ca", ca.to_str().expect("a path in UTF-8")]);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let end = SystemTime::now() + Duration::from_secs(4);
        let ours = clients.certify_until(end);
        let config = Arc::new(resuming(&authority, &[version], &["http/1.1"], Some(&ours)));
        for _ in 0..2 {
            let mut stream = connect(node.address(), &config).expect("a connection");
            assert_eq!(ask(&mut stream).expect("an answer").0, 200, "{version:?}");
        }
        let mut open = connect(node.address(), &config).expect("a connection");
        std::thread::sleep(end.duration_since(SystemTime::now()).unwrap_or_default() + Duration::from_millis(1_100));
        let late = connect(node.address(), &config).and_then(|mut stream| ask(&mut stream));
        assert!(late.as_ref().map_or(true, |(status, _)| *status == 401), "{version:?}: {late:?}");
        // What was open has been closed.
        assert!(ask(&mut open).map_or(true, |(status, _)| status == 401), "{version:?}");

        // Who shows none comes back by a ticket, which is worth nothing where a key is asked for.
        let bare = Arc::new(resuming(&authority, &[version], &["http/1.1"], None));
        for n_before in 0..2 {
            let mut stream = connect(node.address(), &bare).expect("a connection");
            assert_eq!(exchange(&mut stream, "GET /healthcheck", "").expect("an answer").0, 200);
            let kind = stream.conn.handshake_kind();
            let expected = if n_before == 0 { HandshakeKind::Full } else { HandshakeKind::Resumed };
            assert_eq!(kind, Some(expected), "{version:?}");
        }
        let mut stream = connect(node.address(), &bare).expect("a connection");
        assert_eq!(ask(&mut stream).expect("an answer").0, 401, "{version:?}");
    }
}

#[test]
fn probes_and_wrong_files() {
    let (folder, authority) = (tempfile::tempdir().expect("a folder"), Authority::new());
    authority.certify().write(folder.path(), "node");
    let Secure { folder, primary: _primary, node } = start(folder, &[]);
    let port = node.address().port().to_string();
    assert_eq!(health(&node, &[]), (Some(0), "serving\n".into()));
    // As in the container, where the variables of the node are the probe's.
    assert_eq!(health(&node, &["--port", &port, "--tls-cert", "node.crt"]).0, Some(0));
    assert_eq!(health(&node, &["--port", &port]).0, Some(1), "without TLS there is no answer");

    let binary = Path::new(BINARY);
    let other = authority.certify().write(folder.path(), "other");
    let [other_key, cert] =
        [&other.1, &folder.path().join("node.crt")].map(|path| path.to_str().expect("UTF-8").to_owned());
    for (args, code, expected) in [
        (vec!["--tls-cert", &cert], 2, "OSO_TLS_CERT is set and OSO_TLS_KEY is not"),
        (vec!["--tls-cert", &cert, "--tls-key", "nowhere"], 1, "OSO_TLS_KEY `nowhere` can't be read"),
        (vec!["--tls-cert", &cert, "--tls-key", &cert], 1, "has no private key in PEM"),
        (vec!["--tls-cert", &cert, "--tls-key", &other_key], 1, "does not go with the key"),
    ] {
        let data = folder.path().join("never");
        let args = understudy_tests::process::node_args(&data, "http://127.0.0.1:9", &args);
        let variables = understudy_tests::process::NODE_VARIABLES;
        let mut node = Process::start(binary, folder.path(), &args, variables);
        assert_eq!(node.await_exit(understudy_tests::process::PATIENCE).code(), Some(code), "{}", node.printed());
        assert!(node.printed().contains(expected), "{}", node.printed());
    }
}

/// Policy put in force at start, one check by a node that follows over TLS; then a new certificate of the primary.
#[test]
fn a_primary_with_tls_and_a_node_that_trusts_who_signed_for_it() {
    let (folder, authority) = (tempfile::tempdir().expect("a folder"), Authority::new());
    let binary = Path::new(BINARY);
    authority.certify().write(folder.path(), "primary");
    let [cert, key, ca, policy] = ["primary.crt", "primary.key", "ca.crt", "policy.polar"]
        .map(|name| folder.path().join(name).to_str().expect("UTF-8").to_owned());
    std::fs::write(&ca, authority.pem()).expect("the folder is ours");
    std::fs::write(&policy, POLICY).expect("the folder is ours");
    let args = ["--tls-cert", &cert, "--tls-key", &key, "--policy", &policy];
    let primary = Process::primary(binary, folder.path(), &args);
    assert!(primary.url().starts_with("https://"), "{}", primary.printed());
    assert_eq!(health(&primary, &[]), (Some(0), "serving\n".into()));

    let node = |name: &str, more: &[&str]| {
        Process::node(binary, folder.path(), &folder.path().join(name), &primary.url(), more)
    };
    let elsewhere = tempfile::tempdir().expect("a folder");
    let without_tls = Process::primary(binary, elsewhere.path(), &[]);
    let strange = node("strange", &[]);
    strange.await_that("it says that nobody vouches", || {
        let printed = strange.printed();
        printed.contains(&primary.url()) && printed.contains("signed by an unknown authority: set OSO_URL_CA")
    });
    // The two schemes, each taken for the other.
    let plain = format!("http://{}", primary.address());
    for (upstream, words) in [
        (plain.as_str(), "speaks TLS: use https://"),
        (&*format!("https://{}", without_tls.address()), "speaks plain HTTP: use http://"),
    ] {
        let data = folder.path().join("mistaken");
        let args = understudy_tests::process::node_args(&data, upstream, &[]);
        let mistaken = Process::start(binary, folder.path(), &args, understudy_tests::process::NODE_VARIABLES);
        mistaken.await_that("it says what is wrong", || mistaken.printed().contains(words));
        let output = health(&strange, &["--url", upstream]).1;
        assert!(output.contains(words), "{output}");
    }
    // Commands that ask a server, and anybody else who comes with plain HTTP.
    let command = |url: &str, more: &[&str]| {
        let args = [&["get", "--url", url, "--key", KEY], more].concat();
        let output = Command::new(BINARY).args(args).env_clear().output().expect("the binary starts");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for (url, words) in [
        (&plain, "speaks TLS: use https://"),
        (&format!("https://{}", without_tls.address()), "speaks plain HTTP: use http://"),
        (&primary.url(), "signed by an unknown authority: set --url-ca to a file"),
    ] {
        let (code, told) = command(url, &[]);
        assert!(code == Some(2) && told.contains(words) && !told.contains("UnknownIssuer"), "{told}");
    }
    assert_eq!(command(&primary.url(), &["--url-ca", &ca]).0, Some(1), "no fact, no complaint");
    for request in ["GET /healthcheck HTTP/1.1\r\nhost: x\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "x"] {
        let mut stream = TcpStream::connect(primary.address()).expect("a connection");
        stream.write_all(request.as_bytes()).expect("it is open");
        let mut told = String::new();
        stream.read_to_string(&mut told).expect("a text");
        assert!(told.starts_with("HTTP/1.1 400 ") && told.contains("connection: close"), "{told}");
        assert!(told.contains("speaks TLS: use https://"), "{told}");
    }
    assert_eq!(health(&strange, &[]).0, Some(1));
    let trusting = node("trusting", &["--url-ca", &ca, "--sync-interval", "100ms"]);
    trusting.await_serving();
    let body = json!({
        "actor_type": "User", "actor_id": "ann", "action": "read", "resource_type": "Repo", "resource_id": "web"
    });
    assert_eq!(trusting.post("/api/authorize", &body).text(), r#"{"allowed":false}"#);

    // A write over the new certificate arrives at the node.
    let other = Authority::new();
    let next = other.certify();
    std::fs::write(&ca, [authority.pem(), other.pem()].concat()).expect("the folder is ours");
    let both = node("both", &["--url-ca", &ca, "--sync-interval", "100ms"]);
    both.await_serving();
    std::fs::write(&key, &next.key).expect("the folder is ours");
    std::fs::write(&cert, &next.cert).expect("the folder is ours");
    let trusts_next = client(&other, &[], None);
    let connected = || connect(primary.address(), &trusts_next);
    primary.await_that("the new one is shown", || connected().is_ok());
    let fact = json!({ "predicate": "is_public", "args": [{ "type": "Repo", "id": "web" }] });
    let (status, message) =
        exchange(&mut connected().expect("a connection"), "POST /api/facts", &fact.to_string()).expect("an answer");
    assert_eq!(status, 200, "{message}");
    both.await_that("the write arrives", || both.post("/api/authorize", &body).text() == r#"{"allowed":true}"#);

    let (status, printed) = {
        let mut wrong = Process::start(binary, folder.path(), &["primary", "--tls-cert", &cert], &[]);
        (wrong.await_exit(understudy_tests::process::PATIENCE).code(), wrong.printed())
    };
    assert!(status == Some(2) && printed.contains("OSO_TLS_CERT is set and OSO_TLS_KEY is not"), "{printed}");
    let nowhere = Process::start(
        binary,
        folder.path(),
        &understudy_tests::process::node_args(&folder.path().join("never"), &primary.url(), &["--url-ca", "nowhere"]),
        understudy_tests::process::NODE_VARIABLES,
    );
    nowhere
        .await_that("it says what it can't read", || nowhere.printed().contains("OSO_URL_CA `nowhere` can't be read"));
}
