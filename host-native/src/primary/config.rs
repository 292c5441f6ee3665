//! What `understudy primary` is told, checked. No key is kept, only digests.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
};

use super::writes::Limits;
use crate::{
    config::LogLevel,
    keys::{AcceptedKey, Right, digest, has_form},
};

/// The key that every vendor's test suite uses: known to everybody.
pub const DEVELOPMENT_KEY: &str = "e_0123456789_12345_osotesttoken01xiIn";
/// Its environment.
pub const DEVELOPMENT_ENVIRONMENT: &str = "e_0123456789";

/// Everything the primary needs to know.
#[derive(Clone, Debug)]
pub struct PrimaryConfig {
    /// Address to listen on.
    pub host: IpAddr,
    /// Port to listen on; 0: any free one.
    pub port: u16,
    /// Folder of the store and the snapshots.
    pub data: PathBuf,
    /// Policy files to put in force at start: several are one policy.
    pub policy: Vec<PathBuf>,
    /// Facts to insert at start.
    pub facts: Option<PathBuf>,
    /// The one environment.
    pub environment: String,
    /// Who may ask and write.
    pub keys: Vec<AcceptedKey>,
    /// Limits of writes.
    pub limits: Limits,
    /// What to log.
    pub log_level: LogLevel,
}

impl Default for PrimaryConfig {
    /// Port 8081 of this machine only, the development key.
    fn default() -> Self {
        PrimaryConfig {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 8081,
            data: PathBuf::from(".understudy"),
            policy: Vec::new(),
            facts: None,
            environment: DEVELOPMENT_ENVIRONMENT.to_owned(),
            keys: vec![AcceptedKey { digest: digest(DEVELOPMENT_KEY), right: Right::Write }],
            limits: Limits::default(),
            log_level: LogLevel::default(),
        }
    }
}

/// Which environment, which keys. `keys`: `KEY`, `KEY:read` or `KEY:write`; none means the development key, which is
/// refused on an address that other machines reach unless `allow_development` is set. No message shows a key.
pub fn access(
    environment: Option<String>,
    keys: &[String],
    host: IpAddr,
    allow_development: bool,
) -> Result<(String, Vec<AcceptedKey>), String> {
    let development = [DEVELOPMENT_KEY.to_owned()];
    let keys = if keys.is_empty() { &development[..] } else { keys };
    let parsed: Vec<(&str, Right)> = keys.iter().map(|key| right_of(key)).collect();
    let environment = match (environment, parsed.first()) {
        (Some(environment), _) => environment,
        (None, Some((key, _))) => environment_of(key).ok_or_else(|| wrong_form(1, "e_0123456789"))?,
        (None, None) => DEVELOPMENT_ENVIRONMENT.to_owned(),
    };
    let is_plain = environment.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if environment.is_empty() || environment.len() > 128 || !is_plain {
        return Err("--environment: allowed is up to 128 of a-z, A-Z, 0-9, _ and -, as e_0123456789".to_owned());
    }
    let mut accepted: Vec<AcceptedKey> = Vec::new();
    for (number, (key, right)) in parsed.into_iter().enumerate() {
        if !has_form(&environment, key) {
            return Err(wrong_form(number + 1, &environment));
        }
        if key == DEVELOPMENT_KEY && !host.is_loopback() && !allow_development {
            return Err(format!(
                "everybody knows the development key, and {host} is reached from other machines: give --key with a key \
                 of your own, listen on 127.0.0.1, or say --allow-development-key"
            ));
        }
        let key = AcceptedKey { digest: digest(key), right };
        match accepted.iter().find(|known| known.digest == key.digest) {
            Some(known) if known.right != right => {
                return Err(format!("--key number {} was given before with another right: give it once", number + 1));
            }
            Some(_) => {}
            None => accepted.push(key),
        }
    }
    Ok((environment, accepted))
}

fn right_of(key: &str) -> (&str, Right) {
    match key.rsplit_once(':') {
        Some((key, "read")) => (key, Right::Read),
        Some((key, "write")) => (key, Right::Write),
        _ => (key, Right::Write),
    }
}

/// The first two parts of `e_<environment>_<key id>_<secret>`.
fn environment_of(key: &str) -> Option<String> {
    let (second, _) = key.match_indices('_').nth(1)?;
    Some(key[..second].to_owned())
}

fn wrong_form(number: usize, environment: &str) -> String {
    format!(
        "--key number {number} is no key of the environment {environment} (key not shown): keys read \
         {environment}_<key id>_<secret>, with `:read` behind one that may not write"
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const ALL: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

    fn keys(keys: &[&str]) -> Vec<String> {
        keys.iter().map(|&key| key.to_owned()).collect()
    }

    #[test]
    fn the_development_key_is_for_this_machine() {
        let (environment, accepted) = access(None, &[], LOOPBACK, false).unwrap();
        assert_eq!((environment.as_str(), accepted), (DEVELOPMENT_ENVIRONMENT, PrimaryConfig::default().keys));
        for given in [keys(&[]), keys(&[DEVELOPMENT_KEY]), keys(&["e_0123456789_1_x", DEVELOPMENT_KEY])] {
            let message = access(None, &given, ALL, false).unwrap_err();
            assert!(message.contains("--allow-development-key") && !message.contains("osotest"), "{message}");
            assert!(access(None, &given, ALL, true).is_ok());
        }
        assert!(access(None, &keys(&["e_1_k_secret"]), ALL, false).is_ok());
    }

    #[test]
    fn keys_name_their_environment_and_their_right() {
        let (environment, accepted) =
            access(None, &keys(&["e_1_k_a", "e_1_k_b:read", "e_1_k_c:write", "e_1_k_d:e"]), LOOPBACK, false).unwrap();
        assert_eq!(environment, "e_1");
        let expected = [
            ("e_1_k_a", Right::Write),
            ("e_1_k_b", Right::Read),
            ("e_1_k_c", Right::Write),
            ("e_1_k_d:e", Right::Write),
        ];
        assert_eq!(accepted, expected.map(|(key, right)| AcceptedKey { digest: digest(key), right }));
    }

    #[test]
    fn what_is_no_key_of_the_environment_is_refused_and_not_shown() {
        for (environment, given) in [
            (None, keys(&["secret"])),
            (None, keys(&["e_1_secret"])),
            (None, keys(&["e_1_k_a", "e_2_k_secret"])),
            (Some("e_2"), keys(&["e_1_k_secret"])),
            (Some("e 2"), keys(&["e_1_k_secret"])),
            (Some("e_1/../x"), keys(&["e_1_k_secret"])),
            (None, keys(&["e_1_k_secret", "e_1_k_secret:read"])),
        ] {
            let message = access(environment.map(ToOwned::to_owned), &given, LOOPBACK, false).unwrap_err();
            assert!(!message.contains("secret") || message.contains("<secret>"), "{message}");
        }
    }
}
