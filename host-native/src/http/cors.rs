//! Cross-origin calls (the Fetch standard's CORS): which web pages may read answers. None may unless an operator names them.
//!
//! Never: allows credentials (cookies, client certificates): keys come in a header that a page sends by itself.

use hyper::{
    HeaderMap,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HeaderValue, ORIGIN,
        VARY,
    },
};

/// Headers that SDKs and AuthZEN clients send.
const SENT: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, accept, if-none-match, user-agent, x-request-id, osooffset, x-osoapiversion, \
     x-oso-instance-id, x-oso-client-id",
);
/// Headers of replies that a page may read.
const READ: HeaderValue = HeaderValue::from_static("x-request-id, server-timing, osooffset, retry-after, etag");
/// Seconds that a browser may remember a preflight: browsers cap it at two hours, and an operator's change should be seen.
const MAX_AGE_S: u32 = 600;
/// Origins that an operator may name: far more than one API has pages.
pub const ORIGINS_MAX: usize = 64;

/// Origins whose pages may read answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Any.
    All,
    /// These, as browsers write them.
    Listed(Vec<String>),
}

impl Origins {
    /// `*`, or origins as `https://app.example` with commas between them. `None`: some of it is no origin.
    pub fn parse(text: &str) -> Option<Self> {
        if text.trim() == "*" {
            return Some(Origins::All);
        }
        let origins: Vec<String> = text.split(',').map(origin).collect::<Option<_>>()?;
        (origins.len() <= ORIGINS_MAX).then_some(Origins::Listed(origins))
    }

    /// Says in the headers of a reply what the page of a request may do with it. `methods`: of a preflight, what the path takes.
    pub fn tell(&self, request: &HeaderMap, methods: Option<&str>, reply: &mut HeaderMap) {
        let allowed = match self {
            Origins::All => Some(HeaderValue::from_static("*")),
            Origins::Listed(origins) => {
                // A cache must not give one page's answer to another's.
                reply.append(VARY, HeaderValue::from_static("origin"));
                let asks = request.get(ORIGIN);
                asks.filter(|asks| origins.iter().any(|origin| asks.as_bytes() == origin.as_bytes())).cloned()
            }
        };
        let Some(allowed) = allowed.filter(|_| request.contains_key(ORIGIN)) else { return };
        reply.insert(ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        match methods.and_then(|methods| HeaderValue::from_str(methods).ok()) {
            Some(methods) if request.contains_key(ACCESS_CONTROL_REQUEST_METHOD) => {
                reply.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
                reply.insert(ACCESS_CONTROL_ALLOW_HEADERS, SENT);
                reply.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE_S.into());
            }
            _ => drop(reply.insert(ACCESS_CONTROL_EXPOSE_HEADERS, READ)),
        }
    }
}

/// Scheme, host and port as browsers write them: lower case, nothing behind, no port that is the scheme's own.
fn origin(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let (scheme, host) = text.split_once("://")?;
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    if scheme.is_empty() || host.is_empty() || !scheme.chars().all(is_scheme) || !host.chars().all(is_host) {
        return None;
    }
    let own_port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => "",
    };
    let host = host.strip_suffix(own_port).filter(|host| !host.is_empty()).unwrap_or(host);
    Some(format!("{scheme}://{host}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn told(origins: &str, request: &[(&'static str, &'static str)], methods: Option<&str>) -> Vec<String> {
        let request = request.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)));
        let mut reply = HeaderMap::new();
        Origins::parse(origins).unwrap().tell(&request.collect(), methods, &mut reply);
        reply.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect()
    }

    #[test]
    fn only_pages_of_named_origins_are_told_that_they_may() {
        let named = "https://app.example, http://localhost:3000";
        let told_to = |origin| told(named, &[("origin", origin)], None);
        assert!(told_to("https://app.example").contains(&"access-control-allow-origin: https://app.example".into()));
        for other in ["https://app.example.evil", "http://app.example", "https://app.example:444", "null"] {
            assert_eq!(told_to(other), ["vary: origin"], "{other}");
        }
        assert!(told("*", &[("origin", "null")], None).contains(&"access-control-allow-origin: *".into()));
        assert!(told("*", &[], None).is_empty());
        let preflight = [("origin", "http://localhost:3000"), ("access-control-request-method", "POST")];
        let told = told(named, &preflight, Some("POST, OPTIONS"));
        assert!(told.contains(&"access-control-allow-methods: POST, OPTIONS".into()), "{told:?}");
        assert!(told.iter().any(|line| line.starts_with("access-control-allow-headers: authorization, content-type")));
        assert!(told.iter().all(|line| !line.contains("credentials")));
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        assert_eq!(Origins::parse("HTTPS://App.Example:443"), Origins::parse("https://app.example"));
        for text in ["", "app.example", "https://", "https://a/b", "https://a,", "https://*.example", "null"] {
            assert_eq!(Origins::parse(text), None, "{text}");
        }
    }
}
