//! Why a connection came to nothing, in words that say what to change. Libraries name what they met on the wire; whoever set
//! an address wants to know which setting it was.

use std::{error::Error, io};

use rustls::{AlertDescription, CertificateError, InvalidMessage};

/// What to say of an error met at `url`; `None`: nothing plainer than the error itself. `ca`: the setting with the
/// certificates of who may sign.
pub fn in_words(error: &(dyn Error + 'static), url: &str, ca: &str) -> Option<String> {
    if let Some(error) = find::<rustls::Error>(error) {
        return tls(error, url, ca);
    }
    let is_no_http = find::<hyper::Error>(error).is_some_and(hyper::Error::is_parse);
    (is_no_http && url.starts_with("http://"))
        .then(|| format!("{url} doesn't answer in HTTP; perhaps that port speaks TLS: use https://"))
}

fn tls(error: &rustls::Error, url: &str, ca: &str) -> Option<String> {
    use CertificateError as Certificate;
    Some(match error {
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            format!("{url} speaks plain HTTP: use http://")
        }
        rustls::Error::InvalidCertificate(Certificate::UnknownIssuer) => {
            format!(
                "the certificate of {url} is signed by an unknown authority: set {ca} to a file with its certificate"
            )
        }
        // What `openssl req -x509` makes; the library has no name of its own for it.
        rustls::Error::InvalidCertificate(Certificate::Other(other))
            if other.to_string().contains("CaUsedAsEndEntity") =>
        {
            format!(
                "the certificate of {url} is that of an authority, self-signed: give the server one that says CA:FALSE or that \
                 this authority has signed, and set {ca} to a file with the certificate of who signed it"
            )
        }
        rustls::Error::InvalidCertificate(
            Certificate::NotValidForName | Certificate::NotValidForNameContext { .. },
        ) => {
            format!(
                "the certificate of {url} is for another host name: use the name that is in it, or give it this one"
            )
        }
        rustls::Error::InvalidCertificate(Certificate::Expired | Certificate::ExpiredContext { .. }) => {
            format!("the certificate of {url} has expired: renew it there, or set this machine's clock right")
        }
        rustls::Error::InvalidCertificate(Certificate::NotValidYet | Certificate::NotValidYetContext { .. }) => {
            format!("the certificate of {url} is not good yet: is this machine's clock right?")
        }
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
            format!("{url} asks for a client certificate, which this program has none of: use an address without")
        }
        _ => return None,
    })
}

/// The first error of a type among an error and its causes. Those of sockets carry others without calling them a cause.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        let carried = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if let Some(found) = carried.and_then(|carried| find(carried as &(dyn Error + 'static))) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mistake_names_its_setting() {
        let words =
            |error: rustls::Error, url: &str| in_words(&io::Error::other(io::Error::other(error)), url, "OSO_URL_CA");
        let certificate = |error| words(rustls::Error::InvalidCertificate(error), "https://h:1").unwrap_or_default();
        assert_eq!(
            words(InvalidMessage::InvalidContentType.into(), "https://h:1").as_deref(),
            Some("https://h:1 speaks plain HTTP: use http://")
        );
        assert!(certificate(CertificateError::UnknownIssuer).contains("set OSO_URL_CA"));
        assert!(certificate(CertificateError::NotValidForName).contains("is for another host name"));
        assert!(certificate(CertificateError::Expired).contains("has expired"));
        assert!(certificate(CertificateError::NotValidYet).contains("is not good yet"));
        assert_eq!(words(rustls::Error::DecryptError, "https://h:1"), None);
        assert_eq!(in_words(&io::Error::other("refused"), "http://h:1", "OSO_URL_CA"), None);
    }
}
