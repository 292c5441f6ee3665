//! TLS of the listener: certificate and key from files, read again when those change, and client certificates where a CA
//! for them is given.
//!
//! Enters: PEM files. Leaves: handshakes. Never: serves a pair that doesn't fit together; lets a bad file take the place of
//! a good one; prints a key.

use std::{
    fs::File,
    io::{self, Read},
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use arc_swap::ArcSwap;
use rustls::{
    DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, UnixTime},
    server::{
        NoServerSessionStorage, ProducesTickets, WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};
use sha2::{Digest, Sha256};
use tokio_rustls::TlsAcceptor;

use super::certificate;
use crate::{
    config::TlsFiles,
    pem::{add_roots, certificates, private_key, wrong},
};

/// HTTP/2, as ALPN names it.
pub const HTTP2: &[u8] = b"h2";
/// Bytes of a file that are looked at for a change: more than any bundle of authorities has.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Digest of each file's content; `None`: it can't be read.
type Seen = Vec<Option<[u8; 32]>>;

/// The listener's TLS.
pub struct Tls {
    files: TlsFiles,
    seen: Mutex<Seen>,
    current: ArcSwap<Current>,
    is_well: AtomicBool,
}

/// What connections that begin now get.
struct Current {
    /// Where clients show certificates it resumes nothing: each connection has one of its own, made of it.
    config: Arc<ServerConfig>,
    clients: Option<Clients>,
}

/// How clients' certificates are checked.
struct Clients {
    verifier: Arc<dyn ClientCertVerifier>,
    tickets: Arc<dyn ProducesTickets>,
}

impl Tls {
    /// Reads the files once. The error says which of them is wrong and how.
    pub fn open(files: TlsFiles) -> Result<Self, String> {
        let seen = Mutex::new(look(&files));
        let current = ArcSwap::from_pointee(read(&files)?);
        Ok(Tls { files, seen, current, is_well: AtomicBool::new(true) })
    }

    /// Reads the files again if what is in one of them has changed: connections that begin later get the new certificate.
    /// On an error the last good ones stay. For a background task, about once a second; gives whether it took new ones.
    pub fn refresh(&self) -> Result<bool, String> {
        let now = look(&self.files);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == now {
            return Ok(false);
        }
        // Remembered even if the content is bad, so that one bad change is told once.
        *seen = now;
        let read = read(&self.files);
        self.is_well.store(read.is_ok(), Ordering::Relaxed);
        self.current.store(Arc::new(read?));
        Ok(true)
    }

    /// Are the files as they are now the ones in use?
    pub fn is_well(&self) -> bool {
        self.is_well.load(Ordering::Relaxed)
    }

    /// For the next connection.
    pub fn acceptor(&self) -> TlsAcceptor {
        let current = self.current.load();
        let config = match &current.clients {
            None => current.config.clone(),
            Some(clients) => of_one_connection(&current.config, clients),
        };
        TlsAcceptor::from(config)
    }

    /// Do clients need a certificate? What needs no key needs none either.
    pub fn asks_for_certificates(&self) -> bool {
        self.files.client_ca.is_some()
    }

    /// Until when what a client has shown is good; `None`: it is not. Asks those in force now, whoever shook hands.
    pub fn certificate_end(&self, chain: &[CertificateDer<'_>]) -> Option<SystemTime> {
        let current = self.current.load();
        certificate::end(&*current.clients.as_ref()?.verifier, chain, SystemTime::now())
    }
}

/// The one implementation of cryptography in this program: it builds for musl with a C compiler alone.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn look(files: &TlsFiles) -> Seen {
    let paths = [Some(&files.cert), Some(&files.key), files.client_ca.as_ref()];
    let seen = |path: &Path| -> io::Result<[u8; 32]> {
        let mut content = Vec::new();
        File::open(path)?.take(FILE_BYTES_MAX).read_to_end(&mut content)?;
        Ok(Sha256::digest(&content).into())
    };
    paths.into_iter().flatten().map(|path| seen(path).ok()).collect()
}

fn read(files: &TlsFiles) -> Result<Current, String> {
    let no_tls = |error: rustls::Error| format!("no TLS: {error}");
    let chain = certificates("OSO_TLS_CERT", &files.cert)?;
    let key = private_key("OSO_TLS_KEY", &files.key)?;
    let builder =
        ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().map_err(no_tls)?;
    // Sessions are resumed by tickets, which cost no memory here and end with this certificate.
    let tickets = rustls::crypto::ring::Ticketer::new().map_err(no_tls)?;
    let clients = match &files.client_ca {
        None => None,
        Some(path) => {
            let mut roots = RootCertStore::empty();
            add_roots(&mut roots, "OSO_TLS_CLIENT_CA", path)?;
            // Probes have no certificate: who shows none is told so where one is needed.
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
            let verifier = verifier.allow_unauthenticated().build();
            let verifier = verifier.map_err(|error| wrong("OSO_TLS_CLIENT_CA", path, &error.to_string()))?;
            Some(Clients { verifier, tickets: tickets.clone() })
        }
    };
    let builder = match &clients {
        None => builder.with_no_client_auth(),
        Some(clients) => builder.with_client_cert_verifier(clients.verifier.clone()),
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|error| {
        let [cert, key] = [&files.cert, &files.key].map(|path| path.display());
        match error {
            rustls::Error::InconsistentKeys(_) => format!(
                "the certificate in OSO_TLS_CERT `{cert}` does not go with the key in OSO_TLS_KEY `{key}`: give the two that \
                 were made together"
            ),
            error => wrong("OSO_TLS_CERT", &files.cert, &format!("can't be used with OSO_TLS_KEY `{key}`: {error}")),
        }
    })?;
    config.alpn_protocols = vec![HTTP2.to_vec(), b"http/1.1".to_vec()];
    config.session_storage = Arc::new(NoServerSessionStorage {});
    if clients.is_none() {
        config.ticketer = tickets;
    } else {
        config.send_tls13_tickets = 0;
    }
    Ok(Current { config: Arc::new(config), clients })
}

/// A resumed session is not shown its certificate again, so that its end would go unseen: who showed one gets no ticket, and
/// shakes hands anew the next time. Who showed none may come back by a ticket.
fn of_one_connection(config: &Arc<ServerConfig>, clients: &Clients) -> Arc<ServerConfig> {
    let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    // Without tickets it serves as well.
    let Ok(builder) = builder else { return config.clone() };
    let has_shown = Arc::new(AtomicBool::new(false));
    let verifier = Noting { verifier: clients.verifier.clone(), has_shown: has_shown.clone() };
    let mut own =
        builder.with_client_cert_verifier(Arc::new(verifier)).with_cert_resolver(config.cert_resolver.clone());
    own.alpn_protocols.clone_from(&config.alpn_protocols);
    own.session_storage = config.session_storage.clone();
    own.ticketer = Arc::new(Tickets { tickets: clients.tickets.clone(), has_shown });
    Arc::new(own)
}

/// A verifier of one connection that notes whether it was shown a certificate.
#[derive(Debug)]
struct Noting {
    verifier: Arc<dyn ClientCertVerifier>,
    has_shown: Arc<AtomicBool>,
}

impl ClientCertVerifier for Noting {
    fn offer_client_auth(&self) -> bool {
        self.verifier.offer_client_auth()
    }

    fn client_auth_mandatory(&self) -> bool {
        self.verifier.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.verifier.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.has_shown.store(true, Ordering::Relaxed);
        self.verifier.verify_client_cert(own, others, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, cert, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, cert, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// Tickets of one connection: none where a certificate was shown on it.
#[derive(Debug)]
struct Tickets {
    tickets: Arc<dyn ProducesTickets>,
    has_shown: Arc<AtomicBool>,
}

impl ProducesTickets for Tickets {
    fn enabled(&self) -> bool {
        self.tickets.enabled()
    }

    fn lifetime(&self) -> u32 {
        self.tickets.lifetime()
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        if self.has_shown.load(Ordering::Relaxed) { None } else { self.tickets.encrypt(plain) }
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.tickets.decrypt(cipher)
    }
}
