//! Calls as bytes.

use super::{
    Call, Malformed, VERSION,
    words::{Reader, Writer, count, length},
};
use crate::{
    limits,
    model::{Ask, Change, Constraint, Request, TooMany, Value},
    snapshot::{Contents, Counts, Key, Manifest, PolicyText},
    vocabulary::Vocabulary,
};

/// First words. Numbers are never given twice.
const AUTHORIZE: u32 = 1;
const LIST: u32 = 2;
const ACTIONS: u32 = 3;
const QUERY: u32 = 4;
const EVALUATE: u32 = 5;
const FACTS: u32 = 6;
const METADATA: u32 = 7;
const STATUS: u32 = 8;
const APPLY: u32 = 9;
const CHECK: u32 = 10;
const BUILD: u32 = 11;
const EXPLAIN: u32 = 12;
const TEST: u32 = 13;
const CHECK_FACT: u32 = 14;
const NAMES: u32 = 15;
const PAGE: u32 = 16;
const UNKNOWN_NAMES: u32 = 17;
const SPENT: u32 = 18;
const SUMMARIZE: u32 = 19;

/// Kinds of what is named.
const IDS_OF: u32 = 0;
const ACTIONS_ON: u32 = 1;
const ARGUMENTS_OF: u32 = 2;

/// Writes one call over what `out` held.
pub fn encode(call: &Call, out: &mut Vec<u8>) {
    if let Call::Ask(request) = call {
        return encode_ask(request, out);
    }
    out.clear();
    let mut writer = Writer::new(out);
    match call {
        Call::Ask(_) => {}
        Call::Facts { predicate, args } => {
            writer.words([FACTS, VERSION, count(args), 0]);
            writer.optional(predicate.as_deref());
            args.iter().for_each(|arg| writer.pattern(arg));
        }
        Call::Metadata => writer.words([METADATA, VERSION]),
        Call::Status => writer.words([STATUS, VERSION]),
        Call::Spent => writer.words([SPENT, VERSION]),
        Call::Apply { offset, changes } => {
            writer.words([APPLY, VERSION]);
            writer.u64(*offset);
            writer.words([count(changes), 0]);
            for change in changes {
                let (inserts, fact) = match change {
                    Change::Insert(fact) => (1, fact),
                    Change::Delete(fact) => (0, fact),
                };
                writer.words([inserts, 0]);
                writer.fact(fact);
            }
        }
        Call::Check { sources } => {
            writer.words([CHECK, VERSION]);
            write_sources(&mut writer, sources);
        }
        Call::Build { contents, facts } => build(&mut writer, contents, facts),
        Call::Explain(request) => {
            writer.words([EXPLAIN, VERSION]);
            write_ask(&mut writer, request);
        }
        Call::Page { request, skip, limit } => {
            writer.words([PAGE, VERSION]);
            writer.u64(*skip);
            writer.words([*limit, 0]);
            write_ask(&mut writer, request);
        }
        Call::UnknownNames(ask) => {
            writer.words([UNKNOWN_NAMES, VERSION]);
            // The same question as everywhere; what it is answered by is left empty.
            write_ask(&mut writer, &Request { ask: ask.clone(), context_facts: Vec::new(), now_s: 0, budget: 0 });
        }
        Call::Summarize(request) => {
            writer.words([SUMMARIZE, VERSION]);
            write_ask(&mut writer, request);
        }
        Call::Names(asked) => {
            let (kind, name, arity, at) = match asked {
                Vocabulary::Ids { type_name } => (IDS_OF, type_name, 0, 0),
                Vocabulary::Actions { resource_type } => (ACTIONS_ON, resource_type, 0, 0),
                Vocabulary::Arguments { predicate, arity, at } => (ARGUMENTS_OF, predicate, *arity, *at),
            };
            writer.words([NAMES, VERSION, kind, 0, arity, at]);
            writer.text(name);
        }
        Call::Test { sources, now_s, budget, seed } => {
            writer.words([TEST, VERSION]);
            for number in [now_s.cast_unsigned(), *budget, *seed] {
                writer.u64(number);
            }
            write_sources(&mut writer, sources);
        }
        Call::CheckFact { predicate, args } => {
            writer.words([CHECK_FACT, VERSION]);
            writer.texts_of_fact(predicate, args.iter().map(|(type_name, id)| (type_name.as_str(), id.as_str())));
        }
    }
}

fn write_sources(writer: &mut Writer<'_>, sources: &[(String, String)]) {
    writer.words([count(sources), 0]);
    for (file, text) in sources {
        writer.text(file);
        writer.text(text);
    }
}

/// Writes one question over what `out` held.
pub fn encode_ask(request: &Request, out: &mut Vec<u8>) {
    out.clear();
    write_ask(&mut Writer::new(out), request);
}

fn write_ask(writer: &mut Writer<'_>, request: &Request) {
    let kind = match &request.ask {
        Ask::Authorize { .. } => AUTHORIZE,
        Ask::List { .. } => LIST,
        Ask::Actions { .. } => ACTIONS,
        Ask::Query { .. } => QUERY,
        Ask::Evaluate { .. } => EVALUATE,
    };
    writer.words([kind, VERSION]);
    writer.u64(request.now_s.cast_unsigned());
    writer.u64(request.budget);
    writer.words([count(&request.context_facts), 0]);
    match &request.ask {
        Ask::Authorize { actor, action, resource } => {
            triple(writer, actor, action, resource.type_name(), resource.id());
        }
        Ask::List { actor, action, resource_type } => triple(writer, actor, action, resource_type, ""),
        Ask::Actions { actor, resource } => triple(writer, actor, "", resource.type_name(), resource.id()),
        Ask::Query { predicate, args } => {
            writer.words([length(predicate), count(args)]);
            writer.padded(predicate.as_bytes());
            args.iter().for_each(|arg| writer.pattern(arg));
        }
        Ask::Evaluate { calls, constraints } => {
            writer.words([count(calls), count(constraints)]);
            for (predicate, variables) in calls {
                writer.words([length(predicate), count(variables)]);
                writer.padded(predicate.as_bytes());
                variables.iter().for_each(|variable| writer.text(variable));
            }
            for (name, Constraint { type_name, ids }) in constraints {
                let ids_or_none = ids.as_deref();
                let n_ids = ids_or_none.map_or(0, count);
                writer.words([length(name), length(type_name), u32::from(ids.is_some()), n_ids]);
                writer.padded(name.as_bytes());
                writer.padded(type_name.as_bytes());
                ids_or_none.unwrap_or_default().iter().for_each(|id| writer.text(id));
            }
        }
    }
    request.context_facts.iter().for_each(|fact| writer.fact(fact));
}

fn triple(writer: &mut Writer<'_>, actor: &Value, action: &str, resource_type: &str, resource_id: &str) {
    writer.words([length(actor.id()), length(resource_id)]);
    writer.words([length(actor.type_name()), length(action), length(resource_type), 0]);
    for text in [actor.type_name(), action, resource_type, actor.id(), resource_id] {
        writer.padded(text.as_bytes());
    }
}

fn build(writer: &mut Writer<'_>, contents: &Contents, facts: &[crate::model::Fact]) {
    let Contents { manifest, policy, keys } = contents;
    writer.words([BUILD, VERSION]);
    writer.u64(manifest.epoch);
    writer.u64(manifest.created_ms);
    writer.u64(manifest.offset);
    writer.words([u32::from(policy.is_some()), u32::from(keys.is_some())]);
    writer.words([keys.as_deref().map_or(0, count), count(facts)]);
    for text in [&manifest.environment, &manifest.tenant, &manifest.store] {
        writer.text(text);
    }
    if let Some(PolicyText { file, text }) = policy {
        writer.optional(file.as_deref());
        writer.text(text);
    }
    for key in keys.iter().flatten() {
        writer.words([u32::from(key.write), 0]);
        writer.padded(&key.digest);
    }
    facts.iter().for_each(|fact| writer.fact(fact));
}

/// Reads one call. Total: any other bytes are an error.
pub fn decode(bytes: &[u8]) -> Result<Call, Malformed> {
    let mut reader = Reader::new(bytes);
    let call = match kind(&mut reader)? {
        kind @ (AUTHORIZE | LIST | ACTIONS | QUERY | EVALUATE) => Call::Ask(ask(kind, &mut reader)?),
        FACTS => {
            let [n_args, zero] = reader.words()?;
            reader.zero(zero)?;
            let predicate = reader.optional()?;
            Call::Facts { predicate, args: reader.items(n_args, Reader::pattern)? }
        }
        METADATA => Call::Metadata,
        STATUS => Call::Status,
        SPENT => Call::Spent,
        APPLY => {
            let offset = reader.u64()?;
            let [n_changes, zero] = reader.words()?;
            reader.zero(zero)?;
            Call::Apply { offset, changes: reader.items(n_changes, change)? }
        }
        CHECK => Call::Check { sources: sources(&mut reader)? },
        BUILD => contents(&mut reader)?,
        EXPLAIN => Call::Explain(question(&mut reader)?),
        PAGE => {
            let skip = reader.u64()?;
            let [limit, zero] = reader.words()?;
            reader.zero(zero)?;
            Call::Page { request: question(&mut reader)?, skip, limit }
        }
        UNKNOWN_NAMES => Call::UnknownNames(question(&mut reader)?.ask),
        SUMMARIZE => Call::Summarize(question(&mut reader)?),
        TEST => {
            let (now_s, budget, seed) = (reader.u64()?.cast_signed(), reader.u64()?, reader.u64()?);
            Call::Test { sources: sources(&mut reader)?, now_s, budget, seed }
        }
        CHECK_FACT => {
            let (predicate, args) = reader.fact_of(|type_name, id| Ok((type_name, id)))?;
            Call::CheckFact { predicate, args }
        }
        NAMES => {
            let [kind, zero, arity, at] = reader.words()?;
            reader.zero(zero)?;
            let name = reader.text()?;
            match kind {
                IDS_OF if (arity, at) == (0, 0) => Call::Names(Vocabulary::Ids { type_name: name }),
                ACTIONS_ON if (arity, at) == (0, 0) => Call::Names(Vocabulary::Actions { resource_type: name }),
                ARGUMENTS_OF => Call::Names(Vocabulary::Arguments { predicate: name, arity, at }),
                _ => {
                    return reader
                        .expected("a known kind of names, arity and position with arguments alone, before this");
                }
            }
        }
        _ => return reader.expected("a known kind of call before this"),
    };
    reader.end()?;
    Ok(call)
}

/// First word, the version being the second.
fn kind(reader: &mut Reader<'_>) -> Result<u32, Malformed> {
    let [kind, version] = reader.words()?;
    if version == VERSION { Ok(kind) } else { reader.expected("layout version 1 before this") }
}

/// A whole question within another call.
fn question(reader: &mut Reader<'_>) -> Result<Request, Malformed> {
    match kind(reader)? {
        kind @ (AUTHORIZE | LIST | ACTIONS | QUERY | EVALUATE) => ask(kind, reader),
        _ => reader.expected("a kind of question before this"),
    }
}

fn sources(reader: &mut Reader<'_>) -> Result<Vec<(String, String)>, Malformed> {
    let [n_sources, zero] = reader.words()?;
    reader.zero(zero)?;
    reader.items(n_sources, |reader| Ok((reader.text()?, reader.text()?)))
}

fn ask(kind: u32, reader: &mut Reader<'_>) -> Result<Request, Malformed> {
    let now_s = reader.u64()?.cast_signed();
    let budget = reader.u64()?;
    let [n_context_facts, zero] = reader.words()?;
    reader.zero(zero)?;
    // Here already, so that no room is made for what is refused later.
    at_most("context facts", n_context_facts, limits::CONTEXT_FACTS_MAX)?;
    let ask = match kind {
        QUERY => {
            let [predicate_bytes, n_args] = reader.words()?;
            let predicate = reader.string(predicate_bytes)?;
            Ask::Query { predicate, args: reader.items(n_args, Reader::pattern)? }
        }
        EVALUATE => {
            let [n_calls, n_constraints] = reader.words()?;
            at_most("conditions", n_calls, limits::CONDITIONS_PER_RULE_MAX)?;
            at_most("variables", n_constraints, limits::VARIABLES_PER_RULE_MAX)?;
            let mut n_ids = 0;
            let calls = reader.items(n_calls, |reader| {
                let [predicate_bytes, n_variables] = reader.words()?;
                Ok((reader.string(predicate_bytes)?, reader.items(n_variables, Reader::text)?))
            })?;
            Ask::Evaluate { calls, constraints: reader.items(n_constraints, |reader| constraint(reader, &mut n_ids))? }
        }
        _ => asked_triple(kind, reader)?,
    };
    let context_facts = reader.items(n_context_facts, Reader::fact)?;
    Ok(Request { ask, context_facts, now_s, budget })
}

fn asked_triple(kind: u32, reader: &mut Reader<'_>) -> Result<Ask, Malformed> {
    let [actor_id, resource_id, actor_type, action, resource_type, zero] = reader.words()?;
    reader.zero(zero)?;
    let actor_type = reader.string(actor_type)?;
    let action = reader.string(action)?;
    let resource_type = reader.string(resource_type)?;
    let actor = Value::new(actor_type, reader.string(actor_id)?)?;
    let resource_id = reader.string(resource_id)?;
    match kind {
        LIST if resource_id.is_empty() => Ok(Ask::List { actor, action, resource_type }),
        LIST => reader.expected("no id of a resource in a list"),
        ACTIONS if action.is_empty() => Ok(Ask::Actions { actor, resource: Value::new(resource_type, resource_id)? }),
        ACTIONS => reader.expected("no action in a call for actions"),
        _ => Ok(Ask::Authorize { actor, action, resource: Value::new(resource_type, resource_id)? }),
    }
}

fn at_most(what: &'static str, n_found: u32, n_max: usize) -> Result<(), Malformed> {
    let n_found = usize::try_from(n_found).unwrap_or(usize::MAX);
    TooMany::check(what, n_found, n_max).map_err(Malformed::TooMany)
}

/// `n_before`: ids of the constraints before.
fn constraint(reader: &mut Reader<'_>, n_before: &mut u32) -> Result<(String, Constraint), Malformed> {
    let [name_bytes, type_bytes, has_ids, n_ids] = reader.words()?;
    let has_ids = reader.flag(has_ids)?;
    let (name, type_name) = (reader.string(name_bytes)?, reader.string(type_bytes)?);
    if !has_ids {
        reader.zero(n_ids)?;
    }
    *n_before = n_before.saturating_add(n_ids);
    at_most("ids", *n_before, limits::REQUEST_IDS_MAX)?;
    let ids = reader.items(n_ids, Reader::text)?;
    Ok((name, Constraint { type_name, ids: has_ids.then_some(ids) }))
}

fn change(reader: &mut Reader<'_>) -> Result<Change, Malformed> {
    let [inserts, zero] = reader.words()?;
    reader.zero(zero)?;
    let inserts = reader.flag(inserts)?;
    let fact = reader.fact()?;
    Ok(if inserts { Change::Insert(fact) } else { Change::Delete(fact) })
}

fn contents(reader: &mut Reader<'_>) -> Result<Call, Malformed> {
    let (epoch, created_ms, offset) = (reader.u64()?, reader.u64()?, reader.u64()?);
    let [has_policy, has_keys, n_keys, n_facts] = reader.words()?;
    let (has_policy, has_keys) = (reader.flag(has_policy)?, reader.flag(has_keys)?);
    let (environment, tenant, store) = (reader.text()?, reader.text()?, reader.text()?);
    let policy = match has_policy {
        true => Some(PolicyText { file: reader.optional()?, text: reader.text()? }),
        false => None,
    };
    if !has_keys {
        reader.zero(n_keys)?;
    }
    let keys = reader.items(n_keys, |reader| {
        let [write, zero] = reader.words()?;
        reader.zero(zero)?;
        let write = reader.flag(write)?;
        let mut digest = [0; 32];
        digest.copy_from_slice(reader.padded(32)?);
        Ok(Key { digest, write })
    })?;
    let facts = reader.items(n_facts, Reader::fact)?;
    let manifest = Manifest { environment, tenant, store, epoch, created_ms, offset, counts: Counts::default() };
    Ok(Call::Build { contents: Contents { manifest, policy, keys: has_keys.then_some(keys) }, facts })
}
