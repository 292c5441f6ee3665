//! HTTP to the upstream: one client, bearer key, a bound on every wait and every size.
//!
//! Enters: paths. Leaves: answers, bodies. Never: follows a redirect to another origin, where neither the key nor the tenant
//! has any business; waits without end.

use std::{fmt::Write, sync::Arc, time::Duration};

use reqwest::{
    Response, StatusCode, Url,
    header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue},
};

use super::{
    Cause, Refusal,
    progress::{LEAST_BYTES, Pace, STALL},
};
use crate::{config::Config, connecting::in_words, pem::add_roots};

/// Bytes of a refusal that are looked at.
const ERROR_BYTES_MAX: usize = 16 << 10;

/// Redirects that are followed for one question.
const REDIRECTS_MAX: usize = 3;

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
            .redirect(reqwest::redirect::Policy::custom(within_origin));
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

    /// The upstream's address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// GET; gives any status. `wait`: until the answer's head is here.
    pub async fn get(&self, path: &str, more: &[(HeaderName, String)], wait: Duration) -> Result<Response, Refusal> {
        let mut request = self.http.get(format!("{}{path}", self.url)).headers(self.headers.clone());
        for (name, value) in more {
            request = request.header(name, value);
        }
        match tokio::time::timeout(wait, request.send()).await {
            Err(_) => Err(self.no_answer(wait)),
            Ok(answer) => self.unless_tls(answer.map_err(|error| network(&error, &self.url))?).await,
        }
    }

    /// Plain HTTP on a port for TLS is 400, which says nothing of the setting that is wrong; servers say it in the body.
    async fn unless_tls(&self, answer: Response) -> Result<Response, Refusal> {
        if answer.status() != StatusCode::BAD_REQUEST || !self.url.starts_with("http://") {
            return Ok(answer);
        }
        let status = answer.status();
        let text = self.body(answer, ERROR_BYTES_MAX, |_| {}).await.unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        if text.contains("TLS") || text.contains("HTTPS") {
            let text = format!("the upstream {} can't be reached: that port speaks TLS: use https://", self.url);
            return Err(Refusal::new(Cause::Network, text));
        }
        Err(self.status("this", status))
    }

    /// The refusal of an upstream that is not done in time.
    pub fn no_answer(&self, wait: Duration) -> Refusal {
        let text = format!("the upstream {} gave no answer within {} s", self.url, wait.as_secs());
        Refusal::new(Cause::Timeout, text)
    }

    /// POST of a JSON text; the answer's status is all that counts.
    pub async fn post(&self, path: &str, json: String, wait: Duration) -> Result<StatusCode, Refusal> {
        let request = self.http.post(format!("{}{path}", self.url)).headers(self.headers.clone());
        let request = request.header("content-type", "application/json").timeout(wait).body(json);
        request.send().await.map(|answer| answer.status()).map_err(|error| network(&error, &self.url))
    }
}

/// Goes on within the origin that was asked; any other redirect is an answer like every other status.
fn within_origin(attempt: reqwest::redirect::Attempt<'_>) -> reqwest::redirect::Action {
    let asked = attempt.previous().first().map(Url::origin);
    if attempt.previous().len() <= REDIRECTS_MAX && asked == Some(attempt.url().origin()) {
        attempt.follow()
    } else {
        attempt.stop()
    }
}

impl Fetcher {
    /// The next bytes of a body at its pace; `None` at its end.
    pub async fn chunk(&self, answer: &mut Response, pace: &mut Pace) -> Result<Option<Vec<u8>>, Refusal> {
        match tokio::time::timeout_at(pace.until().into(), answer.chunk()).await {
            Err(_) => {
                let (url, kib, seconds) = (&self.url, LEAST_BYTES >> 10, STALL.as_secs());
                let text = format!("the upstream {url} gave less than {kib} KiB of its answer in {seconds} s");
                Err(Refusal::new(Cause::Timeout, text))
            }
            Ok(bytes) => {
                let bytes = bytes.map_err(|error| network(&error, &self.url))?;
                pace.note(bytes.as_ref().map_or(0, hyper::body::Bytes::len));
                Ok(bytes.map(|bytes| bytes.to_vec()))
            }
        }
    }

    /// A whole body of at most `bytes_max`. `came`: told how many bytes are here, whenever more are.
    pub async fn body(&self, mut answer: Response, bytes_max: usize, came: impl Fn(usize)) -> Result<Vec<u8>, Refusal> {
        let (mut body, mut pace) = (Vec::new(), Pace::begin());
        while let Some(bytes) = self.chunk(&mut answer, &mut pace).await? {
            body.extend_from_slice(&bytes);
            if body.len() > bytes_max {
                let text = format!("the answer of the upstream {} is larger than {bytes_max} bytes", self.url);
                return Err(Refusal::new(Cause::TooLarge, text));
            }
            came(body.len());
        }
        Ok(body)
    }

    /// What an unexpected status means.
    pub fn status(&self, what: &str, status: StatusCode) -> Refusal {
        let url = &self.url;
        match status.as_u16() {
            401 | 403 => Refusal::new(
                Cause::Unauthorized,
                format!(
                    "the upstream {url} refuses OSO_API_TOKEN for {what} ({status}): is it a key of OSO_ENVIRONMENT, and \
                     is OSO_URL right?"
                ),
            ),
            429 | 500..=599 => {
                Refusal::new(Cause::Network, format!("the upstream {url} is not able to give {what} now ({status})"))
            }
            300..=399 => Refusal::new(
                Cause::Status,
                format!(
                    "the upstream {url} sends elsewhere for {what} ({status}): key and tenant go to no other address; set \
                     OSO_URL to the one it has moved to"
                ),
            ),
            _ => Refusal::new(Cause::Status, format!("the upstream {url} gave {status} for {what}: is OSO_URL right?")),
        }
    }
}

/// The error in words, or with its sources, without the path that was asked for.
fn network(error: &reqwest::Error, url: &str) -> Refusal {
    let cause = if error.is_timeout() { Cause::Timeout } else { Cause::Network };
    let mut text = format!("the upstream {url} can't be reached");
    if let Some(words) = in_words(error, url, "OSO_URL_CA") {
        return Refusal::new(cause, format!("{text}: {words}"));
    }
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        let _ = write!(text, ": {error}");
        source = error.source();
    }
    Refusal::new(cause, text)
}
