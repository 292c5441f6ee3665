//! HTTP to the upstream: one client, bearer key, a bound on every wait and every size.
//!
//! Enters: paths. Leaves: answers, bodies. Never: follows the key to another host (the client drops it on such a
//! redirect); waits without end.

use std::{fmt::Write, sync::Arc, time::Duration};

use reqwest::{
    Response, StatusCode, Url,
    header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue},
};

use super::{Cause, Refusal};
use crate::{config::Config, pem::add_roots};

/// No byte for so long ends an attempt: 20 s less what it takes to say so and stop.
pub const STALL: Duration = Duration::from_secs(19);

/// The client of one upstream.
pub struct Fetcher {
    http: reqwest::Client,
    url: String,
    headers: HeaderMap,
}

impl Fetcher {
    /// TLS with compiled-in roots and those of `OSO_URL_CA`; loopback never goes through a proxy.
    pub fn new(config: &Config) -> Result<Self, Refusal> {
        let failed = |error: &dyn std::fmt::Display| Refusal::new(Cause::Network, format!("no HTTP client: {error}"));
        let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        if let Some(path) = &config.url_ca {
            add_roots(&mut roots, "OSO_URL_CA", path).map_err(|error| Refusal::new(Cause::Network, error))?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(&error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(concat!("understudy/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(3))
            .redirect(reqwest::redirect::Policy::limited(3));
        let host = Url::parse(&config.url).ok().and_then(|url| url.host_str().map(ToOwned::to_owned));
        if host.is_some_and(|host| host == "localhost" || host.starts_with("127.") || host == "[::1]") {
            builder = builder.no_proxy();
        }
        let mut headers = HeaderMap::new();
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", config.token.reveal()))
            .map_err(|_| failed(&"OSO_API_TOKEN can't be sent in a header"))?;
        bearer.set_sensitive(true);
        headers.insert(AUTHORIZATION, bearer);
        for (name, value) in [("x-oso-tenant", &config.tenant), ("x-oso-client-id", &config.client_id)] {
            let value = HeaderValue::from_str(value).map_err(|error| failed(&error))?;
            headers.insert(HeaderName::from_static(name), value);
        }
        let http = builder.build().map_err(|error| failed(&error))?;
        Ok(Fetcher { http, url: config.url.clone(), headers })
    }

    /// GET; gives any status. `wait`: until the answer's head is here.
    pub async fn get(&self, path: &str, more: &[(HeaderName, String)], wait: Duration) -> Result<Response, Refusal> {
        let mut request = self.http.get(format!("{}{path}", self.url)).headers(self.headers.clone());
        for (name, value) in more {
            request = request.header(name, value);
        }
        match tokio::time::timeout(wait, request.send()).await {
            Err(_) => {
                Err(Refusal::new(Cause::Timeout, format!("the upstream gave no answer within {} s", wait.as_secs())))
            }
            Ok(answer) => answer.map_err(|error| network(&error)),
        }
    }

    /// POST of a JSON text; the answer's status is all that counts.
    pub async fn post(&self, path: &str, json: String, wait: Duration) -> Result<StatusCode, Refusal> {
        let request = self.http.post(format!("{}{path}", self.url)).headers(self.headers.clone());
        let request = request.header("content-type", "application/json").timeout(wait).body(json);
        request.send().await.map(|answer| answer.status()).map_err(|error| network(&error))
    }
}

/// The next bytes of a body; `None` at its end.
pub async fn chunk(answer: &mut Response) -> Result<Option<Vec<u8>>, Refusal> {
    match tokio::time::timeout(STALL, answer.chunk()).await {
        Err(_) => Err(Refusal::new(Cause::Timeout, format!("the upstream gave no byte for {} s", STALL.as_secs()))),
        Ok(bytes) => bytes.map(|bytes| bytes.map(|bytes| bytes.to_vec())).map_err(|error| network(&error)),
    }
}

/// A whole body of at most `bytes_max`.
pub async fn body(mut answer: Response, bytes_max: usize) -> Result<Vec<u8>, Refusal> {
    let mut body = Vec::new();
    while let Some(bytes) = chunk(&mut answer).await? {
        body.extend_from_slice(&bytes);
        if body.len() > bytes_max {
            return Err(Refusal::new(
                Cause::TooLarge,
                format!("the upstream's answer is larger than {bytes_max} bytes"),
            ));
        }
    }
    Ok(body)
}

/// What an unexpected status means.
pub fn status(what: &str, status: StatusCode) -> Refusal {
    match status.as_u16() {
        401 | 403 => Refusal::new(
            Cause::Unauthorized,
            format!(
                "the upstream refuses OSO_API_TOKEN for {what} ({status}): is it a key of OSO_ENVIRONMENT, and is OSO_URL right?"
            ),
        ),
        429 | 500..=599 => {
            Refusal::new(Cause::Network, format!("the upstream is not able to give {what} now ({status})"))
        }
        _ => Refusal::new(Cause::Status, format!("the upstream gave {status} for {what}: is OSO_URL right?")),
    }
}

/// The error and its sources, without the address (it may hold what is not for logs).
fn network(error: &reqwest::Error) -> Refusal {
    let cause = if error.is_timeout() { Cause::Timeout } else { Cause::Network };
    let mut text = "the upstream can't be reached".to_owned();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    Refusal::new(cause, text)
}
