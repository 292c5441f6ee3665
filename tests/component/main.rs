//! The component as the host runs it: what it imports (nothing), every case through it both ways a snapshot comes in, and
//! what happens to instances that break.

mod cases;
mod instances;
mod sealing;
mod wide;
mod wit;

use std::{
    cell::Cell,
    fs::File,
    io::Write,
    path::Path,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use serde_json::{Value as Json, json};
use understudy::{
    guest::{
        component::Guest,
        config::PoolConfig,
        instance::{Failure, Instance, Opening, Way},
        pool::Pool,
    },
    http::state::{Answers, Asked, Asker, CallError},
    primary::instances::Instances,
};
use understudy_core::{
    compile::{Source, compile},
    engine::{Checked, Engine, Options},
    eval::{
        policy_tests::{self, Report},
        search::Search,
    },
    limits::WORK_UNITS_PER_REQUEST,
    model::{Answer, Ask, AskError, Change, Fact, Pattern, Request, Value},
    raw::{Call, Refusal, Reply, dispatch},
    snapshot::{Contents, Manifest, PolicyText, write},
    syntax::diagnostic::Severity,
};
use understudy_tests::{
    ask::{answer, ask},
    case::{Case, all},
    generate, native,
    tally::Tally,
    world::World,
};
use wasmparser::{Parser, Payload};

/// Bytes of memory of an instance besides its snapshot.
const HEAP_BYTES: usize = 256 << 20;
/// One of so many random worlds is explained, too.
const WORLDS_PER_EXPLAINED: u64 = 8;

fn built(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_BIN_EXE_understudy")).with_file_name(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn neither_the_component_nor_the_core_module_imports_anything() {
    for name in ["understudy.core.wasm", "understudy.component.wasm"] {
        let bytes = built(name);
        let mut depth = 0;
        let (mut imports, mut exports) = (Vec::new(), Vec::new());
        for payload in Parser::new(0).parse_all(&bytes) {
            match payload.expect("what was built parses") {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) if depth > 0 => depth -= 1,
                Payload::ImportSection(section) if depth == 0 => {
                    imports.extend(section.into_iter().map(|import| format!("{:?}", import.expect("an import"))));
                }
                Payload::ComponentImportSection(section) if depth == 0 => {
                    imports.extend(section.into_iter().map(|import| format!("{:?}", import.expect("an import"))));
                }
                Payload::ComponentExportSection(section) if depth == 0 => {
                    exports.extend(section.into_iter().map(|export| export.expect("an export").name.name.to_owned()));
                }
                Payload::ExportSection(section) if depth == 0 => {
                    exports.extend(section.into_iter().map(|export| export.expect("an export").name.to_owned()));
                }
                _ => {}
            }
        }
        assert_eq!(imports, Vec::<String>::new(), "{name}");
        let expected = if name.contains("core") { "us_call" } else { "understudy:engine/authorizer@0.1.0" };
        assert!(exports.iter().any(|export| export == expected), "{name} exports {exports:?}");
    }
}

/// A snapshot of this.
fn built_of(policy: &str, facts: Vec<Fact>) -> Vec<u8> {
    let policy = Some(PolicyText { file: None, text: policy.to_owned() });
    let contents = Contents { manifest: Manifest { offset: 10, ..Manifest::default() }, policy, keys: None };
    write(&contents, facts).expect("it can be written")
}

/// A file that holds these bytes.
fn file_of(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(bytes).expect("room for it");
    file
}

fn snapshot(policy: &str, facts: Vec<Fact>) -> File {
    file_of(&built_of(policy, facts))
}

fn pool(change: impl FnOnce(&mut PoolConfig)) -> Arc<Pool> {
    let mut config = PoolConfig::new(1);
    change(&mut config);
    Pool::start(config).expect("the engine loads")
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}

/// A request of one question; it has the units of any request.
fn one(Request { ask, context_facts, now_s, .. }: Request) -> Asked {
    Asked { asks: vec![ask], context_facts, now_s }
}

fn asked(pool: &Pool, request: Request) -> Result<Answer, CallError> {
    wait(pool.ask(Asker::default(), one(request))).map(|mut answers| answers.remove(0))
}

fn request(ask: Ask) -> Request {
    Request { ask, context_facts: Vec::new(), now_s: 0, budget: WORK_UNITS_PER_REQUEST }
}
