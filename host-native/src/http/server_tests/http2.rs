//! HTTP/2: many at once, bodies in full, a drain.

use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::{Request, body::Bytes, client::conn::http2::SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use understudy_calls::limits::BODY_BYTES_MAX;

use super::{
    super::limits::{Limits, STREAMS_MAX},
    AUTHORIZE, OTHER, Server, exchange, patient, slow, start, start_with,
};

type Http2 = SendRequest<Full<Bytes>>;

async fn http2(server: &Server) -> Http2 {
    let stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (sender, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    sender
}

async fn ask(sender: &mut Http2, path: &str, body: impl Into<Bytes>) -> hyper::Result<(u16, String)> {
    ask_as("good", sender, path, body).await
}

async fn ask_as(key: &str, sender: &mut Http2, path: &str, body: impl Into<Bytes>) -> hyper::Result<(u16, String)> {
    let request = Request::post(format!("http://x{path}")).header("authorization", format!("Bearer {key}"));
    let answer = sender.send_request(request.body(Full::new(body.into())).unwrap()).await?;
    let status = answer.status().as_u16();
    assert!(answer.headers().contains_key("x-request-id") && !answer.headers().contains_key("connection"));
    let body = answer.into_body().collect().await?.to_bytes();
    Ok((status, String::from_utf8(body.to_vec()).unwrap()))
}

fn on_a_runtime<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap().block_on(work)
}

#[test]
fn http2_by_prior_knowledge_answers_many_at_once_and_bodies_in_full() {
    let server = start();
    on_a_runtime(async {
        let mut sender = http2(&server).await;
        let slow = {
            let mut sender = sender.clone();
            tokio::spawn(async move { ask(&mut sender, "/api/authorize", slow()).await.unwrap() })
        };
        for n in 0..50 {
            let body = AUTHORIZE.replace("\"2\"", &n.to_string());
            assert_eq!(ask(&mut sender, "/api/authorize", body).await.unwrap(), (200, r#"{"allowed":true}"#.into()));
        }
        assert_eq!(slow.await.unwrap(), (200, r#"{"allowed":false}"#.into()));
        let whole = AUTHORIZE.to_owned() + &" ".repeat(BODY_BYTES_MAX - AUTHORIZE.len());
        assert_eq!(ask(&mut sender, "/api/authorize", whole.clone()).await.unwrap().0, 200);
        // The refusal may come with the end of the stream, before the body is out.
        if let Ok((status, _)) = ask(&mut sender, "/api/authorize", whole + " ").await {
            assert_eq!(status, 413);
        }
        let list = AUTHORIZE.replace(r#""resource_id":"2","#, "");
        assert!(ask(&mut http2(&server).await, "/api/list", list).await.unwrap().1.len() > 200_000);
    });
    server.stop();
}

#[test]
fn a_drain_of_http2_answers_what_has_arrived_and_says_goodbye() {
    let Server { address, drain, running, .. } = start();
    on_a_runtime(async {
        let stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let handshake =
            hyper::client::conn::http2::handshake::<_, _, Full<Bytes>>(TokioExecutor::new(), TokioIo::new(stream));
        let (mut sender, connection) = handshake.await.unwrap();
        let connection = tokio::spawn(connection);
        let waiting = {
            let mut sender = sender.clone();
            tokio::spawn(async move { ask(&mut sender, "/api/authorize", slow()).await.unwrap() })
        };
        tokio::time::sleep(Duration::from_millis(100)).await;
        drain.send(true).unwrap();
        assert_eq!(waiting.await.unwrap(), (200, r#"{"allowed":false}"#.into()));
        // Without an error: the server said that it goes.
        connection.await.unwrap().unwrap();
        assert!(ask(&mut sender, "/api/authorize", AUTHORIZE).await.is_err());
    });
    running.join().unwrap();
}

/// A body of which nothing ever comes.
struct Never;

impl hyper::body::Body for Never {
    type Data = Bytes;
    type Error = std::convert::Infallible;
    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
        std::task::Poll::Pending
    }
}

#[test]
fn streams_without_bodies_hold_nobody_up() {
    for key in [None, Some("Bearer good")] {
        let server = start_with(patient(), 1);
        on_a_runtime(async {
            let mut held = Vec::new();
            for _ in 0..90 {
                let stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
                let handshake =
                    hyper::client::conn::http2::handshake::<_, _, Never>(TokioExecutor::new(), TokioIo::new(stream));
                let (mut sender, connection) = handshake.await.unwrap();
                tokio::spawn(connection);
                for _ in 0..STREAMS_MAX {
                    let request = Request::post("http://x/api/authorize");
                    let request = key.iter().fold(request, |request, key| request.header("authorization", *key));
                    held.push(tokio::spawn(sender.send_request(request.body(Never).unwrap())));
                }
            }
            // Those with a key have their share and no more, those without are answered by their heads.
            if key.is_none() {
                for answer in held {
                    assert_eq!(answer.await.unwrap().unwrap().status(), 401);
                }
            }
            let mut good = http2(&server).await;
            for _ in 0..20 {
                assert_eq!(ask(&mut good, "/api/authorize", AUTHORIZE).await.unwrap().0, 200);
                assert_eq!(ask_as("other", &mut good, "/api/authorize", AUTHORIZE).await.unwrap().0, 200);
            }
        });
        assert_eq!(exchange(&mut server.connect(), "GET /healthcheck", "", "").0, 200);
        assert_eq!(exchange(&mut server.connect(), "POST /api/authorize", OTHER, AUTHORIZE).0, 200);
        server.drain.send(true).unwrap();
    }
}

#[test]
fn answers_that_nobody_takes_are_bounded() {
    // One such list has 225,000 bytes.
    let server = start_with(Limits { in_flight_bytes_max: 16 << 20, ..patient() }, 1);
    let list = AUTHORIZE.replace(r#""resource_id":"2","#, "");
    on_a_runtime(async {
        let (mut statuses, mut untaken) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let stream = tokio::net::TcpStream::connect(server.address).await.unwrap();
            let mut builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
            // No body is ever taken.
            builder.initial_stream_window_size(0).initial_connection_window_size(0);
            let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            for _ in 0..STREAMS_MAX {
                let request = Request::post("http://x/api/list").header("authorization", "Bearer good");
                let request = request.body(Full::new(Bytes::from(list.clone()))).unwrap();
                let answer = sender.send_request(request).await.unwrap();
                statuses.push(answer.status().as_u16());
                untaken.push(answer);
            }
        }
        let taken = statuses.iter().filter(|status| **status == 200).count() * 225_000;
        assert!(taken > 1 << 20 && taken < 16 << 20, "{taken} bytes of answers wait");
        assert!(statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
        // The key's small answers, and another key's large ones, have room.
        assert_eq!(ask(&mut http2(&server).await, "/api/authorize", AUTHORIZE).await.unwrap().0, 200);
        assert_eq!(ask_as("other", &mut http2(&server).await, "/api/list", list.clone()).await.unwrap().0, 200);
        drop(untaken);
    });
    server.drain.send(true).unwrap();
}
