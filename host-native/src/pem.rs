//! Certificates and keys in PEM files. Errors name the variable, the file and what is wrong with it, and show no content.

use std::{fs, path::Path};

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

/// All certificates of a file, at least one.
pub fn certificates(variable: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = read(variable, path)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        Ok(_) => Err(wrong(variable, path, "has no certificate in PEM")),
        Err(error) => Err(wrong(variable, path, &format!("has no certificates in PEM: {error}"))),
    }
}

/// Adds the certificates of a file to those that may sign others.
pub fn add_roots(roots: &mut RootCertStore, variable: &str, path: &Path) -> Result<(), String> {
    for root in certificates(variable, path)? {
        roots.add(root).map_err(|error| wrong(variable, path, &error.to_string()))?;
    }
    Ok(())
}

/// The private key of a file.
pub fn private_key(variable: &str, path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(&read(variable, path)?)
        .map_err(|error| wrong(variable, path, &format!("has no private key in PEM: {error}")))
}

/// What is wrong with a file.
pub fn wrong(variable: &str, path: &Path, reason: &str) -> String {
    format!("{variable} `{}` {reason}", path.display())
}

fn read(variable: &str, path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| wrong(variable, path, &format!("can't be read: {error}")))
}
