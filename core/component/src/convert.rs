//! WIT ↔ model, both ways, exhaustive; errors too.

use understudy_core::{
    engine::Checked,
    limits::WORK_UNITS_DEFAULT,
    model::{Ask, AskError, Change, Constraint, Fact, Pattern, Request, Row, Value, ValueError},
    raw::{Note, Refusal, Status},
    rules::rule::BlockMetadata,
    snapshot::{Contents, Counts, Key, Manifest, PolicyText},
    syntax::diagnostic::Severity,
};

use super::bindings::exports::understudy::engine::{authorizer, snapshot, types, vocabulary};

fn invalid(error: &ValueError) -> types::Error {
    types::Error::Invalid(error.to_string())
}

pub fn value(value: types::Value) -> Result<Value, types::Error> {
    Value::new(value.type_name, value.id).map_err(|error| invalid(&error))
}

pub fn fact(fact: types::Fact) -> Result<Fact, types::Error> {
    let args = fact.args.into_iter().map(value).collect::<Result<_, _>>()?;
    Ok(Fact { predicate: fact.predicate, args })
}

pub fn facts(facts: Vec<types::Fact>) -> Result<Vec<Fact>, types::Error> {
    facts.into_iter().map(fact).collect()
}

pub fn patterns(args: Vec<types::Pattern>) -> Result<Vec<Pattern>, types::Error> {
    args.into_iter()
        .map(|pattern| match (pattern.type_name, pattern.id) {
            (None, None) => Ok(Pattern::Any),
            (Some(type_name), None) => Ok(Pattern::Type(type_name)),
            (Some(type_name), Some(id)) => value(types::Value { type_name, id }).map(Pattern::Exact),
            (None, Some(_)) => Err(types::Error::Invalid("an id needs a type".to_owned())),
        })
        .collect()
}

pub fn change(change: types::Change) -> Result<Change, types::Error> {
    Ok(match change {
        types::Change::Insert(inserted) => Change::Insert(fact(inserted)?),
        types::Change::Remove(deleted) => Change::Delete(fact(deleted)?),
    })
}

pub fn request(ask: Ask, context: authorizer::Context) -> Result<Request, types::Error> {
    let budget = context.budget.unwrap_or(WORK_UNITS_DEFAULT);
    Ok(Request { ask, context_facts: facts(context.facts)?, now_s: context.now_s, budget })
}

pub fn question(asked: authorizer::Question) -> Result<Ask, types::Error> {
    use authorizer::Question;
    Ok(match asked {
        Question::Authorize((actor, action, resource)) => {
            Ask::Authorize { actor: value(actor)?, action, resource: value(resource)? }
        }
        Question::List((actor, action, resource_type)) => Ask::List { actor: value(actor)?, action, resource_type },
        Question::Actions((actor, resource)) => Ask::Actions { actor: value(actor)?, resource: value(resource)? },
        Question::Evaluate(asked) => evaluate(asked),
        Question::Query(asked) => Ask::Query { predicate: asked.predicate, args: patterns(asked.args)? },
    })
}

pub fn evaluate(asked: authorizer::Conjunction) -> Ask {
    let calls = asked.calls.into_iter().map(|call| (call.predicate, call.variables));
    let constraints = asked
        .constraints
        .into_iter()
        .map(|authorizer::Constraint { variable, type_name, ids }| (variable, Constraint { type_name, ids }));
    Ask::Evaluate { calls: calls.collect(), constraints: constraints.collect() }
}

pub fn sources(sources: Vec<types::Source>) -> Vec<(String, String)> {
    sources.into_iter().map(|source| (source.name, source.text)).collect()
}

pub fn contents(
    manifest: types::Manifest,
    policy: Option<String>,
    keys: Option<Vec<types::Key>>,
) -> Result<Contents, types::Error> {
    let types::Manifest { environment, tenant, store, epoch, created_ms, offset, facts: _ } = manifest;
    let manifest = Manifest { environment, tenant, store, epoch, created_ms, offset, ..Manifest::default() };
    let key = |key: types::Key| {
        let digest = key.digest.try_into();
        let digest =
            digest.map_err(|_| types::Error::Invalid("a key's digest has 32 bytes: its SHA-256".to_owned()))?;
        Ok(Key { digest, write: key.write })
    };
    let keys = keys.map(|keys| keys.into_iter().map(key).collect::<Result<_, _>>()).transpose()?;
    Ok(Contents { manifest, policy: policy.map(|text| PolicyText { file: None, text }), keys })
}

pub fn checked(checked: snapshot::Checked) -> Checked {
    match checked {
        snapshot::Checked::Nothing => Checked::Nothing,
        snapshot::Checked::Digests => Checked::Digests,
        snapshot::Checked::Program => Checked::Program,
    }
}

pub fn to_holding(Status { manifest, offset }: Status) -> snapshot::Holding {
    let Counts { facts: _, types, values, relations } = manifest.counts;
    snapshot::Holding { manifest: to_manifest(&manifest), offset, types, values, relations }
}

pub fn to_block((name, block): (String, BlockMetadata)) -> vocabulary::Block {
    let BlockMetadata { roles, permissions, relations } = block;
    let relations = relations.into_iter().map(|(name, type_name)| vocabulary::Relation { name, type_name });
    vocabulary::Block { name, roles, permissions, relations: relations.collect() }
}

pub fn to_manifest(manifest: &Manifest) -> types::Manifest {
    let Manifest { environment, tenant, store, epoch, created_ms, offset, counts } = manifest.clone();
    types::Manifest { environment, tenant, store, epoch, created_ms, offset, facts: counts.facts }
}

fn to_value(value: Value) -> types::Value {
    let (type_name, id) = value.into_parts();
    types::Value { type_name, id }
}

pub fn to_fact(fact: Fact) -> types::Fact {
    types::Fact { predicate: fact.predicate, args: fact.args.into_iter().map(to_value).collect() }
}

pub fn to_solution(predicate: &str, row: Vec<Row>) -> types::FactPattern {
    let args = row.into_iter().map(|argument| match argument {
        Row::Any => types::Pattern { type_name: None, id: None },
        Row::AnyOf(type_name) => types::Pattern { type_name: Some(type_name), id: None },
        Row::Exact(value) => {
            let (type_name, id) = value.into_parts();
            types::Pattern { type_name: Some(type_name), id: Some(id) }
        }
    });
    types::FactPattern { predicate: predicate.to_owned(), args: args.collect() }
}

pub fn to_diagnostic(note: Note) -> types::Diagnostic {
    let Note { severity, code, file, line, column, message, help } = note;
    types::Diagnostic { is_error: severity == Severity::Error, code, file, line, column, message, help }
}

/// An error in one line.
pub fn said(error: &types::Error) -> String {
    match error {
        types::Error::Invalid(message) | types::Error::Unanswerable(message) | types::Error::Snapshot(message) => {
            message.clone()
        }
        types::Error::Budget(units) => AskError::Budget { units: *units }.to_string(),
        types::Error::Memory(bytes) => AskError::Memory { bytes: *bytes }.to_string(),
        types::Error::NotOpen => Refusal::NotOpen.to_string(),
    }
}

pub fn to_error(refusal: Refusal) -> types::Error {
    match refusal {
        Refusal::Ask(AskError::Budget { units }) => types::Error::Budget(units),
        Refusal::Ask(AskError::Memory { bytes }) => types::Error::Memory(bytes),
        Refusal::Ask(AskError::Invalid { message }) => types::Error::Invalid(message),
        Refusal::Ask(error) => types::Error::Unanswerable(error.to_string()),
        Refusal::Malformed(malformed) => types::Error::Invalid(malformed.to_string()),
        Refusal::NotOpen => types::Error::NotOpen,
        Refusal::Snapshot(message) => types::Error::Snapshot(message),
    }
}
