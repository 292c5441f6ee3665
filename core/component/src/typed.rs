//! The WIT exports.

use understudy_core::{
    limits::WORK_UNITS_DEFAULT,
    model::{Answer, Ask, AskError},
    pages::Page,
    raw::{Refusal, Reply, dispatch},
    snapshot as file,
    vocabulary::Vocabulary,
};

use super::{
    bindings::exports::understudy::engine::{authorizer, policy, raw, snapshot, types, vocabulary},
    convert,
    instance::{Memory, with},
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
        let budget = budget.unwrap_or(WORK_UNITS_DEFAULT);
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

    fn seal(options: snapshot::Options) -> Result<types::Manifest, types::Error> {
        let snapshot::Options { seed, checked, memory_max, room } = options;
        let sealed = with(|instance| {
            instance.memory = Memory { bytes_max: memory_max, room: size(u64::from(room)) };
            instance.seal(None, seed, convert::checked(checked))
        });
        match sealed.map_err(convert::to_error)? {
            Reply::Status(status) => Ok(convert::to_manifest(&status.manifest)),
            _ => Err(types::Error::NotOpen),
        }
    }

    fn status() -> Result<snapshot::Holding, types::Error> {
        with(|instance| {
            let engine = instance.engine.as_ref().ok_or(types::Error::NotOpen)?;
            Ok(convert::to_holding(dispatch::status(engine)))
        })
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

fn decide(
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

impl authorizer::Guest for Component {
    fn authorize(actor: types::Value, action: String, resource: types::Value, context: authorizer::Context) -> bool {
        decide(actor, action, resource, context).unwrap_or(false)
    }

    fn refuses(
        actor: types::Value,
        action: String,
        resource: types::Value,
        context: authorizer::Context,
    ) -> Option<authorizer::Refusal> {
        match decide(actor, action, resource, context) {
            Ok(true) => None,
            Ok(false) => Some(authorizer::Refusal { message: "denied: nothing allows it".to_owned(), error: None }),
            Err(error) => Some(authorizer::Refusal { message: convert::said(&error), error: Some(error) }),
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

    fn query(
        asked: types::FactPattern,
        context: authorizer::Context,
        page: Option<authorizer::Page>,
    ) -> Result<authorizer::Solutions, types::Error> {
        let predicate = asked.predicate.clone();
        let asked = Ask::Query { predicate: asked.predicate, args: convert::patterns(asked.args)? };
        let page = match page {
            Some(authorizer::Page { skip, limit }) => {
                let request = convert::request(asked, context)?;
                with(|instance| {
                    let engine = instance.engine.as_mut().ok_or(types::Error::NotOpen)?;
                    engine.page(&request, skip, limit).map_err(|error| convert::to_error(Refusal::Ask(error)))
                })?
            }
            None => {
                let answer = ask(asked, context)?;
                let total = if let Answer::Facts(rows) = &answer { rows.len() as u64 } else { 0 };
                Page { answer, total }
            }
        };
        let Page { answer: Answer::Facts(rows), total } = page else { return mismatch() };
        let rows = rows.into_iter().map(|row| convert::to_solution(&predicate, row)).collect();
        Ok(authorizer::Solutions { rows, total })
    }

    fn evaluate(
        asked: authorizer::Conjunction,
        context: authorizer::Context,
    ) -> Result<authorizer::Bindings, types::Error> {
        match ask(convert::evaluate(asked), context)? {
            Answer::Bindings { variables, rows } => Ok(authorizer::Bindings { variables, rows }),
            _ => mismatch(),
        }
    }

    fn unknown_names(asked: authorizer::Question) -> Result<Vec<String>, types::Error> {
        let asked = convert::question(asked)?;
        with(|instance| Ok(instance.engine.as_ref().ok_or(types::Error::NotOpen)?.unknown_names(&asked)))
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
            (Answer::Bindings { variables, rows }, _) => {
                authorizer::Answer::Bindings(authorizer::Bindings { variables, rows })
            }
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

    fn strings(predicate: String, arity: u32, position: u32) -> Result<Option<Vec<String>>, types::Error> {
        names(&Vocabulary::Arguments { predicate, arity, at: position })
    }

    fn metadata() -> Result<Option<Vec<vocabulary::Block>>, types::Error> {
        with(|instance| {
            let engine = instance.engine.as_ref().ok_or(types::Error::NotOpen)?;
            let blocks = engine.metadata().map(<[_]>::to_vec);
            Ok(blocks.map(|blocks| blocks.into_iter().map(convert::to_block).collect()))
        })
    }
}
