//! HTTP/2: many at once, bodies in full, a drain.

use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::{Request, body::Bytes, client::conn::http2::SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::{super::head::BODY_BYTES_MAX, AUTHORIZE, Server, slow, start};

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
    let request = Request::post(format!("http://x{path}")).header("authorization", "Bearer good");
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
