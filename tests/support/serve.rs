//! A server that does what a test says, faults included: what stands in for upstreams.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// A request.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Method.
    pub method: String,
    /// Path without its query.
    pub path: String,
    /// Its query, where there is a `?`.
    pub query: Option<String>,
    /// Its headers, names as they were sent.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
    /// First byte of the body that is asked for, where a `range` header says so.
    pub from: usize,
    /// What follows `Bearer `.
    pub bearer: String,
}

/// What is done about it.
#[derive(Clone, Debug)]
pub enum Given {
    /// An answer.
    Answer {
        /// Status.
        status: u16,
        /// Body.
        body: Vec<u8>,
    },
    /// An answer with these headers besides.
    With {
        /// Status.
        status: u16,
        /// Headers.
        headers: Vec<(String, String)>,
        /// Body.
        body: Vec<u8>,
    },
    /// An answer whose body comes in pieces, each after a pause.
    Slowly {
        /// Body.
        body: Vec<u8>,
        /// Bytes of a piece.
        piece: usize,
        /// Before each.
        pause: Duration,
    },
    /// So many bytes of a body from where it is asked for, then the connection is closed.
    BreakOff {
        /// Body.
        body: Vec<u8>,
        /// Bytes sent.
        n_bytes: usize,
    },
    /// Nothing, on a connection that stays open.
    Hang,
    /// Nothing, on a connection that is reset.
    Reset,
    /// An answer that announces a body and never sends more than this of it.
    Stall(Vec<u8>),
}

impl Asked {
    /// A header's value, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

impl Given {
    /// An answer with status 200.
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Given::Answer { status: 200, body: body.into() }
    }

    /// An answer that is nothing but its status.
    pub fn status(status: u16) -> Self {
        Given::Answer { status, body: b"{\"message\":\"no\"}".to_vec() }
    }
}

/// A running server on loopback; stops when dropped.
pub struct Server {
    address: SocketAddr,
    is_stopped: Arc<AtomicBool>,
}

impl Server {
    /// Answers every request by `handler`, each on a thread and a connection of its own.
    pub fn start(handler: impl Fn(&Asked) -> Given + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let is_stopped = Arc::new(AtomicBool::new(false));
        let (stopped, handler) = (is_stopped.clone(), Arc::new(handler));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stopped.load(Ordering::Relaxed) {
                    break;
                }
                let (stopped, handler) = (stopped.clone(), handler.clone());
                // A peer that is killed meanwhile ends its own connection only.
                std::thread::spawn(move || drop(answer(stream, &*handler, &stopped)));
            }
        });
        Server { address, is_stopped }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

/// An address where nobody listens.
pub fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    format!("http://{}", listener.local_addr().expect("its address"))
}

fn answer(stream: TcpStream, handler: &dyn Fn(&Asked) -> Given, is_stopped: &AtomicBool) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut reader = BufReader::new(stream);
    let asked = read(&mut reader)?;
    let mut stream = reader.into_inner();
    let head = |status: u16, length: usize| {
        format!("HTTP/1.1 {status} Said\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n")
    };
    match handler(&asked) {
        Given::Answer { status, body } => {
            stream.write_all(head(status, body.len()).as_bytes())?;
            stream.write_all(&body)?;
        }
        Given::With { status, headers, body } => {
            let more: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let head = head(status, body.len()).replacen("\r\n\r\n", &format!("\r\n{more}\r\n"), 1);
            stream.write_all(head.as_bytes())?;
            stream.write_all(&body)?;
        }
        Given::Slowly { body, piece, pause } => {
            let rest = body.get(asked.from..).unwrap_or_default();
            stream.write_all(head(if asked.from > 0 { 206 } else { 200 }, rest.len()).as_bytes())?;
            for piece in rest.chunks(piece) {
                std::thread::sleep(pause);
                stream.write_all(piece)?;
            }
        }
        Given::BreakOff { body, n_bytes } => {
            let rest = body.get(asked.from..).unwrap_or_default();
            stream.write_all(head(if asked.from > 0 { 206 } else { 200 }, rest.len()).as_bytes())?;
            stream.write_all(&rest[..n_bytes.min(rest.len())])?;
        }
        Given::Hang => while_open(&stream, is_stopped),
        Given::Reset => {
            socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
            return Ok(());
        }
        Given::Stall(body) => {
            stream.write_all(head(200, body.len() + 1).as_bytes())?;
            stream.write_all(&body)?;
            while_open(&stream, is_stopped);
        }
    }
    stream.shutdown(Shutdown::Write)
}

/// Until the peer goes or the server stops.
fn while_open(mut stream: &TcpStream, is_stopped: &AtomicBool) {
    let _ = stream.set_read_timeout(Some(Duration::from_millis(100)));
    while !is_stopped.load(Ordering::Relaxed) {
        match stream.read(&mut [0]) {
            Ok(0) => return,
            Err(error) if !matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                return;
            }
            _ => {}
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> std::io::Result<Asked> {
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut words = first.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query.to_owned())));
    let mut asked = Asked { method: method.to_owned(), path: path.to_owned(), query, ..Asked::default() };
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap_or(0),
            "range" => asked.from = value.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap_or(0),
            "authorization" => value.trim_start_matches("Bearer ").clone_into(&mut asked.bearer),
            _ => {}
        }
        asked.headers.push((name.to_owned(), value.to_owned()));
    }
    asked.body.resize(length, 0);
    reader.read_exact(&mut asked.body)?;
    Ok(asked)
}
