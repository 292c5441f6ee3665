//! One thread of the server.

use std::{rc::Rc, sync::Arc};

use tokio::sync::watch;

use super::{limits::Limits, load::Load, peers::Peers, service::Service, tls::Tls};

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
    /// Its bounds.
    pub limits: Limits,
    /// Its requests.
    pub load: Rc<Load>,
    /// Its connections.
    pub peers: Peers,
}
