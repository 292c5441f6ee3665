//! TLS of the listener: certificate and key from files, read again when those change, and client certificates where a CA
//! for them is given.
//!
//! Enters: PEM files. Leaves: handshakes. Never: serves a pair that doesn't fit together; lets a bad file take the place of
//! a good one; prints a key.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use arc_swap::ArcSwap;
use rustls::{
    RootCertStore, ServerConfig,
    crypto::CryptoProvider,
    server::{NoServerSessionStorage, WebPkiClientVerifier},
};
use tokio_rustls::TlsAcceptor;

use crate::{
    config::TlsFiles,
    pem::{add_roots, certificates, private_key, wrong},
};

/// HTTP/2, as ALPN names it.
pub const HTTP2: &[u8] = b"h2";

type Seen = Vec<Option<(SystemTime, u64)>>;

/// The listener's TLS.
pub struct Tls {
    files: TlsFiles,
    seen: Mutex<Seen>,
    current: ArcSwap<ServerConfig>,
}

impl Tls {
    /// Reads the files once. The error says which of them is wrong and how.
    pub fn open(files: TlsFiles) -> Result<Self, String> {
        let seen = Mutex::new(look(&files));
        let current = ArcSwap::new(config(&files)?);
        Ok(Tls { files, seen, current })
    }

    /// Reads the files again if one of them has changed: connections that begin later get the new certificate. On an
    /// error the last good ones stay. For a background task, about once a second.
    pub fn refresh(&self) -> Result<(), String> {
        let now = look(&self.files);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == now {
            return Ok(());
        }
        // Remembered even if the content is bad, so that one bad change is told once.
        *seen = now;
        self.current.store(config(&self.files)?);
        Ok(())
    }

    /// For the next connection.
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current.load_full())
    }

    /// Do clients need a certificate? What needs no key needs none either.
    pub fn asks_for_certificates(&self) -> bool {
        self.files.client_ca.is_some()
    }
}

/// The one implementation of cryptography in this program: it builds for musl with a C compiler alone.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn look(files: &TlsFiles) -> Seen {
    let paths = [Some(&files.cert), Some(&files.key), files.client_ca.as_ref()];
    let seen = |path: &Path| fs::metadata(path).and_then(|meta| Ok((meta.modified()?, meta.len()))).ok();
    paths.into_iter().flatten().map(|path| seen(path)).collect()
}

fn config(files: &TlsFiles) -> Result<Arc<ServerConfig>, String> {
    let chain = certificates("OSO_TLS_CERT", &files.cert)?;
    let key = private_key("OSO_TLS_KEY", &files.key)?;
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("no TLS: {error}"))?;
    let builder = match &files.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            add_roots(&mut roots, "OSO_TLS_CLIENT_CA", path)?;
            // Probes have no certificate: who shows none is told so where one is needed.
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
            let verifier = verifier.allow_unauthenticated().build();
            let verifier = verifier.map_err(|error| wrong("OSO_TLS_CLIENT_CA", path, &error.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|error| {
        let reason = format!("does not go with the key in OSO_TLS_KEY `{}`: {error}", files.key.display());
        wrong("OSO_TLS_CERT", &files.cert, &reason)
    })?;
    config.alpn_protocols = vec![HTTP2.to_vec(), b"http/1.1".to_vec()];
    // Sessions are resumed by tickets, which cost no memory here and end with this certificate.
    config.ticketer = rustls::crypto::ring::Ticketer::new().map_err(|error| format!("no TLS: {error}"))?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(Arc::new(config))
}
