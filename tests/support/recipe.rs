//! Snapshots made to order, and made wrong on purpose.

use sha2::{Digest, Sha256};
use understudy_core::{
    model::{Fact, Value},
    snapshot::{Contents, Manifest, PolicyText, sections, write},
};

use crate::{feed::Said, process::ENVIRONMENT};

/// Where a section's entry in the table begins; each has 64 bytes, the last 32 its digest.
const TABLE_AT: usize = 64;
const ENTRY_BYTES: usize = 64;

/// What a snapshot is made of.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Polar text.
    pub policy: String,
    /// Facts.
    pub facts: Vec<Fact>,
    /// Environment.
    pub environment: String,
    /// Store.
    pub store: String,
    /// Epoch.
    pub epoch: u64,
}

impl Recipe {
    /// Of the tests' environment and one store.
    pub fn new(policy: &str, epoch: u64, facts: Vec<Fact>) -> Self {
        let (policy, environment) = (policy.to_owned(), ENVIRONMENT.to_owned());
        Recipe { policy, facts, environment, store: "store-of-the-tests".to_owned(), epoch }
    }

    /// The snapshot.
    pub fn bytes(&self) -> Vec<u8> {
        let manifest = Manifest {
            environment: self.environment.clone(),
            store: self.store.clone(),
            epoch: self.epoch,
            created_ms: 1,
            ..Manifest::default()
        };
        let policy = Some(PolicyText { file: None, text: self.policy.clone() });
        write(&Contents { manifest, policy, keys: None }, self.facts.clone()).expect("a snapshot can be made of it")
    }

    /// What an honest head says of it.
    pub fn said(&self) -> Said {
        Said { environment: self.environment.clone(), store: self.store.clone(), epoch: self.epoch }
    }
}

/// `predicate(Type:id, …)`.
pub fn fact(predicate: &str, args: &[(&str, &str)]) -> Fact {
    let args = args.iter().map(|(type_name, id)| Value::new(*type_name, *id).expect("a value")).collect();
    Fact { predicate: predicate.to_owned(), args }
}

/// Makes every digest right again, whatever the sections hold now.
pub fn reseal(bytes: &mut [u8]) {
    let places = sections(bytes).expect("a table that can be read");
    let mut end = bytes.len();
    for (number, place) in places.iter().enumerate().rev() {
        let at = usize::try_from(place.at).expect("an offset");
        let digest = Sha256::digest(&bytes[at..end]);
        let entry = TABLE_AT + number * ENTRY_BYTES;
        bytes[entry + ENTRY_BYTES - 32..entry + ENTRY_BYTES].copy_from_slice(&digest);
        end = at;
    }
    seal_header(bytes, end);
}

/// Makes the header's digest right again; `bodies_at`: where the sections begin.
pub fn seal_header(bytes: &mut [u8], bodies_at: usize) {
    let digest = Sha256::new().chain_update(&bytes[..32]).chain_update(&bytes[TABLE_AT..bodies_at]).finalize();
    bytes[32..64].copy_from_slice(&digest);
}
