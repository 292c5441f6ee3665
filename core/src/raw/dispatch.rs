//! One raw call of one instance: bytes → call → engine → bytes. What both the component and the flat exports run.

use super::{Call, Note, Refusal, Reply, Status, answer, request};
use crate::{
    compile::{self, Source},
    engine::Engine,
    eval::policy_tests::{self, TestResult},
    model::{AskError, Fact, Value},
    snapshot,
    syntax::diagnostic::Severity,
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
        Call::Test { sources, now_s, budget, seed } => return test(&sources, now_s, budget, seed).map(Reply::Report),
        call => call,
    };
    let engine = engine.ok_or(Refusal::NotOpen)?;
    Ok(match call {
        Call::Ask(request) => Reply::Answer(engine.ask(&request).map_err(Refusal::Ask)?),
        Call::Explain(request) => Reply::Explanation(engine.explain(&request).map_err(Refusal::Ask)?),
        Call::Summarize(request) => Reply::Reasons(engine.summarize(&request).map_err(Refusal::Ask)?),
        Call::CheckFact { predicate, args } => Reply::FactCheck(check_fact(engine, predicate, args)),
        Call::Facts { predicate, args } => Reply::Facts(engine.facts(predicate.as_deref(), &args)),
        Call::Page { request, skip, limit } => Reply::Page(engine.page(&request, skip, limit).map_err(Refusal::Ask)?),
        Call::UnknownNames(ask) => Reply::UnknownNames(engine.unknown_names(&ask)),
        Call::Names(asked) => Reply::Names(engine.names(&asked)),
        Call::Spent => Reply::Spent { units: engine.n_spent() },
        Call::Metadata => Reply::Metadata(engine.metadata().map(<[_]>::to_vec)),
        Call::Apply { offset, changes } => {
            engine.apply(&changes, offset);
            Reply::Applied { offset: engine.offset() }
        }
        Call::Status | Call::Check { .. } | Call::Test { .. } | Call::Build { .. } => Reply::Status(status(engine)),
    })
}

/// What an open engine says of itself.
pub fn status(engine: &Engine<'_>) -> Status {
    Status { manifest: engine.manifest().clone(), offset: engine.offset() }
}

fn one_policy(sources: &[(String, String)]) -> Vec<Source<'_>> {
    sources.iter().map(|(name, text)| Source { name, text }).collect()
}

/// Diagnostics of a policy, as they travel.
pub fn check(sources: &[(String, String)]) -> Vec<Note> {
    let found = compile::check(&one_policy(sources)).into_iter();
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

/// Results of a policy's tests, in order of source. `budget`: work units of each question that an assertion asks; `seed`: for
/// hash tables. A policy with errors is refused: that no test of it failed would be said too easily.
pub fn test(sources: &[(String, String)], now_s: i64, budget: u64, seed: u64) -> Result<Vec<TestResult>, Refusal> {
    let compiled = compile::compile(&one_policy(sources));
    if let Some(error) = compiled.diagnostics.iter().find(|found| found.severity == Severity::Error) {
        let message = format!("the policy has errors, so none of its tests can run: {error}");
        return Err(Refusal::Ask(AskError::Invalid { message }));
    }
    Ok(policy_tests::run_within(&compiled, now_s, seed, budget).tests)
}

/// What stands against writing a fact of these texts; `None`: it may be written.
pub fn check_fact(engine: &Engine<'_>, predicate: String, args: Vec<(String, String)>) -> Option<String> {
    let args = args.into_iter().map(|(type_name, id)| Value::new(type_name, id));
    match args.collect() {
        Ok(args) => engine.check_fact(&Fact { predicate, args }).err(),
        Err(error) => Some(error.to_string()),
    }
}
