//! The key that page tokens are signed with: made once, kept beside the data, so that a list goes on after a restart.
//!
//! Never: a key that a caller could know. Servers behind one address share one by `OSO_PAGE_KEY_FILE`.

use std::{fs, io, path::Path};

use understudy_calls::signer::Signer;

use crate::{keys::hex, replica::cache::write_whole};

/// The signer of `file` where one is given, which then has to be good; else of `own`, which is made where it is missing.
/// An error is for people.
pub fn signer(file: Option<&Path>, own: &Path) -> Result<Signer, String> {
    if let Some(file) = file {
        let place = format!("OSO_PAGE_KEY_FILE `{}`", file.display());
        let text = fs::read_to_string(file).map_err(|error| format!("{place} can't be read: {error}"))?;
        let hint = "has no key: write 64 hexadecimal digits into it, as `openssl rand -hex 32` prints";
        return Signer::read(&text).ok_or_else(|| format!("{place} {hint}"));
    }
    match fs::read_to_string(own) {
        Ok(text) => match Signer::read(&text) {
            Some(signer) => return Ok(signer),
            None => tracing::warn!("{} has no key: a new one is made, open lists begin anew", own.display()),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(format!("{} can't be read: {error}", own.display())),
    }
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| format!("the system gives no random numbers: {error}"))?;
    write_whole(own, hex(&key).as_bytes()).map_err(|error| format!("{} can't be written: {error}", own.display()))?;
    Ok(Signer::new(key))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_key_is_made_once_and_a_given_one_has_to_be_good() {
        let folder = tempfile::tempdir().unwrap();
        let (own, given) = (folder.path().join("own"), folder.path().join("given"));
        let token = signer(None, &own).unwrap().seal("test", &[], b"x");
        assert!(signer(None, &own).unwrap().open("test", &[], &token).is_some(), "after a restart");
        assert!(signer(None, &folder.path().join("other")).unwrap().open("test", &[], &token).is_none());

        assert!(signer(Some(&given), &own).unwrap_err().contains("can't be read"));
        fs::write(&given, "short").unwrap();
        assert!(signer(Some(&given), &own).unwrap_err().contains("64 hexadecimal digits"));
        fs::copy(&own, &given).unwrap();
        assert!(signer(Some(&given), &folder.path().join("third")).unwrap().open("test", &[], &token).is_some());
        // A torn file is made anew: tokens of before are refused, nothing else.
        fs::write(&own, "torn").unwrap();
        assert!(signer(None, &own).unwrap().open("test", &[], &token).is_none());
    }
}
