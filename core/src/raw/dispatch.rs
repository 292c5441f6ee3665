//! One raw call of one instance: bytes → call → engine → bytes. What both the component and the flat exports run.

use super::{Call, Note, Refusal, Reply, Status, answer, request};
use crate::{
    compile::{self, Source},
    engine::Engine,
    snapshot,
};

/// Answers one call over what `out` held. `engine`: the open snapshot, if there is one.
pub fn call(engine: Option<&mut Engine<'_>>, bytes: &[u8], out: &mut Vec<u8>) {
    let outcome = request::decode(bytes).map_err(Refusal::Malformed).and_then(|call| run(engine, call));
    answer::encode(&outcome, out);
}

fn run(engine: Option<&mut Engine<'_>>, call: Call) -> Result<Reply, Refusal> {
    let call = match call {
        Call::Check { sources } => return Ok(Reply::Diagnostics(check(&sources))),
        Call::Build { contents, facts } => {
            let built = snapshot::write(&contents, facts);
            return built.map(Reply::Snapshot).map_err(|error| Refusal::Snapshot(error.to_string()));
        }
        call => call,
    };
    let engine = engine.ok_or(Refusal::NotOpen)?;
    Ok(match call {
        Call::Ask(request) => Reply::Answer(engine.ask(&request).map_err(Refusal::Ask)?),
        Call::Facts { predicate, args } => Reply::Facts(engine.facts(predicate.as_deref(), &args)),
        Call::Metadata => Reply::Metadata(engine.metadata().map(<[_]>::to_vec)),
        Call::Apply { offset, changes } => {
            engine.apply(&changes, offset);
            Reply::Applied { offset: engine.offset() }
        }
        Call::Status | Call::Check { .. } | Call::Build { .. } => Reply::Status(status(engine)),
    })
}

/// What an open engine says of itself.
pub fn status(engine: &Engine<'_>) -> Status {
    Status { manifest: engine.manifest().clone(), offset: engine.offset() }
}

/// Diagnostics of a policy, as they travel.
pub fn check(sources: &[(String, String)]) -> Vec<Note> {
    let sources: Vec<Source<'_>> = sources.iter().map(|(name, text)| Source { name, text }).collect();
    let found = compile::check(&sources).into_iter();
    let note = found.map(|found| Note {
        severity: found.severity,
        code: found.code.to_owned(),
        file: found.place.file,
        line: found.place.line,
        column: found.place.column,
        message: found.message,
        help: found.help,
    });
    note.collect()
}
