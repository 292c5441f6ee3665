//! Is this the snapshot we may serve next? Digest, environment, store, epoch: in this order.
//!
//! Enters: bytes and what is expected of them. Leaves: the snapshot's identity, or a refusal with its cause.
//! Never: trusts where the bytes came from; network, import and disk all pass here.

use sha2::{Digest, Sha256};

use super::{Cause, Identity, Refusal, Snapshots};
use crate::keys::hex;

/// What the next snapshot has to be.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// Environment that this node serves.
    pub environment: String,
    /// Store followed so far; `None`: nothing yet.
    pub store: Option<String>,
    /// Lowest epoch allowed within that store.
    pub epoch_min: u64,
    /// May it be another store's?
    pub accept_new_store: bool,
    /// SHA-256 of the whole, in hexadecimal digits, where the upstream or the disk's state named it.
    pub sha256: Option<String>,
}

/// Verifies the whole; gives its identity and its SHA-256. Cost: reads every byte three times.
pub fn verify(snapshots: &impl Snapshots, bytes: &[u8], expected: &Expected) -> Result<(Identity, String), Refusal> {
    let sha256 = hex(&Sha256::digest(bytes));
    if expected.sha256.as_ref().is_some_and(|announced| *announced != sha256) {
        let text = "the snapshot's bytes don't have the digest that was announced: damaged on the way or on disk";
        return Err(Refusal::new(Cause::Damaged, text));
    }
    let identity = snapshots.identify(bytes)?;
    place(&identity, expected)?;
    Ok((identity, sha256))
}

/// The part of the check that needs no bytes: a head can be refused before its blob is fetched.
pub fn place(identity: &Identity, expected: &Expected) -> Result<(), Refusal> {
    let Identity { environment, store, epoch, .. } = identity;
    if *environment != expected.environment {
        let text = format!(
            "the snapshot is of environment `{}`, this node serves `{}`: give it a snapshot of its own environment",
            environment.escape_debug(),
            expected.environment
        );
        return Err(Refusal::new(Cause::Environment, text));
    }
    match &expected.store {
        Some(known) if known != store => {
            if expected.accept_new_store {
                return Ok(());
            }
            let text = "the snapshot is of another store than this node follows: was the primary made anew? \
                        If that is meant, start once with --accept-new-store or an empty OSO_DIRECTORY";
            Err(Refusal::new(Cause::Store, text))
        }
        Some(_) if *epoch < expected.epoch_min => {
            let text = format!(
                "the snapshot has epoch {epoch}, {} or higher is needed: data never go back in time; was the upstream restored from a backup?",
                expected.epoch_min
            );
            Err(Refusal::new(Cause::Epoch, text))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        Identity { environment: "e_1".into(), store: "s".into(), epoch: 5, created_ms: 0 }
    }

    fn cause(expected: &Expected) -> Option<Cause> {
        place(&identity(), expected).err().map(|refusal| refusal.cause)
    }

    #[test]
    fn each_mismatch_has_its_cause() {
        let fits = Expected { environment: "e_1".into(), store: Some("s".into()), epoch_min: 5, ..Expected::default() };
        assert_eq!(cause(&fits), None);
        assert_eq!(cause(&Expected { environment: "e_2".into(), ..fits.clone() }), Some(Cause::Environment));
        assert_eq!(cause(&Expected { store: Some("t".into()), ..fits.clone() }), Some(Cause::Store));
        assert_eq!(cause(&Expected { epoch_min: 6, ..fits.clone() }), Some(Cause::Epoch));
        // Another store counts its own epochs.
        assert_eq!(
            cause(&Expected { store: Some("t".into()), accept_new_store: true, epoch_min: 9, ..fits.clone() }),
            None
        );
        assert_eq!(cause(&Expected { epoch_min: 6, accept_new_store: true, ..fits }), Some(Cause::Epoch));
    }
}
