//! `POST /test_environment`: environments for one run of tests, each with a key of its own. In memory but for their
//! snapshots; gone with the process, an hour after their last use, or when newer ones need the place.

use std::{
    collections::HashMap,
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use understudy_core::snapshot::Key;
use understudy_wire::{self as wire, Code, data::unescape};

use super::{
    blobs::Blobs,
    config::environment_of,
    environment::{Common, Environment},
    instances::Instances,
    ledger::Ledger,
    limits::{TEST_ENVIRONMENT_IDLE, TEST_ENVIRONMENTS_MAX, TEST_ENVIRONMENTS_PER_HOUR_MAX},
    rate::Rate,
    redb_store::RedbStore,
    store::Store,
};
use crate::{
    http::reply::Reply,
    keys::{AcceptedKey, Right, digest, hex},
};

/// Makes instances for one more environment.
pub type Make = dyn Fn() -> Result<Arc<dyn Instances>, String> + Send + Sync;

/// Those that there are.
pub struct TestEnvironments {
    make: Box<Make>,
    /// Has a folder of snapshots for each.
    folder: PathBuf,
    common: Common,
    /// One is made at a time.
    making: Mutex<()>,
    rate: Rate,
    live: Mutex<HashMap<String, Live>>,
}

struct Live {
    environment: Arc<Environment>,
    used: Instant,
}

impl Live {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.used) >= TEST_ENVIRONMENT_IDLE
    }
}

impl TestEnvironments {
    /// None yet. What an earlier process left in `folder` is removed.
    pub fn new(make: Box<Make>, folder: PathBuf, common: Common) -> Self {
        let _ = fs::remove_dir_all(&folder);
        let rate = Rate::new(TEST_ENVIRONMENTS_PER_HOUR_MAX, Duration::from_secs(3_600));
        TestEnvironments { make, folder, common, making: Mutex::default(), rate, live: Mutex::default() }
    }

    /// The environment that a key names, if there is such a one; it is used herewith.
    pub fn of(&self, bearer: &str, now: Instant) -> Option<Arc<Environment>> {
        let mut live = self.lock();
        let live = live.get_mut(&environment_of(bearer)?).filter(|live| !live.is_over(now))?;
        live.used = now;
        Some(live.environment.clone())
    }

    /// Answers `POST /test_environment`. `copy=true` in the query: with policy and facts of `main`. Blocks.
    pub fn post(&self, query: &str, main: &Ledger) -> Result<Reply, Reply> {
        let copied = is_copy(query)?.then_some(main);
        if !self.rate.take(1, Instant::now()) {
            let message = format!("{TEST_ENVIRONMENTS_PER_HOUR_MAX} test environments were made within an hour: wait");
            return Err(Reply::error(Code::TooMany, message));
        }
        let token = self.make(copied).map_err(|error| Reply::error(Code::Internal, error))?;
        Ok(Reply::ok(&wire::TestEnvironment { token }))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ends all of them. Blocks.
    pub fn close(&self) {
        let all: Vec<Live> = self.lock().drain().map(|(_, live)| live).collect();
        all.iter().for_each(|live| self.end(live));
        let _ = fs::remove_dir_all(&self.folder);
    }

    /// Gives the key of a new one.
    fn make(&self, copied: Option<&Ledger>) -> Result<String, String> {
        let _one_at_a_time = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        let (id, key, store) = (format!("e_{}", random::<8>()?), random::<4>()?, random::<16>()?);
        let token = format!("{id}_{key}_{}", random::<16>()?);
        let store = RedbStore::in_memory(&id, &store).map_err(|error| error.to_string())?;
        if let Some(ledger) = copied {
            let moment = ledger.moment().map_err(|error| error.to_string())?;
            store.set_policy(moment.policy.as_ref()).map_err(|error| error.to_string())?;
            store.load(&moment.facts).map_err(|error| error.to_string())?;
        }
        let folder = self.folder.join(&id);
        let blobs = Blobs::open(folder.clone()).map_err(|error| format!("{}: {error}", folder.display()))?;
        let digest = digest(&token);
        let key = Key { digest, write: true };
        let ledger =
            Ledger::open(Box::new(store), blobs, (self.make)()?, vec![key]).map_err(|error| error.to_string())?;
        let keys = vec![AcceptedKey { digest, right: Right::Write }];
        let environment = Environment::start(Arc::new(ledger), keys, &self.common)?;
        let environment = Live { environment: Arc::new(environment), used: Instant::now() };
        let ended = self.put(id, environment, Instant::now());
        ended.iter().for_each(|live| self.end(live));
        Ok(token)
    }

    /// Gives those that are over by now.
    fn put(&self, id: String, new: Live, now: Instant) -> Vec<Live> {
        let mut live = self.lock();
        let over = live.iter().filter(|(_, live)| live.is_over(now));
        let mut ended: Vec<String> = over.map(|(id, _)| id.clone()).collect();
        if live.len() - ended.len() >= TEST_ENVIRONMENTS_MAX {
            ended.extend(live.iter().min_by_key(|(_, live)| live.used).map(|(id, _)| id.clone()));
        }
        let ended = ended.iter().filter_map(|id| live.remove(id)).collect();
        live.insert(id, new);
        ended
    }

    /// Requests that still have it are answered; its snapshots are gone.
    fn end(&self, live: &Live) {
        live.environment.close();
        let _ = fs::remove_dir_all(self.folder.join(live.environment.id()));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn random<const N: usize>() -> Result<String, String> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| format!("the system gives no random numbers: {error}"))?;
    Ok(hex(&bytes))
}

/// Does a query string ask for a copy? Another name than that would make an empty environment of what should be a copy.
fn is_copy(query: &str) -> Result<bool, Reply> {
    let refused = |message: &str| Err(Reply::error(Code::BadRequest, message));
    let mut is_copy = false;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match (unescape(name).as_str(), unescape(value).as_str()) {
            ("copy", "true") => is_copy = true,
            ("copy", "false") => is_copy = false,
            ("copy", _) => return refused("`copy` is true or false"),
            _ => return refused("this path takes no parameter but `copy`, which is true or false"),
        }
    }
    Ok(is_copy)
}
