//! The wiring: rooms put together in start order, taken apart in stop order. Nothing is decided here.

pub mod node;
pub mod primary;
mod refresh;
mod stop;

use std::{net::IpAddr, num::NonZero};

use crate::http::server::Listeners;

/// Threads that serve: one per core that this process may use.
fn n_workers() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

fn listen(host: IpAddr, port: u16, n_workers: usize) -> Result<Listeners, String> {
    Listeners::bind(host, port, n_workers).map_err(|error| format!("can't listen on {host}:{port}: {error}"))
}

fn runtime() -> Result<tokio::runtime::Runtime, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| format!("no runtime: {error}"))
}

fn random_seed() -> u64 {
    let mut bytes = [0; 8];
    // Without randomness nodes only wait for equal times.
    let _ = getrandom::fill(&mut bytes);
    u64::from_le_bytes(bytes)
}
