//! What a request costs the node's process in CPU, beside a bare hyper server with a fixed answer in the same run.
//!
//! `cargo bench -p understudy --bench http [-- SIZE]` (S unless told). Connections are kept alive, one request at a time
//! each; time is what the server's process spent on the CPU, all threads, so that the client and other work on the machine
//! don't count. The ratio is the figure to look at.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::Command,
};

use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use understudy_tests::{
    process::{ENVIRONMENT, KEY, Process},
    workload::{Query, Workload},
};

const BINARY: &str = env!("CARGO_BIN_EXE_understudy");
const CONNECTIONS: usize = 16;
/// Requests per connection and kind; of kinds with long answers a tenth.
const REQUESTS: usize = 4_000;
const BARE: &str = "bare-server";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    if args.first().is_some_and(|arg| arg == BARE) {
        return bare_server();
    }
    let size = args.first().cloned().unwrap_or_else(|| "S".to_owned());
    let folder = tempfile::tempdir().expect("a folder");
    let workload = Workload::generate(&size, folder.path()).expect("python3 runs the generator");
    let snapshot = folder.path().join("workload.snapshot");
    let built = Command::new(BINARY)
        .args(["build", "--environment", ENVIRONMENT, "--policy"])
        .arg(workload.policy())
        .arg("--facts")
        .arg(workload.facts_file())
        .arg("-o")
        .arg(&snapshot)
        .output();
    assert!(built.expect("the binary starts").status.success());
    let imported = ["--import", snapshot.to_str().expect("a path in UTF-8")];
    let directory = folder.path().join("node");
    let node = Process::node(Path::new(BINARY), folder.path(), &directory, "http://127.0.0.1:9", &imported);
    node.await_serving();
    let this = std::env::current_exe().expect("this program");
    let mut bare = Process::start(&this, folder.path(), &[BARE], &[]);
    bare.await_address();

    println!(
        "workload {size}, {CONNECTIONS} connections, {} workers",
        std::thread::available_parallelism().map_or(1, Into::into)
    );
    let authorize: Vec<&Query> = workload.queries.iter().filter(|query| query.kind == "Q1").collect();
    let floor_us = cpu_us(&bare, &authorize, REQUESTS);
    println!("{:<10} {:>10.2} us CPU a request", "bare hyper", floor_us);
    for kind in workload.kinds() {
        let queries: Vec<&Query> = workload.queries.iter().filter(|query| query.kind == kind).collect();
        let n_requests = if kind.ends_with("large") { REQUESTS / 10 } else { REQUESTS };
        let us = cpu_us(&node, &queries, n_requests);
        println!("{kind:<10} {us:>10.2} us CPU a request {:>8.2} x bare", us / floor_us);
    }
    println!("{:<10} {:>10.2} us CPU a request, again", "bare hyper", cpu_us(&bare, &authorize, REQUESTS));
}

/// CPU of the process per request, in microseconds.
fn cpu_us(process: &Process, queries: &[&Query], n_requests: usize) -> f64 {
    let requests: Vec<Vec<u8>> = queries.iter().map(|query| bytes(query)).collect();
    // Once for the caches.
    load(process.address(), &requests, n_requests / 10);
    let before = cpu_ns(process.id());
    load(process.address(), &requests, n_requests);
    (cpu_ns(process.id()) - before) as f64 / (n_requests * CONNECTIONS) as f64 / 1e3
}

fn bytes(query: &Query) -> Vec<u8> {
    let (path, body) = query.wire();
    let body = body.to_string();
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// Nanoseconds on the CPU of all threads of a process.
fn cpu_ns(id: u32) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{id}/task")).expect("the process lives");
    let ns = |task: std::fs::DirEntry| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|ns| ns.parse::<u64>().ok()).unwrap_or(0)
    };
    tasks.flatten().map(ns).sum()
}

fn load(address: SocketAddr, requests: &[Vec<u8>], n_requests: usize) {
    std::thread::scope(|scope| {
        for connection in 0..CONNECTIONS {
            scope.spawn(move || {
                let mut stream = TcpStream::connect(address).expect("it listens");
                stream.set_nodelay(true).expect("an option of every socket");
                let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
                for n in 0..n_requests {
                    // Every connection begins elsewhere.
                    let request = &requests[(n + connection * 7) % requests.len()];
                    stream.write_all(request).expect("it takes requests");
                    assert_eq!(status(&mut reader), 200);
                }
            });
        }
    });
}

/// Reads one answer to its end; its status.
fn status(reader: &mut BufReader<TcpStream>) -> u16 {
    let (mut status, mut length) = (0, 0);
    let mut line = String::new();
    loop {
        line.clear();
        reader.read_line(&mut line).expect("an answer");
        let text = line.trim_end();
        if text.is_empty() {
            break;
        }
        if status == 0 {
            status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        } else if let Some(value) = text.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("the body");
    status
}

/// As little as hyper can do: reads the body, answers with fixed JSON; a thread and a listener per core, as the node has.
fn bare_server() {
    let first = listener(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let address = first.local_addr().expect("its address");
    let n_threads = std::thread::available_parallelism().map_or(1, Into::into);
    let others = (1..n_threads).map(|_| listener(address));
    let threads: Vec<_> =
        std::iter::once(first).chain(others.collect::<Vec<_>>()).map(|one| std::thread::spawn(|| serve(one))).collect();
    println!("bare server listens on http://{address}");
    threads.into_iter().for_each(|thread| thread.join().expect("it serves until it is killed"));
}

fn listener(address: SocketAddr) -> TcpListener {
    use socket2::{Domain, Socket, Type};
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_reuse_port(true).expect("an option of Linux");
    socket.set_nonblocking(true).expect("an option of every socket");
    socket.bind(&address.into()).expect("a free port");
    socket.listen(1_024).expect("it listens");
    socket.into()
}

fn serve(listener: TcpListener) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let answer = |request: Request<Incoming>| async {
        request.into_body().collect().await.map(|_| {
            let body = Full::new(Bytes::from_static(br#"{"allowed":true}"#));
            Response::builder().header("content-type", "application/json").body(body).expect("a response")
        })
    };
    tokio::task::LocalSet::new().block_on(&runtime, async move {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        loop {
            let (stream, _) = listener.accept().await.expect("a connection");
            stream.set_nodelay(true).expect("an option of every socket");
            tokio::task::spawn_local(async move {
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)).await;
            });
        }
    });
}
