//! What is read of a request before its body, and the bounds of what is read.

use understudy_core::syntax::similar::nearest;
use understudy_wire::{
    Code,
    paths::{self, Endpoint},
};

use crate::{keys::hex, limits::BODY_BYTES_MAX, refusal::Refusal};

/// Characters of a path that a refusal shows: those of a line.
const SHOWN_CHARS_MAX: usize = 80;
/// Local authorization: known, so that who asks is told what it is. 404 is what every SDK takes for an answer; another
/// status would be asked for again.
const LOCAL: [&str; 4] = ["/api/authorize_query", "/api/list_query", "/api/actions_query", "/api/evaluate_query_local"];

/// The endpoint of a request; 404 and 405 otherwise. `method` in upper case.
pub fn endpoint(method: &str, path: &str) -> Result<Endpoint, Refusal> {
    paths::find(method, path).map_err(|is_known| {
        if LOCAL.contains(&path) {
            Refusal::new(
                Code::NotFound,
                "local authorization is not served here yet: ask without the database, by /api/authorize, /api/list, \
                 /api/actions or /api/evaluate_query",
            )
        } else if is_known {
            Refusal::new(Code::MethodNotAllowed, "this path doesn't take this method")
        } else {
            not_found(method, path)
        }
    })
}

/// The refusal of a path that nobody knows.
pub fn not_found(method: &str, path: &str) -> Refusal {
    let shown = |text: &str| -> String { text.chars().filter(char::is_ascii_graphic).take(SHOWN_CHARS_MAX).collect() };
    let meant = nearest(path, Endpoint::ALL.iter().map(|endpoint| endpoint.path()));
    let meant = meant.map(|path| format!("; did you mean {path}?")).unwrap_or_default();
    Refusal::new(Code::NotFound, format!("not found: {} {}{meant}", shown(method), shown(path)))
}

/// `//api/list` is what some SDKs make of a base URL that ends in a slash.
pub fn one_leading_slash(path: &str) -> &str {
    let rest = path.trim_start_matches('/');
    &path[path.len() - rest.len() - usize::from(path.starts_with('/'))..]
}

/// What follows `Bearer ` in the value of an `Authorization` header.
pub fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, key) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// The refusal of a body over [`BODY_BYTES_MAX`].
pub fn too_large() -> Refusal {
    Refusal::new(Code::TooLarge, format!("the body has more than {BODY_BYTES_MAX} bytes: send less at once"))
}

/// A UUID of version 4 from random bytes.
pub fn uuid(mut random: [u8; 16]) -> String {
    random[6] = random[6] & 0x0f | 0x40;
    random[8] = random[8] & 0x3f | 0x80;
    let hex = hex(&random);
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}
