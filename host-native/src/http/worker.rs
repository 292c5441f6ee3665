//! One thread of the server.

use std::sync::Arc;

use tokio::sync::watch;

use super::{
    apart::Apart, cors::Origins, demotion::Demotions, fair_queue::FairQueue, limits::Limits, peers::Peers,
    probes::ProbeTexts, service::Service, shares::Shares, tls::Tls,
};

/// What the connections of one thread share.
pub struct Worker {
    /// Which thread.
    pub index: usize,
    /// Who answers.
    pub service: Arc<dyn Service>,
    /// True from the moment the server drains.
    pub drain: watch::Receiver<bool>,
    /// Its certificate.
    pub tls: Option<Arc<Tls>>,
    /// Web pages that may read what it answers.
    pub origins: Option<Origins>,
    /// Its bounds.
    pub limits: Limits,
    /// What its requests take.
    pub shares: Arc<Shares>,
    /// What probes are told, on all threads.
    pub texts: Arc<ProbeTexts>,
    /// Whose request is next.
    pub queue: FairQueue,
    /// Which questions go apart untried.
    pub demotions: Demotions,
    /// Where what takes long is answered.
    pub apart: Apart,
    /// Its connections.
    pub peers: Peers,
}
