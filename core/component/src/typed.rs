//! The WIT exports.

use understudy_core::{
    limits::WORK_UNITS_PER_REQUEST,
    model::{Answer, Ask, AskError},
    raw::{Refusal, Reply, dispatch},
    snapshot as file,
    vocabulary::Vocabulary,
};

use super::{
    bindings::exports::understudy::engine::{authorizer, policy, raw, snapshot, types, vocabulary},
    convert,
    instance::with,
    reasons,
};

/// Stands for the instance in the generated code.
pub struct Component;

impl raw::Guest for Component {
    fn call(request: Vec<u8>) -> Vec<u8> {
        with(|instance| {
            let mut answer = Vec::new();
            dispatch::call(instance.engine.as_mut(), &request, &mut answer);
            answer
        })
    }
}

impl policy::Guest for Component {
    fn check(sources: Vec<types::Source>) -> Vec<types::Diagnostic> {
        dispatch::check(&convert::sources(sources)).into_iter().map(convert::to_diagnostic).collect()
    }

    fn test(
        sources: Vec<types::Source>,
        now_s: i64,
        budget: Option<u64>,
        seed: u64,
    ) -> Result<Vec<policy::TestResult>, types::Error> {
        let budget = budget.unwrap_or(WORK_UNITS_PER_REQUEST);
        let tests = dispatch::test(&convert::sources(sources), now_s, budget, seed).map_err(convert::to_error)?;
        Ok(tests.into_iter().map(reasons::to_test_result).collect())
    }
}

fn size(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}

impl snapshot::Guest for Component {
    fn reserve(length: u64) -> Result<u64, types::Error> {
        with(|instance| instance.reserve(size(length))).map(|at| at as u64).map_err(convert::to_error)
    }

    fn write(offset: u64, bytes: Vec<u8>) -> Result<(), types::Error> {
        with(|instance| instance.write(size(offset), &bytes)).map_err(convert::to_error)
    }

    fn seal(seed: u64) -> Result<types::Manifest, types::Error> {
        match with(|instance| instance.seal(None, seed)).map_err(convert::to_error)? {
            Reply::Status(status) => Ok(convert::to_manifest(&status.manifest)),
            _ => Err(types::Error::NotOpen),
        }
    }

    fn apply(changes: Vec<types::Change>, offset: u64) -> Result<u64, types::Error> {
        let changes = changes.into_iter().map(convert::change).collect::<Result<Vec<_>, _>>()?;
        with(|instance| {
            let engine = instance.engine.as_mut().ok_or(types::Error::NotOpen)?;
            engine.apply(&changes, offset);
            Ok(engine.offset())
        })
    }

    fn build(
        contents: types::Manifest,
        policy: Option<String>,
        keys: Option<Vec<types::Key>>,
        facts: Vec<types::Fact>,
    ) -> Result<Vec<u8>, types::Error> {
        let contents = convert::contents(contents, policy, keys)?;
        file::write(&contents, convert::facts(facts)?).map_err(|error| types::Error::Snapshot(error.to_string()))
    }
}

fn ask(ask: Ask, context: authorizer::Context) -> Result<Answer, types::Error> {
    let request = convert::request(ask, context)?;
    with(|instance| {
        let engine = instance.engine.as_mut().ok_or(types::Error::NotOpen)?;
        engine.ask(&request).map_err(|error: AskError| convert::to_error(Refusal::Ask(error)))
    })
}

fn mismatch<T>() -> Result<T, types::Error> {
    Err(types::Error::Unanswerable("the answer doesn't fit the question".to_owned()))
}

impl authorizer::Guest for Component {
    fn authorize(
        actor: types::Value,
        action: String,
        resource: types::Value,
        context: authorizer::Context,
    ) -> Result<bool, types::Error> {
        let asked = Ask::Authorize { actor: convert::value(actor)?, action, resource: convert::value(resource)? };
        match ask(asked, context)? {
            Answer::Decision(allowed) => Ok(allowed),
            _ => mismatch(),
        }
    }

    fn list(
        actor: types::Value,
        action: String,
        resource_type: String,
        context: authorizer::Context,
    ) -> Result<Vec<String>, types::Error> {
        match ask(Ask::List { actor: convert::value(actor)?, action, resource_type }, context)? {
            Answer::Ids(ids) => Ok(ids),
            _ => mismatch(),
        }
    }

    fn actions(
        actor: types::Value,
        resource: types::Value,
        context: authorizer::Context,
    ) -> Result<Vec<String>, types::Error> {
        let asked = Ask::Actions { actor: convert::value(actor)?, resource: convert::value(resource)? };
        match ask(asked, context)? {
            Answer::Ids(ids) => Ok(ids),
            _ => mismatch(),
        }
    }

    fn query(asked: types::FactPattern, context: authorizer::Context) -> Result<Vec<types::FactPattern>, types::Error> {
        let predicate = asked.predicate.clone();
        match ask(Ask::Query { predicate: asked.predicate, args: convert::patterns(asked.args)? }, context)? {
            Answer::Facts(rows) => Ok(rows.into_iter().map(|row| convert::to_solution(&predicate, row)).collect()),
            _ => mismatch(),
        }
    }

    fn explain(
        asked: authorizer::Question,
        context: authorizer::Context,
    ) -> Result<authorizer::Explained, types::Error> {
        let request = convert::request(convert::question(asked)?, context)?;
        let explanation = with(|instance| {
            let engine = instance.engine.as_mut().ok_or(types::Error::NotOpen)?;
            engine.explain(&request).map_err(|error| convert::to_error(Refusal::Ask(error)))
        })?;
        let answer = match (explanation.answer.clone(), request.ask) {
            (Answer::Decision(allowed), _) => authorizer::Answer::Decision(allowed),
            (Answer::Ids(ids), _) => authorizer::Answer::Ids(ids),
            (Answer::Facts(rows), Ask::Query { predicate, .. }) => {
                let rows = rows.into_iter().map(|row| convert::to_solution(&predicate, row));
                authorizer::Answer::Solutions(rows.collect())
            }
            _ => return mismatch(),
        };
        Ok(authorizer::Explained { answer, why: reasons::to_explanation(explanation) })
    }

    fn facts(predicate: Option<String>, args: Vec<types::Pattern>) -> Result<Vec<types::Fact>, types::Error> {
        let args = convert::patterns(args)?;
        with(|instance| {
            let engine = instance.engine.as_ref().ok_or(types::Error::NotOpen)?;
            Ok(engine.facts(predicate.as_deref(), &args).into_iter().map(convert::to_fact).collect())
        })
    }

    fn check_fact(fact: types::Fact) -> Result<Option<String>, types::Error> {
        let args = fact.args.into_iter().map(|value| (value.type_name, value.id)).collect();
        with(|instance| {
            let engine = instance.engine.as_ref().ok_or(types::Error::NotOpen)?;
            Ok(dispatch::check_fact(engine, fact.predicate, args))
        })
    }
}

fn names(asked: &Vocabulary) -> Result<Option<Vec<String>>, types::Error> {
    with(|instance| Ok(instance.engine.as_ref().ok_or(types::Error::NotOpen)?.names(asked)))
}

impl vocabulary::Guest for Component {
    fn ids(type_name: String) -> Result<Vec<String>, types::Error> {
        Ok(names(&Vocabulary::Ids { type_name })?.unwrap_or_default())
    }

    fn actions(resource_type: String) -> Result<Vec<String>, types::Error> {
        Ok(names(&Vocabulary::Actions { resource_type })?.unwrap_or_default())
    }

    fn arguments(predicate: String, arity: u32, position: u32) -> Result<Option<Vec<String>>, types::Error> {
        names(&Vocabulary::Arguments { predicate, arity, at: position })
    }
}
