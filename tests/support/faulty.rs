//! A primary with a fault, and what stands between a client and a node to see what is asked.

use std::{
    net::{SocketAddr, TcpListener},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use rustls::ServerConnection;

use crate::{
    certificates::Authority,
    http::request,
    serve::{Asked, Given, Server, nobody},
};

/// What is wrong with a primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nobody listens.
    Refused,
    /// Its name has no address.
    Name,
    /// It takes a request and never answers.
    Timeout,
    /// It takes a request and resets the connection.
    Reset,
    /// It sends the client to itself, again and again.
    Loop,
    /// It sends the client away and doesn't say where.
    Away,
    /// Its certificate is nobody's.
    Certificate,
    /// Its answer ends before it is whole.
    Cut,
    /// It answers with this status and a message.
    Status(u16),
}

type Seen = Arc<Mutex<Vec<Asked>>>;

/// A primary with a fault. Stops when dropped.
pub struct Faulty {
    url: String,
    seen: Seen,
    _server: Option<Server>,
    is_stopped: Arc<AtomicBool>,
}

impl Faulty {
    /// Starts it.
    pub fn start(fault: Fault) -> Self {
        let (seen, is_stopped) = (Seen::default(), Arc::new(AtomicBool::new(false)));
        let (url, server) = match fault {
            Fault::Refused => (nobody(), None),
            // No name below `invalid` ever has an address (RFC 2606).
            Fault::Name => ("http://primary.invalid".to_owned(), None),
            Fault::Certificate => (untrusted(&seen, &is_stopped), None),
            _ => {
                let url = Arc::new(Mutex::new(String::new()));
                let (itself, seen) = (url.clone(), seen.clone());
                let server = Server::start(move |asked| {
                    lock(&seen).push(asked.clone());
                    given(fault, asked, &lock(&itself))
                });
                server.url().clone_into(&mut lock(&url));
                (server.url(), Some(server))
            }
        };
        Faulty { url, seen, _server: server, is_stopped }
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What it was asked; of a connection without a request, nothing but that it was there.
    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.seen).clone()
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::Relaxed);
    }
}

fn given(fault: Fault, asked: &Asked, itself: &str) -> Given {
    let location = |to: String| vec![("location".to_owned(), to)];
    match fault {
        Fault::Timeout => Given::Hang,
        Fault::Loop => {
            let to = format!("{itself}{}?{}", asked.path, asked.query.clone().unwrap_or_default());
            Given::With { status: 307, headers: location(to), body: Vec::new() }
        }
        Fault::Away => Given::status(302),
        Fault::Cut => Given::BreakOff { body: br#"{"allowed":true,"results":[]}"#.to_vec(), n_bytes: 8 },
        Fault::Status(status) => Given::status(status),
        Fault::Reset | Fault::Refused | Fault::Name | Fault::Certificate => Given::Reset,
    }
}

/// A listener whose certificate no client trusts.
fn untrusted(seen: &Seen, is_stopped: &Arc<AtomicBool>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("https://{}", listener.local_addr().expect("its address"));
    let (seen, is_stopped, config) = (seen.clone(), is_stopped.clone(), Authority::new().certify().server());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            if is_stopped.load(Ordering::Relaxed) {
                break;
            }
            lock(&seen).push(Asked::default());
            let mut connection = ServerConnection::new(config.clone()).expect("a good configuration");
            // It ends with the client's alert.
            while connection.is_handshaking() && connection.complete_io(&mut stream).is_ok() {}
        }
    });
    url
}

/// Hands every request on to a server and its answer back, and remembers what was asked.
pub struct Recorder {
    server: Server,
    seen: Seen,
}

impl Recorder {
    /// In front of this server.
    pub fn before(address: SocketAddr) -> Self {
        Recorder::with(move |asked| {
            let headers: Vec<(&str, &str)> = asked
                .headers
                .iter()
                .filter(|(name, _)| {
                    let own = ["host", "connection", "content-length", "content-type", "accept-encoding"];
                    !own.iter().any(|own| name.eq_ignore_ascii_case(own))
                })
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .collect();
            let query = asked.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
            let path = format!("{}{query}", asked.path);
            match request(address, &asked.method, &path, &headers, &asked.body) {
                Ok(answer) => {
                    let own = ["content-length", "connection"];
                    let headers = answer.headers.into_iter().filter(|(name, _)| !own.contains(&name.as_str()));
                    Given::With { status: answer.status, headers: headers.collect(), body: answer.body }
                }
                Err(_) => Given::Reset,
            }
        })
    }

    /// In front of nothing: `given` answers.
    pub fn with(given: impl Fn(&Asked) -> Given + Send + Sync + 'static) -> Self {
        let seen = Seen::default();
        let record = seen.clone();
        let server = Server::start(move |asked| {
            lock(&record).push(asked.clone());
            given(asked)
        });
        Recorder { server, seen }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// What was asked since the last call.
    pub fn take(&self) -> Vec<Asked> {
        std::mem::take(&mut *lock(&self.seen))
    }
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
