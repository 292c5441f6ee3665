//! Files of a listener with TLS.

use std::path::PathBuf;

use super::{ConfigError, values::set};

/// Where certificate and key of a listener lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificate chain, the server's own first, in PEM.
    pub cert: PathBuf,
    /// Its private key, in PEM.
    pub key: PathBuf,
    /// Certificates of who signs client certificates, in PEM.
    pub client_ca: Option<PathBuf>,
}

impl TlsFiles {
    /// Certificate and key go together, and a CA for clients only with both. None of them: no TLS.
    pub fn check(
        cert: Option<String>,
        key: Option<String>,
        client_ca: Option<String>,
    ) -> Result<Option<TlsFiles>, ConfigError> {
        let without = |given: &str, missing: &str| {
            let flag = missing.trim_start_matches("OSO_").to_ascii_lowercase().replace('_', "-");
            Err(ConfigError::new(format!("{given} is set and {missing} is not: set it (or --{flag}) too, or neither")))
        };
        match (set(cert), set(key), set(client_ca)) {
            (Some(cert), Some(key), client_ca) => {
                Ok(Some(TlsFiles { cert: cert.into(), key: key.into(), client_ca: client_ca.map(PathBuf::from) }))
            }
            (Some(_), None, _) => without("OSO_TLS_CERT", "OSO_TLS_KEY"),
            (None, Some(_), _) => without("OSO_TLS_KEY", "OSO_TLS_CERT"),
            (None, None, Some(_)) => without("OSO_TLS_CLIENT_CA", "OSO_TLS_CERT"),
            (None, None, None) => Ok(None),
        }
    }
}
