//! What the host says by variables, checked. A wrong value means not serving, never a default in its place.

use std::{env, path::PathBuf};

use understudy_calls::{
    keys::{AcceptedKey, Right, unhex},
    refusal::Refusal,
    signer::Signer,
};
use understudy_wire::Code;
use wasip2::random::random::get_random_u64;

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
    /// `OSO_PAGE_KEY`: signs page tokens; else a random key of this instance, whose tokens are good for its life.
    pub pages: Signer,
}

impl Settings {
    /// Reads the variables; one that is set to nothing counts as not set.
    pub fn read() -> Result<Self, Refusal> {
        let set = |name: &str| env::var(name).ok().filter(|text| !text.is_empty());
        Ok(Settings {
            snapshot: set("UNDERSTUDY_SNAPSHOT").unwrap_or_else(|| SNAPSHOT.to_owned()).into(),
            environment: set("OSO_ENVIRONMENT"),
            accepted: accepted(&set("OSO_ACCEPTED_KEYS").unwrap_or_default())?,
            pages: pages(set("OSO_PAGE_KEY").as_deref())?,
        })
    }
}

fn pages(text: Option<&str>) -> Result<Signer, Refusal> {
    let Some(text) = text else {
        let random = [(); 4].map(|()| get_random_u64().to_le_bytes());
        let mut key = [0; 32];
        key.copy_from_slice(random.as_flattened());
        return Ok(Signer::new(key));
    };
    Signer::read(text).ok_or_else(|| {
        Refusal::new(
            Code::Unavailable,
            "not serving: OSO_PAGE_KEY isn't a key: set it to 64 hexadecimal digits, as `openssl rand -hex 32` prints",
        )
    })
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
