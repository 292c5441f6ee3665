//! A node or a primary that is asked over HTTP instead of files.

use std::{sync::Arc, time::Duration};

use clap::Args;
use reqwest::{Method, Url};
use serde::Serialize;
use serde_json::Value as Json;

use crate::{connecting::in_words, pem::add_roots, primary::config::DEVELOPMENT_KEY};

/// Longest wait for an answer: a long question has its turn, and about twenty seconds of work.
const WAIT: Duration = Duration::from_secs(60);
/// Where a primary's warnings stand.
const WARNING: &str = "understudy-warning";
/// Longest wait for a connection.
const CONNECT_WAIT: Duration = Duration::from_secs(5);

/// Whom to ask.
#[derive(Args, Clone, Debug)]
pub struct RemoteArgs {
    /// A node or a primary: `http://127.0.0.1:8080`.
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Its API key [default: the development key, on this machine].
    #[arg(long, env = "OSO_AUTH", hide_env_values = true, value_name = "KEY")]
    pub key: Option<String>,
    /// File with certificates, in PEM, of who may sign its certificate beside the public authorities.
    #[arg(long, requires = "url", value_name = "FILE")]
    pub url_ca: Option<std::path::PathBuf>,
}

/// What came of a request.
pub struct Done {
    /// The reply's body.
    pub reply: Json,
    /// What a primary warns of beside it.
    pub warning: Option<String>,
}

/// A node or a primary.
pub struct Remote {
    http: reqwest::Client,
    url: String,
    key: String,
}

impl Remote {
    /// Checks address and key. Errors are for people.
    pub fn new(url: &str, key: Option<&str>, url_ca: Option<&std::path::Path>) -> Result<Self, String> {
        let parsed = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let Some(parsed) = parsed else {
            return Err(format!("--url is `{url}`: it must be http://HOST:PORT or https://HOST:PORT"));
        };
        let host = parsed.host_str().unwrap_or_default();
        let is_loopback = host == "localhost" || host.starts_with("127.") || host == "[::1]";
        let key = match key {
            Some(key) => key.to_owned(),
            None if is_loopback => DEVELOPMENT_KEY.to_owned(),
            None => return Err("--key is missing: give an API key of the environment, or set OSO_AUTH".to_owned()),
        };
        let failed = |error: &dyn std::fmt::Display| format!("no HTTP client: {error}");
        let mut roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        if let Some(path) = url_ca {
            add_roots(&mut roots, "--url-ca", path)?;
        }
        let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(&error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        // A key goes to the host it was given for, and to no other.
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(concat!("understudy/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_WAIT)
            .timeout(WAIT)
            .redirect(reqwest::redirect::Policy::none());
        if is_loopback {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| failed(&error))?;
        Ok(Remote { http, url: url.trim_end_matches('/').to_owned(), key })
    }

    /// POST of a JSON body; the reply's body.
    pub fn post(&self, path: &str, body: &impl Serialize) -> Result<Json, String> {
        let body = serde_json::to_vec(body).map_err(|error| format!("the question can't be written: {error}"))?;
        self.exchange(Method::POST, path, &[], Some(body)).map(|done| done.reply)
    }

    /// The same of a write, with what is warned of.
    pub fn write(&self, path: &str, body: &impl Serialize) -> Result<Done, String> {
        let body = serde_json::to_vec(body).map_err(|error| format!("the facts can't be written: {error}"))?;
        self.exchange(Method::POST, path, &[], Some(body))
    }

    /// GET with a query.
    pub fn get(&self, path: &str, query: &[(String, String)]) -> Result<Json, String> {
        self.exchange(Method::GET, path, query, None).map(|done| done.reply)
    }

    fn exchange(
        &self,
        method: Method,
        path: &str,
        query: &[(String, String)],
        body: Option<Vec<u8>>,
    ) -> Result<Done, String> {
        let mut url = Url::parse(&format!("{}{path}", self.url)).map_err(|error| format!("--url: {error}"))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = self.http.request(method, url).bearer_auth(&self.key);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| format!("no runtime: {error}"))?;
        let (status, warning, bytes) = runtime
            .block_on(async {
                let answer = request.send().await?;
                let status = answer.status();
                let warning =
                    answer.headers().get(WARNING).and_then(|warning| warning.to_str().ok()).map(ToOwned::to_owned);
                Ok::<_, reqwest::Error>((status, warning, answer.bytes().await?))
            })
            .map_err(|error| self.unreachable(&error))?;
        let json: Option<Json> = serde_json::from_slice(&bytes).ok();
        if status.is_success() {
            let done = json.map(|reply| Done { reply, warning });
            return done.ok_or_else(|| format!("{} gave no JSON: is it a node or a primary?", self.url));
        }
        let message = json.as_ref().and_then(|json| json["message"].as_str()).unwrap_or("it says no more").to_owned();
        Err(format!("{} refuses it ({}): {message}", self.url, status.as_u16()))
    }

    fn unreachable(&self, error: &reqwest::Error) -> String {
        let mut text = format!("{} can't be reached", self.url);
        if let Some(words) = in_words(error, &self.url, "--url-ca") {
            return format!("{text}: {words}");
        }
        let mut source = std::error::Error::source(error);
        while let Some(error) = source {
            text += &format!(": {error}");
            source = error.source();
        }
        text
    }
}

impl RemoteArgs {
    /// The server, where one is named.
    pub fn remote(&self) -> Option<Result<Remote, String>> {
        let url = self.url.as_deref()?;
        Some(Remote::new(url, self.key.as_deref(), self.url_ca.as_deref()))
    }
}
