//! Certificates made when a test runs, and what connects with them.

use std::{
    fs,
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ALL_VERSIONS, ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned, SupportedProtocolVersion,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};

/// Longest wait for any byte.
const WAIT: Duration = Duration::from_secs(30);

/// Who signs.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its key, in PEM.
pub struct Certified {
    /// Certificate.
    pub cert: String,
    /// Key.
    pub key: String,
}

impl Authority {
    /// A new one.
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("no names are good names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Authority { issuer: Issuer::new(params, key), pem }
    }

    /// Its own certificate, in PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A new certificate, good for a server on loopback and for a client.
    pub fn certify(&self) -> Certified {
        let key = KeyPair::generate().expect("a key");
        let names = ["localhost", "127.0.0.1"].map(String::from);
        let cert = CertificateParams::new(names).expect("good names").signed_by(&key, &self.issuer);
        Certified { cert: cert.expect("a certificate").pem(), key: key.serialize_pem() }
    }

    /// The same, good until then.
    pub fn certify_until(&self, end: SystemTime) -> Certified {
        let key = KeyPair::generate().expect("a key");
        let names = ["localhost", "127.0.0.1"].map(String::from);
        let mut params = CertificateParams::new(names).expect("good names");
        params.not_after = end.into();
        let cert = params.signed_by(&key, &self.issuer).expect("a certificate");
        Certified { cert: cert.pem(), key: key.serialize_pem() }
    }
}

impl Default for Authority {
    fn default() -> Self {
        Authority::new()
    }
}

impl Certified {
    /// Writes both to files: paths of certificate and key.
    pub fn write(&self, folder: &Path, name: &str) -> (PathBuf, PathBuf) {
        let paths = (folder.join(format!("{name}.crt")), folder.join(format!("{name}.key")));
        fs::write(&paths.0, &self.cert).expect("the folder is ours");
        fs::write(&paths.1, &self.key).expect("the folder is ours");
        paths
    }

    fn parsed(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let cert = CertificateDer::from_pem_slice(self.cert.as_bytes()).expect("our own PEM");
        (vec![cert], PrivateKeyDer::from_pem_slice(self.key.as_bytes()).expect("our own PEM"))
    }

    /// For a server that shows it.
    pub fn server(&self) -> Arc<ServerConfig> {
        let (chain, key) = self.parsed();
        let config = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let config = config.expect("known versions").with_no_client_auth().with_single_cert(chain, key);
        Arc::new(config.expect("they go together"))
    }
}

/// A client that trusts this authority alone, offers these protocols and shows this certificate.
pub fn client(authority: &Authority, protocols: &[&str], shown: Option<&Certified>) -> Arc<ClientConfig> {
    let mut config = resuming(authority, ALL_VERSIONS, protocols, shown);
    // Every connection shakes hands anew.
    config.resumption = rustls::client::Resumption::disabled();
    Arc::new(config)
}

/// The same with these versions of TLS; it resumes sessions where the server lets it.
pub fn resuming(
    authority: &Authority,
    versions: &[&'static SupportedProtocolVersion],
    protocols: &[&str],
    shown: Option<&Certified>,
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem.as_bytes()).expect("our own PEM")).expect("a certificate");
    let config = ClientConfig::builder_with_provider(provider()).with_protocol_versions(versions);
    let config = config.expect("known versions").with_root_certificates(roots);
    let mut config = match shown.map(Certified::parsed) {
        None => config.with_no_client_auth(),
        Some((chain, key)) => config.with_client_auth_cert(chain, key).expect("they go together"),
    };
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    config
}

/// A connection whose handshake is done.
pub type Secured = StreamOwned<ClientConnection, TcpStream>;

/// Connects and shakes hands. `Err`: refused, or not trusted.
pub fn connect(address: SocketAddr, config: &Arc<ClientConfig>) -> std::io::Result<Secured> {
    let name = ServerName::try_from("localhost").map_err(std::io::Error::other)?;
    let mut connection = ClientConnection::new(config.clone(), name).map_err(std::io::Error::other)?;
    let mut stream = TcpStream::connect_timeout(&address, WAIT)?;
    stream.set_read_timeout(Some(WAIT))?;
    connection.complete_io(&mut stream)?;
    Ok(StreamOwned::new(connection, stream))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
