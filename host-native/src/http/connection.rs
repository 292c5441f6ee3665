//! One connection from its first byte to its end: TLS where there is any, HTTP/1.1 or HTTP/2, until it ends or has to.
//!
//! HTTP/2 is spoken where ALPN chose it, or where a connection without TLS begins with its preface. That is found out once,
//! by a look at the first bytes, so that a request over HTTP/1.1 pays nothing for it. Where they are too few to tell they are
//! taken, and given to whoever reads next: bytes that stay where they are would have to be looked at again and again.

use std::{convert::Infallible, future::Future, pin::pin, rc::Rc, sync::Arc, task::Poll, time::SystemTime};

use hyper::{
    Request, Response,
    body::Incoming,
    rt::{Executor, Read, Write},
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::{rt::TokioIo, server::graceful::GracefulConnection};
use tokio::net::TcpStream;

use super::{
    exchange::{Caller, Certificate, answer},
    limits::{
        CONNECTION_WINDOW_BYTES, HEAD_BYTES_MAX, READ_AHEAD_BYTES_MAX, SEND_BYTES_MAX, STREAM_WINDOW_BYTES, STREAMS_MAX,
    },
    peers::{Order, Peer},
    refused,
    reply::ReplyBody,
    socket::{First, Socket},
    tls::{self, Tls},
    worker::Worker,
};

/// What no request over HTTP/1.1 begins with.
const PREFACE: &[u8] = b"PRI ";

/// Serves one connection. A peer that goes away or speaks nonsense ends its own only.
pub async fn serve(worker: Rc<Worker>, stream: TcpStream, peer: Rc<Peer>) {
    let tls = worker.tls.clone();
    match tls {
        None => {
            let Some((is_http2, first)) = unless_told(&peer, begins_http2(&stream)).await else { return };
            speak(worker, Socket::after(first, stream, peer.clone()), peer, is_http2, Certificate::NotAsked).await;
        }
        // Apart, so that a connection without TLS doesn't carry its space.
        Some(tls) => Box::pin(serve_tls(worker, tls, stream, peer)).await,
    }
}

async fn serve_tls(worker: Rc<Worker>, tls: Arc<Tls>, stream: TcpStream, peer: Rc<Peer>) {
    let Some(is_http) = unless_told(&peer, begins_as_http(&stream)).await else { return };
    if is_http {
        unless_told(&peer, refused::tell_tls(stream)).await;
        return;
    }
    let accepting = tls.acceptor().accept(Socket::new(stream, peer.clone()));
    let Some(Ok(stream)) = unless_told(&peer, accepting).await else { return };
    let session = stream.get_ref().1;
    let is_http2 = session.alpn_protocol() == Some(tls::HTTP2);
    let certificate = match session.peer_certificates() {
        _ if !tls.asks_for_certificates() => Certificate::NotAsked,
        None => Certificate::Lacking,
        Some(chain) => match tls.certificate_end(chain) {
            Some(end) => Certificate::Until(end),
            // Whatever the handshake was: this one is not good any more.
            None => return,
        },
    };
    speak(worker, stream, peer, is_http2, certificate).await;
}

/// Does it begin as a request does, with a letter of its method? TLS begins with the number 22. The byte stays where it is.
async fn begins_as_http(stream: &TcpStream) -> bool {
    let mut first = [0];
    matches!(stream.peek(&mut first).await, Ok(1) if first[0].is_ascii_alphabetic())
}

/// Does it begin with the preface of HTTP/2? And the bytes taken to find that out. Waits for as many as that takes.
async fn begins_http2(stream: &TcpStream) -> (bool, First) {
    let mut bytes = [0; PREFACE.len()];
    // Nearly always all of them are there, and none is taken. An error is seen by whoever reads next, too.
    match stream.peek(&mut bytes).await {
        Ok(n) if n == PREFACE.len() => return (bytes == PREFACE, First::default()),
        Ok(n) if n > 0 && PREFACE.starts_with(&bytes[..n]) => {}
        _ => return (false, First::default()),
    }
    let mut n_taken = 0;
    while n_taken < PREFACE.len() && PREFACE.starts_with(&bytes[..n_taken]) {
        if stream.readable().await.is_err() {
            break;
        }
        match stream.try_read(&mut bytes[n_taken..]) {
            Ok(0) => break,
            Ok(n) => n_taken += n,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
    }
    (bytes[..n_taken] == *PREFACE, First::new(&bytes[..n_taken]))
}

async fn speak<I>(worker: Rc<Worker>, io: I, peer: Rc<Peer>, is_http2: bool, certificate: Certificate)
where
    I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + 'static,
{
    let io = TokioIo::new(io);
    let caller = Rc::new(Caller { worker, peer: peer.clone(), connection: Arc::default(), certificate });
    if is_http2 {
        peer.multiplexes();
        Box::pin(speak_http2(io, caller, peer, certificate)).await;
    } else {
        let service = service_fn(move |request| {
            let caller = caller.clone();
            async move { Ok::<_, Infallible>(answer(&caller, request).await) }
        });
        // Its waits are the peer's; nothing is timed twice.
        let connection = http1::Builder::new()
            .max_header_size(HEAD_BYTES_MAX)
            .max_buf_size(READ_AHEAD_BYTES_MAX)
            .header_read_timeout(None)
            .serve_connection(io, service);
        drive(&peer, connection, certificate).await;
    }
}

async fn speak_http2<I>(io: I, caller: Rc<Caller>, peer: Rc<Peer>, certificate: Certificate)
where
    I: Read + Write + Unpin + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let caller = caller.clone();
        async move { Ok::<Response<ReplyBody>, Infallible>(answer(&caller, request).await) }
    });
    let connection = http2::Builder::new(OnThisThread)
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEAD_BYTES_MAX as u32)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(SEND_BYTES_MAX)
        .serve_connection(io, service);
    drive(&peer, connection, certificate).await;
}

/// Runs a connection to its end, to that of its certificate, or until its peer is told to leave.
async fn drive<C: GracefulConnection>(peer: &Peer, connection: C, certificate: Certificate) {
    let mut connection = pin!(connection);
    let mut is_told = false;
    let mut over = match certificate {
        Certificate::Until(end) => {
            let left = end.duration_since(SystemTime::now()).unwrap_or_default();
            Some(Box::pin(tokio::time::sleep(left)))
        }
        _ => None,
    };
    std::future::poll_fn(|context| {
        match peer.order(context) {
            Order::Leave => return Poll::Ready(()),
            Order::Finish if !is_told => {
                is_told = true;
                connection.as_mut().graceful_shutdown();
            }
            _ => {}
        }
        if over.as_mut().is_some_and(|over| over.as_mut().poll(context).is_ready()) {
            over = None;
            is_told = true;
            connection.as_mut().graceful_shutdown();
        }
        connection.as_mut().poll(context).map(drop)
    })
    .await;
}

/// What comes before the first request; `None`: the peer was told to go meanwhile.
async fn unless_told<T>(peer: &Peer, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    std::future::poll_fn(|context| {
        let order = peer.order(context);
        match work.as_mut().poll(context) {
            // What has arrived by now is still answered.
            Poll::Ready(done) if order != Order::Leave => Poll::Ready(Some(done)),
            Poll::Pending if order == Order::GoOn => Poll::Pending,
            _ => Poll::Ready(None),
        }
    })
    .await
}

/// Runs what HTTP/2 needs besides, on the connection's own thread.
#[derive(Clone, Copy)]
struct OnThisThread;

impl<F: Future + 'static> Executor<F> for OnThisThread {
    fn execute(&self, work: F) {
        tokio::task::spawn_local(async move { drop(work.await) });
    }
}
