//! What the host says by variables, checked. A wrong value means not serving, never a default in its place.

use std::{env, path::PathBuf};

use understudy_calls::{
    keys::{AcceptedKey, Right, unhex},
    refusal::Refusal,
};
use understudy_wire::Code;

/// Where the snapshot lies unless `UNDERSTUDY_SNAPSHOT` says otherwise.
const SNAPSHOT: &str = "/data/understudy.snapshot";

/// One instance's settings.
pub struct Settings {
    /// `UNDERSTUDY_SNAPSHOT`: the snapshot's path in a preopened folder.
    pub snapshot: PathBuf,
    /// `OSO_ENVIRONMENT`: the only environment to serve; `None`: whichever the snapshot is of.
    pub environment: Option<String>,
    /// `OSO_ACCEPTED_KEYS`: digests of keys, for a snapshot that carries none.
    pub accepted: Vec<AcceptedKey>,
}

impl Settings {
    /// Reads the variables; one that is set to nothing counts as not set.
    pub fn read() -> Result<Self, Refusal> {
        let set = |name: &str| env::var(name).ok().filter(|text| !text.is_empty());
        Ok(Settings {
            snapshot: set("UNDERSTUDY_SNAPSHOT").unwrap_or_else(|| SNAPSHOT.to_owned()).into(),
            environment: set("OSO_ENVIRONMENT"),
            accepted: accepted(&set("OSO_ACCEPTED_KEYS").unwrap_or_default())?,
        })
    }
}

fn accepted(text: &str) -> Result<Vec<AcceptedKey>, Refusal> {
    let digests = text.split([',', ' ', '\n']).filter(|digest| !digest.is_empty()).enumerate();
    digests
        .map(|(n, digest)| match unhex(digest) {
            Some(digest) => Ok(AcceptedKey { digest, right: Right::Read }),
            None => Err(Refusal::new(
                Code::Unavailable,
                format!(
                    "not serving: entry {} of OSO_ACCEPTED_KEYS is not the SHA-256 of a key: 64 hexadecimal digits, made \
                     by `understudy keys digest`, with commas between them",
                    n + 1
                ),
            )),
        })
        .collect()
}
