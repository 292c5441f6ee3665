//! `understudy health`: asks the node on this machine whether it serves. For container probes, where there is no shell.

use std::{
    io::{Read, Write},
    net::{TcpStream, ToSocketAddrs},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use clap::Args;
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme, StreamOwned,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    pki_types::{CertificateDer, ServerName, UnixTime},
};

use super::usage_error;
use crate::{connecting::in_words, http::tls::provider, output};

/// Longest wait for each step: less than the usual timeout of a probe.
const WAIT: Duration = Duration::from_secs(2);
/// Bytes of the answer that are read: enough for its status and message.
const ANSWER_BYTES_MAX: u64 = 4 << 10;
/// What an answer of TLS to something else begins with.
const TLS_ALERT: u8 = 0x15;

/// `understudy health`.
#[derive(Args, Debug)]
pub struct HealthArgs {
    /// Port of the node on this machine [default: 8080].
    #[arg(long, env = "OSO_PORT", hide_env_values = true, value_name = "PORT")]
    port: Option<String>,
    /// Where OSO_PORT is not set, as for the node.
    #[arg(long, env = "PORT", hide = true, hide_env_values = true, value_name = "PORT")]
    platform_port: Option<String>,
    /// Set where the node listens with TLS. The file is not read: whose certificate it is doesn't matter to a probe.
    #[arg(long, env = "OSO_TLS_CERT", hide_env_values = true, value_name = "FILE")]
    tls_cert: Option<String>,
    /// Address of another one: `http://HOST:PORT` or `https://HOST:PORT`.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// 0: it serves. 1: it doesn't, or nobody answers. 2: the URL can't be used.
pub fn run(args: &HealthArgs) -> ExitCode {
    let given =
        |port: &Option<String>| port.as_deref().map(str::trim).filter(|port| !port.is_empty()).map(str::to_owned);
    let port = given(&args.port).or_else(|| given(&args.platform_port)).unwrap_or_else(|| "8080".to_owned());
    if port.parse::<u16>().is_err() {
        return usage_error(&format!("the port is `{}`: must be a port from 0 to 65535", port.escape_debug()));
    }
    let url = args.url.clone().unwrap_or_else(|| {
        let has_tls = args.tls_cert.as_ref().is_some_and(|file| !file.trim().is_empty());
        format!("http{}://127.0.0.1:{}", if has_tls { "s" } else { "" }, port)
    });
    let Some(place) = Place::read(&url) else {
        return usage_error(&format!("--url is `{url}`: must be http://HOST:PORT or https://HOST:PORT"));
    };
    match ask(&place) {
        Ok(answer) if answer.status == 200 => {
            output::line(format_args!("serving"));
            ExitCode::SUCCESS
        }
        Ok(answer) => {
            output::error_line(format_args!(
                "understudy: {place}/healthcheck says {}: {}",
                answer.status,
                answer.body.trim()
            ));
            ExitCode::FAILURE
        }
        Err(error) => {
            let why = in_words(&error, &place.to_string(), "OSO_URL_CA").unwrap_or_else(|| error.to_string());
            output::error_line(format_args!("understudy: {place}/healthcheck gives no answer: {why}"));
            ExitCode::FAILURE
        }
    }
}

/// Does the node at `HOST:PORT` say that it serves?
pub fn serves(host: &str) -> bool {
    ask(&Place { has_tls: false, host: host.to_owned() }).is_ok_and(|answer| answer.status == 200)
}

/// Whom to ask.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    has_tls: bool,
    /// `HOST:PORT`.
    host: String,
}

impl Place {
    /// Of an `http://` or `https://` address; the usual port where it names none.
    fn read(url: &str) -> Option<Place> {
        let (scheme, rest) = url.split_once("://")?;
        let (has_tls, port) = match scheme {
            "http" => (false, 80),
            "https" => (true, 443),
            _ => return None,
        };
        let host = rest.split('/').next().filter(|host| !host.is_empty() && !host.contains(['@', ' ']))?;
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        Some(Place { has_tls, host: if has_port { host.to_owned() } else { format!("{host}:{port}") } })
    }

    /// The name without its port.
    fn name(&self) -> &str {
        self.host.rsplit_once(':').map_or(&*self.host, |(name, _)| name).trim_matches(['[', ']'])
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "http{}://{}", if self.has_tls { "s" } else { "" }, self.host)
    }
}

struct Answer {
    status: u16,
    body: String,
}

fn ask(place: &Place) -> std::io::Result<Answer> {
    let address = place.host.to_socket_addrs()?.next();
    let address = address.ok_or_else(|| std::io::Error::other("the name has no address"))?;
    let stream = TcpStream::connect_timeout(&address, WAIT)?;
    stream.set_read_timeout(Some(WAIT))?;
    stream.set_write_timeout(Some(WAIT))?;
    if !place.has_tls {
        return exchange(stream, place);
    }
    let name = ServerName::try_from(place.name().to_owned()).map_err(std::io::Error::other)?;
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(std::io::Error::other)?;
    let config = config.dangerous().with_custom_certificate_verifier(Arc::new(Anyone)).with_no_client_auth();
    let connection = ClientConnection::new(Arc::new(config), name).map_err(std::io::Error::other)?;
    exchange(StreamOwned::new(connection, stream), place)
}

fn exchange(mut stream: impl Read + Write, place: &Place) -> std::io::Result<Answer> {
    write!(stream, "GET /healthcheck HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", place.host)?;
    stream.flush()?;
    let mut text = Vec::new();
    let read = stream.take(ANSWER_BYTES_MAX).read_to_end(&mut text);
    if text.first() == Some(&TLS_ALERT) {
        return Err(std::io::Error::other("that port speaks TLS: use https://"));
    }
    let text = String::from_utf8_lossy(&text);
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok());
    // Some servers close without saying so in TLS: what has come until then counts.
    let Some(status) = status else {
        return Err(read.err().unwrap_or_else(|| std::io::Error::other("what came back isn't an HTTP answer")));
    };
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    Ok(Answer { status, body: body.to_owned() })
}

/// Takes every certificate: a probe sends nothing secret, asks by address and learns one word, as probes of container
/// engines do. The handshake itself is checked.
#[derive(Debug)]
struct Anyone;

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, cert, signed, &known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, cert, signed, &known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn an_address_is_scheme_host_and_port() {
        let read = |url| Place::read(url).map(|place| (place.has_tls, place.name().to_owned(), place.host));
        let place = |has_tls, name: &str, host: &str| Some((has_tls, name.to_owned(), host.to_owned()));
        assert_eq!(read("http://127.0.0.1:9/"), place(false, "127.0.0.1", "127.0.0.1:9"));
        assert_eq!(read("https://[::1]:9"), place(true, "::1", "[::1]:9"));
        assert_eq!(read("http://node"), place(false, "node", "node:80"));
        assert_eq!(read("https://node"), place(true, "node", "node:443"));
        for bad in ["ftp://node", "node:8080", "http://", "http://a@b"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
