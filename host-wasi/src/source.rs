//! Where the instance's snapshot comes from: one file of a preopened folder, read whole, verified whole, then opened.
//!
//! An opened snapshot is kept as long as the instance: a host that uses an instance again reads it once, a host that makes
//! an instance per request reads it per request. An instance never changes its snapshot; a failure is not kept, the next
//! request tries again.

use std::{cell::RefCell, fs};

use understudy_calls::{
    keys::{AcceptedKey, Right, look_up_salted},
    refusal::Refusal,
    signer::Signer,
};
use understudy_core::{
    engine::{Checked, Engine, Options},
    snapshot,
};
use understudy_wire::Code;
use wasip2::random::random::get_random_u64;

use crate::settings::Settings;

/// A snapshot that answers, and who may ask it.
pub struct Opened {
    /// The engine over it.
    pub engine: Engine<'static>,
    /// Signs page tokens.
    pub pages: Signer,
    keys: Vec<AcceptedKey>,
    /// The snapshot's own; else it carries none, and they are those that the host accepts.
    are_keys_of_snapshot: bool,
}

thread_local! {
    /// One per instance: wasm without threads has one thread, and calls never nest.
    static OPENED: RefCell<Option<Opened>> = const { RefCell::new(None) };
}

/// Runs with the opened snapshot, opening it first where that is still to do. 503 while there is none to be had.
pub fn with<T>(run: impl FnOnce(&mut Opened) -> Result<T, Refusal>) -> Result<T, Refusal> {
    OPENED.with(|kept| {
        let mut kept = kept.borrow_mut();
        match &mut *kept {
            Some(opened) => run(opened),
            None => run(kept.insert(open(Settings::read()?)?)),
        }
    })
}

fn open(settings: Settings) -> Result<Opened, Refusal> {
    let place = settings.snapshot.display();
    let refused = |what: &dyn std::fmt::Display| {
        Refusal::new(Code::Unavailable, format!("not serving: the snapshot `{place}` can't be used: {what}"))
    };
    let bytes = fs::read(&settings.snapshot).map_err(|error| refused(&error))?;
    let manifest = snapshot::verify(&bytes).map_err(|error| refused(&error))?;
    if let Some(wanted) = settings.environment.filter(|wanted| *wanted != manifest.environment) {
        return Err(refused(&format_args!("it is of another environment than OSO_ENVIRONMENT, `{wanted}`")));
    }
    let options = |checked| Options { checked, ..Options::seeded(get_random_u64()) };
    // Once on borrowed bytes: what is leaked below is leaked once in an instance's life, not at every attempt that fails.
    Engine::open(&bytes, options(Checked::Digests)).map_err(|error| refused(&error))?;
    let engine = Engine::open(bytes.leak(), options(Checked::Program)).map_err(|error| refused(&error))?;
    let of_snapshot = engine.keys().map(|keys| keys.iter().map(accepted).collect());
    let are_keys_of_snapshot = of_snapshot.is_some();
    Ok(Opened { engine, pages: settings.pages, keys: of_snapshot.unwrap_or(settings.accepted), are_keys_of_snapshot })
}

fn accepted(key: &snapshot::Key) -> AcceptedKey {
    AcceptedKey { digest: key.digest, right: if key.write { Right::Write } else { Right::Read } }
}

impl Opened {
    /// The caller's key, if it may ask; 401 otherwise. Offline, in constant time, as the native node does it.
    pub fn check<'a>(&self, bearer: Option<&'a str>) -> Result<&'a str, Refusal> {
        let refused = |message| Refusal::new(Code::Unauthorized, message);
        let bearer = bearer
            .filter(|text| !text.is_empty())
            .ok_or_else(|| refused("no API key: send `Authorization: Bearer <key>` with a key of this environment"))?;
        let message = if self.are_keys_of_snapshot {
            "this isn't a key of the environment: use a key that its primary accepts; a new key works from the next snapshot"
        } else {
            "the snapshot carries no keys, and this one is not among OSO_ACCEPTED_KEYS: add its digest there \
             (`understudy keys digest` makes it)"
        };
        look_up_salted(&self.keys, &self.engine.manifest().store, bearer)
            .map(|_| bearer)
            .ok_or_else(|| refused(message))
    }
}
