//! From a data folder and the files of the command line to a ledger that serves.

use std::{
    fs::DirBuilder,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use understudy_core::{model::Fact, rules::rule::Program, snapshot::Key};

use super::{
    blobs::{Blobs, own},
    config::{Accepted, PrimaryConfig, Restore},
    instances::Instances,
    ledger::Ledger,
    policy,
    redb_store::RedbStore,
    restore::restore,
    store::{Store, StoreError},
};
use crate::{
    build::{
        self,
        fact_warnings::{self, FactWarnings},
    },
    keys::{Right, hex},
};

/// Folder of the test environments' snapshots, in the data folder.
pub fn tests_folder(config: &PrimaryConfig) -> PathBuf {
    config.data.join("test-environments")
}

/// Opens or makes the folder of the main environment, the data folder itself; puts policy and facts of the files into it;
/// makes the instances serve it. Every error is for people and says what to do; a refused file leaves the folder as it was.
/// Blocks.
pub fn open_main(config: &PrimaryConfig, accepted: &Accepted, instances: Arc<dyn Instances>) -> Result<Ledger, String> {
    let checked = policy::check_files(&config.policy, &*instances).map_err(|lines| lines.join("\n"))?;
    let (policy, program) = checked.map_or((None, None), |(policy, checked)| {
        checked.warnings.iter().for_each(crate::output::error_line);
        (Some(policy), Some(checked.program))
    });
    let facts = config.facts.as_deref().map_or(Ok(Vec::new()), build::jsonl::read_with_lines);
    let facts = facts.map_err(|error| error.to_string())?;
    let store = store(&config.data, &accepted.environment, config.restores)?;
    let stored = store.policy().map_err(|error| error.to_string())?;
    if let Some(file) = &config.facts {
        let of_stored = || stored.as_ref().map(|stored| policy::program(Some(stored))).transpose();
        let program = program.map_or_else(of_stored, |program| Ok(Some(program))).map_err(|lines| lines.join("\n"))?;
        // Without a policy nobody knows yet which facts are of use.
        if let Some(program) = program {
            of_use(&program, file, &facts, config.limits.strict_facts)?;
        }
    }
    let facts: Vec<Fact> = facts.into_iter().map(|(_, fact)| fact).collect();
    if let Some(policy) = policy.filter(|policy| stored.is_none_or(|stored| stored.text != policy.text)) {
        store.set_policy(Some(&policy)).map_err(|error| error.to_string())?;
    }
    if !facts.is_empty() {
        let n_new = store.load(&facts).map_err(|error| error.to_string())?;
        tracing::info!(new = n_new, "facts were read");
    }
    ledger(&config.data, accepted, store, instances)
}

/// Tells of facts that no rule can use; where it `is_strict` they are refused.
fn of_use(program: &Program, file: &Path, facts: &[(usize, Fact)], is_strict: bool) -> Result<(), String> {
    let FactWarnings { lines, n_facts } = fact_warnings::of_file(program, file, facts);
    if is_strict && n_facts > 0 {
        return Err(format!(
            "{}\n--strict-facts: {}: {n_facts} facts that no rule can use, none is read; write `declare` lines for those that are meant",
            lines.join("\n"),
            file.display()
        ));
    }
    lines.iter().for_each(crate::output::error_line);
    Ok(())
}

/// Opens or makes the folder of another environment, below the data folder. Errors as [`open_main`]. Blocks.
pub fn open_other(
    config: &PrimaryConfig,
    accepted: &Accepted,
    instances: Arc<dyn Instances>,
) -> Result<Ledger, String> {
    let folder = config.data.join("environments").join(&accepted.environment);
    let store = store(&folder, &accepted.environment, config.restores)?;
    ledger(&folder, accepted, store, instances)
}

fn store(folder: &Path, environment: &str, restores: Option<Restore>) -> Result<RedbStore, String> {
    // The folder holds every fact: nobody else's business.
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| format!("--data {}: can't be made: {error}", folder.display()))?;
    let owned = own(folder, 0o700);
    owned.map_err(|error| format!("--data {}: can't be made private: {error}", folder.display()))?;
    let file = folder.join("store.redb");
    if let Some(Restore { accepts_loss }) = restores {
        let told = restore(folder, environment, accepts_loss)?;
        crate::output::error_line(format_args!("understudy primary: {told}"));
    }
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|error| format!("the system gives no random numbers: {error}"))?;
    let store = RedbStore::open(&file, environment, &hex(&id)).map_err(|error| match error {
        error @ StoreError::Damaged(_) => format!("{}: {error}", file.display()),
        error => error.to_string(),
    })?;
    own(&file, 0o600).map_err(|error| format!("{}: can't be made private: {error}", file.display()))?;
    Ok(store)
}

fn ledger(
    folder: &Path,
    accepted: &Accepted,
    store: RedbStore,
    instances: Arc<dyn Instances>,
) -> Result<Ledger, String> {
    let folder = folder.join("blobs");
    let blobs = Blobs::open(folder.clone()).map_err(|error| format!("{}: can't be made: {error}", folder.display()))?;
    let keys = accepted.keys.iter().map(|key| Key { digest: key.digest, write: key.right == Right::Write });
    Ledger::open(Box::new(store), blobs, instances, keys.collect()).map_err(|error| error.to_string())
}
