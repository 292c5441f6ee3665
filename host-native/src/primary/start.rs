//! From a data folder and the files of the command line to a ledger that serves.

use std::{fs::DirBuilder, os::unix::fs::DirBuilderExt, path::Path, sync::Arc};

use understudy_core::snapshot::Key;

use super::{
    blobs::Blobs, config::PrimaryConfig, instances::Instances, ledger::Ledger, policy, redb_store::RedbStore,
    store::Store,
};
use crate::{
    build,
    keys::{Right, hex},
};

/// Opens or makes the data folder, puts policy and facts of the files into it, and makes the instances serve it.
/// Every error is for people and says what to do; a refused file leaves the folder as it was. Blocks.
pub fn open(config: &PrimaryConfig, instances: Arc<dyn Instances>) -> Result<Ledger, String> {
    let policy = build::policy(&config.policy).map_err(|error| error.to_string())?;
    if let Some(policy) = &policy {
        policy::check(policy).map_err(|refused| refused.lines().join("\n"))?;
    }
    let facts = config.facts.as_deref().map_or(Ok(Vec::new()), build::jsonl::read);
    let facts = facts.map_err(|error| error.to_string())?;

    // The folder holds every fact: nobody else's business.
    make_folder(&config.data)?;
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|error| format!("the system gives no random numbers: {error}"))?;
    let store = RedbStore::open(&config.data.join("store.redb"), &config.environment, &hex(&id));
    let store = store.map_err(|error| error.to_string())?;
    let stored = store.policy().map_err(|error| error.to_string())?;
    if let Some(policy) = policy.filter(|policy| stored.is_none_or(|stored| stored.text != policy.text)) {
        store.set_policy(Some(&policy)).map_err(|error| error.to_string())?;
    }
    if !facts.is_empty() {
        let n_new = store.load(&facts).map_err(|error| error.to_string())?;
        tracing::info!(new = n_new, "facts were read");
    }
    let folder = config.data.join("blobs");
    let blobs = Blobs::open(folder.clone()).map_err(|error| format!("{}: can't be made: {error}", folder.display()))?;
    let keys = config.keys.iter().map(|key| Key { digest: key.digest, write: key.right == Right::Write });
    Ledger::open(Box::new(store), blobs, instances, keys.collect()).map_err(|error| error.to_string())
}

fn make_folder(folder: &Path) -> Result<(), String> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| format!("--data {}: can't be made: {error}", folder.display()))
}
