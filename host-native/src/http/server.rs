//! Listeners: one thread per core, each with its own runtime and its own listener on the same port.
//!
//! Enters: sockets. Leaves: whole requests to a [`Service`], replies to sockets. Never: knows what a request asks.
//! On drain no thread takes a new connection; requests that have arrived are answered, up to [`DRAIN`].

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener},
    rc::Rc,
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::{net::TcpStream, sync::watch};

use super::{
    apart::Apart,
    connection,
    cors::Origins,
    demotion::Demotions,
    fair_queue::FairQueue,
    limits::{BACKLOG, DRAIN, Limits, REFUSALS_MAX, SWEEP},
    peers::Peers,
    probes::ProbeTexts,
    refused,
    service::Service,
    shares::{InFlight, Shares},
    state::Lost,
    tls::Tls,
    worker::Worker,
};

/// Listeners on one address, one per worker.
pub struct Listeners {
    listeners: Vec<TcpListener>,
    address: SocketAddr,
    limits: Limits,
    tls: Option<Arc<Tls>>,
    origins: Option<Origins>,
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
        Ok(Listeners { listeners, address, limits: Limits::of_machine(), tls: None, origins: None })
    }

    /// With TLS, where there is a certificate for it.
    pub fn with_tls(self, tls: Option<Arc<Tls>>) -> Self {
        Listeners { tls, ..self }
    }

    /// With web pages of these origins as clients.
    pub fn with_origins(self, origins: Option<Origins>) -> Self {
        Listeners { origins, ..self }
    }

    /// With other bounds than the machine's.
    pub fn with_limits(self, limits: Limits) -> Self {
        Listeners { limits, ..self }
    }

    /// The address bound.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where to ask, as `https://127.0.0.1:8080`.
    pub fn url(&self) -> String {
        format!("{}://{}", if self.tls.is_some() { "https" } else { "http" }, self.address)
    }

    /// Starts the threads. They end after `drain` turns true.
    pub fn serve(self, service: &Arc<dyn Service>, drain: &watch::Receiver<bool>) -> io::Result<Running> {
        let Listeners { listeners, limits, tls, origins, .. } = self;
        let (in_flight, texts, n_workers) = (InFlight::new(&limits), Arc::<ProbeTexts>::default(), listeners.len());
        let apart = Apart::start(service.clone())?;
        let mut threads = Vec::new();
        for (index, listener) in listeners.into_iter().enumerate() {
            let (service, drain, tls, origins) = (service.clone(), drain.clone(), tls.clone(), origins.clone());
            let (shares, texts, apart) = (Shares::new(&limits, in_flight.clone()), texts.clone(), apart.clone());
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let body = move || {
                let peers = Peers::new(limits, limits.connections_max.div_ceil(n_workers));
                let (queue, demotions) = (FairQueue::default(), Demotions::default());
                let worker = Rc::new(Worker {
                    index,
                    service,
                    drain,
                    tls,
                    origins,
                    limits,
                    shares,
                    texts,
                    queue,
                    demotions,
                    apart,
                    peers,
                });
                tokio::task::LocalSet::new().block_on(&runtime, run(worker, listener))
            };
            threads.push(std::thread::Builder::new().name(format!("http-{index}")).spawn(body)?);
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

async fn run(worker: Rc<Worker>, listener: TcpListener) -> io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let mut drain = worker.drain.clone();
    let mut sweep = tokio::time::interval(SWEEP);
    sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let refusals = Rc::new(());
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    take(&worker, stream, &refusals);
                    // A flood of them holds nobody up, and is looked at before it makes room for itself.
                    tokio::task::yield_now().await;
                }
                // Out of descriptors, or a peer gone before it was taken: wait a little, don't spin.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            _ = sweep.tick(), if !worker.peers.is_empty() => worker.peers.sweep(),
            _ = drain.wait_for(|drain| *drain) => break,
        }
    }
    // Connections that the kernel has already accepted for us would be reset with the listener.
    while let Ok(Ok((stream, _))) = tokio::time::timeout(Duration::from_millis(5), listener.accept()).await {
        take(&worker, stream, &refusals);
    }
    drop(listener);
    // One turn for the new ones: what has arrived on them is seen before they are told to finish.
    tokio::task::yield_now().await;
    worker.peers.finish();
    let drained = async {
        while !worker.peers.is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let _ = tokio::time::timeout(DRAIN, drained).await;
    Ok(())
}

/// Serves one more connection, or says that there is no room.
fn take(worker: &Rc<Worker>, stream: TcpStream, refusals: &Rc<()>) {
    // Without it small replies wait for the peer's acknowledgement; a refusal costs only that.
    let _ = stream.set_nodelay(true);
    let has_room = worker.peers.have_room();
    let peer = worker.peers.open();
    if !has_room {
        worker.service.lost(if peer.is_some() { Lost::MadeRoom } else { Lost::Refused });
    }
    if let Some(peer) = peer {
        let worker = worker.clone();
        tokio::task::spawn_local(async move {
            connection::serve(worker.clone(), stream, peer.clone()).await;
            worker.peers.close(&peer);
        });
    } else if worker.tls.is_none() && Rc::strong_count(refusals) <= REFUSALS_MAX {
        let (place, retry_after_s) = (refusals.clone(), worker.service.retry_after_s());
        tokio::task::spawn_local(async move {
            refused::tell(stream, retry_after_s).await;
            drop(place);
        });
    }
}
