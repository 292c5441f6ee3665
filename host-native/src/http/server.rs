//! Listeners and connections: one thread per core, each with its own runtime and its own listener on the same port.
//!
//! Enters: sockets. Leaves: whole requests to a [`Service`], replies to sockets. Never: knows a path's meaning.
//! On drain no thread takes a new connection; requests that have arrived are answered, up to [`DRAIN`].

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener},
    rc::Rc,
    sync::Arc,
    thread::JoinHandle,
    time::{Duration, Instant},
};

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{
    HeaderMap, Request, Response,
    body::{Body, Bytes, Incoming},
    header::{AUTHORIZATION, CONNECTION, HeaderName, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::{rt::TokioIo, rt::TokioTimer, server::graceful::GracefulShutdown};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::watch;
use understudy_wire::Code;

use super::{
    head::{self, BODY_BYTES_MAX},
    label,
    reply::{Reply, ReplyBody},
    state::Pending,
};

/// How long a drain waits for requests in flight. Container engines kill what hasn't ended after ten seconds, and the last
/// steps after a drain take up to two.
pub const DRAIN: Duration = Duration::from_secs(7);
/// Longest silence before a request's head is complete: also closes idle connections.
const HEAD_WAIT: Duration = Duration::from_secs(55);
/// Longest time for a body to arrive.
const BODY_WAIT: Duration = Duration::from_secs(60);
/// Connections waiting to be accepted, per thread.
const BACKLOG: i32 = 1024;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A whole request.
pub struct Arrived {
    /// Index of the thread it arrived on.
    pub worker: usize,
    /// Method, upper case.
    pub method: String,
    /// Path, with leading slashes made one.
    pub path: String,
    /// Query string, possibly empty.
    pub query: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// True from the moment the server drains: who waits for something stops waiting.
    pub draining: watch::Receiver<bool>,
}

impl Arrived {
    /// What follows `Bearer ` in the `Authorization` header.
    pub fn bearer(&self) -> Option<&str> {
        head::bearer(self.headers.get(AUTHORIZATION)?.to_str().ok()?)
    }

    /// Text of a header.
    pub fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Who answers requests.
pub trait Service: Send + Sync + 'static {
    /// Answers one request, on the thread it arrived on.
    fn handle(&self, arrived: Arrived) -> Pending<'_, Reply>;
    /// Told of every reply.
    fn observe(&self, path: &'static str, status: u16, seconds: f64);
}

/// Listeners on one address, one per worker.
pub struct Listeners {
    listeners: Vec<TcpListener>,
    address: SocketAddr,
}

impl Listeners {
    /// Binds `workers` listeners to one address; port 0 picks a free one.
    pub fn bind(host: IpAddr, port: u16, workers: usize) -> io::Result<Self> {
        // Processes that set the option below may share a port unnoticed; a socket without it can't be bound beside one.
        drop(socket(SocketAddr::new(host, port), false)?);
        let first = bind(SocketAddr::new(host, port))?;
        let address = first.local_addr()?;
        let mut listeners = vec![first];
        for _ in 1..workers {
            listeners.push(bind(address)?);
        }
        Ok(Listeners { listeners, address })
    }

    /// The address bound.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Starts the threads. They end after `drain` turns true.
    pub fn serve(self, service: &Arc<dyn Service>, drain: &watch::Receiver<bool>) -> io::Result<Running> {
        let mut threads = Vec::new();
        for (worker, listener) in self.listeners.into_iter().enumerate() {
            let (service, drain) = (service.clone(), drain.clone());
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let body = move || {
                let local = tokio::task::LocalSet::new();
                local.block_on(&runtime, run(worker, listener, service, drain))
            };
            threads.push(std::thread::Builder::new().name(format!("http-{worker}")).spawn(body)?);
        }
        Ok(Running { threads })
    }
}

/// The server's threads.
pub struct Running {
    threads: Vec<JoinHandle<io::Result<()>>>,
}

impl Running {
    /// Waits until every thread has drained. Blocks.
    pub fn join(self) -> io::Result<()> {
        for thread in self.threads {
            thread.join().map_err(|_| io::Error::other("a server thread panicked"))??;
        }
        Ok(())
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket(address, true)?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Bound, not listening.
fn socket(address: SocketAddr, is_shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_port(is_shared)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

async fn run(
    worker: usize,
    listener: TcpListener,
    service: Arc<dyn Service>,
    mut drain: watch::Receiver<bool>,
) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let connections = Rc::new(GracefulShutdown::new());
    let draining = drain.clone();
    let serve = |stream: tokio::net::TcpStream| {
        // Without it small replies wait for the peer's acknowledgement; a refusal costs only that.
        let _ = stream.set_nodelay(true);
        let (service, draining) = (service.clone(), draining.clone());
        let answer = service_fn(move |request| {
            let (service, draining) = (service.clone(), draining.clone());
            async move { Ok::<_, std::convert::Infallible>(answer(worker, &*service, request, draining).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_WAIT)
            .serve_connection(TokioIo::new(stream), answer);
        let watched = connections.watch(connection);
        // A peer that goes away or speaks nonsense ends its own connection only.
        tokio::task::spawn_local(async move { drop(watched.await) });
    };
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => serve(stream),
                // Out of descriptors, or a peer gone before it was taken: wait a little, don't spin.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            _ = drain.wait_for(|drain| *drain) => break,
        }
    }
    // Connections that the kernel has already accepted for us would be reset with the listener.
    while let Ok(Ok((stream, _))) = tokio::time::timeout(Duration::from_millis(5), listener.accept()).await {
        serve(stream);
    }
    drop(listener);
    let Some(connections) = Rc::into_inner(connections) else { return Ok(()) };
    let _ = tokio::time::timeout(DRAIN, connections.shutdown()).await;
    Ok(())
}

async fn answer(
    worker: usize,
    service: &dyn Service,
    request: Request<Incoming>,
    draining: watch::Receiver<bool>,
) -> Response<ReplyBody> {
    let begun = Instant::now();
    let (parts, body) = request.into_parts();
    let path = head::one_leading_slash(parts.uri.path()).to_owned();
    let label = label::label(&path);
    let request_id = request_id(&parts.headers);
    let reply = match read(body).await {
        Ok(body) => {
            let query = parts.uri.query().unwrap_or_default().to_owned();
            let method = parts.method.as_str().to_owned();
            service.handle(Arrived { worker, method, path, query, headers: parts.headers, body, draining }).await
        }
        // The rest of the body is still on its way: this connection can't be used again.
        Err(refusal) => refusal.with(CONNECTION, "close"),
    };
    service.observe(label, reply.status.as_u16(), begun.elapsed().as_secs_f64());
    let mut response = Response::new(reply.body);
    *response.status_mut() = reply.status;
    response.headers_mut().extend(reply.headers);
    response.headers_mut().insert(X_REQUEST_ID, request_id);
    response
}

async fn read(body: Incoming) -> Result<Bytes, Reply> {
    // Refused by the announced length, before a byte of it is read.
    if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
        return Err(head::too_large().into());
    }
    let body = Limited::new(body, BODY_BYTES_MAX).collect();
    match tokio::time::timeout(BODY_WAIT, body).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(head::too_large().into()),
        Ok(Err(_)) => Err(Reply::error(Code::BadRequest, "the body broke off")),
        Err(_) => Err(Reply::error(Code::BadRequest, "the body didn't arrive in time")),
    }
}

/// The caller's id, or a new random UUID.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let given = headers.get(X_REQUEST_ID).filter(|id| head::is_request_id(id.as_bytes()));
    given.cloned().unwrap_or_else(|| {
        let mut random = [0; 16];
        // Without randomness ids repeat, which is better than no answer.
        let _ = getrandom::fill(&mut random);
        HeaderValue::from_str(&head::uuid(random)).unwrap_or_else(|_| HeaderValue::from_static("none"))
    })
}
