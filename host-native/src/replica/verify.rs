//! Is this the snapshot we may serve next? Digest, environment, store, epoch: in this order.
//!
//! Enters: bytes and what is expected of them. Leaves: the snapshot's identity, or a refusal with its cause.
//! Never: trusts where the bytes came from; network, import and disk all pass here.

use sha2::{Digest, Sha256};

use super::{Cause, Identity, Refusal, Snapshots};
use crate::keys::hex;

/// Stores that are remembered as left, with up to a hundred bytes each: more than anybody makes anew, and little to read.
pub const STORES_LEFT_MAX: usize = 1_000;

/// What the next snapshot has to be.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// Environment that this node serves.
    pub environment: String,
    /// Store followed so far; `None`: nothing yet.
    pub store: Option<String>,
    /// Lowest epoch allowed within that store: the one that served last.
    pub epoch_min: u64,
    /// Which snapshot that was; `None`: not known.
    pub sha256_at_min: Option<String>,
    /// May it be another store's?
    pub accept_new_store: bool,
    /// Stores that were followed before and left: none of them comes back.
    pub stores_left: Vec<String>,
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
    place(&identity, &sha256, expected)?;
    Ok((identity, sha256))
}

/// The part of the check that needs no bytes: a head can be refused before its blob is fetched. `sha256`: of the snapshot; empty
/// where it is not made yet.
pub fn place(identity: &Identity, sha256: &str, expected: &Expected) -> Result<(), Refusal> {
    let Identity { environment, store, epoch, .. } = identity;
    if *environment != expected.environment {
        let text = format!(
            "the snapshot is of environment `{}`, this node serves `{}`: give it a snapshot of its own environment",
            environment.escape_debug(),
            expected.environment
        );
        return Err(Refusal::new(Cause::Environment, text));
    }
    if *epoch == u64::MAX {
        let text =
            "the snapshot has the last epoch there is, after which none could come: make its primary's data anew";
        return Err(Refusal::new(Cause::Epoch, text));
    }
    if expected.store.as_ref().is_some_and(|known| known != store) {
        return other_store(store, expected);
    }
    if expected.store.is_none() {
        return Ok(());
    }
    if *epoch < expected.epoch_min {
        let text = format!(
            "the snapshot has epoch {epoch}, {} or higher is needed: data never go back in time; was the upstream restored from a backup?",
            expected.epoch_min
        );
        return Err(Refusal::new(Cause::Epoch, text));
    }
    let is_other = expected.sha256_at_min.as_ref().is_some_and(|served| served != sha256);
    if *epoch == expected.epoch_min && is_other {
        let text = format!(
            "the snapshot has epoch {epoch}, as the one that served last, and other content: an epoch is given once; do two \
             primaries publish to one feed?"
        );
        return Err(Refusal::new(Cause::Epoch, text));
    }
    Ok(())
}

fn other_store(store: &String, expected: &Expected) -> Result<(), Refusal> {
    let text = if expected.stores_left.contains(store) {
        "the snapshot is of a store that this node has left for another: no store comes back; if that is meant, start with \
         an empty OSO_DIRECTORY"
    } else if !expected.accept_new_store {
        "the snapshot is of another store than this node follows: was the primary made anew? \
         If that is meant, start once with --accept-new-store or an empty OSO_DIRECTORY"
    } else if expected.stores_left.len() >= STORES_LEFT_MAX {
        "the snapshot is of another store, and this node has left so many that no more can be remembered: start with an \
         empty OSO_DIRECTORY"
    } else {
        return Ok(());
    };
    Err(Refusal::new(Cause::Store, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        Identity { environment: "e_1".into(), store: "s".into(), epoch: 5, created_ms: 0 }
    }

    fn cause(expected: &Expected) -> Option<Cause> {
        place(&identity(), "a", expected).err().map(|refusal| refusal.cause)
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

    #[test]
    fn an_epoch_is_given_once_and_the_last_one_never() {
        let served = |sha256: &str| Expected {
            environment: "e_1".into(),
            store: Some("s".into()),
            epoch_min: 5,
            sha256_at_min: Some(sha256.into()),
            ..Expected::default()
        };
        assert_eq!(cause(&served("a")), None, "the same again");
        assert_eq!(cause(&served("b")), Some(Cause::Epoch), "other content");
        for store in [None, Some("s".to_owned()), Some("t".to_owned())] {
            let expected = Expected { store, accept_new_store: true, ..served("a") };
            let last = Identity { epoch: u64::MAX, ..identity() };
            assert_eq!(place(&last, "a", &expected).err().map(|refusal| refusal.cause), Some(Cause::Epoch));
        }
    }

    #[test]
    fn a_store_that_was_left_never_comes_back() {
        let expected = |stores_left: Vec<String>| Expected {
            environment: "e_1".into(),
            store: Some("t".into()),
            accept_new_store: true,
            stores_left,
            ..Expected::default()
        };
        assert_eq!(cause(&expected(vec!["u".into()])), None);
        assert_eq!(cause(&expected(vec!["u".into(), "s".into()])), Some(Cause::Store));
        let many = (0..STORES_LEFT_MAX).map(|n| n.to_string()).collect();
        assert_eq!(cause(&expected(many)), Some(Cause::Store));
    }
}
