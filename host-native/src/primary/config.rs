//! What `understudy primary` is told, checked. No key is kept, only digests.

use std::{
    net::{IpAddr, Ipv4Addr},
    path::PathBuf,
};

use super::limits::Limits;
use crate::{
    config::{Authzen, LogFormat, LogLevel, TlsFiles},
    http::cors::Origins,
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
    /// Listen with TLS.
    pub tls: Option<TlsFiles>,
    /// Folder of the store and the snapshots.
    pub data: PathBuf,
    /// Policy files to put in force at start: several are one policy.
    pub policy: Vec<PathBuf>,
    /// Facts to insert at start.
    pub facts: Option<PathBuf>,
    /// Are the policy files put in force again whenever they change?
    pub watches_policy: bool,
    /// At least one, each with its own store, policy and feed; files are for the first.
    pub environments: Vec<Accepted>,
    /// Make damaged stores anew.
    pub restores: Option<Restore>,
    /// Are callers told why, where they ask for it?
    pub explains: bool,
    /// How AuthZEN callers are served.
    pub authzen: Authzen,
    /// Are pages smaller than the hosted service's smallest refused?
    pub strict_pages: bool,
    /// Of a plan.
    pub limits: Limits,
    /// Web pages that may ask.
    pub cors_origins: Option<Origins>,
    /// Memory of an instance besides its snapshot, in bytes; absent: what the machine allows.
    pub instance_memory_bytes: Option<usize>,
    /// What to log.
    pub log_level: LogLevel,
    /// How to log.
    pub log_format: LogFormat,
    /// Key of the page tokens; absent: one of its own, in the data folder.
    pub page_key_file: Option<PathBuf>,
}

/// Stores that are damaged are made anew from the last snapshot and the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restore {
    /// Also without later writes that can't be read back.
    pub accepts_loss: bool,
}

/// An environment and who may ask and write there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its name, the first two parts of its keys.
    pub environment: String,
    /// Its keys.
    pub keys: Vec<AcceptedKey>,
}

impl Default for PrimaryConfig {
    /// Port 8081 of this machine only, the development key.
    fn default() -> Self {
        PrimaryConfig {
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 8081,
            tls: None,
            data: PathBuf::from(".understudy"),
            policy: Vec::new(),
            facts: None,
            watches_policy: false,
            environments: vec![Accepted {
                environment: DEVELOPMENT_ENVIRONMENT.to_owned(),
                keys: vec![AcceptedKey { digest: digest(DEVELOPMENT_KEY), right: Right::Write }],
            }],
            restores: None,
            explains: true,
            authzen: Authzen::default(),
            strict_pages: false,
            limits: Limits::default(),
            cors_origins: None,
            instance_memory_bytes: None,
            log_level: LogLevel::default(),
            log_format: LogFormat::default(),
            page_key_file: None,
        }
    }
}

/// Which environments, in the order of their first keys, and which keys each has. `environment`: the only one. `keys`: `KEY`,
/// `KEY:read` or `KEY:write`; none means the development key, which is refused on an address that other machines reach
/// unless `allow_development` is set. No message shows a key.
pub fn access(
    environment: Option<&str>,
    keys: &[String],
    host: IpAddr,
    allow_development: bool,
) -> Result<Vec<Accepted>, String> {
    let development = [DEVELOPMENT_KEY.to_owned()];
    let keys = if keys.is_empty() { &development[..] } else { keys };
    let mut accepted: Vec<Accepted> = Vec::new();
    for (number, (key, right)) in keys.iter().map(|key| right_of(key)).enumerate() {
        let environment = environment.map(ToOwned::to_owned).or_else(|| environment_of(key));
        let environment = environment.ok_or_else(|| wrong_form(number + 1, "e_0123456789"))?;
        check_name(&environment)?;
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
        let place = accepted.iter().position(|known| known.environment == environment).unwrap_or_else(|| {
            accepted.push(Accepted { environment, keys: Vec::new() });
            accepted.len() - 1
        });
        let known = &mut accepted[place].keys;
        match known.iter().find(|known| known.digest == key.digest) {
            Some(known) if known.right != right => {
                return Err(format!("--key number {} was given before with another right: give it once", number + 1));
            }
            Some(_) => {}
            None => known.push(key),
        }
    }
    Ok(accepted)
}

/// It is a part of paths and of the names of folders.
fn check_name(environment: &str) -> Result<(), String> {
    let is_plain = environment.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    if environment.is_empty() || environment.len() > 128 || !is_plain {
        return Err("--environment: allowed is up to 128 of a-z, A-Z, 0-9, _ and -, as e_0123456789".to_owned());
    }
    Ok(())
}

fn right_of(key: &str) -> (&str, Right) {
    match key.rsplit_once(':') {
        Some((key, "read")) => (key, Right::Read),
        Some((key, "write")) => (key, Right::Write),
        _ => (key, Right::Write),
    }
}

/// The first two parts of `e_<environment>_<key id>_<secret>`.
pub fn environment_of(key: &str) -> Option<String> {
    let (second, _) = key.match_indices('_').nth(1)?;
    Some(key[..second].to_owned())
}

fn wrong_form(number: usize, environment: &str) -> String {
    format!(
        "--key number {number} isn't a key of the environment {environment} (key not shown): keys read \
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
        assert_eq!(access(None, &[], LOOPBACK, false).unwrap(), PrimaryConfig::default().environments);
        for given in [keys(&[]), keys(&[DEVELOPMENT_KEY]), keys(&["e_0123456789_1_x", DEVELOPMENT_KEY])] {
            let message = access(None, &given, ALL, false).unwrap_err();
            assert!(message.contains("--allow-development-key") && !message.contains("osotest"), "{message}");
            assert!(access(None, &given, ALL, true).is_ok());
        }
        assert!(access(None, &keys(&["e_1_k_secret"]), ALL, false).is_ok());
    }

    #[test]
    fn keys_name_their_environment_and_their_right() {
        let given = keys(&["e_1_k_a", "e_2_k_z:read", "e_1_k_b:read", "e_1_k_c:write", "e_1_k_d:e", "e_1_k_a"]);
        let accepted = access(None, &given, LOOPBACK, false).unwrap();
        let of = |environment: &str, keys: &[(&str, Right)]| Accepted {
            environment: environment.to_owned(),
            keys: keys.iter().map(|(key, right)| AcceptedKey { digest: digest(key), right: *right }).collect(),
        };
        let first = [
            ("e_1_k_a", Right::Write),
            ("e_1_k_b", Right::Read),
            ("e_1_k_c", Right::Write),
            ("e_1_k_d:e", Right::Write),
        ];
        assert_eq!(accepted, [of("e_1", &first), of("e_2", &[("e_2_k_z", Right::Read)])]);
    }

    #[test]
    fn what_is_no_key_of_an_environment_is_refused_and_not_shown() {
        for (environment, given) in [
            (None, keys(&["secret"])),
            (None, keys(&["e_1_secret"])),
            (None, keys(&["e_1_k_a", "e_2secret"])),
            (None, keys(&["e_1_k_a", "e_../x_k_secret"])),
            (Some("e_2"), keys(&["e_1_k_secret"])),
            (Some("e_2"), keys(&["e_2_k_a", "e_1_k_secret"])),
            (Some("e 2"), keys(&["e_1_k_secret"])),
            (Some("e_1/../x"), keys(&["e_1_k_secret"])),
            (None, keys(&["e_1_k_secret", "e_1_k_secret:read"])),
        ] {
            let message = access(environment, &given, LOOPBACK, false).unwrap_err();
            assert!(!message.contains("secret") || message.contains("<secret>"), "{message}");
        }
    }
}
